package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.DType;

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
        Tensor d = prediction.cast(prediction.dtype().floating().arithmetic()).sub(target);
        return (squared ? d.square() : d.abs()).mean().cast(DType.F32);
    }
}
