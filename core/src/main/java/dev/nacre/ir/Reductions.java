package dev.nacre.ir;

import dev.nacre.type.Axes;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.ValueException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/// Sums and their kin, running sums, sorting.
///
/// Where axes are asked for, none given means all. The axes are removed from the result; [Movement#expandAlong] puts them back.
///
/// @param <T> the implementing type
public interface Reductions<T extends Algebra<T>> extends Expression<T> {

    default T reduce(Reduction kind, Axes axes) {
        return axes.count() == 0 ? self() : emit(new Op.Reduce(kind, axes), List.of(self()));
    }

    private T reduce(String op, Reduction kind, int... axes) {
        return reduce(kind, Axes.sortedOrAll(op, rank(), axes));
    }

    /// Sum along axes. Integers and bools are summed in i64.
    default T sum(int... axes) {
        T x = dtype().isFloating() ? self() : self().cast(DType.I64);
        return x.reduce(Reduction.SUM, Axes.sortedOrAll("sum", rank(), axes));
    }

    /// Product along axes. Integers and bools are multiplied in i64.
    default T prod(int... axes) {
        T x = dtype().isFloating() ? self() : self().cast(DType.I64);
        return x.reduce(Reduction.PROD, Axes.sortedOrAll("prod", rank(), axes));
    }

    /// Largest element along axes; NaN if there is one. Ties share the gradient evenly, and so do NaNs.
    default T max(int... axes) {
        return reduce("max", Reduction.MAX, axes);
    }

    /// Smallest element along axes; NaN if there is one. Ties share the gradient evenly, and so do NaNs.
    default T min(int... axes) {
        return reduce("min", Reduction.MIN, axes);
    }

    /// Whether any element along axes is not zero.
    default T any(int... axes) {
        return self().cast(DType.BOOL).reduce(Reduction.MAX, Axes.sortedOrAll("any", rank(), axes));
    }

    /// Whether all elements along axes are not zero.
    default T all(int... axes) {
        return self().cast(DType.BOOL).reduce(Reduction.MIN, Axes.sortedOrAll("all", rank(), axes));
    }

    /// Arithmetic mean along axes; of floating types only.
    default T mean(int... axes) {
        if (!dtype().isFloating()) {
            Problem.in("mean")
                    .rule("not defined on " + dtype())
                    .operand("x", type(), this::origin)
                    .hint("cast to f32 first")
                    .throwDType();
        }
        Axes a = Axes.sortedOrAll("mean", rank(), axes);
        return self().wide(x -> x.reduce(Reduction.SUM, a).div(extent(a, x.dtype())));
    }

    /// Number of elements along axes as a scalar: a constant as soon as the sizes are known.
    default T extent(Axes axes, DType dtype) {
        double n = 1;
        for (int i = 0; i < axes.count(); i++) {
            long s = size(axes.get(i));
            if (s < 0) {
                return emit(new Op.Extent(axes, dtype), List.of(self()));
            }
            n *= s;
        }
        return constant(n, dtype);
    }

    /// Squared distance from the mean, summed along axes and divided by n − 1: the unbiased estimate, as PyTorch's default.
    default T variance(int... axes) {
        return variance(Correction.BESSEL, axes);
    }

    /// Squared distance from the mean, summed along axes and divided by n − correction. What rounding does to the mean does not matter:
    /// `Σ(x − m)² − (Σ(x − m))²/n` is the same for every m (Chan et al. 1983).
    default T variance(Correction correction, int... axes) {
        Axes a = Axes.sortedOrAll("variance", rank(), axes);
        Problem.in("variance")
                .require(dtype().isFloating(), "not defined on " + dtype())
                .operand("x", type(), this::origin)
                .hint("cast to f32 first")
                .throwDType();
        return self().wide(x -> {
            T centred = x.sub(x.mean(a.toArray()).expandAlong(a, shape()));
            T n = extent(a, x.dtype());
            T squares = centred.square().reduce(Reduction.SUM, a);
            T rest = centred.detach().reduce(Reduction.SUM, a); // 0 but for rounding
            T excess = rest.square().div(n);
            return squares.sub(excess.lt(squares.detach()).where(excess, excess.zerosLike()))
                    .div(n.sub(correction.value()).maximum(0));
        });
    }

    /// Standard deviation along axes: the square root of [#variance(int...)].
    default T std(int... axes) {
        return std(Correction.BESSEL, axes);
    }

    /// Square root of [#variance(Correction, int...)], computed in f64: squares of f32 numbers have twice their exponents. The gradient of equal elements is 0, as in PyTorch.
    default T std(Correction correction, int... axes) {
        DType t = dtype();
        T x = t.isFloating() ? self().cast(DType.F64) : self();
        return flatAtZero(x.variance(correction, axes), T::sqrt).cast(t.floating());
    }

    /// `f(x)`, but 0 with derivative 0 where x is 0, at which f is 0 and infinitely steep.
    private static <T extends Algebra<T>> T flatAtZero(T x, UnaryOperator<T> f) {
        T zero = x.eq(0);
        return zero.where(x.zerosLike(), f.apply(zero.where(x.onesLike(), x)));
    }

    /// `(Σ|x|ᵖ)^(1/p)` along axes. p may be any number but NaN: ∞ gives the largest magnitude, −∞ the smallest, 0 the number of elements that are not 0. Of whole numbers it is an
    /// f32. The gradient at 0 is 0, as in PyTorch. Sums of powers are computed in f64, as they may have exponents that f32 has not.
    default T norm(double p, int... axes) {
        if (Double.isNaN(p)) {
            throw new ValueException("norm: p must be a number, but is NaN");
        }
        Axes a = Axes.sortedOrAll("norm", rank(), axes);
        if (p == 0 || p == 1 || Double.isInfinite(p)) {
            return self().wide(x -> {
                T m = x.abs();
                return p == 0
                        ? x.ne(0).cast(x.dtype()).reduce(Reduction.SUM, a)
                        : m.reduce(
                                p == 1 ? Reduction.SUM : p > 0 ? Reduction.MAX : Reduction.MIN, a);
            });
        }
        return sumOfPowers(self().cast(DType.F64), p, a).cast(dtype().floating());
    }

    /// `(Σ|x|ᵖ)^(1/p)` for other p than 0, 1, ±∞.
    private static <T extends Algebra<T>> T sumOfPowers(T x, double p, Axes a) {
        if (p == 2) {
            return flatAtZero(x.square().reduce(Reduction.SUM, a), T::sqrt);
        }
        T m = x.abs();
        T powers = p > 1 ? m.pow(p) : m.eq(0).where(m.detach().pow(p), m.pow(p));
        T sum = powers.reduce(Reduction.SUM, a);
        return p < 0 ? sum.pow(1 / p) : flatAtZero(sum, s -> s.pow(1 / p));
    }

    /// `ln Σ eˣ` along axes, computed from the largest element so that it does not overflow. Of whole numbers it is an f32, of no elements −∞.
    default T logSumExp(int... axes) {
        Axes a = Axes.sortedOrAll("logSumExp", rank(), axes);
        boolean empty = java.util.Arrays.stream(a.toArray()).anyMatch(i -> size(i) == 0);
        return self().wide(x -> {
            if (empty) {
                return x.exp().reduce(Reduction.SUM, a).log();
            }
            T m = x.reduce(Reduction.MAX, a).detach();
            T finite = m.isFinite().where(m, m.zerosLike());
            T sum = x.sub(finite.expandAlong(a, shape())).exp().reduce(Reduction.SUM, a);
            return sum.log().add(finite);
        });
    }

    /// Index of the largest element along an axis: the first of equals. Type i64.
    default T argmax(int axis) {
        return emit(new Op.ArgReduce(true, Axes.index("argmax", axis, rank())), List.of(self()));
    }

    /// Index of the smallest element along an axis: the first of equals. Type i64.
    default T argmin(int axis) {
        return emit(new Op.ArgReduce(false, Axes.index("argmin", axis, rank())), List.of(self()));
    }

    // ------------------------------------------------------------------------------------------
    // running sums

    /// `hₜ = aₜ·hₜ₋₁ + bₜ` along an axis, with h₋₁ = 0; b is this tensor. From the last element backwards if `reverse`.
    default T recurrence(T a, int axis, boolean reverse) {
        return emit(
                new Op.Recurrence(Axes.index("recurrence", axis, rank()), reverse),
                List.of(a, self()));
    }

    /// Running sum along an axis. Integers and bools are summed in i64.
    default T cumsum(int axis) {
        T x = dtype().isFloating() ? self() : self().cast(DType.I64);
        return x.recurrence(x.onesLike(), axis, false);
    }

    /// Running product along an axis. Integers and bools are multiplied in i64.
    default T cumprod(int axis) {
        T x = dtype().isFloating() ? self() : self().cast(DType.I64);
        T first = x.atEdge(axis, false);
        return first.where(x, x.zerosLike()).recurrence(first.where(x.zerosLike(), x), axis, false);
    }

    /// The product of all elements before (after, if `reverse`) each one along the last axis.
    private static <T extends Algebra<T>> T exclusiveProduct(T x, boolean reverse) {
        T first = x.atEdge(-1, reverse);
        return first.where(x.onesLike(), x.zerosLike())
                .recurrence(x.shift(-1, reverse ? -1 : 1), -1, reverse);
    }

    /// True at the first (or last) position along an axis.
    default T atEdge(int axis, boolean last) {
        int a = Axes.index("atEdge", axis, rank());
        long[] along = new long[rank()];
        java.util.Arrays.fill(along, 1);
        along[a] = size(a);
        T place = iota(size(a), DType.I32);
        T edge = !last ? constant(0, DType.I32) : extent(Axes.range(a, a + 1), DType.I32).sub(1);
        return place.eq(edge).reshape(Shape.of(along)).broadcastTo(shape());
    }

    /// For each element, the product of all the others along axes: the derivative of the product, exact where elements are 0.
    default T productOfOthers(Axes axes) {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < rank(); i++) {
            if (!axes.contains(i)) {
                order.add(i);
            }
        }
        Axes kept = Axes.of("prod", rank(), order.stream().mapToInt(i -> i).toArray());
        for (int i = 0; i < axes.count(); i++) {
            order.add(axes.get(i));
        }
        int[] permutation = order.stream().mapToInt(i -> i).toArray();
        T moved = self().permute(permutation);
        T flat = axes.count() == 1 ? moved : moved.flatten(kept.count());
        T others = flat.wide(x -> exclusiveProduct(x, false).mul(exclusiveProduct(x, true)));
        return others.reshape(moved.shape())
                .permute(Axes.of("prod", rank(), permutation).inverse().toArray());
    }

    // ----------------------------------------------------------------------------------------------- sorting

    /// The indices that sort along an axis: stable, NaN last when ascending. Type i64.
    default T argsort(int axis, boolean descending) {
        return emit(
                new Op.ArgSort(Axes.index("argsort", axis, rank()), descending), List.of(self()));
    }

    /// Elements in order along an axis.
    default T sort(int axis, boolean descending) {
        return self().gather(axis, argsort(axis, descending));
    }

    /// The k largest elements along an axis, largest first, and their indices.
    default TopK<T> topk(long k, int axis) {
        int a = Axes.index("topk", axis, rank());
        Problem.in("topk")
                .require(
                        k >= 0 && k <= Sizes.known("topk", this, a),
                        "k = " + k + " is not between 0 and size " + size(a) + " of axis " + a)
                .operand("x", type(), this::origin)
                .throwShape();
        T indices = argsort(a, true).narrow(a, 0, k);
        return new TopK<>(self().gather(a, indices), indices);
    }

    /// What [#topk] gives.
    record TopK<T>(T values, T indices) {}

    /// Summed over the axes that broadcasting added or grew, so that the result has `shape`.
    default T sumTo(Shape shape) {
        int extra = rank() - shape.rank();
        List<Integer> axes = new ArrayList<>();
        for (int i = 0; i < rank(); i++) {
            if (i < extra || shape.size(i - extra) == 1 && size(i) != 1) {
                axes.add(i);
            }
        }
        Axes a = Axes.of("sumTo", rank(), axes.stream().mapToInt(i -> i).toArray());
        Shape same = shape; // with this tensor's own unknown sizes
        for (int i = 0; i < shape.rank(); i++) {
            same = shape.size(i) < 0 ? same.with(i, size(i + extra)) : same;
        }
        return self().reduce(Reduction.SUM, a).reshape(same).broadcastTo(shape);
    }
}
