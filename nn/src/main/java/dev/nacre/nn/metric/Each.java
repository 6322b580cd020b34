package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
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
        Tensor w =
                weights.rank() == values.rank() + 1 && weights.size(-1) == 1
                        ? weights.squeeze(-1)
                        : weights;
        Problem.in("metric")
                .require(
                        w.rank() >= 1
                                && w.rank() <= values.rank()
                                && w.shape().mayEqual(values.shape().range(0, w.rank())),
                        () ->
                                "there must be one weight for each example, or for each step of an"
                                        + " example, of "
                                        + values.shape())
                .operand("weights", weights.type(), weights::origin)
                .throwShape();
        long[] ones = new long[values.rank() - w.rank()];
        java.util.Arrays.fill(ones, 1);
        Tensor all =
                w.cast(DType.F32)
                        .reshape(w.shape().concat(Shape.of(ones)))
                        .broadcastTo(values.shape());
        return counting.map(c -> c.where(all, all.zerosLike())).orElse(all);
    }
}
