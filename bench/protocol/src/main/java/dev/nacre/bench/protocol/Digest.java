package dev.nacre.bench.protocol;

import java.util.Arrays;
import java.util.stream.DoubleStream;

/// A few numbers that stand for large results: for each array, the mean of its absolute values and seven elements.
public final class Digest {
    private static final int ELEMENTS = 7;

    private Digest() {}

    public static double[] of(float[]... results) {
        return Arrays.stream(results).flatMapToDouble(Digest::of).toArray();
    }

    private static DoubleStream of(float[] a) {
        double[] out = new double[1 + ELEMENTS];
        for (float v : a) {
            out[0] += Math.abs(v);
        }
        out[0] /= a.length;
        for (int i = 0; i < ELEMENTS; i++) {
            out[1 + i] = a[(int) ((a.length - 1L) * i / (ELEMENTS - 1))];
        }
        return DoubleStream.of(out);
    }
}
