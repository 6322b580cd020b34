package dev.nacre.nn.metric;

import dev.nacre.type.Problem;

/// A mean of values with weights, taken one by one.
public final class RunningMean {
    private double sum;
    private double weight;

    public RunningMean() {}

    /// Adds a value. One without weight counts for nothing, whatever it is: the mean over no examples is NaN.
    public void add(double value, double weight) {
        Problem.in("runningMean").notNegative("weight", weight).throwValue();
        if (weight == 0) {
            return;
        }
        addTotal(value * weight, weight);
    }

    /// Adds what values times their weights add up to, and their weights.
    public void addTotal(double total, double weight) {
        sum += total;
        this.weight += weight;
    }

    /// NaN before the first value that counts.
    public double value() {
        return sum / weight;
    }

    public void reset() {
        sum = 0;
        weight = 0;
    }
}
