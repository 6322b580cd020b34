package dev.nacre.nn.metric;

import dev.nacre.Tensor;

/// The mean absolute or squared distance from the target; NaN if there is one.
///
/// Shape: any, and the same; one of the two may have a last axis of size 1 that the other lacks.
public record MeanError(boolean squared) implements Metric {
    @Override
    public String name() {
        return squared ? "mse" : "mae";
    }

    @Override
    public Tensor of(Tensor prediction, Tensor target) {
        Tensor d = prediction.sub(Alignment.alike(name(), prediction, target));
        return (squared ? d.square() : d.abs()).mean();
    }
}
