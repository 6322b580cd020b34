package dev.nacre.cpu.kernels;

import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.memory.Memory;
import java.util.Arrays;

/// `hₜ = aₜ·hₜ₋₁ + bₜ` along each line. Floating types carry a double from step to step; integers wrap around.
///
/// @param lines operands: a, b, out
/// @param starts bytes from each view's first element to each line's first
/// @param steps from one element of a line to the next
record Recurrence(View a, View b, View out, Nest lines, long length, long[] starts, long[] steps)
        implements Step {
    /// Elements that are worth a part of their own.
    private static final long WORTH = 8192;

    /// Elements read at a time.
    private static final int CHUNK = 512;

    static Recurrence of(View a, View b, View out, int axis, boolean reverse) {
        long length = out.sizes()[axis];
        var starts = new long[3];
        var steps = new long[3];
        for (int i = 0; i < 3; i++) {
            var v = i == 0 ? a : i == 1 ? b : out;
            long step = Views.step(v, axis);
            starts[i] = reverse ? (length - 1) * step : 0;
            steps[i] = reverse ? -step : step;
        }
        return new Recurrence(a, b, out, Orders.lines(axis, a, b, out), length, starts, steps);
    }

    @Override
    public void run(long[] addresses) {
        long count = lines.count();
        if (count * length == 0) return;
        boolean together = Math.abs(lines.step(1)) < Math.abs(steps[1]);
        long chunk = Math.max(together ? Math.min(CHUNK, lines.inner()) : 1, WORTH / length);
        Team.get()
                .run(
                        Math.toIntExact(Math.ceilDiv(count, chunk)),
                        part -> {
                            var as = new double[CHUNK];
                            var bs = new double[CHUNK];
                            var h = new double[CHUNK];
                            long end = Math.min(count, (part + 1) * chunk);
                            for (long line = part * chunk, run; line < end; line += run) {
                                run =
                                        together && out.dtype().isFloating()
                                                ? lines.run(line, Math.min(CHUNK, end - line))
                                                : 1;
                                long atA = a.address(addresses) + starts[0] + lines.offset(0, line);
                                long atB = b.address(addresses) + starts[1] + lines.offset(1, line);
                                long to =
                                        out.address(addresses) + starts[2] + lines.offset(2, line);
                                if (!out.dtype().isFloating()) whole(atA, atB, to);
                                else if (together) across(atA, atB, to, (int) run, as, bs, h);
                                else along(atA, atB, to, as, bs);
                            }
                        });
    }

    private void whole(long atA, long atB, long to) {
        var type = out.dtype();
        long h = 0;
        for (long t = 0; t < length; t++) {
            h =
                    type.wrap(
                            Memory.whole(type, atA + t * steps[0]) * h
                                    + Memory.whole(type, atB + t * steps[1]));
            Memory.whole(type, to + t * steps[2], h);
        }
    }

    /// One line.
    private void along(long atA, long atB, long to, double[] as, double[] bs) {
        double h = 0;
        for (long done = 0; done < length; done += CHUNK) {
            int n = (int) Math.min(CHUNK, length - done);
            Memory.reals(a.dtype(), atA + done * steps[0], steps[0], as, 0, n);
            Memory.reals(b.dtype(), atB + done * steps[1], steps[1], bs, 0, n);
            for (int i = 0; i < n; i++) {
                h = as[i] * h + bs[i];
                bs[i] = h;
            }
            Memory.reals(bs, 0, n, out.dtype(), to + done * steps[2], steps[2]);
        }
    }

    /// `n` lines side by side.
    private void across(long atA, long atB, long to, int n, double[] as, double[] bs, double[] h) {
        Arrays.fill(h, 0, n, 0);
        for (long t = 0; t < length; t++) {
            Memory.reals(a.dtype(), atA + t * steps[0], lines.step(0), as, 0, n);
            Memory.reals(b.dtype(), atB + t * steps[1], lines.step(1), bs, 0, n);
            for (int i = 0; i < n; i++) h[i] = as[i] * h[i] + bs[i];
            Memory.reals(h, 0, n, out.dtype(), to + t * steps[2], lines.step(2));
        }
    }
}
