package dev.nacre.cpu.kernels;

import static dev.nacre.cpu.memory.Memory.i64;

/// Four rows by four columns of 64-bit integers, which wrap around.
final class LongTile implements Tile {
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
        for (int row = 0; row < 4; row++) row(depth, a + 8L * row, b, c + row * cStep);
    }

    private static void row(int depth, long a, long b, long c) {
        long c0 = i64(c), c1 = i64(c + 8), c2 = i64(c + 16), c3 = i64(c + 24);
        for (int k = 0; k < depth; k++) {
            long at = 32L * k;
            long factor = i64(a + at);
            c0 += factor * i64(b + at);
            c1 += factor * i64(b + at + 8);
            c2 += factor * i64(b + at + 16);
            c3 += factor * i64(b + at + 24);
        }
        i64(c, c0);
        i64(c + 8, c1);
        i64(c + 16, c2);
        i64(c + 24, c3);
    }
}
