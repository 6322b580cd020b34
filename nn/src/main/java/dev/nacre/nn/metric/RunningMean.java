package dev.nacre.nn.metric;

/// A mean of values with weights, taken one by one.
public final class RunningMean {
    private double sum;
    private double weight;

    public RunningMean() {}

    public void add(double value, double weight) {
        sum += value * weight;
        this.weight += weight;
    }

    /// NaN before the first value.
    public double value() {
        return sum / weight;
    }

    public void reset() {
        sum = 0;
        weight = 0;
    }
}
