package dev.nacre.nn.loss;

import dev.nacre.Tensor;
import dev.nacre.type.Problem;

/// With `d = |y − ŷ|`: `d²/2` where d ≤ delta, else `delta·(d − delta/2)` (Huber 1964).
///
/// Shape: any, and the same → a single number, or the same unreduced.
public record HuberLoss(double delta, Reduction reduction) implements Loss {
    public HuberLoss {
        Problem.in("huberLoss").positive("delta", delta).throwValue();
    }

    /// Delta 1, the mean over all elements.
    public HuberLoss() {
        this(1, Reduction.MEAN);
    }

    @Override
    public Tensor forward(Tensor prediction, Tensor target) {
        return Loss.of("huberLoss", reduction, prediction, target, this::distance);
    }

    @Override
    public Tensor each(Tensor prediction, Tensor target) {
        return new HuberLoss(delta, Reduction.NONE).forward(prediction, target);
    }

    private Tensor distance(Tensor prediction, Tensor target) {
        Tensor d = prediction.sub(target).abs();
        return d.le(delta).where(d.square().mul(0.5), d.sub(0.5 * delta).mul(delta));
    }
}
