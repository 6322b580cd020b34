package dev.nacre.nn.loss;

import dev.nacre.Tensor;

/// Mean squared error: `(y − ŷ)²`.
///
/// Shape: any, and the same → a single number, or the same unreduced.
public record MSELoss(Reduction reduction) implements Loss {
    /// The mean over all elements.
    public MSELoss() {
        this(Reduction.MEAN);
    }

    @Override
    public Tensor forward(Tensor prediction, Tensor target) {
        return Loss.of("mseLoss", reduction, prediction, target, Tensor::squaredError);
    }

    @Override
    public Tensor each(Tensor prediction, Tensor target) {
        return new MSELoss(Reduction.NONE).forward(prediction, target);
    }
}
