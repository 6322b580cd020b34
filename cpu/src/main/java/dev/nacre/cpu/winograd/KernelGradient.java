package dev.nacre.cpu.winograd;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.kernels.Room;
import dev.nacre.cpu.kernels.Scratch;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.Attributes;
import dev.nacre.cpu.onednn.DataType;
import dev.nacre.cpu.onednn.MatMul;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.onednn.Solo;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The gradient of a kernel, `out[o, c, i, j] = Σ g[n, o, y, x] · image[n, c, y + i − top, x + j − left]`: with g a tile of 2×2 of the result's gradient,
///
///     Gᵀ · (Σ (A·g·Aᵀ) ∘ (Bᵀ·d·B)) · G
///
/// Rows of tiles are taken some at a time, as many as stay in the caches: they are transformed, then each of the 16 products adds to its sum. Which they are does not depend on the number of threads.
final class KernelGradient implements Step {
    private static final long FLOAT = 4;

    /// What the transformed rows take.
    private static final long BYTES = 8 << 20;

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
    private final int together; // rows at a time
    private final long top;
    private final long left;
    private final Room room = new Room();
    private final long input;
    private final long tiles;
    private final long sums;
    private final BlockLoop taps;
    private final List<Member> members = new ArrayList<>();
    private final Team.MemberWork transforming = (row, m) -> members.get(m).transform(row);
    private final Team.MemberWork multiplying = (k, m) -> members.get(m).multiply(k);
    private long[] addresses = {};
    private long at;
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
        together = Math.min(rows, together(channels, outputs, across));
        top = c.op().windows().get(0).before();
        left = c.op().windows().get(1).before();
        input = room.take(FLOAT * 16 * apart(channels));
        tiles = room.take(FLOAT * 16 * apart(outputs));
        sums = room.take(FLOAT * 16 * sumsApart());
        taps = Transforms.taps(outputs, channels, out.strides()[0], out.strides()[1]);
        for (int i = 0; i < Team.get().size(); i++) members.add(new Member());
    }

    private static int together(long channels, long outputs, int across) {
        long tiles = Math.min(MOST, BYTES / (16 * FLOAT * (channels + outputs)));
        return (int) Math.max(1, tiles / across);
    }

    private long apart(long channels) {
        return Winograd.apart(together * across, channels);
    }

    private long sumsApart() {
        return outputs * channels + 16;
    }

    /// Whether oneDNN computes the products by more than its reference code.
    static boolean isSupported(Kernel.Convolution c) {
        return !product(c.b().sizes()[1], c.a().sizes()[1], 1, false).isReference();
    }

    @Override
    public void run(long[] addresses) {
        this.addresses = addresses;
        try (var scratch = Scratch.take(room.bytes())) {
            at = scratch.address();
            for (first = 0; first < rows; first += count) {
                count = Math.min(together, rows - first);
                Team.get().run(count, transforming);
                Team.get().run(16, multiplying);
            }
            Transforms.planesByColumn(taps, at + sums, sumsApart());
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++)
                    taps.at(
                            16 + 3 * i + j,
                            address(out) + FLOAT * (i * out.strides()[2] + j * out.strides()[3]));
            taps.run();
        }
    }

    private long address(View v) {
        return addresses[v.buffer()] + FLOAT * v.offset();
    }

    private static Solo product(long outputs, long channels, long tiles, boolean added) {
        var spec =
                MatMul.of(
                        MemoryDesc.strided(
                                DataType.F32, new long[] {outputs, tiles}, new long[] {1, outputs}),
                        MemoryDesc.dense(DataType.F32, tiles, channels),
                        MemoryDesc.dense(DataType.F32, outputs, channels));
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

        /// Transforms a row of tiles and of the gradient.
        ///
        /// @param row of those taken together
        void transform(int row) {
            int number = (first + row) / down;
            int y = 2 * ((first + row) % down);
            try (var scratch = Scratch.take(FLOAT * patch.elements())) {
                patch.copy(address(image), number, y - top, -left, scratch, 0);
                Transforms.pixels(transform, patch, scratch.address());
                Transforms.planes(
                        transform,
                        16,
                        at + input + FLOAT * row * across * channels,
                        apart(channels));
                transform.run();
            }
            int high = Math.min(2, height - y);
            for (var s : spreads) if (s.high == high) s.run(row, number, y);
        }

        void multiply(int k) {
            var product =
                    products.computeIfAbsent(
                            new Form(count, first > 0),
                            f -> product(outputs, channels, (long) f.rows * across, f.added));
            try (var pad = Scratch.take(product.scratchpadBytes())) {
                product.run(
                        at + tiles + FLOAT * k * apart(outputs),
                        at + input + FLOAT * k * apart(channels),
                        at + sums + FLOAT * k * sumsApart(),
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

        void run(int row, int number, int y) {
            long width = gradient.sizes()[3];
            int view = 0;
            for (int i = 0; i < high; i++)
                for (int j = 0; j < wide; j++)
                    loop.at(
                            view++,
                            address(gradient)
                                    + FLOAT
                                            * outputs
                                            * (((long) number * height + y + i) * width
                                                    + 2 * column
                                                    + j));
            Transforms.planes(
                    loop,
                    view,
                    at + tiles + FLOAT * ((long) row * across + column) * outputs,
                    apart(outputs));
            loop.run();
        }
    }
}
