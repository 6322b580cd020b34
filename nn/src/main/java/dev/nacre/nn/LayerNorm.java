package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// Layer normalisation (Ba et al. 2016) over the last axes: `(x − mean) / √(variance + epsilon) · weight + bias`.
///
/// Shape: `[…, shape]` → the same.
///
/// @param weight of the normalised shape
/// @param bias of the normalised shape
public record LayerNorm(Variable weight, Variable bias, double epsilon) implements Module {
    /// Epsilon 1e-5.
    public static LayerNorm of(long... shape) {
        return new LayerNorm(Layers.ones("weight", shape), Variable.zeros("bias", shape), 1e-5);
    }

    public LayerNorm epsilon(double epsilon) {
        return new LayerNorm(weight, bias, epsilon);
    }

    @Override
    public Tensor forward(Tensor x) {
        requireTail("layerNorm", x, weight);
        return x.wide(weight, (v, w) -> v.layerNorm(w.rank(), epsilon).mul(w).add(bias));
    }

    static void requireTail(String layer, Tensor x, Variable weight) {
        Shape wanted = weight.shape();
        boolean fits =
                x.rank() >= wanted.rank()
                        && x.shape().range(x.rank() - wanted.rank(), x.rank()).equals(wanted);
        Problem.in(layer)
                .require(fits, "the last axes of x must be " + wanted)
                .operand("x", x.type(), x::origin)
                .operand("weight", weight.type(), weight::origin)
                .throwShape();
        Layers.requireFloating(layer, x, weight);
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
