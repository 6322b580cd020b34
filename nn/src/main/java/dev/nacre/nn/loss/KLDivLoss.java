package dev.nacre.nn.loss;

import dev.nacre.Tensor;
import dev.nacre.type.Axes;

/// The Kullback–Leibler divergence of log-probabilities from target probabilities: `t·(ln t − x)`, 0 where t is 0.
///
/// Shape: any, and the same → a single number, or the same unreduced.
///
/// @param perExample whether the sum is divided by the first axis' size instead of reduced: the divergence itself (PyTorch's `batchmean`)
public record KLDivLoss(Reduction reduction, boolean perExample) implements Loss {
    /// The mean over all elements, as PyTorch; it is not the divergence.
    public KLDivLoss() {
        this(Reduction.MEAN, false);
    }

    /// The mean divergence per example.
    public static KLDivLoss ofBatch() {
        return new KLDivLoss(Reduction.SUM, true);
    }

    @Override
    public Reduction reduction() {
        return perExample ? Reduction.MEAN : reduction;
    }

    @Override
    public Tensor forward(Tensor prediction, Tensor target) {
        Loss.requireSameShape("klDivLoss", prediction, target);
        return prediction.wide(
                target,
                (p, t) -> {
                    Tensor d = divergence(p, t);
                    return perExample ? d.sum().div(examples(p)) : reduction.apply(d);
                });
    }

    @Override
    public Tensor each(Tensor prediction, Tensor target) {
        return new KLDivLoss(Reduction.NONE, false).forward(prediction, target);
    }

    @Override
    public Tensor weighted(Tensor prediction, Tensor target, Tensor weights) {
        return perExample
                ? new KLDivLoss(Reduction.SUM, false)
                        .weighted(prediction, target, weights)
                        .div(examples(prediction))
                : Loss.super.weighted(prediction, target, weights);
    }

    /// How many there are, which may be known only when a function is called.
    private static Tensor examples(Tensor prediction) {
        return prediction.extent(Axes.range(0, 1), prediction.dtype().floating().arithmetic());
    }

    private static Tensor divergence(Tensor prediction, Tensor target) {
        Tensor positive = target.gt(0);
        Tensor log = positive.where(target, target.onesLike()).log();
        Tensor counted = target.eq(0).where(prediction.zerosLike(), prediction);
        return target.mul(positive.where(log, log.zerosLike()).sub(counted));
    }
}
