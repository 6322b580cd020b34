package dev.nacre.cpu.kernels;

import static dev.nacre.cpu.kernels.Views.axes;
import static dev.nacre.cpu.kernels.Views.axis;
import static dev.nacre.cpu.kernels.Views.base;
import static dev.nacre.cpu.kernels.Views.step;

import dev.nacre.compile.Kernel.Convolution;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.ir.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;

/// Convolutions as products with a matrix of [Patches], one batch per group:
///
/// - forward: `output[o, (n, p)] = Σ kernel[o, (c, w)] · patches(data)[(c, w), (n, p)]`;
/// - kernel: `kernel[o, (c, w)] = Σ output[o, (n, p)] · patches(data)[(n, p), (c, w)]`;
/// - data: `data[c, (n, i)] = Σ kernel[c, (o, w)] · patches(output)[(o, w), (n, i)]`. With a stride s, neighbouring `i`
///   see different elements of the kernel, but those s apart see the same: each of the s remainders is a product.
final class Convolutions {
    private final Convolution kernel;
    private final List<Window> windows;
    private final int spatial;
    private final long groups;
    private final Accumulator type;
    private final Tile tile;

    private Convolutions(Convolution kernel, boolean vectors) {
        this.kernel = kernel;
        this.windows = kernel.op().windows();
        this.spatial = windows.size();
        this.groups = kernel.op().groups();
        this.type = Accumulator.of(kernel.a().dtype(), vectors);
        this.tile = Tile.of(type, vectors);
    }

    static Step of(Convolution kernel, boolean vectors) {
        var convolution = new Convolutions(kernel, vectors);
        return switch (kernel.op().kind()) {
            case FORWARD -> convolution.forward();
            case DATA -> convolution.data();
            case KERNEL -> convolution.kernel();
        };
    }

    private Step forward() {
        var data = kernel.a();
        var weight = kernel.b();
        var out = kernel.out();
        long rows = out.sizes()[1] / groups;
        var left =
                new StridedPanels(
                        weight.buffer(),
                        weight.dtype(),
                        base(weight),
                        perGroup(weight, 0),
                        axis(weight, 0, rows),
                        axes(weight, 1, weight.rank()),
                        type,
                        tile.rows());
        var right = patches(data, spatialSizes(out), strides(), taps(), true);
        long perBias = kernel.epilogue().bias().map(b -> step(b, 0)).orElse(0L);
        var bias =
                kernel.epilogue()
                        .bias()
                        .map(b ->
                                new Result.Bias(
                                        b.buffer(),
                                        b.dtype(),
                                        base(b),
                                        rows * perBias,
                                        perBias,
                                        0));
        var result =
                new Result(
                        out.buffer(),
                        out.dtype(),
                        base(out),
                        perGroup(out, 1),
                        axis(out, 1, rows),
                        positions(out),
                        type,
                        bias,
                        kernel.epilogue().activation());
        return new Gemm(
                groups,
                rows,
                result.columns().count(),
                left.k().count(),
                tile,
                left,
                right,
                result);
    }

    private Step kernel() {
        var data = kernel.a();
        var gradient = kernel.b();
        var out = kernel.out();
        long rows = out.sizes()[0] / groups;
        var left =
                new StridedPanels(
                        gradient.buffer(),
                        gradient.dtype(),
                        base(gradient),
                        perGroup(gradient, 1),
                        axis(gradient, 1, rows),
                        positions(gradient),
                        type,
                        tile.rows());
        var right = patches(data, spatialSizes(gradient), strides(), taps(), false);
        var result =
                result(
                        out,
                        base(out),
                        perGroup(out, 0),
                        axis(out, 0, rows),
                        axes(out, 1, out.rank()));
        return new Gemm(
                groups,
                rows,
                result.columns().count(),
                left.k().count(),
                tile,
                left,
                right,
                result);
    }

    private Step data() {
        var parts = new ArrayList<Gemm>();
        var met = new ArrayList<long[]>();
        boolean all = true;
        for (int i = 0; i < spatial; i++) {
            met.add(remainders(windows.get(i), kernel.out().sizes()[2 + i]));
            all &= met.get(i).length == Math.min(strides()[i], kernel.out().sizes()[2 + i]);
        }
        if (!all) parts.add(zero());
        var counts = met.stream().mapToLong(r -> r.length).toArray();
        var index = new long[spatial];
        if (Arrays.stream(counts).allMatch(n -> n > 0)) {
            do {
                var remainder = new long[spatial];
                for (int i = 0; i < spatial; i++) remainder[i] = met.get(i)[(int) index[i]];
                parts.add(data(remainder, strides(), lines(remainder)));
            } while (next(index, counts));
        }
        return addresses -> {
            for (var part : parts) part.run(addresses);
        };
    }

    /// The remainders by the stride of coordinates that elements of the window meet. There are no more than elements, however large the stride.
    private static long[] remainders(Window w, long size) {
        return LongStream.range(0, w.size())
                .map(element -> Math.floorMod(element * w.dilation() - w.before(), w.stride()))
                .filter(r -> r < size)
                .distinct()
                .sorted()
                .toArray();
    }

    /// A sum of nothing for each element of the data.
    private Gemm zero() {
        var ones = new long[spatial];
        Arrays.fill(ones, 1);
        return data(new long[spatial], ones, Collections.nCopies(spatial, Line.NONE));
    }

    private List<Line> lines(long[] remainder) {
        var lines = new ArrayList<Line>();
        for (int i = 0; i < spatial; i++) lines.add(Line.of(windows.get(i), remainder[i]));
        return lines;
    }

    /// The elements of the data whose coordinates have the given remainders by the strides.
    ///
    /// @param lines what they meet along each axis
    private Gemm data(long[] remainder, long[] strides, List<Line> lines) {
        var gradient = kernel.a();
        var weight = kernel.b();
        var out = kernel.out();
        long rows = out.sizes()[1] / groups;
        long inputs = gradient.sizes()[1] / groups;
        var grid = new long[spatial];
        var weightSizes = new long[spatial + 1];
        var weightSteps = new long[spatial + 1];
        var columnSizes = new long[spatial + 1];
        var columnSteps = new long[spatial + 1];
        long weightBase = base(weight);
        long outBase = base(out);
        weightSizes[0] = inputs;
        weightSteps[0] = step(weight, 0);
        columnSizes[0] = out.sizes()[0];
        columnSteps[0] = step(out, 0);
        for (int i = 0; i < spatial; i++) {
            long stride = strides[i];
            var line = lines.get(i);
            grid[i] = Math.max(0, Math.ceilDiv(out.sizes()[2 + i] - remainder[i], stride));
            weightBase += line.first * step(weight, 2 + i);
            weightSizes[1 + i] = line.taps.length;
            weightSteps[1 + i] = line.step * step(weight, 2 + i);
            outBase += remainder[i] * step(out, 2 + i);
            columnSizes[1 + i] = grid[i];
            columnSteps[1 + i] = stride * step(out, 2 + i);
        }
        var left =
                new StridedPanels(
                        weight.buffer(),
                        weight.dtype(),
                        weightBase,
                        perGroup(weight, 0),
                        axis(weight, 1, rows),
                        Nest.of(weightSizes, weightSteps),
                        type,
                        tile.rows());
        var ones = new long[spatial];
        Arrays.fill(ones, 1);
        var right = patches(gradient, grid, ones, product(lines), true);
        var columns = Nest.of(columnSizes, columnSteps);
        var result = result(out, outBase, perGroup(out, 1), axis(out, 1, rows), columns);
        return new Gemm(groups, rows, columns.count(), left.k().count(), tile, left, right, result);
    }

    /// Along one axis: which elements of the window meet coordinates of one remainder, and where in the output.
    ///
    /// @param first the first such element
    /// @param step from one to the next
    /// @param taps the output's position for coordinate `remainder`, of each
    private record Line(long first, long step, long[] taps) {
        static final Line NONE = new Line(0, 1, new long[0]);

        static Line of(Window w, long remainder) {
            var taps = new ArrayList<Long>();
            long first = 0;
            long step = 1;
            for (long element = 0; element < w.size(); element++) {
                long at = remainder + w.before() - element * w.dilation();
                if (Math.floorMod(at, w.stride()) != 0) continue;
                if (taps.isEmpty()) first = element;
                else if (taps.size() == 1) step = element - first;
                taps.add(Math.floorDiv(at, w.stride()));
            }
            return new Line(first, step, taps.stream().mapToLong(t -> t).toArray());
        }
    }

    private Patches patches(View v, long[] grid, long[] advance, long[][] taps, boolean across) {
        var steps = new long[spatial];
        for (int i = 0; i < spatial; i++) steps[i] = step(v, 2 + i);
        long perChannel = step(v, 1);
        return new Patches(
                v.buffer(),
                v.dtype(),
                base(v),
                v.sizes()[1] / groups * perChannel,
                step(v, 0),
                perChannel,
                grid,
                spatialSizes(v),
                steps,
                advance,
                taps,
                across,
                type,
                tile.columns());
    }

    private Result result(View out, long base, Nest batch, Nest rows, Nest columns) {
        return new Result(
                out.buffer(),
                out.dtype(),
                base,
                batch,
                rows,
                columns,
                type,
                Optional.empty(),
                Optional.empty());
    }

    private long[] strides() {
        return windows.stream().mapToLong(Window::stride).toArray();
    }

    /// Offset of each element of the window from the position's coordinate.
    private long[][] taps() {
        var lines = new ArrayList<Line>();
        for (var w : windows) {
            var taps = new long[Math.toIntExact(w.size())];
            for (int i = 0; i < taps.length; i++) taps[i] = i * w.dilation() - w.before();
            lines.add(new Line(0, 1, taps));
        }
        return product(lines);
    }

    /// All combinations, in row-major order.
    private long[][] product(List<Line> lines) {
        var counts = lines.stream().mapToLong(line -> line.taps.length).toArray();
        if (Arrays.stream(counts).anyMatch(n -> n == 0)) return new long[0][];
        var all = new ArrayList<long[]>();
        var index = new long[spatial];
        do {
            var tap = new long[spatial];
            for (int i = 0; i < spatial; i++) tap[i] = lines.get(i).taps[(int) index[i]];
            all.add(tap);
        } while (next(index, counts));
        return all.toArray(long[][]::new);
    }

    /// Counts up in row-major order; false after the last.
    private static boolean next(long[] index, long[] counts) {
        for (int i = index.length - 1; i >= 0; i--) {
            if (++index[i] < counts[i]) return true;
            index[i] = 0;
        }
        return false;
    }

    private long[] spatialSizes(View v) {
        return Arrays.copyOfRange(v.sizes(), 2, v.rank());
    }

    /// Image and position of a view as one axis.
    private Nest positions(View v) {
        var sizes = new long[spatial + 1];
        var steps = new long[spatial + 1];
        for (int i = 0; i <= spatial; i++) {
            int axis = i == 0 ? 0 : i + 1;
            sizes[i] = v.sizes()[axis];
            steps[i] = step(v, axis);
        }
        return Nest.of(sizes, steps);
    }

    private Nest perGroup(View v, int axis) {
        return Nest.of(new long[] {groups}, new long[] {v.sizes()[axis] / groups * step(v, axis)});
    }
}
