package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel.Indexed;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.memory.Memory;

/// `out[…, i, …] = source[…, index[…, i, …], …]`.
record Gather(Indices indices) implements Step {
    /// Elements that are worth a part of their own.
    private static final long WORTH = 16_384;

    static Gather of(Indexed kernel) {
        return new Gather(Indices.of(kernel));
    }

    @Override
    public void run(long[] addresses) {
        long count = indices.points().count();
        long row = indices.rows().count();
        if (count * row == 0) return;
        long chunk = Math.ceilDiv(WORTH, row);
        Team.get()
                .run(
                        Math.toIntExact(Math.ceilDiv(count, chunk)),
                        part -> {
                            long end = Math.min(count, (part + 1) * chunk);
                            for (long i = part * chunk, run; i < end; i += run) {
                                run = indices.points().run(i, end - i);
                                if (row == 1) elements(addresses, i, run);
                                else rows(addresses, i, run);
                            }
                        });
    }

    private void elements(long[] addresses, long i, long n) {
        var points = indices.points();
        long from = indices.indexed().address(addresses) + points.offset(0, i);
        long index = indices.index().address(addresses) + points.offset(1, i);
        long to = indices.other().address(addresses) + points.offset(2, i);
        long step = points.step(0);
        long indexStep = points.step(1);
        long toStep = points.step(2);
        long axisStep = indices.axisStep();
        long limit = indices.limit();
        boolean wide = indices.isWide();
        int width = indices.other().dtype().bytes();
        for (long j = 0; j < n; j++, from += step, index += indexStep, to += toStep) {
            long at = wide ? Memory.i64(index) : Memory.i32(index);
            if (at < 0 || at >= limit) throw indices.outOfRange(addresses);
            long source = from + at * axisStep;
            switch (width) {
                case 4 -> Memory.i32(to, Memory.i32(source));
                case 8 -> Memory.i64(to, Memory.i64(source));
                case 2 -> Memory.i16(to, Memory.i16(source));
                default -> Memory.i8(to, Memory.i8(source));
            }
        }
    }

    private void rows(long[] addresses, long i, long n) {
        var points = indices.points();
        var rows = indices.rows();
        long from = indices.indexed().address(addresses) + points.offset(0, i);
        long index = indices.index().address(addresses) + points.offset(1, i);
        long to = indices.other().address(addresses) + points.offset(2, i);
        long count = rows.count();
        int width = indices.other().dtype().bytes();
        for (long j = 0; j < n; j++) {
            long at = Memory.whole(indices.index().dtype(), index + j * points.step(1));
            if (at < 0 || at >= indices.limit()) throw indices.outOfRange(addresses);
            long source = from + j * points.step(0) + at * indices.axisStep();
            long target = to + j * points.step(2);
            for (long k = 0, run; k < count; k += run) {
                run = rows.run(k, count - k);
                long row = source + rows.offset(0, k);
                Memory.copy(
                        width, row, rows.step(0), target + rows.offset(1, k), rows.step(1), run);
            }
        }
    }
}
