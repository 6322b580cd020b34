package dev.nacre.cpu.kernels;

import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;

/// An operand whose element (batch, x, k) lies at the sum of three offsets.
///
/// @param base bytes from the buffer's beginning
record StridedPanels(
        int buffer, DType dtype, long base, Nest batch, Nest x, Nest k, Accumulator type, int width)
        implements Panels {
    /// Neighbours that are worth a loop of their own.
    private static final int LONG = 16;

    /// Rows read side by side: few enough that their cache lines do not displace each other when they are far apart.
    private static final int TOGETHER = 8;

    @Override
    public void pack(long[] addresses, long batch, long x, int xs, long k, int ks, long to) {
        long from = addresses[buffer] + base + this.batch.offset(0, batch);
        long panelBytes = (long) ks * width * type.bytes();
        int part = xs % width;
        if (part > 0) Memory.clear(to + xs / width * panelBytes, panelBytes);
        if (this.x.step(0) == dtype.bytes()
                && this.x.run(x, xs) == xs
                && Math.abs(this.k.step(0)) > dtype.bytes()) {
            rows(from + this.x.offset(0, x), xs, k, ks, to, panelBytes);
            return;
        }
        for (int done = 0; done < xs; done += width)
            panel(
                    from,
                    x + done,
                    Math.min(width, xs - done),
                    k,
                    ks,
                    to + done / width * panelBytes);
    }

    /// Reads neighbours in x, a few rows of all panels at a time.
    private void rows(long from, int xs, long k0, int ks, long to, long panelBytes) {
        int bytes = type.bytes();
        for (int j = 0, run; j < ks; j += run) {
            run = (int) k.run(k0 + j, Math.min(TOGETHER, ks - j));
            long row = from + k.offset(0, k0 + j);
            long target = to + (long) j * width * bytes;
            for (int i = 0; i < xs; i += width, row += width * dtype.bytes(), target += panelBytes)
                type.rows(
                        dtype,
                        row,
                        k.step(0),
                        Math.min(width, xs - i),
                        run,
                        target,
                        (long) width * bytes);
        }
    }

    /// Reads one panel of any layout.
    private void panel(long from, long x0, int xs, long k0, int ks, long to) {
        for (int i = 0, xRun; i < xs; i += xRun) {
            xRun = (int) x.run(x0 + i, xs - i);
            long column = from + x.offset(0, x0 + i);
            for (int j = 0, kRun; j < ks; j += kRun) {
                kRun = (int) k.run(k0 + j, ks - j);
                block(
                        column + k.offset(0, k0 + j),
                        xRun,
                        kRun,
                        to + ((long) j * width + i) * type.bytes());
            }
        }
    }

    /// Elements whose neighbours are equally far apart along x, and along k.
    private void block(long from, int xs, int ks, long to) {
        int bytes = type.bytes();
        long xStep = x.step(0);
        long kStep = k.step(0);
        if (Math.abs(xStep) <= Math.abs(kStep) && xs >= LONG || ks < xs)
            for (long j = 0; j < ks; j++)
                type.read(dtype, from + j * kStep, xStep, to + j * width * bytes, bytes, xs);
        else
            for (long i = 0; i < xs; i++)
                type.read(dtype, from + i * xStep, kStep, to + i * bytes, (long) width * bytes, ks);
    }
}
