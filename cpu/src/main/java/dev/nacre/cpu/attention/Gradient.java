package dev.nacre.cpu.attention;

import dev.nacre.cpu.kernels.Room;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;
import java.util.Arrays;

/// A gradient of one matrix after the other, summed up in rows of f32: in place, if that is such rows, else in memory of the part's own, to be brought there in the end.
final class Gradient {
    private final int columns;
    private final long step;
    private final long room; // below zero if in place
    private final BlockLoop[] stores; // by the number of rows
    private long destination;
    private long origin; // of the sums

    private Gradient(int columns, long step, long room, BlockLoop[] stores) {
        this.columns = columns;
        this.step = step;
        this.room = room;
        this.stores = stores;
    }

    /// In place.
    ///
    /// @param step elements from row to row
    static Gradient inPlace(int columns, long step) {
        return new Gradient(columns, step, -1, new BlockLoop[0]);
    }

    /// Of matrices that are summed up so many rows at once.
    static Gradient of(Matrices to, Room room, int... rows) {
        if (to.view().dtype() == DType.F32 && to.isRows())
            return inPlace(to.columns(), to.rowStep());
        int most = Arrays.stream(rows).max().orElseThrow();
        var stores = new BlockLoop[most + 1];
        for (int r : rows) {
            var b = new BlockLoop.Builder(r, to.columns());
            b.store(b.load(DType.F32, to.columns(), 1), to.view().dtype(), to.steps());
            stores[r] = b.build();
        }
        return new Gradient(
                to.columns(), to.columns(), room.take(4L * most * to.columns()), stores);
    }

    /// Elements from row to row.
    long step() {
        return step;
    }

    /// Begins a sum. What is in its place then is not counted.
    void begin(long scratch, long destination) {
        this.destination = destination;
        this.origin = room < 0 ? destination : scratch + room;
    }

    /// Where a row is summed up.
    long at(int row) {
        return origin + 4 * step * row;
    }

    /// Makes some rows zero.
    void clear(int from, int to) {
        for (int row = from; row < to; row++) Memory.clear(at(row), 4L * columns);
    }

    /// Brings so many rows to their place.
    void finish(int rows) {
        if (room >= 0) stores[rows].at(0, origin).at(1, destination).run();
    }
}
