package dev.nacre.nn.loss;

import dev.nacre.Tensor;
import dev.nacre.type.Problem;

/// With `d = |y − ŷ|`: `d²/(2·beta)` where d < beta, else `d − beta/2` (Girshick 2015).
///
/// Shape: any, and the same → a single number, or the same unreduced.
public record SmoothL1Loss(double beta, Reduction reduction) implements Loss {
    public SmoothL1Loss {
        Problem.in("smoothL1Loss").positive("beta", beta).throwValue();
    }

    /// Beta 1, the mean over all elements.
    public SmoothL1Loss() {
        this(1, Reduction.MEAN);
    }

    @Override
    public Tensor forward(Tensor prediction, Tensor target) {
        return Loss.of("smoothL1Loss", reduction, prediction, target, this::distance);
    }

    @Override
    public Tensor each(Tensor prediction, Tensor target) {
        return new SmoothL1Loss(beta, Reduction.NONE).forward(prediction, target);
    }

    private Tensor distance(Tensor prediction, Tensor target) {
        Tensor d = prediction.sub(target).abs();
        return d.lt(beta).where(d.square().mul(0.5 / beta), d.sub(0.5 * beta));
    }
}
