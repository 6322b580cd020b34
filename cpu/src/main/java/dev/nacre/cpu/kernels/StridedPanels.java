package dev.nacre.cpu.kernels;

import dev.nacre.type.DType;

/// An operand whose element (batch, x, k) lies at the sum of three offsets.
///
/// @param base bytes from the buffer's beginning
record StridedPanels(int buffer, DType dtype, long base, Nest batch, Nest x, Nest k, Accumulator type, int width)
        implements Panels {
    @Override
    public void pack(long[] addresses, long batch, long x, int xs, long k, int ks, long to) {
        long from = addresses[buffer] + base + this.batch.offset(0, batch);
        for (int done = 0; done < xs; done += width) {
            int n = Math.min(width, xs - done);
            long panel = to + (long) done * ks * type.bytes();
            if (n < width) Memory.clear(panel, (long) ks * width * type.bytes());
            if (Math.abs(this.x.step(0)) <= Math.abs(this.k.step(0))) across(from, x + done, n, k, ks, panel);
            else along(from, x + done, n, k, ks, panel);
        }
    }

    /// Reads neighbours in x.
    private void across(long from, long x0, int n, long k0, int ks, long to) {
        int bytes = type.bytes();
        for (int done = 0; done < n; ) {
            int run = (int) x.run(x0 + done, n - done);
            long column = from + x.offset(0, x0 + done);
            for (int i = 0; i < ks; i++) {
                long source = column + k.offset(0, k0 + i);
                type.read(dtype, source, x.step(0), to + ((long) i * width + done) * bytes, bytes, run);
            }
            done += run;
        }
    }

    /// Reads neighbours in k.
    private void along(long from, long x0, int n, long k0, int ks, long to) {
        int bytes = type.bytes();
        for (int i = 0; i < n; i++) {
            long row = from + x.offset(0, x0 + i);
            for (int done = 0; done < ks; ) {
                int run = (int) k.run(k0 + done, ks - done);
                long source = row + k.offset(0, k0 + done);
                long target = to + ((long) done * width + i) * bytes;
                type.read(dtype, source, k.step(0), target, (long) width * bytes, run);
                done += run;
            }
        }
    }
}
