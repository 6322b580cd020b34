package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.nn.loss.SampleWeights;
import dev.nacre.type.DType;
import java.util.Optional;

/// What a metric says of single examples.
///
/// @param values `[n, …]`
/// @param counting which of them count, of the same shape; empty where all do
public record Each(Tensor values, Optional<Tensor> counting) {
    /// All count.
    public Each(Tensor values) {
        this(values, Optional.empty());
    }

    /// The types; numbers are many.
    @Override
    public String toString() {
        return "Each(" + values.type() + counting.map(c -> ", some counting").orElse("") + ")";
    }

    /// `Σ w·v / Σ w`; NaN if the weights of those that count are all 0.
    ///
    /// @param weights `[n]`, or more of the axes of the values
    Tensor mean(Tensor weights) {
        Tensor w = along(weights);
        Tensor v = values.cast(DType.F32);
        return w.eq(0).where(v.zerosLike(), v.mul(w)).sum().div(w.sum());
    }

    /// The sum of the weights of the values that count.
    Tensor weight(Tensor weights) {
        return along(weights).sum();
    }

    /// The weights in the shape of the values, 0 for those that do not count.
    private Tensor along(Tensor weights) {
        Tensor all =
                SampleWeights.along("metric", values, weights)
                        .cast(DType.F32)
                        .broadcastTo(values.shape());
        return counting.map(c -> c.where(all, all.zerosLike())).orElse(all);
    }
}
