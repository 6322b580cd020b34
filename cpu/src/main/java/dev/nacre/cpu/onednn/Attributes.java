package dev.nacre.cpu.onednn;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/// What goes with an operation besides its operands.
///
///     Attributes.NONE.add(residual).then(PostOp.Function.TANH, 0, 0)
///
/// @param postOps steps on each result element, in order
/// @param math how far f32 operands may be rounded
public record Attributes(List<PostOp> postOps, MathMode math) {
    /// No post-ops, strict f32.
    public static final Attributes NONE = new Attributes(List.of(), MathMode.STRICT);

    public Attributes {
        postOps = List.copyOf(postOps);
        Objects.requireNonNull(math, "math");
    }

    /// These attributes with one more post-op.
    public Attributes then(PostOp next) {
        var all = new ArrayList<>(postOps);
        all.add(next);
        return new Attributes(all, math);
    }

    /// … with `function` as the next post-op.
    public Attributes then(PostOp.Function function, float alpha, float beta) {
        return then(new PostOp.Eltwise(function, alpha, beta));
    }

    /// … with a rectifier as the next post-op. It makes 0 of NaN.
    public Attributes relu() {
        return then(PostOp.Function.RELU, 0, 0);
    }

    /// … with the addition of `operand` as the next post-op.
    public Attributes add(MemoryDesc operand) {
        return then(new PostOp.Binary(PostOp.Operator.ADD, operand));
    }

    /// … with the multiplication by `operand` as the next post-op.
    public Attributes mul(MemoryDesc operand) {
        return then(new PostOp.Binary(PostOp.Operator.MUL, operand));
    }

    /// … with the addition of what the destination held as the next post-op.
    public Attributes accumulate() {
        return then(new PostOp.Sum(1));
    }

    /// … with another math mode.
    public Attributes math(MathMode mode) {
        return new Attributes(postOps, mode);
    }
}
