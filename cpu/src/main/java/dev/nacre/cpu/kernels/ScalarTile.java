package dev.nacre.cpu.kernels;

import static dev.nacre.cpu.memory.Memory.f64;

/// Four rows by four columns of doubles, without vectors.
final class ScalarTile implements Tile {
    @Override
    public int rows() {
        return 4;
    }

    @Override
    public int columns() {
        return 4;
    }

    @Override
    public void multiply(int depth, long a, long b, long c, long cStep) {
        for (long row = 0; row < 4; row += 2) pair(depth, a + row * 8, b, c + row * cStep, cStep);
    }

    /// Two rows: as many sums as the registers hold.
    private static void pair(int depth, long a, long b, long c, long cStep) {
        double c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0;
        for (int k = 0; k < depth; k++) {
            long at = 32L * k;
            double a0 = f64(a + at), a1 = f64(a + at + 8);
            double b0 = f64(b + at),
                    b1 = f64(b + at + 8),
                    b2 = f64(b + at + 16),
                    b3 = f64(b + at + 24);
            c00 += a0 * b0;
            c01 += a0 * b1;
            c02 += a0 * b2;
            c03 += a0 * b3;
            c10 += a1 * b0;
            c11 += a1 * b1;
            c12 += a1 * b2;
            c13 += a1 * b3;
        }
        row(c, c00, c01, c02, c03);
        row(c + cStep, c10, c11, c12, c13);
    }

    private static void row(long c, double c0, double c1, double c2, double c3) {
        f64(c, f64(c) + c0);
        f64(c + 8, f64(c + 8) + c1);
        f64(c + 16, f64(c + 16) + c2);
        f64(c + 24, f64(c + 24) + c3);
    }
}
