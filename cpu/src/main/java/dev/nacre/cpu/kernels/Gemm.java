package dev.nacre.cpu.kernels;

import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;

/// The blocked product that contractions and convolutions come down to: for each batch, `m × k` times `k × n`.
///
/// The result is cut into blocks, which threads share out. For one block, slices of both operands are packed into
/// panels that fit the second-level cache, and multiplied tile by tile into sums in scratch memory. Where there are few
/// blocks and `k` is long, `k` is cut too, at places that depend on the sizes only; the partial sums are added in order.
final class Gemm implements Step {
    private static final int DEPTH = 256;
    private static final int BLOCK_ROWS = 96;
    private static final int BLOCK_COLUMNS = 512;
    /// Blocks below which `k` is cut.
    private static final int FEW = 8;
    /// Multiplications that are worth a part of their own.
    private static final long WORTH = 100_000;

    private final long m;
    private final long n;
    private final long k;
    private final Tile tile;
    private final Accumulator type;
    private final Panels a;
    private final Panels b;
    private final Result result;

    private final int blockRows;
    private final int blockColumns;
    private final long rowBlocks;
    private final long columnBlocks;
    private final long blocks;
    private final int splits;
    private final long splitDepth;

    Gemm(long batches, long m, long n, long k, Tile tile, Panels a, Panels b, Result result) {
        this.m = m;
        this.n = n;
        this.k = k;
        this.tile = tile;
        this.type = result.type();
        this.a = a;
        this.b = b;
        this.result = result;
        this.blockRows = block(m, BLOCK_ROWS, tile.rows());
        this.blockColumns = block(n, BLOCK_COLUMNS, tile.columns());
        this.rowBlocks = Math.ceilDiv(m, blockRows);
        this.columnBlocks = Math.ceilDiv(n, blockColumns);
        this.blocks = batches * rowBlocks * columnBlocks;
        long most = blocks == 0 ? 1 : Math.min(Math.ceilDiv(FEW, blocks), k / (2 * DEPTH));
        this.splitDepth = most <= 1 ? k : Math.ceilDiv(Math.ceilDiv(k, most), DEPTH) * DEPTH;
        this.splits = most <= 1 ? 1 : (int) Math.ceilDiv(k, splitDepth);
    }

    /// Blocks of about `target`, of one size and whole tiles.
    private static int block(long size, int target, int tile) {
        long count = Math.max(1, Math.ceilDiv(size, target));
        return (int) Math.max(tile, Math.ceilDiv(Math.ceilDiv(size, count), tile) * tile);
    }

    @Override
    public void run(long[] addresses) {
        if (blocks == 0) return;
        if (splits > 1) {
            runSplit(addresses);
            return;
        }
        long each = Math.max(1, Math.min(m, blockRows) * Math.min(n, blockColumns) * k);
        long chunk = Math.ceilDiv(WORTH, each);
        share(Math.ceilDiv(blocks, chunk), part -> {
            try (var scratch = Scratch.take(sumBytes() + panelBytes())) {
                long end = Math.min(blocks, (part + 1) * chunk);
                for (long block = part * chunk; block < end; block++) {
                    multiply(addresses, block, 0, k, scratch.address(), scratch.address() + sumBytes());
                    write(addresses, block, scratch.address());
                }
            }
        });
    }

    private void runSplit(long[] addresses) {
        try (var sums = Scratch.take(blocks * splits * sumBytes())) {
            share(blocks * splits, part -> {
                try (var panels = Scratch.take(panelBytes())) {
                    long from = part % splits * splitDepth;
                    long to = Math.min(k, from + splitDepth);
                    multiply(addresses, part / splits, from, to, sums.address() + part * sumBytes(), panels.address());
                }
            });
            share(blocks, block -> {
                long first = sums.address() + block * splits * sumBytes();
                for (int split = 1; split < splits; split++)
                    type.add(first + split * sumBytes(), first, blockRows * blockColumns);
                write(addresses, block, first);
            });
        }
    }

    private static void share(long parts, Team.Work work) {
        if (parts == 1) work.run(0);
        else Team.get().run(Math.toIntExact(parts), work);
    }

    private long sumBytes() {
        return (long) blockRows * blockColumns * type.bytes();
    }

    private long panelBytes() {
        return (long) (blockRows + blockColumns) * Math.min(k, DEPTH) * type.bytes();
    }

    private long batch(long block) {
        return block / (rowBlocks * columnBlocks);
    }

    private long row(long block) {
        return block % rowBlocks * blockRows;
    }

    private long column(long block) {
        return block / rowBlocks % columnBlocks * blockColumns;
    }

    /// Sums one block over a part of k.
    private void multiply(long[] addresses, long block, long from, long to, long sums, long panels) {
        Memory.clear(sums, sumBytes());
        int rows = (int) Math.min(blockRows, m - row(block));
        int columns = (int) Math.min(blockColumns, n - column(block));
        int bytes = type.bytes();
        long cStep = (long) blockColumns * bytes;
        for (long k0 = from; k0 < to; k0 += DEPTH) {
            int depth = (int) Math.min(DEPTH, to - k0);
            long as = panels;
            long bs = panels + (long) blockRows * depth * bytes;
            a.pack(addresses, batch(block), row(block), rows, k0, depth, as);
            b.pack(addresses, batch(block), column(block), columns, k0, depth, bs);
            for (int j = 0; j < columns; j += tile.columns()) {
                for (int i = 0; i < rows; i += tile.rows()) {
                    long panelA = as + (long) i * depth * bytes;
                    long panelB = bs + (long) j * depth * bytes;
                    tile.multiply(depth, panelA, panelB, sums + i * cStep + (long) j * bytes, cStep);
                }
            }
        }
    }

    private void write(long[] addresses, long block, long sums) {
        int rows = (int) Math.min(blockRows, m - row(block));
        int columns = (int) Math.min(blockColumns, n - column(block));
        long step = (long) blockColumns * type.bytes();
        for (int i = 0; i < rows; i++)
            result.write(addresses, batch(block), row(block) + i, column(block), columns, sums + i * step);
    }
}
