package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.Precision;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.Optional;
import java.util.function.BinaryOperator;

/// What several layers share.
final class Layers {
    private Layers() {}

    static Variable parameter(String name, Shape shape, Initializer first, Rng rng) {
        for (long size : shape.toArray()) {
            requireAtLeast(name, "a size", size, 0);
        }
        TensorType.of(DType.F32, shape.toArray()).addressable(name);
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

    /// A product as an operand of further arithmetic: of 16-bit numbers it is not rounded yet.
    static Tensor wideProduct(Tensor x, Tensor y) {
        return x.matmul(y, DType.promote(x.dtype(), y.dtype()).arithmetic());
    }

    /// A product and a bias, rounded once.
    static Tensor affine(Tensor x, Tensor weight, Optional<? extends Tensor> bias) {
        if (bias.isEmpty()) {
            return x.matmul(weight);
        }
        Tensor b = bias.get();
        DType t = DType.promote(DType.promote(x.dtype(), weight.dtype()), b.dtype());
        return wideProduct(x, weight).add(b).cast(t);
    }

    /// A convolution and a bias per channel, rounded once. (In bf16 the kernel adds the bias before it rounds.)
    static Tensor convolved(
            Tensor x,
            Tensor weight,
            Optional<? extends Tensor> bias,
            BinaryOperator<Tensor> convolution) {
        if (bias.isEmpty()) {
            return convolution.apply(x, weight);
        }
        BinaryOperator<Tensor> both =
                (v, w) -> {
                    Tensor y = convolution.apply(v, w);
                    return y.add(alongChannels(bias.get(), y.rank()));
                };
        return x.dtype() == DType.F16 && weight.dtype() == DType.F16
                ? Precision.F32.in(() -> x.wide(weight, both))
                : both.apply(x, weight);
    }

    /// Refuses whole numbers, such as pixels, before an operation inside the layer does it in its own words.
    static void requireFloating(String layer, Tensor x, Variable weight) {
        if (!x.dtype().isFloating()) {
            Problem.in(layer)
                    .rule("x must be floating, but is " + x.dtype())
                    .operand("x", x.type(), x::origin)
                    .operand("weight", weight.type(), weight::origin)
                    .hint(
                            "x.cast(DType."
                                    + weight.dtype().name()
                                    + ")"
                                    + (x.dtype() == DType.U8 ? ", of pixels also .div(255)" : ""))
                    .throwDType();
        }
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
                                + (lowestRank == highestRank
                                        ? ""
                                        : (lowestRank + 1 == highestRank ? " or " : " to ")
                                                + highestRank)
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
        if (x.rank() + 1 == lowestRank && x.rank() > 0) {
            if (x.size(0) == channels) {
                p.hint("x.unsqueeze(0) is a batch of one");
            } else if (channels == 1) {
                p.hint("x.unsqueeze(1) has one channel");
            }
        }
        p.throwShape();
        requireFloating(layer, x, weight);
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
