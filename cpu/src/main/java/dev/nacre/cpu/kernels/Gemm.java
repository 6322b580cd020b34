package dev.nacre.cpu.kernels;

import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.memory.Memory;

/// The blocked product that contractions and convolutions come down to: for each batch, `m × k` times `k × n`.
///
/// The result is cut into blocks, which threads share out. For one block, slices of both operands are packed into
/// panels that fit the caches, and multiplied tile by tile into sums in scratch memory. An operand that several blocks
/// need is packed once for all, before. Where there are few blocks and `k` is long, `k` is cut too, at places that
/// depend on the sizes only; the partial sums are added in order.
final class Gemm implements Step {
    private static final int DEPTH = 256;
    private static final int BLOCK_ROWS = 96;
    private static final int BLOCK_COLUMNS = 512;

    /// Blocks below which `k` is cut.
    private static final int FEW = 8;

    /// Multiplications that are worth a part of their own.
    private static final long WORTH = 100_000;

    /// Bytes up to which an operand is packed as a whole.
    private static final long WHOLE = 1 << 26;

    private final long m;
    private final long n;
    private final long k;
    private final Tile tile;
    private final Accumulator type;
    private final Result result;
    private final Side rows;
    private final Side columns;
    private final long blocks;
    private final int splits;
    private final long splitDepth;

    /// One operand, and how the result is cut along it.
    ///
    /// @param block rows (or columns) of a block, whole tiles
    /// @param shared whether it is packed as a whole: block after block, slice of k after slice
    private record Side(Panels panels, long size, int block, long blocks, boolean shared) {
        static Side of(Panels panels, long size, int target, int tile) {
            long count = Math.max(1, Math.ceilDiv(size, target));
            int block = (int) Math.max(tile, Math.ceilDiv(Math.ceilDiv(size, count), tile) * tile);
            return new Side(panels, size, block, Math.ceilDiv(size, block), false);
        }

        Side sharedIf(boolean shared) {
            return new Side(panels, size, block, blocks, shared);
        }

        int extent(long i) {
            return (int) Math.min(block, size - i * block);
        }
    }

    Gemm(long batches, long m, long n, long k, Tile tile, Panels a, Panels b, Result result) {
        this.m = m;
        this.n = n;
        this.k = k;
        this.tile = tile;
        this.type = result.type();
        this.result = result;
        var left = Side.of(a, m, BLOCK_ROWS, tile.rows());
        var right = Side.of(b, n, BLOCK_COLUMNS, tile.columns());
        long depthBytes = batches * k * type.bytes();
        this.rows =
                left.sharedIf(right.blocks > 1 && left.blocks * left.block * depthBytes <= WHOLE);
        this.columns =
                right.sharedIf(left.blocks > 1 && right.blocks * right.block * depthBytes <= WHOLE);
        this.blocks = batches * rows.blocks * columns.blocks;
        long most = blocks == 0 ? 1 : Math.min(Math.ceilDiv(FEW, blocks), k / (2 * DEPTH));
        this.splitDepth =
                most <= 1 ? Math.max(1, k) : Math.ceilDiv(Math.ceilDiv(k, most), DEPTH) * DEPTH;
        this.splits = most <= 1 ? 1 : (int) Math.ceilDiv(k, splitDepth);
    }

    @Override
    public void run(long[] addresses) {
        if (blocks == 0) return;
        long wholeRows = wholeBytes(rows);
        try (var whole = Scratch.take(wholeRows + wholeBytes(columns))) {
            long as = whole.address();
            long bs = as + wholeRows;
            if (rows.shared || columns.shared) packWhole(addresses, as, bs);
            if (splits > 1) runSplit(addresses, as, bs);
            else runBlocks(addresses, as, bs);
        }
    }

    private void packWhole(long[] addresses, long as, long bs) {
        long slices = Math.ceilDiv(k, DEPTH);
        long first = rows.shared ? batches() * rows.blocks * slices : 0;
        long second = columns.shared ? batches() * columns.blocks * slices : 0;
        share(
                first + second,
                part -> {
                    if (part < first) packSlice(addresses, rows, part, slices, as);
                    else packSlice(addresses, columns, part - first, slices, bs);
                });
    }

    private void packSlice(long[] addresses, Side side, long part, long slices, long whole) {
        long slice = part % slices * DEPTH;
        long block = part / slices % side.blocks;
        long batch = part / slices / side.blocks;
        long to = wholeAt(side, batch, block, slice, whole);
        pack(addresses, side, batch, block, slice, Math.min(k, slice + DEPTH), to);
    }

    private void pack(
            long[] addresses, Side side, long batch, long block, long from, long to, long panels) {
        side.panels.pack(
                addresses,
                batch,
                block * side.block,
                side.extent(block),
                from,
                (int) (to - from),
                panels);
    }

    private void runBlocks(long[] addresses, long as, long bs) {
        long each = Math.max(1, Math.min(m, rows.block) * Math.min(n, columns.block) * k);
        long chunk = Math.ceilDiv(WORTH, each);
        share(
                Math.ceilDiv(blocks, chunk),
                part -> {
                    try (var scratch = Scratch.take(sumBytes() + panelBytes())) {
                        long end = Math.min(blocks, (part + 1) * chunk);
                        for (long block = part * chunk; block < end; block++) {
                            multiply(
                                    addresses,
                                    block,
                                    0,
                                    k,
                                    as,
                                    bs,
                                    scratch.address(),
                                    scratch.address() + sumBytes());
                            write(addresses, block, scratch.address());
                        }
                    }
                });
    }

    private void runSplit(long[] addresses, long as, long bs) {
        try (var sums = Scratch.take(blocks * splits * sumBytes())) {
            share(
                    blocks * splits,
                    part -> {
                        try (var panels = Scratch.take(panelBytes())) {
                            long from = part % splits * splitDepth;
                            long to = Math.min(k, from + splitDepth);
                            long sum = sums.address() + part * sumBytes();
                            multiply(
                                    addresses,
                                    part / splits,
                                    from,
                                    to,
                                    as,
                                    bs,
                                    sum,
                                    panels.address());
                        }
                    });
            share(
                    blocks,
                    block -> {
                        long first = sums.address() + block * splits * sumBytes();
                        for (int split = 1; split < splits; split++)
                            type.add(first + split * sumBytes(), first, rows.block * columns.block);
                        write(addresses, block, first);
                    });
        }
    }

    private static void share(long parts, Team.Work work) {
        if (parts == 1) work.run(0);
        else Team.get().run(Math.toIntExact(parts), work);
    }

    private long batches() {
        return blocks / (rows.blocks * columns.blocks);
    }

    private long wholeBytes(Side side) {
        return side.shared ? batches() * side.blocks * side.block * k * type.bytes() : 0;
    }

    private long wholeAt(Side side, long batch, long block, long slice, long whole) {
        return whole + ((batch * side.blocks + block) * k + slice) * side.block * type.bytes();
    }

    private long sumBytes() {
        return (long) rows.block * columns.block * type.bytes();
    }

    private long panelBytes() {
        int width = (rows.shared ? 0 : rows.block) + (columns.shared ? 0 : columns.block);
        return width * Math.min(k, DEPTH) * type.bytes();
    }

    private long batch(long block) {
        return block / (rows.blocks * columns.blocks);
    }

    private long row(long block) {
        return block % rows.blocks;
    }

    private long column(long block) {
        return block / rows.blocks % columns.blocks;
    }

    /// Sums one block over a part of k.
    private void multiply(
            long[] addresses,
            long block,
            long from,
            long to,
            long as,
            long bs,
            long sums,
            long panels) {
        Memory.clear(sums, sumBytes());
        long batch = batch(block);
        long spare = panels + (rows.shared ? 0 : rows.block * Math.min(k, DEPTH) * type.bytes());
        for (long k0 = from; k0 < to; k0 += DEPTH) {
            long k1 = Math.min(to, k0 + DEPTH);
            long a = rows.shared ? wholeAt(rows, batch, row(block), k0, as) : panels;
            long b = columns.shared ? wholeAt(columns, batch, column(block), k0, bs) : spare;
            if (!rows.shared) pack(addresses, rows, batch, row(block), k0, k1, a);
            if (!columns.shared) pack(addresses, columns, batch, column(block), k0, k1, b);
            tiles(
                    rows.extent(row(block)),
                    columns.extent(column(block)),
                    (int) (k1 - k0),
                    a,
                    b,
                    sums);
        }
    }

    /// A panel of b stays in the first-level cache while those of a go by.
    private void tiles(int height, int width, int depth, long a, long b, long sums) {
        long bytes = type.bytes();
        long step = columns.block * bytes;
        for (int j = 0; j < width; j += tile.columns())
            for (int i = 0; i < height; i += tile.rows())
                tile.multiply(
                        depth,
                        a + i * depth * bytes,
                        b + j * depth * bytes,
                        sums + i * step + j * bytes,
                        step);
    }

    private void write(long[] addresses, long block, long sums) {
        long step = columns.block * (long) type.bytes();
        long row = row(block) * rows.block;
        long column = column(block) * columns.block;
        int width = columns.extent(column(block));
        for (int i = 0; i < rows.extent(row(block)); i++)
            result.write(addresses, batch(block), row + i, column, width, sums + i * step);
    }
}
