package dev.nacre.cpu.kernels;

import static dev.nacre.type.DType.BF16;
import static dev.nacre.type.DType.F32;
import static dev.nacre.type.DType.F64;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Kernel.Activation;
import dev.nacre.compile.Kernel.Contraction;
import dev.nacre.compile.Kernel.Convolution;
import dev.nacre.compile.Kernel.Epilogue;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.ir.Op.Convolve;
import dev.nacre.ir.Op.Convolve.Kind;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// What the backend makes of products, convolutions and copies of views of any layout, against plain loops. Values are small whole numbers, so that every sum is exact and one element taken from the
/// wrong place shows.
class LayoutsTest {
    private static final int CASES = 3_000;
    private static final int NIGHTLY = 100_000;

    @Test
    void anyLayout() {
        check(0, CASES);
    }

    @Test
    @Tag("nightly")
    void anyLayoutManyTimes() {
        check(CASES, NIGHTLY);
    }

    private static void check(int from, int count) {
        List<String> wrong = new ArrayList<>();
        for (int seed = from; seed < from + count; seed++) {
            try {
                check(seed);
            } catch (AssertionError | RuntimeException e) {
                wrong.add("seed " + seed + ": " + e);
            }
        }
        assertEquals(
                "",
                String.join("\n", wrong.subList(0, Math.min(5, wrong.size()))),
                () -> wrong.size() + " of " + count + " are wrong");
    }

    private static void check(int seed) {
        var box = new Sandbox(seed);
        var type = box.any(List.of(F32, F32, F32, F32, F32, BF16, BF16, F64));
        int kind = box.between(0, 199);
        if (kind < 120) product(box, type);
        else if (kind < 180) convolution(box, type);
        else if (kind < 198) copy(box, type);
        else if (kind < 199) transformed(box);
        else patches(box, type == F64 ? F32 : type);
    }

    private static double digit(Sandbox box) {
        return box.between(-3, 3);
    }

    private static View operand(Sandbox box, DType type, long... sizes) {
        return box.fill(box.wild(type, true, sizes), () -> digit(box));
    }

    // ------------------------------------------------------------------------------------------
    // products

    private static void product(Sandbox box, DType type) {
        int axes = box.between(0, 4);
        var leading = new long[axes];
        for (int i = 0; i < axes; i++) leading[i] = size(box, axes < 3 ? 7 : 3);
        long m = size(box, 20);
        long n = size(box, 40);
        long k = size(box, 20);
        var a = operand(box, type, sizes(leading, m, k));
        var b = operand(box, type, sizes(leading, k, n));
        if (box.between(0, 2) == 0) b = shared(b);
        var outType = type == BF16 && box.between(0, 2) == 0 ? F32 : type;
        var out = box.wild(outType, false, sizes(leading, m, n));
        var epilogue = epilogue(box, out, out.rank() - 1);
        double[] sums = product(box, a, b, out);
        finish(box, epilogue, out, out.rank() - 1, sums);
        box.checkBackend(new Contraction(a, b, epilogue, out), out, sums, tolerance(outType));
    }

    private static long size(Sandbox box, int most) {
        return box.between(0, 3) == 0 ? 1 : box.between(1, most);
    }

    private static long[] sizes(long[] leading, long rows, long columns) {
        var sizes = Arrays.copyOf(leading, leading.length + 2);
        sizes[leading.length] = rows;
        sizes[leading.length + 1] = columns;
        return sizes;
    }

    /// The same for each item of a batch, as weights are.
    private static View shared(View v) {
        var strides = v.strides().clone();
        Arrays.fill(strides, 0, v.rank() - 2, 0);
        return new View(v.buffer(), v.dtype(), v.offset(), v.sizes(), strides);
    }

    private static double[] product(Sandbox box, View a, View b, View out) {
        int m = (int) out.sizes()[out.rank() - 2];
        int n = (int) out.sizes()[out.rank() - 1];
        int k = (int) a.sizes()[a.rank() - 1];
        var as = box.values(a);
        var bs = box.values(b);
        var sums = new double[(int) out.count()];
        for (int i = 0; i < sums.length; i++)
            for (int j = 0; j < k; j++)
                sums[i] += as[i / n * k + j] * bs[(i / n / m * k + j) * n + i % n];
        return sums;
    }

    // ------------------------------------------------------------------------------------------
    // epilogues

    private static Epilogue epilogue(Sandbox box, View out, int channel) {
        Optional<View> bias =
                box.between(0, 3) > 0
                        ? Optional.empty()
                        : Optional.of(operand(box, out.dtype(), out.sizes()[channel]));
        Optional<View> addend =
                switch (box.between(0, 7)) {
                    case 0 -> Optional.of(operand(box, out.dtype(), out.sizes()));
                    case 1 -> Optional.of(box.fill(box.like(out), () -> digit(box)));
                    default -> Optional.empty();
                };
        var relu =
                box.between(0, 4) == 0
                        ? Optional.of(Activation.RELU)
                        : Optional.<Activation>empty();
        return new Epilogue(bias, addend, relu);
    }

    private static void finish(Sandbox box, Epilogue e, View out, int channel, double[] sums) {
        long inner = 1;
        for (int i = channel + 1; i < out.rank(); i++) inner *= out.sizes()[i];
        var bias = e.bias().map(box::values).orElse(new double[(int) out.sizes()[channel]]);
        var addend = e.addend().map(box::values).orElse(new double[sums.length]);
        for (int i = 0; i < sums.length; i++) {
            double x = sums[i] + bias[(int) (i / inner % out.sizes()[channel])] + addend[i];
            double y = e.activation().isPresent() ? Math.max(x, 0) : x;
            sums[i] = Sandbox.round(out.dtype(), y);
        }
    }

    /// None where every sum fits; a sum may be rounded twice to 8 bits where an addend follows.
    private static double tolerance(DType type) {
        return type == BF16 ? 3 * Sandbox.epsilon(type) : 0;
    }

    // ------------------------------------------------------------------------------------------
    // convolutions

    private static void convolution(Sandbox box, DType type) {
        var windows = new ArrayList<Window>();
        int spatial = box.between(1, 3);
        for (int i = 0; i < spatial; i++) windows.add(window(box));
        long groups = box.between(0, 2) == 0 ? box.between(2, 3) : 1;
        long in = size(box, 20);
        long out = size(box, 20);
        var data = new long[spatial + 2];
        var kernel = new long[spatial + 2];
        var output = new long[spatial + 2];
        data[0] = output[0] = size(box, 3);
        data[1] = groups * in;
        kernel[0] = output[1] = groups * out;
        kernel[1] = in;
        for (int i = 0; i < spatial; i++) {
            var w = windows.get(i);
            data[2 + i] = Math.max(1, w.reach() - w.before() - w.after()) + size(box, 7) - 1;
            kernel[2 + i] = w.size();
            output[2 + i] = w.positions(data[2 + i]);
        }
        var kind = box.any(List.of(Kind.values()));
        convolution(box, type, kind, windows, groups, List.of(data, kernel, output), false);
    }

    /// A stride that leads out of the image, and a dilation of a single tap, may be of any size.
    private static Window window(Sandbox box) {
        int size = box.between(1, 3);
        boolean absurd = box.between(0, 9) == 0;
        long far = box.any(List.of(7L, 100_000_000L, (1L << 31) - 1, 1L << 31, 1L << 62));
        long stride = absurd ? far : box.between(1, 2);
        long dilation = absurd && size == 1 ? far : box.between(0, 3) == 0 ? 2 : 1;
        return new Window(size, stride, dilation, box.between(0, 2), box.between(0, 2));
    }

    /// Of so many channels and tiles that it is computed by Winograd's transformation.
    private static void transformed(Sandbox box) {
        var w = Window.of(3).padding(box.between(0, 2), box.between(0, 2));
        var v = Window.of(3).padding(box.between(0, 2), box.between(0, 2));
        int n = box.between(1, 2);
        large(
                box,
                F32,
                box.any(List.of(Kind.values())),
                List.of(w, v),
                n,
                32,
                box.between(32, 35),
                34 / n);
    }

    /// The gradient of a kernel of so many channels that it is computed by patches.
    private static void patches(Sandbox box, DType type) {
        var w =
                new Window(
                        box.between(1, 3),
                        box.between(1, 2),
                        1,
                        box.between(0, 1),
                        box.between(0, 1));
        var v =
                new Window(
                        box.between(1, 3),
                        box.between(1, 2),
                        1,
                        box.between(0, 1),
                        box.between(0, 1));
        large(
                box,
                type,
                Kind.KERNEL,
                List.of(w, v),
                box.between(1, 3),
                128,
                256,
                box.between(3, 4));
    }

    private static void large(
            Sandbox box,
            DType type,
            Kind kind,
            List<Window> windows,
            int n,
            int in,
            int out,
            int size) {
        long[] data = {n, in, size, size + 2};
        long[] kernel = {out, in, windows.get(0).size(), windows.get(1).size()};
        long[] output = {
            n, out, windows.get(0).positions(size), windows.get(1).positions(size + 2)
        };
        convolution(box, type, kind, windows, 1, List.of(data, kernel, output), true);
    }

    private static void convolution(
            Sandbox box,
            DType type,
            Kind kind,
            List<Window> windows,
            long groups,
            List<long[]> shapes,
            boolean channelsLast) {
        var places =
                switch (kind) {
                    case FORWARD -> new int[] {0, 1, 2};
                    case DATA -> new int[] {2, 1, 0};
                    case KERNEL -> new int[] {0, 2, 1};
                };
        var views = new View[3];
        var values = new double[3][];
        for (int i = 0; i < 3; i++) {
            int place = places[i];
            views[place] =
                    channelsLast && place != 1
                            ? box.image(type, shapes.get(place))
                            : image(box, type, i < 2, shapes.get(place));
            if (i < 2) box.fill(views[place], () -> digit(box));
            values[place] =
                    i < 2 ? box.values(views[place]) : new double[(int) views[place].count()];
        }
        var result = views[places[2]];
        long in = shapes.get(1)[1];
        long out = shapes.get(1)[0] / groups;
        ConvolutionTest.each(
                windows,
                groups,
                (int) shapes.get(0)[0],
                (int) in,
                (int) out,
                shapes.get(0),
                shapes.get(2),
                values,
                places[2]);
        var epilogue = kind == Kind.FORWARD ? epilogue(box, result, 1) : Epilogue.NONE;
        finish(box, epilogue, result, 1, values[places[2]]);
        var op = new Convolve(kind, windows, groups, Shape.of(result.sizes()));
        // Winograd's transformation halves and adds
        double rounding = channelsLast ? 1e-4 : 0;
        box.checkBackend(
                new Convolution(op, views[places[0]], views[places[1]], epilogue, result),
                result,
                values[places[2]],
                tolerance(type) + rounding);
    }

    private static View image(Sandbox box, DType type, boolean operand, long... sizes) {
        return box.between(0, 2) == 0 ? box.image(type, sizes) : box.wild(type, operand, sizes);
    }

    // ------------------------------------------------------------------------------------------
    // copies

    private static void copy(Sandbox box, DType type) {
        var sizes = new long[box.between(1, 6)];
        for (int i = 0; i < sizes.length; i++)
            sizes[i] = size(box, sizes.length < 3 ? 90 : sizes.length < 5 ? 12 : 5);
        var from = operand(box, type, sizes);
        var to = box.wild(type, false, sizes);
        var program =
                new Program(
                        List.of(new Instr.Load(0, type), new Instr.Store(1, type, 0)), List.of());
        Kernel loop =
                new Loop(program, List.of(new Loop.Instance(sizes, List.of(from, to))))
                        .withAccesses();
        box.checkBackend(loop, to, box.values(from), 0);
    }
}
