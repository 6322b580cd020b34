package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.DType;

/// The fraction of elements on the right side of a threshold.
///
/// Shape: any, and the same.
///
/// @param threshold 0.5 for probabilities, 0 for logits
public record BinaryAccuracy(double threshold) implements Metric {
    /// For probabilities.
    public BinaryAccuracy() {
        this(0.5);
    }

    @Override
    public String name() {
        return "accuracy";
    }

    @Override
    public Tensor of(Tensor prediction, Tensor target) {
        return prediction.gt(threshold).eq(target.gt(0.5)).cast(DType.F32).mean();
    }
}
