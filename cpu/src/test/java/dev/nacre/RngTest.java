package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/// Random numbers. Bounds are five standard deviations of what is measured; the seeds are fixed, so a test fails always or never.
class RngTest {
    private static final int N = 200_000;

    private static double mean(float[] x) {
        double sum = 0;
        for (float v : x) {
            sum += v;
        }
        return sum / x.length;
    }

    private static double moment(float[] x, double centre, int order) {
        double sum = 0;
        for (float v : x) {
            sum += Math.pow(v - centre, order);
        }
        return sum / x.length;
    }

    @Test
    void sameSeedSameBits() {
        Rng a = Rng.seed(42);
        Rng b = Rng.seed(42);
        assertArrayEquals(a.uniform(5, 7).toFloatArray(), b.uniform(5, 7).toFloatArray());
        Tensor late = a.normal(9);
        assertArrayEquals(
                b.normal(9).toFloatArray(),
                late.toFloatArray(),
                "read later, or not: the draw counts");
        assertArrayEquals(a.permutation(20).toLongArray(), b.permutation(20).toLongArray());
        assertArrayEquals(a.state().toLongArray(), b.state().toLongArray());
        assertFalse(
                Arrays.equals(
                        Rng.seed(43).uniform(8).toFloatArray(),
                        Rng.seed(42).uniform(8).toFloatArray()));
        assertFalse(Arrays.equals(a.uniform(8).toFloatArray(), a.uniform(8).toFloatArray()));
    }

    /// A checkpoint of the state goes on where it was.
    @Test
    void theStateIsAllThereIs() {
        Rng a = Rng.seed(3);
        a.uniform(10);
        long[] state = a.state().toLongArray();
        float[] next = a.normal(6).toFloatArray();
        Rng b = Rng.seed(99);
        b.state().set(Tensor.of(state));
        assertArrayEquals(next, b.normal(6).toFloatArray());
    }

    @Test
    void aPrefixDoesNotDependOnTheSize() {
        float[] few = Rng.seed(8).uniform(100).toFloatArray();
        float[] many = Rng.seed(8).uniform(100_000).toFloatArray();
        assertArrayEquals(few, Arrays.copyOf(many, 100));
    }

    @Test
    void uniform() {
        float[] x = Rng.seed(1).uniform(N).toFloatArray();
        for (float v : x) {
            assertTrue(v >= 0 && v < 1);
            assertEquals(Math.rint(v * 0x1p24), v * 0x1p24);
        }
        assertEquals(0.5, mean(x), 5 * Math.sqrt(1 / 12.0 / N));
        assertEquals(1 / 12.0, moment(x, 0.5, 2), 5 * Math.sqrt(1 / 180.0 / N));
        int[] bins = new int[64];
        for (float v : x) {
            bins[(int) (v * 64)]++;
        }
        double chi =
                Arrays.stream(bins)
                        .mapToDouble(c -> (c - N / 64.0) * (c - N / 64.0) / (N / 64.0))
                        .sum();
        assertEquals(63, chi, 5 * Math.sqrt(2 * 63));
        float[] y = Rng.seed(2).uniform(-3.0, 5.0, Shape.of(N)).toFloatArray();
        assertEquals(1, mean(y), 5 * Math.sqrt(64 / 12.0 / N));
        for (float v : y) {
            assertTrue(v >= -3 && v <= 5);
        }
    }

    @Test
    void normal() {
        float[] x = Rng.seed(4).normal(N).toFloatArray();
        assertEquals(0, mean(x), 5 / Math.sqrt(N));
        assertEquals(1, moment(x, 0, 2), 5 * Math.sqrt(2.0 / N));
        assertEquals(0, moment(x, 0, 3), 5 * Math.sqrt(15.0 / N));
        assertEquals(3, moment(x, 0, 4), 5 * Math.sqrt(96.0 / N));
        double neighbours = 0;
        for (int i = 1; i < N; i++) {
            neighbours += x[i] * x[i - 1];
        }
        assertEquals(0, neighbours / N, 5 / Math.sqrt(N));
        for (float v : x) {
            assertTrue(Float.isFinite(v));
        }
        float[] y = Rng.seed(5).normal(10, 0.5, Shape.of(N)).toFloatArray();
        assertEquals(10, mean(y), 5 * 0.5 / Math.sqrt(N));
        assertEquals(0.25, moment(y, 10, 2), 5 * 0.25 * Math.sqrt(2.0 / N));
    }

    @Test
    void bernoulli() {
        Tensor x = Rng.seed(6).bernoulli(0.3, Shape.of(N));
        assertEquals(TensorType.of(DType.BOOL, N), x.type());
        assertEquals(0.3, mean(x.toFloatArray()), 5 * Math.sqrt(0.21 / N));
        assertEquals(0, Rng.seed(6).bernoulli(0, Shape.of(1000)).cast(DType.F32).sum().item());
        assertEquals(1000, Rng.seed(6).bernoulli(1, Shape.of(1000)).cast(DType.F32).sum().item());
    }

    @Test
    void integers() {
        long[] x = Rng.seed(7).integers(10, Shape.of(N)).toLongArray();
        int[] counts = new int[10];
        for (long v : x) {
            counts[(int) v]++; // out of range would throw
        }
        for (int c : counts) {
            assertEquals(N / 10.0, c, 5 * Math.sqrt(N * 0.09));
        }
        assertEquals(
                LongStream.range(0, 100).sum(),
                0
                        + LongStream.of(Rng.seed(7).integers(1, Shape.of(100)).toLongArray()).sum()
                        + 4950);
        long[] wide = Rng.seed(7).integers(1L << 31, Shape.of(10_000)).toLongArray();
        assertTrue(LongStream.of(wide).allMatch(v -> v >= 0 && v < 1L << 31));
        assertTrue(LongStream.of(wide).max().orElseThrow() > 0.999 * (1L << 31));
        assertTrue(LongStream.of(wide).min().orElseThrow() < 0.001 * (1L << 31));
    }

    @Test
    void permutation() {
        Rng rng = Rng.seed(8);
        for (int n : new int[] {0, 1, 2, 1000}) {
            long[] p = rng.permutation(n).toLongArray();
            assertArrayEquals(
                    LongStream.range(0, n).toArray(), LongStream.of(p).sorted().toArray());
        }
        int[][] at = new int[4][4]; // where each number lands
        int trials = 2000;
        for (int i = 0; i < trials; i++) {
            long[] p = rng.permutation(4).toLongArray();
            for (int k = 0; k < 4; k++) {
                at[k][(int) p[k]]++;
            }
        }
        for (int[] row : at) {
            for (int c : row) {
                assertEquals(trials / 4.0, c, 5 * Math.sqrt(trials * 3 / 16.0));
            }
        }
    }

    @Test
    void categorical() {
        double[] p = {0.1, 0.2, 0.65, 0.05};
        int n = N / 4;
        Tensor logits =
                Tensor.of(Arrays.stream(p).map(Math::log).toArray())
                        .cast(DType.F32)
                        .broadcastTo(n, 4);
        long[] drawn = Rng.seed(9).categorical(logits).toLongArray();
        int[] counts = new int[4];
        for (long c : drawn) {
            counts[(int) c]++;
        }
        for (int k = 0; k < 4; k++) {
            assertEquals(p[k] * n, counts[k], 5 * Math.sqrt(n * p[k] * (1 - p[k])));
        }
        Tensor certain = Tensor.of(new float[] {-1e9f, 0, -1e9f}).broadcastTo(100, 3);
        assertTrue(
                LongStream.of(Rng.seed(9).categorical(certain).toLongArray())
                        .allMatch(c -> c == 1));
    }

    @Test
    void splitsAreIndependent() {
        Rng rng = Rng.seed(10);
        Rng a = rng.split(0);
        Rng b = rng.split(1);
        assertArrayEquals(
                Rng.seed(10).split(1).uniform(10).toFloatArray(), b.uniform(10).toFloatArray());
        float[] x = a.normal(N).toFloatArray();
        float[] y = b.normal(N).toFloatArray();
        float[] z = rng.normal(N).toFloatArray();
        for (float[] other : new float[][] {y, z}) {
            for (int shift : new int[] {0, 1, 4}) {
                double sum = 0;
                for (int i = shift; i < N; i++) {
                    sum += x[i] * other[i - shift];
                }
                assertEquals(0, sum / N, 5 / Math.sqrt(N));
            }
        }
    }

    @Test
    void dropout() {
        Tensor x = Tensor.ones(N);
        float[] y = Rng.seed(11).dropout(x, 0.25).toFloatArray();
        int zeros = 0;
        for (float v : y) {
            assertTrue(v == 0 || Math.abs(v - 1 / 0.75) < 1e-6);
            zeros += v == 0 ? 1 : 0;
        }
        assertEquals(0.25 * N, zeros, 5 * Math.sqrt(N * 0.1875));
        Variable w = Variable.of("w", Tensor.ones(1000));
        Tensor dropped = Rng.seed(12).dropout(w, 0.5);
        dropped.sum().backward();
        assertArrayEquals(
                dropped.toFloatArray(),
                w.grad().orElseThrow().toFloatArray(),
                "the derivative drops the same elements");
    }
}
