package dev.nacre.cpu.kernels;

import static dev.nacre.type.DType.BF16;
import static dev.nacre.type.DType.F16;
import static dev.nacre.type.DType.F32;
import static dev.nacre.type.DType.F64;

import dev.nacre.compile.Kernel.Call;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Pooling;
import dev.nacre.ir.Pooling.Kind;
import dev.nacre.ir.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleSupplier;
import java.util.function.IntBinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PoolingTest {
    @ParameterizedTest
    @EnumSource(Kind.class)
    void anyWindow(Kind kind) {
        for (int seed = 0; seed < 200; seed++) {
            var box = new Sandbox(seed);
            int spatial = 1 + seed % 3;
            var windows = new ArrayList<Window>();
            var sizes = new long[spatial + seed / 3 % 3];
            Arrays.setAll(sizes, i -> box.between(1, 3));
            for (int i = 0; i < spatial; i++) {
                int size = box.between(1, 4);
                int dilation = box.between(1, 2);
                int reach = dilation * (size - 1) + 1;
                int before = box.between(0, reach / 2);
                int after = box.between(0, reach);
                windows.add(new Window(size, box.between(1, 3), dilation, before, after));
                sizes[sizes.length - spatial + i] =
                        Math.max(1, reach - before - after) + box.between(0, 7);
            }
            check(box, kind, windows, sizes, seed % 2 == 0);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void larger(Kind kind) {
        var w = Window.of(3).stride(2).padding(1, 1);
        check(new Sandbox(1), kind, List.of(w, w), new long[] {3, 11, 25, 27}, false);
        check(new Sandbox(2), kind, List.of(w), new long[] {20_000}, false);
    }

    /// Channels are neighbours in memory, and neither their number nor the image's a multiple of anything.
    @ParameterizedTest
    @EnumSource(Kind.class)
    void channelsLast(Kind kind) {
        for (int seed = 0; seed < 100; seed++) {
            var box = new Sandbox(seed);
            int spatial = 1 + seed % 3;
            var windows = new ArrayList<Window>();
            var sizes = new long[2 + spatial];
            sizes[0] = box.between(1, 3);
            sizes[1] = box.between(16, 150);
            for (int i = 0; i < spatial; i++) {
                int size = box.between(1, 3);
                int dilation = seed % 4 == 0 ? 2 : 1;
                int reach = dilation * (size - 1) + 1;
                int before = box.between(0, reach / 2);
                windows.add(
                        new Window(size, box.between(1, 3), dilation, before, box.between(0, 1)));
                sizes[2 + i] = reach + box.between(0, 6);
            }
            check(box, kind, windows, sizes, seed % 2 == 0, true);
        }
    }

    @Test
    void nothing() {
        check(new Sandbox(1), Kind.MAX, List.of(Window.of(2)), new long[] {0, 5}, false);
    }

    private static void check(
            Sandbox box, Kind kind, List<Window> windows, long[] sizes, boolean odd) {
        check(box, kind, windows, sizes, odd, false);
    }

    private static void check(
            Sandbox box,
            Kind kind,
            List<Window> windows,
            long[] sizes,
            boolean odd,
            boolean channelsLast) {
        var type = channelsLast ? F32 : box.any(List.of(F32, F64, BF16, F16));
        int spatial = windows.size();
        var pooled = sizes.clone();
        for (int i = 0; i < spatial; i++) {
            int axis = sizes.length - spatial + i;
            pooled[axis] = windows.get(i).positions(sizes[axis]);
        }
        // Few different values, so that there are ties; sometimes NaN and infinities.
        DoubleSupplier xs =
                () ->
                        odd && box.random.nextInt(15) == 0
                                ? box.any(
                                        List.of(
                                                Double.NaN,
                                                Double.NEGATIVE_INFINITY,
                                                Double.POSITIVE_INFINITY))
                                : box.between(-4, 4);
        DoubleSupplier gradients = () -> box.between(-9, 9);
        var x = channelsLast ? box.fill(box.image(type, sizes), xs) : box.operand(type, xs, sizes);
        var g =
                channelsLast
                        ? box.fill(box.image(type, pooled), gradients)
                        : box.operand(type, gradients, pooled);
        var out = channelsLast ? box.image(type, pooled) : box.result(type, pooled);
        var gradient = channelsLast ? box.image(type, sizes) : box.result(type, sizes);
        var values = box.values(x);
        var gs = box.values(g);
        var expected = new double[gs.length];
        var expectedGradient = new double[values.length];
        for (int i = 0; i < gs.length; i++) {
            var places = new ArrayList<Integer>();
            window(windows, sizes, pooled, i).forEach(places::add);
            int count = windows.stream().mapToInt(w -> (int) w.size()).reduce(1, (a, b) -> a * b);
            var inside = places.stream().filter(p -> p >= 0).toList();
            double divisor = kind == Kind.MEAN ? inside.size() : count;
            if (kind == Kind.MAX) {
                IntBinaryOperator larger =
                        (a, b) ->
                                !Double.isNaN(values[a])
                                                && (Double.isNaN(values[b])
                                                        || values[b] > values[a])
                                        ? b
                                        : a;
                var best = inside.stream().reduce((a, b) -> larger.applyAsInt(a, b));
                expected[i] = best.map(b -> values[b]).orElse(Double.NEGATIVE_INFINITY);
                if (best.isPresent()) expectedGradient[best.get()] += gs[i];
            } else {
                expected[i] = inside.stream().mapToDouble(p -> values[p]).sum() / divisor;
                for (int p : inside) expectedGradient[p] += gs[i] / divisor;
            }
        }
        double tolerance = 2 * Sandbox.epsilon(type) + 64 * Sandbox.epsilon(F64);
        for (int i = 0; i < expected.length; i++) expected[i] = type.round(expected[i]);
        for (int i = 0; i < expectedGradient.length; i++)
            expectedGradient[i] = type.round(expectedGradient[i]);
        var pooling = new Pooling(kind, windows);
        var forward = new Call(pooling, List.of(x), List.of(0), List.of(out));
        box.check(forward, out, expected, tolerance);
        // loops add in the type that they compute in, and round after each turn
        double rough = 64 * Sandbox.epsilon(type) + 64 * Sandbox.epsilon(type.arithmetic());
        box.checkBackend(forward, out, expected, rough);
        var derivative = new Composite.Derivative(pooling, 0, List.of(0));
        var backward = new Call(derivative, List.of(x, g), List.of(0), List.of(gradient));
        box.check(backward, gradient, expectedGradient, tolerance);
        box.checkBackend(backward, gradient, expectedGradient, rough);
    }

    /// The elements of one position's window in row-major order; -1 is padding.
    private static List<Integer> window(
            List<Window> windows, long[] sizes, long[] pooled, int position) {
        int spatial = windows.size();
        int lead = sizes.length - spatial;
        var start = new long[spatial];
        long rest = position;
        for (int i = spatial - 1; i >= 0; i--) {
            start[i] = rest % pooled[lead + i] * windows.get(i).stride() - windows.get(i).before();
            rest /= pooled[lead + i];
        }
        var places = new ArrayList<Integer>(List.of((int) rest));
        for (int i = 0; i < spatial; i++) {
            var next = new ArrayList<Integer>();
            for (int place : places) {
                for (long t = 0; t < windows.get(i).size(); t++) {
                    long at = start[i] + t * windows.get(i).dilation();
                    boolean padding = place < 0 || at < 0 || at >= sizes[lead + i];
                    next.add(padding ? -1 : (int) (place * sizes[lead + i] + at));
                }
            }
            places = next;
        }
        return places;
    }
}
