package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel.Contraction;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;

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
        // The transposed product is the same with a and b exchanged; a short side goes to the rows,
        // which come in
        // smaller tiles.
        boolean turned =
                padded(n, tile.rows()) * padded(m, tile.columns())
                        < padded(m, tile.rows()) * padded(n, tile.columns()) * 3 / 4;
        int left = turned ? tile.columns() : tile.rows();
        int right = turned ? tile.rows() : tile.columns();
        var as = panels(a, rank - 2, rank - 1, type, left);
        var bs = panels(b, rank - 1, rank - 2, type, right);
        var result =
                new Result(
                        out.buffer(),
                        out.dtype(),
                        Views.base(out),
                        Views.axes(out, 0, rank - 2),
                        Views.axis(out, turned ? rank - 1 : rank - 2, turned ? n : m),
                        Views.axis(out, turned ? rank - 2 : rank - 1, turned ? m : n),
                        type,
                        bias.map(v -> bias(v, turned)),
                        activation);
        return turned
                ? new Gemm(batches, n, m, k, tile, bs, as, result)
                : new Gemm(batches, m, n, k, tile, as, bs, result);
    }

    private static long padded(long size, int tile) {
        return Math.ceilDiv(size, tile) * tile;
    }

    private static Result.Bias bias(View v, boolean perRow) {
        long step = Views.step(v, v.rank() - 1);
        return new Result.Bias(
                v.buffer(), v.dtype(), Views.base(v), 0, perRow ? step : 0, perRow ? 0 : step);
    }

    private static Panels panels(View v, int x, int k, Accumulator type, int width) {
        return new StridedPanels(
                v.buffer(),
                v.dtype(),
                Views.base(v),
                Views.axes(v, 0, v.rank() - 2),
                Views.axes(v, x, x + 1),
                Views.axes(v, k, k + 1),
                type,
                width);
    }
}
