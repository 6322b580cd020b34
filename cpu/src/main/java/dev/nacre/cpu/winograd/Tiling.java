package dev.nacre.cpu.winograd;

/// How an image's result is divided into tiles of 2×2, and those into parts that one thread computes at a time. It does not depend on the number of threads.
///
/// @param height of the result
/// @param width of the result
/// @param rows of tiles in a part; the last part of an image may have fewer
/// @param columns of tiles in a part
record Tiling(int images, int height, int width, int rows, int columns) {
    /// What a part has in memory at a time should stay in the second cache.
    private static final long BYTES = 1 << 20;

    /// Fewer tiles in a part make too little of the weights that are read for them.
    static final int LEAST = 24;

    /// How many tiles' time a part costs besides its tiles.
    private static final double EXTRA = 8;

    /// The division that keeps two threads busy to the end.
    static Tiling of(int images, int height, int width, long channels, long outputs) {
        int down = Math.ceilDiv(height, 2);
        int across = Math.ceilDiv(width, 2);
        long most = Math.max(2 * LEAST, BYTES / (64 * (channels + outputs)));
        var best = new Tiling(images, height, width, down, across);
        double least = Double.MAX_VALUE;
        for (int r = 1; r <= down; r++) {
            for (int c = 1; c <= across; c++) {
                int rows = Math.ceilDiv(down, r);
                int columns = Math.ceilDiv(across, c);
                long tiles = (long) rows * columns;
                if (tiles > most && tiles > 1) continue;
                long parts =
                        (long) images * Math.ceilDiv(down, rows) * Math.ceilDiv(across, columns);
                double cost = Math.ceilDiv(parts, 2) * (tiles + EXTRA);
                if (cost >= least) continue;
                least = cost;
                best = new Tiling(images, height, width, rows, columns);
            }
        }
        return best;
    }

    int down() {
        return Math.ceilDiv(height, 2);
    }

    int across() {
        return Math.ceilDiv(width, 2);
    }

    /// Tiles of a full part.
    int tiles() {
        return rows * columns;
    }

    int partsDown() {
        return Math.ceilDiv(down(), rows);
    }

    int partsAcross() {
        return Math.ceilDiv(across(), columns);
    }

    int parts() {
        return images * partsDown() * partsAcross();
    }

    /// Multiplications for each that the plain sum takes.
    double multiplications() {
        return 16.0 * down() * across() / (9.0 * height * width);
    }
}
