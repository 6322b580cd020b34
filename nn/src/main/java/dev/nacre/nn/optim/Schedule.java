package dev.nacre.nn.optim;

import dev.nacre.type.Problem;

/// A learning rate by the number of the step or epoch, from 0: `optimizer.learningRate(schedule.at(epoch))`.
@FunctionalInterface
public interface Schedule {
    double at(long step);

    static Schedule constant(double rate) {
        Problem.in("schedule").notNegative("rate", rate).throwValue();
        return _ -> rate;
    }

    /// Multiplied by `factor` every `period` steps.
    static Schedule steps(double rate, long period, double factor) {
        Problem.in("schedule")
                .notNegative("rate", rate)
                .atLeast("period", period, 1)
                .notNegative("factor", factor)
                .throwValue();
        return t -> rate * Math.pow(factor, Math.floorDiv(t, period));
    }

    /// Multiplied by `factor` every step.
    static Schedule exponential(double rate, double factor) {
        Problem.in("schedule").notNegative("rate", rate).notNegative("factor", factor).throwValue();
        return t -> rate * Math.pow(factor, t);
    }

    /// Half a cosine from `rate` down to `lowest` at step `length`, then constant (Loshchilov and Hutter 2017).
    static Schedule cosine(double rate, long length, double lowest) {
        Problem.in("schedule")
                .notNegative("rate", rate)
                .atLeast("length", length, 1)
                .notNegative("lowest", lowest)
                .throwValue();
        return t ->
                lowest
                        + (rate - lowest)
                                * (1 + Math.cos(Math.PI * Math.min(t, length) / length))
                                / 2;
    }

    /// Linear from `rate` to `last` at step `length`, then constant.
    static Schedule linear(double rate, double last, long length) {
        Problem.in("schedule")
                .notNegative("rate", rate)
                .notNegative("last", last)
                .atLeast("length", length, 1)
                .throwValue();
        return t -> t >= length ? last : rate + (last - rate) * t / length;
    }

    /// Rising linearly to this schedule's first rate over `length` steps, 0 for none, then this schedule from its start.
    default Schedule warmup(long length) {
        Problem.in("schedule").atLeast("warmup", length, 0).throwValue();
        return t -> t < length ? at(0) * (t + 1) / length : at(t - length);
    }
}
