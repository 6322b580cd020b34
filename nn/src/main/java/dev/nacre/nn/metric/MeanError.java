package dev.nacre.nn.metric;

import dev.nacre.Tensor;

/// The mean absolute or squared distance from the target.
///
/// Shape: any, and the same.
public record MeanError(boolean squared) implements Metric {
    @Override
    public String name() {
        return squared ? "mse" : "mae";
    }

    @Override
    public Tensor of(Tensor prediction, Tensor target) {
        Tensor d = prediction.sub(target);
        return (squared ? d.square() : d.abs()).mean();
    }
}
