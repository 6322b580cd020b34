package dev.nacre.nn.optim;

import dev.nacre.type.Problem;

/// A learning rate by the number of the step or epoch, from 0: `optimizer.learningRate(schedule.at(epoch))`. Those made here have no rate before that, and say so.
@FunctionalInterface
public interface Schedule {
    /// The rate of a step.
    ///
    /// @param step from 0
    double at(long step);

    /// One that begins with step 0.
    private static Schedule fromZero(Schedule rates) {
        return t -> {
            Problem.in("schedule").atLeast("the step", t, 0).throwValue();
            return rates.at(t);
        };
    }

    /// A rate multiplied by a factor so many times; 0 stays 0, whatever the factor has grown to.
    private static double multiplied(double rate, double factor, long times) {
        return rate == 0 ? 0 : rate * Math.pow(factor, times);
    }

    static Schedule constant(double rate) {
        Problem.in("schedule").notNegative("rate", rate).throwValue();
        return fromZero(_ -> rate);
    }

    /// Multiplied by `factor` every `period` steps.
    static Schedule steps(double rate, long period, double factor) {
        Problem.in("schedule")
                .notNegative("rate", rate)
                .atLeast("period", period, 1)
                .notNegative("factor", factor)
                .throwValue();
        return fromZero(t -> multiplied(rate, factor, t / period));
    }

    /// Multiplied by `factor` every step.
    static Schedule exponential(double rate, double factor) {
        Problem.in("schedule").notNegative("rate", rate).notNegative("factor", factor).throwValue();
        return fromZero(t -> multiplied(rate, factor, t));
    }

    /// Half a cosine from `rate` down to `lowest` at step `length`, then constant (Loshchilov and Hutter 2017).
    static Schedule cosine(double rate, long length, double lowest) {
        Problem.in("schedule")
                .notNegative("rate", rate)
                .atLeast("length", length, 1)
                .notNegative("lowest", lowest)
                .throwValue();
        return fromZero(t ->
                lowest
                        + (rate - lowest)
                                * (1 + Math.cos(Math.PI * Math.min(t, length) / length))
                                / 2);
    }

    /// Linear from `rate` to `last` at step `length`, then constant.
    static Schedule linear(double rate, double last, long length) {
        Problem.in("schedule")
                .notNegative("rate", rate)
                .notNegative("last", last)
                .atLeast("length", length, 1)
                .throwValue();
        return fromZero(t -> t >= length ? last : rate + (last - rate) * t / length);
    }

    /// Rising linearly to this schedule's first rate over `length` steps, 0 for none, then this schedule from its start.
    default Schedule warmup(long length) {
        Problem.in("schedule").atLeast("warmup", length, 0).throwValue();
        return fromZero(t -> t < length ? at(0) * (t + 1) / length : at(t - length));
    }
}
