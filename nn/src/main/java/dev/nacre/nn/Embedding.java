package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// A table of vectors, looked up by number.
///
/// Shape: integers `[…]` → `[…, width]`.
///
/// @param weight `[count, width]`
public record Embedding(Variable weight) implements Module {
    /// With standard normal first values.
    public static Embedding of(long count, long width, Rng rng) {
        return new Embedding(
                Layers.parameter("weight", Shape.of(count, width), Initializer.normal(0, 1), rng));
    }

    @Override
    public Tensor forward(Tensor x) {
        Problem.in("embedding")
                .require(x.dtype().isInteger(), "indices must be integers")
                .operand("x", x.type(), x::origin)
                .hint("x.cast(DType.I64)")
                .throwDType();
        Labels.requireRange("embedding", "index", "the table has rows", x, weight.size(0));
        boolean whole = x.dtype() == DType.I64 || x.dtype() == DType.I32;
        return weight.take(whole ? x : x.cast(DType.I64), 0);
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
