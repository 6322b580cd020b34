package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;

/// In training, each image is mirrored left to right with probability `p`, as torchvision's transform of this name; in evaluation nothing is done.
///
/// Shape: `[n, …, w]` → the same.
///
/// @param rng where the draws come from
public record RandomHorizontalFlip(double p, Rng rng) implements Module {
    public RandomHorizontalFlip {
        if (!(p >= 0 && p <= 1)) {
            throw new NacreException("flip: p must be from 0 to 1, but is " + p);
        }
    }

    @Override
    public boolean dependsOnMode() {
        return true;
    }

    @Override
    public Tensor forward(Tensor x, Mode mode) {
        if (mode != Mode.TRAIN) {
            return p == 0 ? x : mode.remarked("flip", x);
        }
        long[] each = new long[x.rank()];
        java.util.Arrays.fill(each, 1);
        each[0] = x.size(0);
        return rng.bernoulli(p, Shape.of(each)).where(x.flip(-1), x);
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
