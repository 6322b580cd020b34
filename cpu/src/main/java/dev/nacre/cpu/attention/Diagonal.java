package dev.nacre.cpu.attention;

import dev.nacre.compile.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Which scores of a block on the diagonal count, as numbers to load: 1 up to the diagonal, 0 beyond it. All blocks share one row of ones and zeros, of which each query sees another part. That costs
/// a load, where counting rows and columns would take as long as the exponential function.
final class Diagonal {
    /// From query to query and from key to key.
    static final long[] STEPS = {-1, 1};

    private final MemorySegment memory;
    private final int zero; // before it there are ones

    /// For blocks of up to so many queries and keys.
    Diagonal(int rows, int columns) {
        zero = rows + columns;
        memory = Memory.allocate(2L * Float.BYTES * zero, "attention");
        for (int i = 0; i < 2 * zero; i++)
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, i < zero ? 1 : 0);
    }

    /// Where a block's numbers begin whose first query sees `seen` of the block's keys; below zero if the first key is so many too late.
    long at(int seen) {
        return memory.address() + Float.BYTES * (long) (zero - seen);
    }
}
