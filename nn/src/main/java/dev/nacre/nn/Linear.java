package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Optional;

/// The affine map `y = x·Wᵀ + b` of the last axis.
///
/// Shape: `[…, in]` → `[…, out]`.
///
/// @param weight `[out, in]`
/// @param bias `[out]`
public record Linear(Variable weight, Optional<Variable> bias) implements Module {
    /// With PyTorch's first values: uniform on ±1/√in.
    public static Linear of(long in, long out, Rng rng) {
        requireSizes(in, out);
        Initializer first = Initializer.torchDefault(in);
        return new Linear(
                Layers.parameter("weight", Shape.of(out, in), first, rng),
                Optional.of(Layers.parameter("bias", Shape.of(out), first, rng)));
    }

    /// With first values of choice for the weight, and a bias of zeros.
    public static Linear of(long in, long out, Initializer weight, Rng rng) {
        requireSizes(in, out);
        return new Linear(
                Layers.parameter("weight", Shape.of(out, in), weight, rng),
                Optional.of(Variable.zeros("bias", out)));
    }

    private static void requireSizes(long in, long out) {
        Problem.in("linear").atLeast("in", in, 0).atLeast("out", out, 0).throwShape();
    }

    public Linear withoutBias() {
        return new Linear(weight, Optional.empty());
    }

    public long in() {
        return weight.size(1);
    }

    public long out() {
        return weight.size(0);
    }

    @Override
    public Tensor forward(Tensor x) {
        if (x.rank() == 0 || x.size(-1) != in()) {
            Problem p =
                    Problem.in("linear")
                            .rule(
                                    "x.size(-1) must be "
                                            + in()
                                            + (x.rank() == 0
                                                    ? ", but x has no axes"
                                                    : ", but is " + x.size(-1)))
                            .operand("x", x.type(), x::origin)
                            .operand("weight", weight.type(), weight::origin);
            if (x.rank() > 2
                    && x.shape().isKnown()
                    && x.shape().range(1, x.rank()).count() == in()) {
                p.hint("x.flatten(1) is [" + x.size(0) + ", " + in() + "]");
            }
            p.throwShape();
        }
        return bias.isPresent() ? x.linear(weight, bias.get()) : x.matmul(weight.transpose());
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
