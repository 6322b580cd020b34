package dev.nacre.cpu.loops;

import dev.nacre.compile.Memory;
import dev.nacre.ir.PerThread;
import java.lang.foreign.MemorySegment;

/// What a thread needs to run tiles. It grows to what was ever asked of this thread and is kept.
final class Scratch {
    private static final PerThread<Scratch> OF_THREAD = new PerThread<>(Scratch::new);

    private MemorySegment memory = MemorySegment.NULL;
    private MemorySegment frame = MemorySegment.NULL;
    private final MemorySegment sums = Memory.cleared(8L * (Tile.VIEWS + 2 * Tile.VIEW));

    /// First address of each view for the present row block.
    long[] bases = {};

    /// First index and number of indices of the part on each axis, and where the walk is.
    long[] first = {};

    long[] count = {};
    long[] at = {};

    static Scratch ofThread() {
        return OF_THREAD.get();
    }

    /// Makes room for so many views and axes.
    void reserve(int views, int axes) {
        if (bases.length < views) { // some are not the code's, but few
            bases = new long[views];
            frame = Memory.cleared(8L * (Tile.VIEWS + Tile.VIEW * views));
        }
        if (at.length < axes) {
            first = new long[axes];
            count = new long[axes];
            at = new long[axes];
        }
    }

    /// The address of a tile's frame.
    long frame() {
        return Memory.address(frame);
    }

    /// The address of the frame of a tile that combines blocks of a sum.
    long sums() {
        return Memory.address(sums);
    }

    /// The address of at least so many bytes, aligned to a cache line.
    long memory(long bytes) {
        if (memory.byteSize() < bytes) memory = Memory.cleared(bytes);
        return Memory.address(memory);
    }
}
