package dev.nacre.reference;

/// The counter-based random function Philox-4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
public final class Philox {
    private static final int ROUNDS = 10;
    private static final long MULTIPLIER_0 = 0xD2511F53L;
    private static final long MULTIPLIER_1 = 0xCD9E8D57L;
    private static final int WEYL_0 = 0x9E3779B9; // the golden ratio
    private static final int WEYL_1 = 0xBB67AE85; // √3 − 1

    private Philox() {}

    /// Four random words. The key is the seed's low and high word; the counter is the block's low and high word, then the stream's.
    public static int[] block(long seed, long stream, long block) {
        int k0 = (int) seed;
        int k1 = (int) (seed >>> 32);
        int[] c = {(int) block, (int) (block >>> 32), (int) stream, (int) (stream >>> 32)};
        for (int round = 0; round < ROUNDS; round++) {
            long p0 = MULTIPLIER_0 * Integer.toUnsignedLong(c[0]);
            long p1 = MULTIPLIER_1 * Integer.toUnsignedLong(c[2]);
            c =
                    new int[] {
                        (int) (p1 >>> 32) ^ c[1] ^ k0,
                        (int) p1,
                        (int) (p0 >>> 32) ^ c[3] ^ k1,
                        (int) p0
                    };
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        return c;
    }
}
