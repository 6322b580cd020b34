package dev.nacre.nn.loss;

import dev.nacre.Tensor;

/// Binary cross-entropy of logits against targets in [0, 1]: `max(x, 0) − x·t + ln(1 + e^−|x|)`.
///
/// Shape: any, and the same → a single number, or the same unreduced.
public record BCEWithLogitsLoss(Reduction reduction) implements Loss {
    /// The mean over all elements.
    public BCEWithLogitsLoss() {
        this(Reduction.MEAN);
    }

    @Override
    public Tensor forward(Tensor prediction, Tensor target) {
        return Loss.of(
                "bceWithLogitsLoss",
                reduction,
                prediction,
                target,
                Tensor::binaryCrossEntropyWithLogits);
    }

    @Override
    public Tensor each(Tensor prediction, Tensor target) {
        return new BCEWithLogitsLoss(Reduction.NONE).forward(prediction, target);
    }
}
