package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel.Indexed;
import dev.nacre.compile.View;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;
import dev.nacre.type.ValueException;

/// What gather and scatter-add share. Their axes fall in two: along the *points* the index varies; along the *rows* it
/// does not (an embedding's features), so that whole rows are moved.
///
/// @param indexed the view that the index points into
/// @param other the view that has the index's sizes
/// @param points operands: indexed (which stands still along the axis), index, other
/// @param rows operands: indexed, other
record Indices(
        String name, int axis, View indexed, View index, View other, Nest points, Nest rows) {

    static Indices of(Indexed kernel) {
        var scatters = kernel.base().isPresent();
        return of(
                kernel.name(),
                kernel.axis(),
                scatters ? kernel.out() : kernel.source(),
                kernel.index(),
                scatters ? kernel.source() : kernel.out());
    }

    static Indices of(String name, int axis, View indexed, View index, View other) {
        int rank = index.rank();
        var pointSizes = new long[rank];
        var rowSizes = new long[rank];
        var steps = new long[3][rank];
        for (int i = 0; i < rank; i++) {
            boolean varies = i == axis || index.strides()[i] != 0;
            pointSizes[i] = varies ? index.sizes()[i] : 1;
            rowSizes[i] = varies ? 1 : index.sizes()[i];
            steps[0][i] = i == axis ? 0 : Views.step(indexed, i);
            steps[1][i] = Views.step(index, i);
            steps[2][i] = Views.step(other, i);
        }
        var points = Nest.of(pointSizes, steps);
        return new Indices(
                name, axis, indexed, index, other, points, Nest.of(rowSizes, steps[0], steps[2]));
    }

    long limit() {
        return indexed.sizes()[axis];
    }

    /// Bytes from one index to the next.
    long axisStep() {
        return Views.step(indexed, axis);
    }

    /// Whether the index is i64, not i32.
    boolean isWide() {
        return index.dtype() == DType.I64;
    }

    /// The first index out of range, whichever a thread met first.
    ValueException outOfRange(long[] addresses) {
        var all = Nest.of(index.sizes(), Views.steps(index));
        long base = index.address(addresses);
        for (long i = 0, n = all.count(); i < n; i++) {
            long value = Memory.whole(index.dtype(), base + all.offset(0, i));
            if (value < 0 || value >= limit()) return outOfRange(value);
        }
        throw new IllegalStateException("every index is in range now");
    }

    private ValueException outOfRange(long value) {
        return new ValueException(
                name
                        + ": index "
                        + value
                        + " is out of range for axis "
                        + axis
                        + " of size "
                        + limit());
    }

    /// Throws unless every index is in range.
    void check(long[] addresses) {
        long base = index.address(addresses);
        for (long i = 0, n = points.count(), run; i < n; i += run) {
            run = points.run(i, n - i);
            long at = base + points.offset(1, i);
            long step = points.step(1);
            boolean wide = isWide();
            long limit = limit();
            for (long j = 0; j < run; j++, at += step) {
                long value = wide ? Memory.i64(at) : Memory.i32(at);
                if (value < 0 || value >= limit) throw outOfRange(addresses);
            }
        }
    }
}
