package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.Optional;

/// What several layers share.
final class Layers {
    private Layers() {}

    static Variable parameter(String name, Shape shape, Initializer first, Rng rng) {
        return Variable.of(name, first.of(shape, rng));
    }

    static Variable ones(String name, long... sizes) {
        return Variable.of(name, Tensor.ones(sizes));
    }

    /// A variable that is not trained.
    static Variable statistic(String name, Tensor first) {
        return Variable.of(name, first, false);
    }

    /// A value per channel, so shaped that it is added along axis 1 of a tensor of the given rank.
    static Tensor alongChannels(Tensor perChannel, int rank) {
        long[] sizes = new long[rank - 1];
        java.util.Arrays.fill(sizes, 1);
        sizes[0] = perChannel.size(0);
        return perChannel.reshape(sizes);
    }

    static Tensor plusBias(Tensor y, Optional<Variable> bias) {
        return bias.isPresent() ? y.add(alongChannels(bias.get(), y.rank())) : y;
    }

    static void requireChannels(
            String layer,
            Tensor x,
            long channels,
            int lowestRank,
            int highestRank,
            Variable weight) {
        Problem p =
                Problem.in(layer)
                        .operand("x", x.type(), x::origin)
                        .operand("weight", weight.type(), weight::origin);
        boolean rank = x.rank() >= lowestRank && x.rank() <= highestRank;
        p.require(
                rank,
                () ->
                        "x must have "
                                + lowestRank
                                + (lowestRank == highestRank ? "" : " or " + highestRank)
                                + " axes, batch and channels first, but has "
                                + x.rank());
        p.require(
                !rank || x.size(1) == channels,
                () ->
                        "x must have "
                                + channels
                                + " channels on axis 1"
                                + (rank ? ", but has " + x.size(1) : ""));
        if (rank && x.size(1) != channels && x.size(-1) == channels && x.rank() == 4) {
            p.hint("the channels seem to come last; use x.permute(0, 3, 1, 2)");
        }
        p.throwShape();
    }

    /// Whole-number settings that must not be below a limit, checked when a layer is made.
    static void requireAtLeast(String layer, String what, long value, long limit) {
        Problem.in(layer)
                .require(value >= limit, what + " must be at least " + limit + ", but is " + value)
                .throwShape();
    }

    static Variable counter(String name) {
        return statistic(name, Tensor.zeros(DType.I64));
    }

    static TensorType f32(long... sizes) {
        return TensorType.of(DType.F32, sizes);
    }
}
