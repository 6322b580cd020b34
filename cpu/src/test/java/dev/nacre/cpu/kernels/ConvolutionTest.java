package dev.nacre.cpu.kernels;

import static dev.nacre.type.DType.BF16;
import static dev.nacre.type.DType.F16;
import static dev.nacre.type.DType.F32;
import static dev.nacre.type.DType.F64;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.compile.Kernel.Activation;
import dev.nacre.compile.Kernel.Convolution;
import dev.nacre.compile.Kernel.Epilogue;
import dev.nacre.compile.View;
import dev.nacre.ir.Op.Convolve;
import dev.nacre.ir.Op.Convolve.Kind;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ConvolutionTest {
    @ParameterizedTest
    @EnumSource(Kind.class)
    void anyWindow(Kind kind) {
        for (int seed = 0; seed < 150; seed++) {
            var box = new Sandbox(seed);
            var windows = new ArrayList<Window>();
            int spatial = 1 + seed % 3;
            for (int i = 0; i < spatial; i++) {
                windows.add(
                        new Window(
                                box.between(1, 4),
                                box.between(1, 3),
                                box.between(1, 2),
                                box.between(0, 3),
                                box.between(0, 3)));
            }
            long groups = box.between(1, 3);
            var type = box.any(List.of(F32, F32, F64, BF16, F16));
            check(
                    box,
                    kind,
                    type,
                    windows,
                    groups,
                    box.between(1, 3),
                    box.between(1, 3),
                    box.between(1, 3),
                    Epilogue.NONE);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void larger(Kind kind) {
        var w = Window.of(3).padding(1, 1);
        check(new Sandbox(1), kind, F32, List.of(w, w), 1, 3, 20, 40, Epilogue.NONE);
        check(new Sandbox(2), kind, F32, List.of(w.stride(2), w), 2, 2, 9, 10, Epilogue.NONE);
        check(new Sandbox(3), kind, F32, List.of(w), 1, 9, 3, 2, Epilogue.NONE);
        check(
                new Sandbox(4),
                kind,
                F32,
                List.of(Window.of(1), Window.of(1)),
                1,
                2,
                30,
                50,
                Epilogue.NONE);
        check(new Sandbox(5), kind, F64, List.of(w, w), 16, 2, 1, 1, Epilogue.NONE);
        check(new Sandbox(6), kind, F32, List.of(w), 1, 0, 3, 2, Epilogue.NONE);
    }

    @Test
    void epilogue() {
        for (var f : Activation.values()) {
            var box = new Sandbox(f.ordinal());
            var bias = box.operand(F32, box::normal, 6);
            var epilogue = new Epilogue(Optional.of(bias), Optional.of(f));
            check(
                    box,
                    Kind.FORWARD,
                    F32,
                    List.of(Window.of(3), Window.of(2).stride(2)),
                    2,
                    2,
                    3,
                    3,
                    epilogue);
        }
    }

    /// Data and kernel of fitting sizes; `in` and `out` channels per group.
    private static void check(
            Sandbox box,
            Kind kind,
            DType type,
            List<Window> windows,
            long groups,
            int n,
            int in,
            int out,
            Epilogue epilogue) {
        int spatial = windows.size();
        var data = new long[spatial + 2];
        var kernel = new long[spatial + 2];
        var output = new long[spatial + 2];
        data[0] = output[0] = n;
        data[1] = groups * in;
        kernel[0] = output[1] = groups * out;
        kernel[1] = in;
        for (int i = 0; i < spatial; i++) {
            var w = windows.get(i);
            long least = Math.max(1, w.reach() - w.before() - w.after());
            data[2 + i] = least + box.between(0, spatial == 1 ? 40 : 9);
            kernel[2 + i] = w.size();
            output[2 + i] = w.positions(data[2 + i]);
        }
        var shapes = List.of(data, kernel, output);
        int wanted = kind == Kind.FORWARD ? 2 : kind == Kind.DATA ? 0 : 1;
        var operands =
                kind == Kind.FORWARD
                        ? new int[] {0, 1}
                        : kind == Kind.DATA ? new int[] {2, 1} : new int[] {0, 2};
        var a = box.operand(type, box::normal, shapes.get(operands[0]));
        var b = box.operand(type, box::normal, shapes.get(operands[1]));
        var result = box.result(type, shapes.get(wanted));
        var values = new double[3][];
        values[operands[0]] = box.values(a);
        values[operands[1]] = box.values(b);
        values[wanted] = new double[(int) result.count()];
        each(windows, groups, n, in, out, data, output, values, wanted);
        finish(box, epilogue, result, type, values[wanted]);
        var op = new Convolve(kind, windows, groups, Shape.of(shapes.get(wanted)));
        long terms =
                kind == Kind.KERNEL
                        ? result.count() == 0 ? 0 : a.count()
                        : kernel[1] * 64 + kernel[0] * 64;
        double tolerance =
                Sandbox.epsilon(type == F64 ? F64 : F32) * 8 * (Math.sqrt(terms) + 8)
                        + 2 * Sandbox.epsilon(type);
        box.check(new Convolution(op, a, b, epilogue, result), result, values[wanted], tolerance);
    }

    private static void finish(
            Sandbox box, Epilogue epilogue, View result, DType type, double[] values) {
        var bias = epilogue.bias().map(box::values).orElse(new double[(int) result.sizes()[1]]);
        for (int i = 0; i < values.length; i++) {
            long perChannel = result.count() / result.sizes()[0] / result.sizes()[1];
            double x = values[i] + bias[(int) (i / perChannel % result.sizes()[1])];
            values[i] =
                    Sandbox.round(
                            type,
                            epilogue.activation().map(f -> ContractionTest.apply(f, x)).orElse(x));
        }
    }

    /// Every product of the convolution once: `output += data · kernel`, or an operand in the place of the output.
    static void each(
            List<Window> windows,
            long groups,
            int n,
            int in,
            int out,
            long[] data,
            long[] output,
            double[][] values,
            int wanted) {
        int spatial = windows.size();
        long positions = 1;
        long taps = 1;
        for (int i = 0; i < spatial; i++) {
            positions *= output[2 + i];
            taps *= windows.get(i).size();
        }
        for (long image = 0; image < n; image++)
            for (long o = 0; o < groups * out; o++)
                for (long p = 0; p < positions; p++)
                    for (long t = 0; t < taps; t++) {
                        long at = place(windows, p, t, data, output);
                        if (at < 0) continue;
                        for (long c = 0; c < in; c++) {
                            long plane = 1;
                            for (int i = 0; i < spatial; i++) plane *= data[2 + i];
                            int x = (int) ((image * groups * in + o / out * in + c) * plane + at);
                            int w = (int) ((o * in + c) * taps + t);
                            int y = (int) ((image * groups * out + o) * positions + p);
                            switch (wanted) {
                                case 0 -> values[0][x] += values[1][w] * values[2][y];
                                case 1 -> values[1][w] += values[0][x] * values[2][y];
                                default -> values[2][y] += values[0][x] * values[1][w];
                            }
                        }
                    }
    }

    /// Where tap t of position p lies in the plane; -1 in the padding.
    private static long place(List<Window> windows, long p, long t, long[] data, long[] output) {
        long at = 0;
        long scale = 1;
        for (int i = windows.size() - 1; i >= 0; i--) {
            var w = windows.get(i);
            long coordinate =
                    p % output[2 + i] * w.stride() + t % w.size() * w.dilation() - w.before();
            if (coordinate < 0 || coordinate >= data[2 + i]) return -1;
            at += coordinate * scale;
            scale *= data[2 + i];
            p /= output[2 + i];
            t /= w.size();
        }
        return at;
    }

    @Test
    void oracle() {
        var w = List.of(Window.of(2));
        var values = new double[][] {{1, 2, 3}, {10, 100}, new double[2]};
        each(w, 1, 1, 1, 1, new long[] {1, 1, 3}, new long[] {1, 1, 2}, values, 2);
        assertEquals(210, values[2][0]);
        assertEquals(320, values[2][1]);
    }
}
