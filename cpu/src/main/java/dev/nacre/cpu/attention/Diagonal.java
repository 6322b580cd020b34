package dev.nacre.cpu.attention;

import dev.nacre.compile.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Which scores of a block on the diagonal count, as numbers to load: 1 before the diagonal, 0 from there on. All blocks share one row of ones and zeros, of which each row of a block sees another
/// part. That costs a load, where counting rows and columns would take as long as the exponential function.
final class Diagonal {
    /// From row to row and from column to column.
    static final long[] STEPS = {-1, 1};

    private final MemorySegment memory;
    private final int zero; // before it there are ones

    /// For blocks of up to so many queries and keys, or the other way round.
    Diagonal(int rows, int columns) {
        zero = rows + columns;
        memory = Memory.allocate(2L * Float.BYTES * zero, "attention");
        for (int i = 0; i < 2 * zero; i++)
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, i < zero ? 1 : 0);
    }

    /// Where a block's numbers begin whose first row has `ones` of them before the diagonal; below zero if it comes so many too early.
    long at(int ones) {
        return Memory.address(memory) + Float.BYTES * (long) (zero - ones);
    }
}
