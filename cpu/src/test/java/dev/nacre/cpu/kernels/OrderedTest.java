package dev.nacre.cpu.kernels;

import static dev.nacre.type.DType.BOOL;
import static dev.nacre.type.DType.F32;
import static dev.nacre.type.DType.F64;
import static dev.nacre.type.DType.I64;
import static dev.nacre.type.DType.U8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.compile.Kernel.Ordered;
import dev.nacre.compile.View;
import dev.nacre.cpu.kernels.Sandbox.Layout;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.ir.Op;
import dev.nacre.type.DType;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class OrderedTest {
    @ParameterizedTest
    @EnumSource(DType.class)
    void anyLayout(DType type) {
        for (int seed = 0; seed < 100; seed++) {
            var box = new Sandbox(seed);
            var sizes = new long[box.between(1, 4)];
            Arrays.setAll(sizes, i -> box.between(1, 6));
            int axis = box.between(0, sizes.length - 1);
            sizes[axis] = box.between(1, 40);
            checkAll(box, type, axis, sizes);
        }
    }

    @Test
    void large() {
        checkAll(new Sandbox(1), F32, 0, 9000);
        checkAll(new Sandbox(2), F64, 0, 5001);
        checkAll(new Sandbox(3), I64, 1, 3, 3001);
        checkAll(new Sandbox(4), F32, 0, 17, 1200);
        checkAll(new Sandbox(5), F32, 1, 5, 70, 130);
    }

    @Test
    void empty() {
        var box = new Sandbox(1);
        for (int axis = 0; axis < 2; axis++) {
            var x = box.operand(F32, box::normal, 0, 3);
            var order = box.result(I64, 0, 3);
            box.check(
                    new Ordered(new Op.ArgSort(axis, false), List.of(x), order),
                    order,
                    new double[0],
                    0);
            var h = box.result(F32, 0, 3);
            box.check(
                    new Ordered(new Op.Recurrence(axis, false), List.of(x, x), h),
                    h,
                    new double[0],
                    0);
        }
        var x = box.operand(F32, box::normal, 0, 3);
        var best = box.result(I64, 0);
        box.check(new Ordered(new Op.ArgReduce(true, 1), List.of(x), best), best, new double[0], 0);
    }

    /// Values that a conversion to double would merge.
    @Test
    void longsAreExact() {
        var box = new Sandbox(1);
        var x = box.view(I64, Layout.DENSE, 3);
        long[] values = {Long.MAX_VALUE - 1, Long.MAX_VALUE, Long.MIN_VALUE};
        for (int i = 0; i < 3; i++) Memory.i64(box.address(x, i), values[i]);
        var order = box.view(I64, Layout.DENSE, 3);
        box.check(
                new Ordered(new Op.ArgSort(0, false), List.of(x), order),
                order,
                new double[] {2, 0, 1},
                0);
        box.check(
                new Ordered(new Op.ArgSort(0, true), List.of(x), order),
                order,
                new double[] {1, 0, 2},
                0);
        var best = box.view(I64, Layout.DENSE);
        box.check(
                new Ordered(new Op.ArgReduce(true, 0), List.of(x), best),
                best,
                new double[] {1},
                0);
        box.check(
                new Ordered(new Op.ArgReduce(false, 0), List.of(x), best),
                best,
                new double[] {2},
                0);
        var one = box.fill(box.view(I64, Layout.DENSE, 3), () -> 1);
        var sum = box.view(I64, Layout.DENSE, 3);
        JavaKernels.prepare(new Ordered(new Op.Recurrence(0, false), List.of(one, x), sum))
                .get()
                .run(box.addresses());
        assertEquals(Long.MAX_VALUE - 1, Memory.i64(box.address(sum, 0)));
        assertEquals(-3, Memory.i64(box.address(sum, 1)));
        assertEquals(Long.MIN_VALUE - 3, Memory.i64(box.address(sum, 2)));
    }

    private static void checkAll(Sandbox box, DType type, int axis, long... sizes) {
        // Few different values for ties, both zeros, NaN.
        var x = box.operand(type, () -> number(box, type), sizes);
        for (boolean down : new boolean[] {false, true}) {
            var order = box.result(I64, sizes);
            box.check(
                    new Ordered(new Op.ArgSort(axis, down), List.of(x), order),
                    order,
                    order(box, x, axis, down),
                    0);
            var best = box.result(I64, without(sizes, axis));
            box.check(
                    new Ordered(new Op.ArgReduce(down, axis), List.of(x), best),
                    best,
                    best(box, x, axis, down),
                    0);
            double scale = type.isFloating() ? 0.5 : 3;
            var a =
                    box.operand(
                            type,
                            () -> type.isFloating() ? scale * box.normal() : box.random.nextInt(2),
                            sizes);
            var b =
                    box.operand(
                            type,
                            () -> type.isFloating() ? box.normal() : box.random.nextInt(2),
                            sizes);
            var h = box.result(type, sizes);
            var expected = recurrence(box, type, a, b, axis, down);
            double tolerance = 2 * Sandbox.epsilon(type);
            box.check(
                    new Ordered(new Op.Recurrence(axis, down), List.of(a, b), h),
                    h,
                    expected,
                    tolerance);
        }
    }

    private static double number(Sandbox box, DType type) {
        if (type.isFloating() && box.random.nextInt(8) == 0)
            return box.any(
                    List.of(
                            Double.NaN,
                            0.0,
                            -0.0,
                            Double.POSITIVE_INFINITY,
                            Double.NEGATIVE_INFINITY));
        return type == BOOL ? box.between(0, 1) : box.between(type == U8 ? 0 : -5, 5);
    }

    private static long[] without(long[] sizes, int axis) {
        return IntStream.range(0, sizes.length)
                .filter(i -> i != axis)
                .mapToLong(i -> sizes[i])
                .toArray();
    }

    /// Positions of the elements of each line in row-major order, line after line.
    private static List<int[]> lines(View x, int axis) {
        long inner = 1;
        for (int i = axis + 1; i < x.rank(); i++) inner *= x.sizes()[i];
        int step = (int) inner;
        int n = (int) x.sizes()[axis];
        return IntStream.range(0, (int) x.count() / n)
                .mapToObj(line ->
                        IntStream.range(0, n)
                                .map(t -> (line / step * n + t) * step + line % step)
                                .toArray())
                .toList();
    }

    private static double[] order(Sandbox box, View x, int axis, boolean down) {
        var values = box.values(x);
        var out = new double[values.length];
        for (var line : lines(x, axis)) {
            Comparator<Integer> up = (i, j) -> compare(values[line[i]], values[line[j]]);
            var sorted =
                    IntStream.range(0, line.length)
                            .boxed()
                            .sorted(down ? up.reversed() : up)
                            .toList();
            for (int i = 0; i < line.length; i++) out[line[i]] = sorted.get(i);
        }
        return out;
    }

    /// NaN is the largest; zeros are equal.
    private static int compare(double a, double b) {
        return Double.compare(a == 0 ? 0 : a, b == 0 ? 0 : b);
    }

    private static double[] best(Sandbox box, View x, int axis, boolean largest) {
        var values = box.values(x);
        return lines(x, axis).stream()
                .mapToDouble(line -> {
                    int best = 0;
                    for (int i = 1; i < line.length; i++) {
                        double v = values[line[i]];
                        double w = values[line[best]];
                        if (Double.isNaN(w)) break;
                        if (Double.isNaN(v) || (largest ? v > w : v < w)) best = i;
                    }
                    return best;
                })
                .toArray();
    }

    private static double[] recurrence(
            Sandbox box, DType type, View a, View b, int axis, boolean reverse) {
        var as = box.values(a);
        var bs = box.values(b);
        for (var line : lines(a, axis)) {
            double h = 0;
            for (int t = 0; t < line.length; t++) {
                int i = line[reverse ? line.length - 1 - t : t];
                h = as[i] * h + bs[i];
                if (!type.isFloating()) h = type.wrap((long) h);
                bs[i] = Sandbox.round(type, h);
            }
        }
        return bs;
    }
}
