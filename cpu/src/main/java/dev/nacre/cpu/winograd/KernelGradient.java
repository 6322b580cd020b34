package dev.nacre.cpu.winograd;

import static dev.nacre.cpu.onednn.DataType.F32;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.kernels.Room;
import dev.nacre.cpu.kernels.Scratch;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.Attributes;
import dev.nacre.cpu.onednn.BlockProducts;
import dev.nacre.cpu.onednn.MatMul;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.onednn.Solo;
import dev.nacre.ir.Binary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The gradient of a kernel, `out[o, c, i, j] = Σ g[n, o, y, x] · image[n, c, y + i − top, x + j − left]`: with g a tile of 2×2 of the result's gradient,
///
///     Gᵀ · (Σ (A·g·Aᵀ) ∘ (Bᵀ·d·B)) · G
///
/// Rows of tiles are taken some at a time, as many as stay in the caches: they are transformed, then each of the 16 products adds to its sum. Which they are does not depend on the number of threads.
///
/// Where sums are small beside what is transformed, the rows go in *spans* with sums of their own, each by one thread: what it has transformed is in its second cache, and no line of it
/// passes from core to core. Else the team takes the same rows, divided by rows when they are transformed and by products after that.
final class KernelGradient implements Step {
    private static final long FLOAT = 4;

    /// What the transformed rows take, of a team and of a thread.
    private static final long BYTES = 8 << 20;

    private static final long OWN_BYTES = 1 << 19;

    /// Spans at most, and at least if it is worth it to have any.
    private static final int MOST_SPANS = 16;

    private static final int LEAST_SPANS = 4;

    /// The sums of all spans take at most one part in so many of what is transformed.
    private static final int SUMS = 8;

    /// More tiles at a time gain nothing.
    private static final int MOST = 512;

    private final View image;
    private final View gradient;
    private final View out;
    private final long channels;
    private final long outputs;
    private final int height;
    private final int down;
    private final int across;
    private final int rows; // of tiles
    private final int spans;
    private final int together; // rows at a time
    private final long top;
    private final long left;
    private final Room room = new Room();
    private final long input;
    private final long tiles;
    private final BlockLoop total;
    private final BlockLoop taps;
    private final List<Member> members = new ArrayList<>();
    private final Team.MemberWork spanning = (span, m) -> members.get(m).span(span);
    private final Team.MemberWork transforming = (row, m) -> members.get(m).transform(row);
    private final Team.MemberWork multiplying = (k, m) -> members.get(m).multiply(k);
    private long[] addresses = {};
    private long sums;
    private long at; // of the rows that the team takes
    private int first;
    private int count;

    KernelGradient(Kernel.Convolution c) {
        image = c.a();
        gradient = c.b();
        out = c.out();
        channels = image.sizes()[1];
        outputs = gradient.sizes()[1];
        height = (int) gradient.sizes()[2];
        down = Math.ceilDiv(height, 2);
        across = Math.ceilDiv((int) gradient.sizes()[3], 2);
        rows = (int) gradient.sizes()[0] * down;
        spans = spans();
        together = together();
        top = c.op().windows().get(0).before();
        left = c.op().windows().get(1).before();
        input = room.take(FLOAT * 16 * apart(channels));
        tiles = room.take(FLOAT * 16 * apart(outputs));
        total = total(spans, 16 * sumsApart());
        taps = Transforms.taps(outputs, channels, out.strides()[0], out.strides()[1]);
        for (int i = 0; i < Team.get().size(); i++) members.add(new Member());
    }

    private int spans() {
        long transformed = 16 * (channels + outputs) * rows * across;
        long spans = Math.min(MOST_SPANS, transformed / (SUMS * 16 * channels * outputs));
        return spans < LEAST_SPANS ? 1 : (int) Math.min(spans, rows);
    }

    /// Rows at a time.
    private int together() {
        long bytes = spans > 1 ? OWN_BYTES : BYTES;
        long tiles = Math.min(MOST, bytes / (16 * FLOAT * (channels + outputs)));
        return Math.clamp(tiles / across, 1, Math.ceilDiv(rows, spans));
    }

    /// Adds the sums of all spans, in order, to those of the first.
    private static BlockLoop total(int spans, long elements) {
        var loop = new BlockLoop.Builder(elements);
        int sum = loop.load(DType.F32, 1);
        for (int i = 1; i < spans; i++) sum = loop.apply(Binary.ADD, sum, loop.load(DType.F32, 1));
        loop.store(sum, DType.F32, 1);
        return loop.build();
    }

    private long apart(long channels) {
        return Winograd.apart(together * across, channels);
    }

    private long sumsApart() {
        return outputs * channels + 16;
    }

    /// Whether oneDNN computes the products by more than its reference code.
    static boolean isSupported(Kernel.Convolution c) {
        long outputs = c.b().sizes()[1];
        long channels = c.a().sizes()[1];
        var gradient = BlockProducts.matrix(DType.F32, 1, outputs, outputs);
        var image = BlockProducts.matrix(DType.F32, 1, channels, channels);
        return !BlockProducts.product(gradient.transpose(0, 1), image, channels, false)
                .isReference();
    }

    @Override
    public void run(long[] addresses) {
        this.addresses = addresses;
        try (var scratch = Scratch.take(FLOAT * 16 * spans * sumsApart())) {
            sums = scratch.address();
            if (spans > 1) {
                Team.get().run(spans, spanning);
                for (int i = 0; i < spans; i++) total.at(i, sums(i));
                total.at(spans, sums).run();
            } else byTeam();
            Transforms.planesByColumn(taps, sums, sumsApart());
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++)
                    taps.at(
                            16 + 3 * i + j,
                            out.address(addresses)
                                    + FLOAT * (i * out.strides()[2] + j * out.strides()[3]));
            taps.run();
        }
    }

    private long sums(int span) {
        return sums + FLOAT * 16 * span * sumsApart();
    }

    /// All rows by the team.
    private void byTeam() {
        try (var scratch = Scratch.take(room.bytes())) {
            at = scratch.address();
            for (first = 0; first < rows; first += count) {
                count = Math.min(together, rows - first);
                Team.get().run(count, transforming);
                Team.get().run(16, multiplying);
            }
        }
    }

    /// The products of some of the 16 planes.
    private Solo product(int planes, long tiles, boolean added) {
        long[] src = {apart(outputs), 1, outputs};
        long[] weights = {apart(channels), channels, 1};
        long[] dst = {sumsApart(), channels, 1};
        var spec =
                MatMul.of(
                        MemoryDesc.strided(F32, new long[] {planes, outputs, tiles}, src),
                        MemoryDesc.strided(F32, new long[] {planes, tiles, channels}, weights),
                        MemoryDesc.strided(F32, new long[] {planes, outputs, channels}, dst));
        return OneDnn.get()
                .orElseThrow()
                .solo(added ? spec.attributes(Attributes.NONE.accumulate()) : spec);
    }

    /// A product of so many rows of tiles.
    ///
    /// @param added whether to what is there already
    private record Form(int rows, boolean added) {}

    /// What a thread needs.
    private final class Member {
        private final Patch patch = new Patch(image, 4, 2 * across + 2);
        private final BlockLoop transform =
                Transforms.input(1, 1, across, channels, patch.rowElements(), patch.elements());
        private final Map<Form, Solo> products = new HashMap<>();
        private final List<Spread> spreads = new ArrayList<>();

        Member() {
            int width = (int) gradient.sizes()[3];
            for (int high = 1; high <= 2; high++) {
                if (width > 1) spreads.add(new Spread(high, 2, 0, width / 2));
                if (width % 2 == 1) spreads.add(new Spread(high, 1, width / 2, 1));
            }
        }

        /// All of a span.
        void span(int span) {
            int from = (int) ((long) rows * span / spans);
            int to = (int) ((long) rows * (span + 1) / spans);
            try (var scratch = Scratch.take(room.bytes())) {
                long at = scratch.address();
                for (int first = from, count; first < to; first += count) {
                    count = Math.min(together, to - first);
                    for (int row = 0; row < count; row++) transform(first + row, at, row);
                    multiply(16, count, first > from, at, 0, sums(span));
                }
            }
        }

        /// Of what the team takes together.
        void transform(int row) {
            transform(first + row, at, row);
        }

        void multiply(int k) {
            multiply(1, count, first > 0, at, k, sums);
        }

        /// Transforms a row of tiles and of the gradient.
        ///
        /// @param row of all
        /// @param at where those taken together lie
        /// @param place among them
        private void transform(int row, long at, int place) {
            int number = row / down;
            int y = 2 * (row % down);
            try (var scratch = Scratch.take(FLOAT * patch.elements())) {
                patch.copy(image.address(addresses), number, y - top, -left, scratch, 0);
                Transforms.pixels(transform, patch, scratch.address());
                Transforms.planes(
                        transform,
                        16,
                        at + input + FLOAT * place * across * channels,
                        apart(channels));
                transform.run();
            }
            int high = Math.min(2, height - y);
            for (var s : spreads) if (s.high == high) s.run(number, y, at, place);
        }

        private void multiply(int planes, int rows, boolean added, long at, int plane, long sums) {
            var product =
                    products.computeIfAbsent(
                            new Form(rows, added),
                            f -> product(planes, (long) f.rows * across, f.added));
            try (var pad = Scratch.take(product.scratchpadBytes())) {
                product.run(
                        at + tiles + FLOAT * plane * apart(outputs),
                        at + input + FLOAT * plane * apart(channels),
                        sums + FLOAT * plane * sumsApart(),
                        pad.address());
            }
        }
    }

    /// The way of the gradient's tiles that have as many rows and columns.
    private final class Spread {
        private final BlockLoop loop;
        private final int high;
        private final int wide;
        private final int column;

        Spread(int high, int wide, int column, int columns) {
            this.loop = Transforms.gradient(columns, high, wide, outputs, 2 * outputs);
            this.high = high;
            this.wide = wide;
            this.column = column;
        }

        void run(int number, int y, long at, int place) {
            long width = gradient.sizes()[3];
            int view = 0;
            for (int i = 0; i < high; i++)
                for (int j = 0; j < wide; j++)
                    loop.at(
                            view++,
                            gradient.address(addresses)
                                    + FLOAT
                                            * outputs
                                            * (((long) number * height + y + i) * width
                                                    + 2 * column
                                                    + j));
            Transforms.planes(
                    loop,
                    view,
                    at + tiles + FLOAT * ((long) place * across + column) * outputs,
                    apart(outputs));
            loop.run();
        }
    }
}
