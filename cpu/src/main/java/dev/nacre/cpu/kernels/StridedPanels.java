package dev.nacre.cpu.kernels;

import dev.nacre.type.DType;

/// An operand whose element (batch, x, k) lies at the sum of three offsets.
///
/// @param base bytes from the buffer's beginning
record StridedPanels(int buffer, DType dtype, long base, Nest batch, Nest x, Nest k, Accumulator type, int width)
        implements Panels {
    /// Neighbours that are worth a loop of their own.
    private static final int LONG = 16;

    @Override
    public void pack(long[] addresses, long batch, long x, int xs, long k, int ks, long to) {
        long from = addresses[buffer] + base + this.batch.offset(0, batch);
        for (int done = 0; done < xs; done += width) {
            int n = Math.min(width, xs - done);
            long panel = to + (long) done * ks * type.bytes();
            if (n < width) Memory.clear(panel, (long) ks * width * type.bytes());
            panel(from, x + done, n, k, ks, panel);
        }
    }

    private void panel(long from, long x0, int xs, long k0, int ks, long to) {
        for (int i = 0, xRun; i < xs; i += xRun) {
            xRun = (int) x.run(x0 + i, xs - i);
            long column = from + x.offset(0, x0 + i);
            for (int j = 0, kRun; j < ks; j += kRun) {
                kRun = (int) k.run(k0 + j, ks - j);
                block(column + k.offset(0, k0 + j), xRun, kRun, to + ((long) j * width + i) * type.bytes());
            }
        }
    }

    /// Elements whose neighbours are equally far apart along x, and along k.
    private void block(long from, int xs, int ks, long to) {
        int bytes = type.bytes();
        long xStep = x.step(0);
        long kStep = k.step(0);
        boolean across = Math.abs(xStep) <= Math.abs(kStep) && xs >= LONG || ks < xs;
        if (xs == width && xs >= LONG && xStep == dtype.bytes() && type == Accumulator.F32 && VectorPacking.takes(dtype))
            VectorPacking.rows(dtype, from, kStep, to, xs, ks);
        else if (across)
            for (long j = 0; j < ks; j++) type.read(dtype, from + j * kStep, xStep, to + j * width * bytes, bytes, xs);
        else
            for (long i = 0; i < xs; i++)
                type.read(dtype, from + i * xStep, kStep, to + i * bytes, (long) width * bytes, ks);
    }
}
