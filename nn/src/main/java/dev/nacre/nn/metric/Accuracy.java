package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.DType;

/// The fraction of examples that are put in the right class.
///
/// Shape: probabilities or logits `[n, classes, …]` with class numbers `[n, …]`, or with probabilities of the same shape, of which the largest counts.
public record Accuracy() implements Metric {
    @Override
    public String name() {
        return "accuracy";
    }

    @Override
    public Tensor of(Tensor prediction, Tensor target) {
        Tensor wanted = target.dtype().isFloating() ? target.argmax(1) : target;
        return prediction.argmax(1).eq(wanted).cast(DType.F32).mean();
    }
}
