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
        Loss.requireSameShape("l1Loss", prediction, target);
        return reduction.apply(prediction.sub(target).abs());
    }
}
