package dev.nacre.cpu.kernels;

import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;

/// The elements that a convolution sees, as a matrix that is never stored: one index is the image and the position, the
/// other the channel and the tap (the element of the window). Outside of the image there are zeros.
///
/// Along each spatial axis, position `j` and tap `t` meet coordinate `j · advance + tap`.
///
/// @param base bytes from the buffer's beginning
/// @param grid positions along each axis
/// @param extent coordinates along each axis
/// @param steps bytes between neighbours along each axis
/// @param taps offset of each tap along each axis
/// @param across whether positions lie side by side in a panel, or else taps
record Patches(
        int buffer,
        DType dtype,
        long base,
        long perGroup,
        long perImage,
        long perChannel,
        long[] grid,
        long[] extent,
        long[] steps,
        long[] advance,
        long[][] taps,
        boolean across,
        Accumulator type,
        int width)
        implements Panels {

    @Override
    public void pack(long[] addresses, long group, long x, int xs, long k, int ks, long to) {
        long from = addresses[buffer] + base + group * perGroup;
        int bytes = type.bytes();
        for (int done = 0; done < xs; done += width) {
            int n = Math.min(width, xs - done);
            long panel = to + (long) done * ks * bytes;
            if (n < width) Memory.clear(panel, (long) ks * width * bytes);
            if (across) rows(from, x + done, n, k, ks, panel, bytes, (long) width * bytes);
            else rows(from, k, ks, x + done, n, panel, (long) width * bytes, bytes);
        }
    }

    /// Positions `q` to `q + n`, cut where a new row of the image begins.
    private void rows(
            long from, long q, int n, long tap, int taps, long to, long perPosition, long perTap) {
        int axes = grid.length;
        long inner = grid[axes - 1];
        var start = new long[axes];
        for (int done = 0; done < n; ) {
            long rest = (q + done) / inner;
            long j = q + done - rest * inner;
            int run = (int) Math.min(n - done, inner - j);
            start[axes - 1] = j * advance[axes - 1];
            for (int axis = axes - 2; axis >= 0; axis--) {
                long next = rest / grid[axis];
                start[axis] = (rest - next * grid[axis]) * advance[axis];
                rest = next;
            }
            row(
                    from + rest * perImage,
                    start,
                    run,
                    tap,
                    taps,
                    to + done * perPosition,
                    perPosition,
                    perTap);
            done += run;
        }
    }

    /// Neighbouring positions in one row of the image, for several taps.
    private void row(
            long from,
            long[] start,
            int n,
            long first,
            int count,
            long to,
            long perPosition,
            long perTap) {
        int last = grid.length - 1;
        long step = advance[last] * steps[last];
        for (int i = 0; i < count; i++, to += perTap) {
            long channel = (first + i) / taps.length;
            var tap = taps[(int) (first + i - channel * taps.length)];
            long source = from + channel * perChannel;
            boolean inside = true;
            for (int axis = 0; axis < last; axis++) {
                long at = start[axis] + tap[axis];
                inside &= at >= 0 && at < extent[axis];
                source += at * steps[axis];
            }
            long at = start[last] + tap[last];
            int low = at >= 0 ? 0 : (int) Math.min(n, Math.ceilDiv(-at, advance[last]));
            long room = extent[last] - at;
            int high =
                    !inside || room <= 0
                            ? low
                            : (int) Math.max(low, Math.min(n, Math.ceilDiv(room, advance[last])));
            zeros(to, perPosition, 0, low);
            if (high > low) {
                long begin = source + at * steps[last] + low * step;
                long target = to + low * perPosition;
                if (type == Accumulator.F32 && dtype == DType.F32 && step == 4 && perPosition == 4)
                    FloatRows.copy(begin, target, high - low);
                else type.read(dtype, begin, step, target, perPosition, high - low);
            }
            zeros(to, perPosition, high, n);
        }
    }

    private void zeros(long to, long step, int from, int end) {
        if (type.bytes() == 4) for (int i = from; i < end; i++) Memory.i32(to + i * step, 0);
        else for (int i = from; i < end; i++) Memory.i64(to + i * step, 0);
    }
}
