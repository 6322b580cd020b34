package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.NacreException;

/// In training, elements are zeroed with probability `p` and the others scaled by `1/(1 − p)` (Srivastava et al. 2014); in evaluation nothing is done.
///
/// Shape: any → the same.
///
/// @param rng where the draws come from
public record Dropout(double p, Rng rng) implements Module {
    public Dropout {
        if (!(p >= 0 && p <= 1)) {
            throw new NacreException("dropout: p must be from 0 to 1, but is " + p);
        }
    }

    /// Draws from a source of its own, split off from `rng`.
    public static Dropout of(double p, Rng rng) {
        return new Dropout(p, rng.split());
    }

    @Override
    public boolean dependsOnMode() {
        return true;
    }

    @Override
    public Tensor forward(Tensor x, Mode mode) {
        if (mode == Mode.TRAIN) {
            return rng.dropout(x, p);
        }
        return p == 0 ? x : mode.remarked("dropout", x);
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
