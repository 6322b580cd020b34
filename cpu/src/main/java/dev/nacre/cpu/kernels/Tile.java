package dev.nacre.cpu.kernels;

/// The innermost piece of a product: a tile of the result that stays in registers while `k` runs.
interface Tile {
    int rows();

    int columns();

    /// `c += a · b`.
    ///
    /// @param depth extent of `k`
    /// @param a a panel of [#rows()] rows
    /// @param b a panel of [#columns()] columns
    /// @param c the tile's first element; its rows are `cStep` bytes apart
    void multiply(int depth, long a, long b, long c, long cStep);

    static Tile of(Accumulator type, boolean vectors) {
        return switch (type) {
            case F32 -> new FloatTile();
            case F64 -> vectors ? new DoubleTile() : new ScalarTile();
            case I64 -> new LongTile();
        };
    }
}
