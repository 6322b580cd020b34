package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;

/// Root mean square normalisation (Zhang and Sennrich 2019) over the last axes: `x / √(mean(x²) + epsilon) · weight`.
///
/// Shape: `[…, shape]` → the same.
///
/// @param weight of the normalised shape
public record RMSNorm(Variable weight, double epsilon) implements Module {
    public RMSNorm {
        Problem.in("rmsNorm").notNegative("epsilon", epsilon).throwValue();
    }

    /// Epsilon 2⁻²³, f32's distance from 1 to the next number, as PyTorch.
    public static RMSNorm of(long... shape) {
        return new RMSNorm(Layers.ones("weight", shape), 0x1p-23);
    }

    public RMSNorm epsilon(double epsilon) {
        return new RMSNorm(weight, epsilon);
    }

    @Override
    public Tensor forward(Tensor x) {
        LayerNorm.requireTail("rmsNorm", x, weight);
        return x.wide(weight, (v, w) -> v.rmsNorm(w.rank(), epsilon).mul(w));
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
