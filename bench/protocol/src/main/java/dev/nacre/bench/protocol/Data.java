package dev.nacre.bench.protocol;

import java.util.SplittableRandom;

/// The same numbers for every engine, by stream.
public final class Data {
    private static final long SEED = 42;

    private Data() {}

    static SplittableRandom stream(long number) {
        return new SplittableRandom(SEED * 1_000_003L + number);
    }

    /// From N(0, 1).
    public static float[] normal(long stream, int n) {
        SplittableRandom r = stream(stream);
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) r.nextGaussian();
        }
        return out;
    }

    /// From U(−bound, bound).
    static float[] uniform(long stream, int n, double bound) {
        SplittableRandom r = stream(stream);
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) (bound * (2 * r.nextDouble() - 1));
        }
        return out;
    }

    /// Like the pixels of handwritten digits: 81 % are exactly 0, the others from U(0, 1).
    static float[] pixels(long stream, int n) {
        SplittableRandom r = stream(stream);
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = r.nextDouble() < 0.81 ? 0 : (float) r.nextDouble();
        }
        return out;
    }

    /// Class or token numbers below `classes`.
    static long[] labels(long stream, int n, int classes) {
        SplittableRandom r = stream(stream);
        long[] out = new long[n];
        for (int i = 0; i < n; i++) {
            out[i] = r.nextInt(classes);
        }
        return out;
    }
}
