package dev.nacre.cpu.winograd;

import dev.nacre.compile.Kernel;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.kernels.Room;
import dev.nacre.cpu.kernels.Scratch;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.Solo;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The convolution, part by part: a part's pixels are copied with their padding, transformed, multiplied, and transformed back into the result, all within the second cache.
final class Tiles implements Team.MemberWork {
    private static final long FLOAT = 4;

    private final Correlation c;
    private final Tiling t;
    private final MemoryDesc form;
    private final PlainTiles plain;
    private final long channels;
    private final long outputs;
    private final Transforms.Epilogue epilogue;
    private final List<Map<Size, Part>> members = new ArrayList<>();
    private long[] addresses = {};
    private long weights;

    /// Parts alike.
    ///
    /// @param high rows of the result
    /// @param wide columns of the result
    private record Size(int images, int high, int wide) {}

    /// @param form of the weights
    /// @param plain for tiles with pixels that are not finite
    Tiles(Correlation c, Tiling t, MemoryDesc form, PlainTiles plain) {
        this.c = c;
        this.t = t;
        this.form = form;
        this.plain = plain;
        this.channels = c.channels();
        this.outputs = c.outputs();
        this.epilogue =
                new Transforms.Epilogue(
                        c.epilogue().bias().map(v -> v.strides()[0]),
                        c.epilogue().addend().isPresent(),
                        c.epilogue().activation().map(Kernel.Activation::function));
        for (int i = 0; i < Team.get().size(); i++) members.add(new HashMap<>());
    }

    /// @param weights where the transformed weights lie
    void run(long[] addresses, long weights) {
        this.addresses = addresses;
        this.weights = weights;
        try {
            Team.get().run(t.parts(), this);
        } finally {
            plain.forget();
        }
    }

    @Override
    public void run(int part, int member) {
        int x = part % t.partsAcross() * t.columns() * 2;
        int y = part / t.partsAcross() % t.partsDown() * t.rows() * 2;
        int image = part / t.partsAcross() / t.partsDown() * t.together();
        var size =
                new Size(
                        Math.min(t.together(), t.images() - image),
                        Math.min(2 * t.rows(), t.height() - y),
                        Math.min(2 * t.columns(), t.width() - x));
        members.get(member).computeIfAbsent(size, Part::new).run(image, y, x);
    }

    /// What a thread needs for parts of one size.
    private final class Part {
        private final int images;
        private final int rows;
        private final int columns;
        private final Room room = new Room();
        private final Patch patch;
        private final long pixels;
        private final long input;
        private final long products;
        private final long pad;
        private final BlockLoop transform;
        private final Solo product;
        private final List<Back> back = new ArrayList<>();

        Part(Size size) {
            images = size.images;
            rows = Math.ceilDiv(size.high, 2);
            columns = Math.ceilDiv(size.wide, 2);
            patch = new Patch(c.image(), 2 * rows + 2, 2 * columns + 2);
            pixels = room.take(FLOAT * images * patch.elements());
            input = room.take(FLOAT * 16 * apart(channels));
            products = room.take(FLOAT * 16 * apart(outputs));
            transform =
                    Transforms.input(
                            images, rows, columns, channels, patch.rowElements(), patch.elements());
            product = Winograd.products(c, tiles(), form);
            pad = room.take(product.scratchpadBytes());
            int down = size.high / 2;
            int across = size.wide / 2;
            for (int high = 2; high >= 1; high--) {
                for (int wide = 2; wide >= 1; wide--) {
                    int r = high == 2 ? down : rows - down;
                    int q = wide == 2 ? across : columns - across;
                    if (r > 0 && q > 0)
                        back.add(
                                new Back(
                                        r,
                                        q,
                                        high,
                                        wide,
                                        high == 2 ? 0 : down,
                                        wide == 2 ? 0 : across));
                }
            }
        }

        private int tiles() {
            return images * rows * columns;
        }

        private long apart(long channels) {
            return Winograd.apart(tiles(), channels);
        }

        void run(int image, int y, int x) {
            try (var scratch = Scratch.take(room.bytes())) {
                for (int i = 0; i < images; i++)
                    patch.copy(
                            c.image().address(addresses),
                            image + i,
                            y - c.top(),
                            x - c.left(),
                            scratch,
                            pixels + FLOAT * i * patch.elements());
                long at = scratch.address();
                Transforms.pixels(transform, patch, at + pixels);
                Transforms.planes(transform, 16, at + input, apart(channels));
                transform.run();
                product.run(at + input, weights, at + products, at + pad);
                mend(at);
                for (var b : back) b.run(at + products, image, y, x);
            }
        }

        /// Computes tiles anew of which something is not finite.
        private void mend(long at) {
            long apart = apart(outputs);
            if (PlainTiles.areFinite(at + products, tiles(), outputs, apart)) return;
            for (int tile = 0; tile < tiles(); tile++) {
                long place = at + products + FLOAT * tile * outputs;
                if (PlainTiles.areFinite(place, 1, outputs, apart)) continue;
                int column = tile % columns;
                int row = tile / columns % rows;
                long pixel =
                        tile / columns / rows * patch.elements()
                                + 2 * row * patch.rowElements()
                                + 2 * column * channels;
                long from = at + pixels + FLOAT * pixel;
                plain.replace(weights, from, patch.rowElements(), place, apart);
            }
        }

        /// The way back for tiles of which the result has as many rows and columns.
        private final class Back {
            private final BlockLoop loop;
            private final int high;
            private final int wide;
            private final int row;
            private final int column;

            Back(int rows, int columns, int high, int wide, int row, int column) {
                this.high = high;
                this.wide = wide;
                this.row = row;
                this.column = column;
                this.loop =
                        Transforms.output(
                                images,
                                rows,
                                columns,
                                high,
                                wide,
                                outputs,
                                new long[] {
                                    Part.this.rows * Part.this.columns * outputs,
                                    Part.this.columns * outputs
                                },
                                new long[] {
                                    (long) t.height() * t.width() * outputs, t.width() * outputs
                                },
                                epilogue);
            }

            void run(long products, int image, int y, int x) {
                long first = products + FLOAT * outputs * (row * Part.this.columns + column);
                Transforms.planesByColumn(loop, first, apart(outputs));
                int view = 16;
                if (epilogue.bias().isPresent())
                    loop.at(view++, c.epilogue().bias().orElseThrow().address(addresses));
                for (int i = 0; i < high; i++) {
                    for (int j = 0; j < wide; j++) {
                        long pixel =
                                ((long) image * t.height() + y + 2 * row + i) * t.width()
                                        + x
                                        + 2 * column
                                        + j;
                        long place = FLOAT * outputs * pixel;
                        if (epilogue.addend())
                            loop.at(
                                    view++,
                                    c.epilogue().addend().orElseThrow().address(addresses) + place);
                        loop.at(view++, c.out().address(addresses) + place);
                    }
                }
                loop.run();
            }
        }
    }
}
