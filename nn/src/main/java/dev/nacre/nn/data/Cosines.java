package dev.nacre.nn.data;

/// The inverse discrete cosine transform of 8×8 blocks in whole numbers, after Loeffler, Ligtenberg and Moschytz (1989), rounded exactly as the Independent JPEG Group's accurate
/// integer version does: so pictures have the bits that most other software gives them.
final class Cosines {
    private static final int BITS = 13; // of the constants
    private static final int KEPT = 2; // more bits kept between the passes

    private static final int F_0_298 = 2446;
    private static final int F_0_390 = 3196;
    private static final int F_0_541 = 4433;
    private static final int F_0_765 = 6270;
    private static final int F_0_899 = 7373;
    private static final int F_1_175 = 9633;
    private static final int F_1_501 = 12299;
    private static final int F_1_847 = 15137;
    private static final int F_1_961 = 16069;
    private static final int F_2_053 = 16819;
    private static final int F_2_562 = 20995;
    private static final int F_3_072 = 25172;

    private Cosines() {}

    /// Turns 64 coefficients into samples from 0 to 255; the coefficients are overwritten.
    static void inverse(int[] c, byte[] samples, int at, int stride) {
        for (int x = 0; x < 8; x++) {
            pass(c, x, 8, BITS - KEPT);
        }
        for (int y = 0; y < 8; y++) {
            pass(c, 8 * y, 1, BITS + KEPT + 3);
            for (int x = 0; x < 8; x++) {
                int v = c[8 * y + x] + 128;
                samples[at + y * stride + x] = (byte) (v < 0 ? 0 : v > 255 ? 255 : v);
            }
        }
    }

    /// Eight numbers, `step` apart, transformed and shifted right with rounding.
    private static void pass(int[] c, int at, int step, int shift) {
        int c0 = c[at];
        int c1 = c[at + step];
        int c2 = c[at + 2 * step];
        int c3 = c[at + 3 * step];
        int c4 = c[at + 4 * step];
        int c5 = c[at + 5 * step];
        int c6 = c[at + 6 * step];
        int c7 = c[at + 7 * step];

        int z1 = (c2 + c6) * F_0_541;
        int t2 = z1 - c6 * F_1_847;
        int t3 = z1 + c2 * F_0_765;
        int t0 = (c0 + c4) << BITS;
        int t1 = (c0 - c4) << BITS;
        int e0 = t0 + t3;
        int e3 = t0 - t3;
        int e1 = t1 + t2;
        int e2 = t1 - t2;

        int z5 = (c7 + c3 + c5 + c1) * F_1_175;
        int y1 = -(c7 + c1) * F_0_899;
        int y2 = -(c5 + c3) * F_2_562;
        int y3 = z5 - (c7 + c3) * F_1_961;
        int y4 = z5 - (c5 + c1) * F_0_390;
        int o0 = c7 * F_0_298 + y1 + y3;
        int o1 = c5 * F_2_053 + y2 + y4;
        int o2 = c3 * F_3_072 + y2 + y3;
        int o3 = c1 * F_1_501 + y1 + y4;

        int half = 1 << (shift - 1);
        c[at] = (e0 + o3 + half) >> shift;
        c[at + 7 * step] = (e0 - o3 + half) >> shift;
        c[at + step] = (e1 + o2 + half) >> shift;
        c[at + 6 * step] = (e1 - o2 + half) >> shift;
        c[at + 2 * step] = (e2 + o1 + half) >> shift;
        c[at + 5 * step] = (e2 - o1 + half) >> shift;
        c[at + 3 * step] = (e3 + o0 + half) >> shift;
        c[at + 4 * step] = (e3 - o0 + half) >> shift;
    }
}
