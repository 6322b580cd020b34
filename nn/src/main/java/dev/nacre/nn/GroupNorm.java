package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// Group normalisation (Wu and He 2018): each example's channels are normalised in groups, `(x − mean) / √(variance + epsilon) · weight + bias`.
///
/// Shape: `[n, channels, …]` → the same.
///
/// @param weight `[channels]`
/// @param bias `[channels]`
public record GroupNorm(Variable weight, Variable bias, long groups, double epsilon)
        implements Module {
    public GroupNorm {
        Problem.in("groupNorm")
                .atLeast("groups", groups, 1)
                .notNegative("epsilon", epsilon)
                .throwValue();
    }

    /// Epsilon 1e-5.
    public static GroupNorm of(long groups, long channels) {
        Problem.in("groupNorm")
                .atLeast("channels", channels, 1)
                .require(
                        groups > 0 && channels % groups == 0,
                        "channels (" + channels + ") must be a multiple of groups (" + groups + ")")
                .throwShape();
        return new GroupNorm(
                Layers.ones("weight", channels), Variable.zeros("bias", channels), groups, 1e-5);
    }

    @Override
    public Tensor forward(Tensor x) {
        Layers.requireChannels("groupNorm", x, weight.size(0), 2, 5, weight);
        return x.wide(
                weight,
                (v, w) ->
                        v.reshape(v.size(0), groups, ofGroup(v.shape()))
                                .layerNorm(1, epsilon)
                                .reshape(v.shape())
                                .mul(Layers.alongChannels(w, v.rank()))
                                .add(Layers.alongChannels(bias, v.rank())));
    }

    /// Number of elements of a group of one example; −1, to be found, where a size is not known.
    private long ofGroup(Shape x) {
        long n = weight.size(0) / groups;
        for (int axis = 2; axis < x.rank(); axis++) {
            if (x.size(axis) < 0) {
                return -1;
            }
            n *= x.size(axis);
        }
        return n;
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
