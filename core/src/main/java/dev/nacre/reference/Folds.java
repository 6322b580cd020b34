package dev.nacre.reference;

import dev.nacre.ir.Reduction;
import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/// What combines or orders elements along axes.
final class Folds {
    private Folds() {}

    static Array reduce(Reduction kind, Array x, Axes axes) {
        Shape out = x.shape().without(axes);
        TensorType t = x.type().withShape(out);
        if (x.dtype().isFloating()) {
            double[] sums = new double[Math.toIntExact(out.count())];
            Arrays.fill(sums, kind.identity());
            for (int i = 0; i < x.count(); i++) {
                int place = Places.flat(out, remaining(Places.at(x.shape(), i), axes));
                sums[place] = kind.apply(sums[place], x.number(i));
            }
            return Array.of(t, sums);
        }
        long[] sums = new long[Math.toIntExact(out.count())];
        Arrays.fill(sums, kind.identity(x.dtype()));
        for (int i = 0; i < x.count(); i++) {
            int place = Places.flat(out, remaining(Places.at(x.shape(), i), axes));
            sums[place] = kind.apply(sums[place], x.whole(i));
        }
        return Array.ofLongs(t, sums);
    }

    private static long[] remaining(long[] at, Axes axes) {
        return IntStream.range(0, at.length)
                .filter(i -> !axes.contains(i))
                .mapToLong(i -> at[i])
                .toArray();
    }

    /// The elements' places along an axis, one list for each position on the others.
    private static int[][] lines(Shape shape, int axis) {
        Shape others = shape.without(Axes.range(axis, axis + 1));
        int[][] lines = new int[Math.toIntExact(others.count())][Math.toIntExact(shape.size(axis))];
        for (int i = 0; i < lines.length; i++) {
            long[] at = Places.at(others, i);
            for (int t = 0; t < lines[i].length; t++) {
                lines[i][t] = Places.flat(shape, inserted(at, axis, t));
            }
        }
        return lines;
    }

    private static long[] inserted(long[] at, int axis, long value) {
        long[] out = new long[at.length + 1];
        for (int i = 0; i < out.length; i++) {
            out[i] = i < axis ? at[i] : i == axis ? value : at[i - 1];
        }
        return out;
    }

    static Array argReduce(Array x, int axis, boolean largest) {
        int[][] lines = lines(x.shape(), axis);
        long[] out = new long[lines.length];
        for (int i = 0; i < lines.length; i++) {
            int best = 0;
            for (int t = 1; t < lines[i].length; t++) {
                if (beats(x, lines[i][t], lines[i][best], largest)) {
                    best = t;
                }
            }
            out[i] = best;
        }
        return Array.ofLongs(
                new TensorType(DType.I64, x.shape().without(Axes.range(axis, axis + 1))), out);
    }

    /// Whether element `a` is strictly better than `b`; NaN beats every number.
    private static boolean beats(Array x, int a, int b, boolean largest) {
        if (Double.isNaN(x.number(b))) {
            return false;
        }
        if (Double.isNaN(x.number(a))) {
            return true;
        }
        return largest ? ascending(x, a, b) > 0 : ascending(x, a, b) < 0;
    }

    /// −1, 0 or 1 as element `a` is less than, equal to or greater than `b`; NaN is greater than every number, and both zeros are equal.
    private static int ascending(Array x, int a, int b) {
        if (!x.dtype().isFloating()) {
            return Long.compare(x.whole(a), x.whole(b));
        }
        double p = x.number(a);
        double q = x.number(b);
        return p < q ? -1 : p > q ? 1 : Boolean.compare(Double.isNaN(p), Double.isNaN(q));
    }

    static Array argSort(Array x, int axis, boolean descending) {
        long[] out = new long[x.count()];
        for (int[] line : lines(x.shape(), axis)) {
            Comparator<Integer> order = (s, t) -> ascending(x, line[s], line[t]);
            int[] sorted =
                    IntStream.range(0, line.length)
                            .boxed()
                            .sorted(descending ? order.reversed() : order)
                            .mapToInt(t -> t)
                            .toArray();
            for (int t = 0; t < line.length; t++) {
                out[line[t]] = sorted[t];
            }
        }
        return Array.ofLongs(x.type().withDType(DType.I64), out);
    }

    static Array recurrence(Array a, Array b, int axis, boolean reverse) {
        double[] doubles = new double[b.count()];
        long[] longs = new long[b.count()];
        for (int[] line : lines(b.shape(), axis)) {
            double h = 0;
            long k = 0;
            for (int t = 0; t < line.length; t++) {
                int place = line[reverse ? line.length - 1 - t : t];
                if (b.dtype().isFloating()) {
                    h = a.number(place) * h + b.number(place);
                    doubles[place] = h;
                } else {
                    k = a.whole(place) * k + b.whole(place);
                    longs[place] = k;
                }
            }
        }
        return b.dtype().isFloating()
                ? Array.of(b.type(), doubles)
                : Array.ofLongs(b.type(), longs);
    }
}
