package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.DType;

/// The fraction of examples whose class is among the k with the highest scores: fewer than k classes have a higher score than it.
///
/// Shape: scores `[n, classes]` with class numbers `[n]`.
public record TopKAccuracy(int k) implements Metric {
    @Override
    public String name() {
        return "top_" + k + "_accuracy";
    }

    @Override
    public Tensor of(Tensor prediction, Tensor target) {
        Tensor own = prediction.gather(1, target.cast(DType.I64).unsqueeze(1));
        return prediction.gt(own).sum(1).lt(k).cast(DType.F32).mean();
    }
}
