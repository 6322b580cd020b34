package dev.nacre.fuzz;

import dev.nacre.type.DType;
import java.util.Arrays;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToIntFunction;

/// Numbers with a type, and how fast each changes while the program's inputs move along fixed directions. All are small multiples of 1/16, so that every dtype
/// computes with them exactly, in any order.
///
/// @param shape sizes
/// @param values row-major
/// @param tangents row-major
record Numbers(DType dtype, int[] shape, double[] values, double[] tangents) {
    private static final double STEP = 1.0 / 16;

    /// Thrown where a program would leave what is exact.
    static final class Unfit extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Unfit(String why) {
            super(why, null, false, false);
        }
    }

    Numbers {
        double most = most(dtype);
        for (int i = 0; i < values.length; i++) {
            double v = values[i];
            require(Math.abs(v) <= most && Math.rint(v / STEP) * STEP == v, "not exact: " + v);
            require(Math.abs(tangents[i]) <= 1 << 24, "too steep");
            require(dtype.isFloating() || v == Math.rint(v), "not whole");
            require(v >= 0 || dtype != DType.U8 && dtype != DType.BOOL, "negative");
        }
        require(values.length <= 3000 && shape.length <= 6, "too large");
    }

    static void require(boolean fits, String why) {
        if (!fits) {
            throw new Unfit(why);
        }
    }

    /// The largest number that all sums and products of a kind stay exact with.
    private static double most(DType dtype) {
        return switch (dtype) {
            case BOOL -> 1;
            case U8 -> 255;
            case I8 -> 127;
            case BF16 -> 8;
            case F16 -> 64;
            case F32 -> 1 << 19;
            default -> 1 << 28;
        };
    }

    static Numbers of(DType dtype, int[] shape, double[] values) {
        return new Numbers(dtype, shape, values, new double[values.length]);
    }

    int rank() {
        return shape.length;
    }

    int count() {
        return values.length;
    }

    static int count(int[] shape) {
        long n = 1;
        for (int s : shape) {
            n *= s;
        }
        require(n <= 3000, "too large");
        return (int) n;
    }

    /// The coordinates of an element.
    static int[] coordinates(int[] shape, int index) {
        int[] at = new int[shape.length];
        for (int i = shape.length - 1, rest = index; i >= 0; i--) {
            at[i] = rest % shape[i];
            rest /= shape[i];
        }
        return at;
    }

    static int index(int[] shape, int[] at) {
        int n = 0;
        for (int i = 0; i < shape.length; i++) {
            n = n * shape[i] + at[i];
        }
        return n;
    }

    /// Elements taken from elsewhere.
    ///
    /// @param source the element's index here, from its coordinates there; −1 for `fill`
    Numbers moved(int[] to, double fill, ToIntFunction<int[]> source) {
        double[] v = new double[count(to)];
        double[] t = new double[v.length];
        for (int i = 0; i < v.length; i++) {
            int from = source.applyAsInt(coordinates(to, i));
            v[i] = from < 0 ? fill : values[from];
            t[i] = from < 0 ? 0 : tangents[from];
        }
        return new Numbers(dtype, to, v, t);
    }

    /// The same element type elementwise.
    Numbers map(DoubleUnaryOperator f, DoubleUnaryOperator slope) {
        double[] v = Arrays.stream(values).map(f).toArray();
        double[] t = new double[v.length];
        Arrays.setAll(t, i -> tangents[i] * slope.applyAsDouble(values[i]));
        return new Numbers(dtype, shape, v, t);
    }

    static int[] broadcast(int[] a, int[] b) {
        int[] out = new int[Math.max(a.length, b.length)];
        for (int i = 0; i < out.length; i++) {
            int x = i < out.length - a.length ? 1 : a[i - (out.length - a.length)];
            int y = i < out.length - b.length ? 1 : b[i - (out.length - b.length)];
            require(x == y || x == 1 || y == 1, "shapes");
            out[i] = x == 1 ? y : x;
        }
        return out;
    }

    Numbers broadcastTo(int[] to) {
        int extra = to.length - shape.length;
        return moved(
                to,
                0,
                at -> {
                    int[] here = Arrays.copyOfRange(at, extra, at.length);
                    for (int i = 0; i < here.length; i++) {
                        here[i] = shape[i] == 1 ? 0 : here[i];
                    }
                    return index(shape, here);
                });
    }

    /// Two elementwise, with broadcasting.
    ///
    /// @param byX the derivative by the first
    /// @param byY the derivative by the second
    Numbers zip(
            Numbers y,
            DType result,
            DoubleBinaryOperator f,
            DoubleBinaryOperator byX,
            DoubleBinaryOperator byY) {
        int[] to = broadcast(shape, y.shape);
        Numbers a = broadcastTo(to);
        Numbers b = y.broadcastTo(to);
        double[] v = new double[a.count()];
        double[] t = new double[v.length];
        for (int i = 0; i < v.length; i++) {
            double p = a.values[i];
            double q = b.values[i];
            v[i] = f.applyAsDouble(p, q);
            t[i] =
                    result.isFloating()
                            ? a.tangents[i] * byX.applyAsDouble(p, q)
                                    + b.tangents[i] * byY.applyAsDouble(p, q)
                            : 0;
        }
        return new Numbers(result, to, v, t);
    }

    /// What a reduction makes of the elements along some axes.
    interface Fold {
        /// @param of the values' indices
        void into(int[] of, double[] v, double[] t, int at);
    }

    Numbers fold(boolean[] along, DType result, Fold fold) {
        int[] to = new int[shape.length];
        int n = 1;
        int kept = 0;
        for (int i = 0; i < shape.length; i++) {
            if (along[i]) {
                n *= shape[i];
            } else {
                to[kept++] = shape[i];
            }
        }
        to = Arrays.copyOf(to, kept);
        int[][] groups = new int[count(to)][n];
        int[] filled = new int[groups.length];
        for (int i = 0; i < values.length; i++) {
            int[] at = coordinates(shape, i);
            int[] there = new int[kept];
            for (int k = 0, j = 0; k < shape.length; k++) {
                if (!along[k]) {
                    there[j++] = at[k];
                }
            }
            int g = index(to, there);
            groups[g][filled[g]++] = i;
        }
        double[] v = new double[groups.length];
        double[] t = new double[groups.length];
        for (int g = 0; g < groups.length; g++) {
            fold.into(groups[g], v, t, g);
        }
        return new Numbers(result, to, v, t);
    }

    Numbers cast(DType to) {
        return new Numbers(
                to,
                shape,
                to == DType.BOOL
                        ? Arrays.stream(values).map(v -> v == 0 ? 0 : 1).toArray()
                        : values,
                to.isFloating() ? tangents : new double[values.length]);
    }
}
