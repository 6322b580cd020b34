package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// A learned vector per position, added to what is there.
///
/// Shape: `[…, time, width]` → the same, time at most the number of positions.
///
/// @param weight `[positions, width]`
public record LearnedPositions(Variable weight) implements Module {
    /// First values normal with a standard deviation of 0.02 (Radford et al. 2019).
    public static LearnedPositions of(long positions, long width, Rng rng) {
        Problem.in("positions")
                .atLeast("positions", positions, 1)
                .atLeast("width", width, 1)
                .throwShape();
        return new LearnedPositions(
                Layers.parameter(
                        "weight", Shape.of(positions, width), Initializer.normal(0, 0.02), rng));
    }

    public long positions() {
        return weight.size(0);
    }

    @Override
    public Tensor forward(Tensor x) {
        requireRoom(x);
        return Shape.isUnknown(x.size(-2))
                ? forward(x, Tensor.of(0L))
                : x.add(weight.narrow(0, 0, x.size(-2)));
    }

    /// For positions from `begin` on, an integer that may be a result.
    public Tensor forward(Tensor x, Tensor begin) {
        requireRoom(x);
        return x.add(weight.take(Tensor.arange(x.size(-2)).add(begin), 0));
    }

    private void requireRoom(Tensor x) {
        Problem.in("positions")
                .require(
                        x.rank() >= 2 && x.size(-1) == weight.size(1) && x.size(-2) <= positions(),
                        "x must be [..., time, "
                                + weight.size(1)
                                + "] with a time of at most "
                                + positions())
                .operand("x", x.type(), x::origin)
                .operand("weight", weight.type(), weight::origin)
                .throwShape();
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
