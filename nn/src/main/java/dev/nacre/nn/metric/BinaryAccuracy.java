package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;

/// The fraction of elements on the right side of a threshold.
///
/// Shape: any, and the same; one of the two may have a last axis of size 1 that the other lacks.
///
/// @param threshold 0.5 for probabilities, 0 for logits
public record BinaryAccuracy(double threshold) implements Metric {
    public BinaryAccuracy {
        Problem.in("binaryAccuracy").finite("threshold", threshold).throwValue();
    }

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
        return each(prediction, target).values().mean();
    }

    @Override
    public Each each(Tensor prediction, Tensor target) {
        Tensor wanted = Alignment.alike(name(), prediction, target);
        Tensor right = prediction.gt(threshold).eq(wanted.gt(0.5));
        return new Each(right.and(known(prediction)).and(known(wanted)).cast(DType.F32));
    }

    private static Tensor known(Tensor x) {
        return x.eq(x); // NaN is not
    }
}
