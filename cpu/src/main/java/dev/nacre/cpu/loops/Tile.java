package dev.nacre.cpu.loops;

/// The code of one program: runs a tile, some neighbouring rows of the iteration space. Stateless.
interface Tile {
    /// Number of rows.
    int ROWS = 0;

    /// Number of points in a row.
    int LENGTH = 1;

    /// Address of the calling thread's scratch memory.
    int SCRATCH = 2;

    /// Bytes from one plane of scratch memory to the next.
    int PLANE = 3;

    /// The first view's entry. Views follow one another.
    int VIEWS = 4;

    /// Of a view: the address of the tile's first element. Of a ramp: its first value.
    int ADDRESS = 0;

    /// Of a view: bytes from row to row. Of a ramp: the difference.
    int ROW_STEP = 1;

    /// As [#ROW_STEP], from point to point. Not looked at where the points are neighbours.
    int STEP = 2;

    /// Entries per view.
    int VIEW = 3;

    /// @param frame address of the entries above, 8 bytes each
    void run(long frame);
}
