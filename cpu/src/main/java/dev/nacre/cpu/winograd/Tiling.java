package dev.nacre.cpu.winograd;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/// How a result is divided into tiles of 2×2, and those into parts that one thread computes at a time: of an image or, where images are small, of several. It does not depend on the number of
/// threads.
///
/// @param images of the result
/// @param height of the result
/// @param width of the result
/// @param together images in a part, whole ones if there are several; the last part may have fewer
/// @param rows of tiles in a part; the last part of an image may have fewer
/// @param columns of tiles in a part
record Tiling(int images, int height, int width, int together, int rows, int columns) {
    /// What a part has in memory at a time should stay in the second cache.
    private static final long BYTES = 1 << 20;

    /// Fewer tiles in a part make too little of the weights that are read for them.
    static final int LEAST = 24;

    /// How many tiles' time a part costs besides its tiles.
    private static final double EXTRA = 8;

    /// The division that keeps two threads busy to the end.
    static Tiling of(Correlation c) {
        var whole = new Tiling(c.images(), c.height(), c.width(), 1, 0, 0);
        whole = whole.with(1, whole.down(), whole.across());
        long most = Math.max(2 * LEAST, BYTES / (64 * (c.channels() + c.outputs())));
        List<Tiling> all = new ArrayList<>();
        for (int r = 1; r <= whole.down(); r++)
            for (int q = 1; q <= whole.across(); q++)
                all.add(
                        whole.with(
                                1, Math.ceilDiv(whole.down(), r), Math.ceilDiv(whole.across(), q)));
        for (int together = 2; together <= c.images(); together++)
            all.add(whole.with(together, whole.rows, whole.columns));
        return Collections.min(all, Comparator.comparingDouble(t -> t.cost(most)));
    }

    private Tiling with(int together, int rows, int columns) {
        return new Tiling(images, height, width, together, rows, columns);
    }

    private double cost(long most) {
        return tiles() > most && tiles() > 1
                ? Double.MAX_VALUE
                : Math.ceilDiv(parts(), 2) * (tiles() + EXTRA);
    }

    int down() {
        return Math.ceilDiv(height, 2);
    }

    int across() {
        return Math.ceilDiv(width, 2);
    }

    /// Tiles of a full part.
    int tiles() {
        return together * rows * columns;
    }

    /// Tiles of the whole result.
    long allTiles() {
        return (long) images * down() * across();
    }

    int partsDown() {
        return Math.ceilDiv(down(), rows);
    }

    int partsAcross() {
        return Math.ceilDiv(across(), columns);
    }

    int parts() {
        return Math.ceilDiv(images, together) * partsDown() * partsAcross();
    }

    /// Multiplications for each that the plain sum takes.
    double multiplications() {
        return 16.0 * down() * across() / (9.0 * height * width);
    }
}
