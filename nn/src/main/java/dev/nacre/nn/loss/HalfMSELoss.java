package dev.nacre.nn.loss;

import dev.nacre.Tensor;

/// The squared error of textbooks, `1/(2n)·Σ(yᵢ − ŷᵢ)²`, whose derivative has no factor 2. n counts elements, so this is half of [MSELoss].
///
/// Shape: any, and the same → a single number.
public record HalfMSELoss() implements Loss {
    @Override
    public Tensor forward(Tensor prediction, Tensor target) {
        return Loss.of(
                "halfMseLoss",
                Reduction.MEAN,
                prediction,
                target,
                (p, t) -> p.squaredError(t).mul(0.5));
    }

    @Override
    public Tensor each(Tensor prediction, Tensor target) {
        return new MSELoss(Reduction.NONE).forward(prediction, target).mul(0.5);
    }
}
