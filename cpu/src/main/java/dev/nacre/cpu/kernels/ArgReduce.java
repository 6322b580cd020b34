package dev.nacre.cpu.kernels;

import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;
import java.util.Arrays;

/// Where each line's largest or smallest element is: the first of equals, or the first NaN. Out: i64.
///
/// @param lines operands: x, out
record ArgReduce(View x, View out, boolean largest, Nest lines, long length, long step)
        implements Step {
    /// Elements that are worth a part of their own.
    private static final long WORTH = 16_384;

    /// Keys read at a time.
    private static final int CHUNK = 512;

    static ArgReduce of(View x, View out, int axis, boolean largest) {
        var sizes = x.sizes().clone();
        sizes[axis] = 1;
        var strides = insert(out.strides(), axis);
        var result = new View(out.buffer(), out.dtype(), out.offset(), sizes, strides);
        var lines = Orders.lines(axis, x, result);
        return new ArgReduce(x, out, largest, lines, x.sizes()[axis], Views.step(x, axis));
    }

    /// The result has no such axis; a step of 0 stands for it.
    private static long[] insert(long[] strides, int axis) {
        var all = new long[strides.length + 1];
        System.arraycopy(strides, 0, all, 0, axis);
        System.arraycopy(strides, axis, all, axis + 1, strides.length - axis);
        return all;
    }

    @Override
    public void run(long[] addresses) {
        long count = lines.count();
        if (count * length == 0) return;
        boolean together = Math.abs(lines.step(0)) < Math.abs(step);
        long chunk = Math.max(together ? Math.min(CHUNK, lines.inner()) : 1, WORTH / length);
        Team.get()
                .run(
                        Math.toIntExact(Math.ceilDiv(count, chunk)),
                        part -> {
                            var keys = new long[CHUNK];
                            var best = new long[CHUNK];
                            var where = new long[CHUNK];
                            long end = Math.min(count, (part + 1) * chunk);
                            for (long line = part * chunk, run; line < end; line += run) {
                                run = together ? lines.run(line, Math.min(CHUNK, end - line)) : 1;
                                long from = x.address(addresses) + lines.offset(0, line);
                                if (together) across(from, (int) run, keys, best, where);
                                else where[0] = along(from, keys);
                                long to = out.address(addresses) + lines.offset(1, line);
                                Memory.wholes(where, (int) run, DType.I64, to, lines.step(1));
                            }
                        });
    }

    /// One line.
    private long along(long from, long[] keys) {
        long best = Long.MIN_VALUE;
        long where = 0;
        for (long done = 0; done < length; done += CHUNK) {
            int n = (int) Math.min(CHUNK, length - done);
            Keys.read(x.dtype(), from + done * step, step, n, !largest, true, keys);
            for (int i = 0; i < n; i++) {
                if (keys[i] > best) {
                    best = keys[i];
                    where = done + i;
                }
            }
        }
        return where;
    }

    /// `n` lines side by side.
    private void across(long from, int n, long[] keys, long[] best, long[] where) {
        Keys.read(x.dtype(), from, lines.step(0), n, !largest, true, best);
        Arrays.fill(where, 0, n, 0);
        for (long t = 1; t < length; t++) {
            Keys.read(x.dtype(), from + t * step, lines.step(0), n, !largest, true, keys);
            for (int i = 0; i < n; i++) {
                where[i] = keys[i] > best[i] ? t : where[i];
                best[i] = Math.max(keys[i], best[i]);
            }
        }
    }
}
