package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.nacre.Tensor;

/// How far f32 results of two libraries may be apart, relative to the larger of 1 and the largest expected number: they add in different orders.
public enum Closeness {
    /// One rounding or two.
    ELEMENTWISE(5e-6),
    /// Sums of tens to hundreds of elements, forwards and backwards.
    SUMS(2e-5),
    /// Divisions by roots of sums.
    NORMALISATION(5e-5),
    /// Ten and more optimizer steps: errors of roundings are carried on.
    STEPS(1e-4),
    /// Gradients through dozens of normalisations of few numbers, each of which divides what is wrong before it by a small deviation.
    DEEP(1e-3),
    /// Losses of whole training runs.
    TRAINING(1e-4);

    private final double relative;

    Closeness(double relative) {
        this.relative = relative;
    }

    public void check(String what, org.bytedeco.pytorch.Tensor expected, Tensor actual) {
        assertArrayEquals(expected.shape(), actual.shape().toArray(), what + ": shape");
        check(what, Torch.doubles(expected), actual.toDoubleArray());
    }

    public void check(String what, double[] expected, double[] actual) {
        double scale = 1;
        for (double e : expected) {
            scale = Double.isFinite(e) ? Math.max(scale, Math.abs(e)) : scale;
        }
        for (int i = 0; i < expected.length; i++) {
            boolean same =
                    Double.isFinite(expected[i])
                            ? Math.abs(expected[i] - actual[i]) <= relative * scale
                            : Double.compare(expected[i], actual[i]) == 0;
            if (!same) {
                fail(
                        what
                                + ": element "
                                + i
                                + " is "
                                + actual[i]
                                + ", but libtorch has "
                                + expected[i]
                                + " (allowed: "
                                + relative * scale
                                + ")");
            }
        }
    }
}
