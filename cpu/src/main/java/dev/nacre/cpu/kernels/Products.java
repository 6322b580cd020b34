package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel.Contraction;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import java.util.Arrays;

/// Contractions as a [Gemm].
final class Products {
    private Products() {}

    static Step of(Contraction kernel, boolean vectors) {
        var a = kernel.a();
        var b = kernel.b();
        var out = kernel.out();
        int rank = out.rank();
        long m = out.sizes()[rank - 2];
        long n = out.sizes()[rank - 1];
        long k = a.sizes()[rank - 1];
        long batches = out.count() == 0 ? 0 : out.count() / (m * n);
        var type = Accumulator.of(a.dtype(), vectors);
        var tile = Tile.of(type, vectors);
        var bias = kernel.epilogue().bias();
        var activation = kernel.epilogue().activation();
        // The transposed product is the same with a and b exchanged; the shorter side goes to the rows, which come in
        // smaller tiles.
        boolean turned = padded(n, tile.rows()) * padded(m, tile.columns())
                < padded(m, tile.rows()) * padded(n, tile.columns());
        var left = turned ? panels(b, rank - 1, rank - 2, type, tile.rows()) : panels(a, rank - 2, rank - 1, type, tile.rows());
        var right = turned ? panels(a, rank - 2, rank - 1, type, tile.columns()) : panels(b, rank - 1, rank - 2, type, tile.columns());
        var result = new Result(
                out.buffer(),
                out.dtype(),
                bytes(out, out.offset()),
                leading(out),
                axis(out, turned ? rank - 1 : rank - 2),
                axis(out, turned ? rank - 2 : rank - 1),
                type,
                bias.map(v -> bias(v, turned)),
                activation);
        return new Gemm(batches, turned ? n : m, turned ? m : n, k, tile, left, right, result);
    }

    private static long padded(long size, int tile) {
        return Math.ceilDiv(size, tile) * tile;
    }

    private static Result.Bias bias(View v, boolean perRow) {
        long step = bytes(v, v.strides()[v.rank() - 1]);
        return new Result.Bias(v.buffer(), v.dtype(), bytes(v, v.offset()), 0, perRow ? step : 0, perRow ? 0 : step);
    }

    private static Panels panels(View v, int x, int k, Accumulator type, int width) {
        return new StridedPanels(
                v.buffer(), v.dtype(), bytes(v, v.offset()), leading(v), axis(v, x), axis(v, k), type, width);
    }

    private static Nest leading(View v) {
        return axes(v, 0, v.rank() - 2);
    }

    private static Nest axis(View v, int axis) {
        return axes(v, axis, axis + 1);
    }

    /// Some axes of a view as one.
    static Nest axes(View v, int from, int to) {
        return Nest.of(Arrays.copyOfRange(v.sizes(), from, to), bytes(v, Arrays.copyOfRange(v.strides(), from, to)));
    }

    static long bytes(View v, long elements) {
        return elements * v.dtype().bytes();
    }

    static long[] bytes(View v, long[] strides) {
        return Arrays.stream(strides).map(s -> bytes(v, s)).toArray();
    }
}
