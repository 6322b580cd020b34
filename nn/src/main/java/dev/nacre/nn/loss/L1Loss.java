package dev.nacre.nn.loss;

import dev.nacre.Tensor;

/// Mean absolute error: `|y − ŷ|`.
///
/// Shape: any, and the same → a single number, or the same unreduced.
public record L1Loss(Reduction reduction) implements Loss {
    /// The mean over all elements.
    public L1Loss() {
        this(Reduction.MEAN);
    }

    @Override
    public Tensor forward(Tensor prediction, Tensor target) {
        return Loss.of("l1Loss", reduction, prediction, target, (p, t) -> p.sub(t).abs());
    }

    @Override
    public Tensor each(Tensor prediction, Tensor target) {
        return new L1Loss(Reduction.NONE).forward(prediction, target);
    }
}
