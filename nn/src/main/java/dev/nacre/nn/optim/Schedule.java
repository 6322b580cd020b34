package dev.nacre.nn.optim;

/// A learning rate by the number of the step or epoch, from 0: `optimizer.learningRate(schedule.at(epoch))`.
@FunctionalInterface
public interface Schedule {
    double at(long step);

    static Schedule constant(double rate) {
        return _ -> rate;
    }

    /// Multiplied by `factor` every `period` steps.
    static Schedule steps(double rate, long period, double factor) {
        return t -> rate * Math.pow(factor, Math.floorDiv(t, period));
    }

    /// Multiplied by `factor` every step.
    static Schedule exponential(double rate, double factor) {
        return t -> rate * Math.pow(factor, t);
    }

    /// Half a cosine from `rate` down to `lowest` at step `length`, then constant (Loshchilov and Hutter 2017).
    static Schedule cosine(double rate, long length, double lowest) {
        return t ->
                lowest
                        + (rate - lowest)
                                * (1 + Math.cos(Math.PI * Math.min(t, length) / length))
                                / 2;
    }

    /// Linear from `rate` to `last` at step `length`, then constant.
    static Schedule linear(double rate, double last, long length) {
        return t -> rate + (last - rate) * Math.min(t, length) / length;
    }

    /// Rising linearly to this schedule's first rate over `length` steps, then this schedule from its start.
    default Schedule warmup(long length) {
        return t -> t < length ? at(0) * (t + 1) / length : at(t - length);
    }
}
