package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.DType;

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
        return each(prediction, target).values().mean().cast(DType.F32);
    }

    @Override
    public Each each(Tensor prediction, Tensor target) {
        Tensor aligned = Alignment.alike(name(), prediction, target);
        Tensor d = prediction.cast(prediction.dtype().floating().arithmetic()).sub(aligned);
        return new Each(squared ? d.square() : d.abs());
    }
}
