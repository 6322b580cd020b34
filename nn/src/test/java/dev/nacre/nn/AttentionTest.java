package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What no other library's modules can be asked: caches, rotary positions within a layer, dropout's mean, chosen tokens.
class AttentionTest {
    private final Rng rng = Rng.seed(5);

    /// Token by token through the cache gives what the whole text gives at once, grouped and turned or not, traced or not.
    @Test
    void theCacheGivesWhatTheWholeGives() {
        MultiheadAttention plain = MultiheadAttention.of(12, 2, rng);
        MultiheadAttention grouped =
                MultiheadAttention.grouped(16, 4, 2, rng).rotary(RotaryEmbedding.of());
        for (MultiheadAttention layer : List.of(plain, grouped)) {
            Tensor x = rng.normal(Shape.of(3, 7, layer.width())).realize();
            Tensor whole = layer.forward(x, AttentionMask.CAUSAL, Mode.EVAL);
            for (boolean traced : List.of(false, true)) {
                KeyValueCache cache = layer.cache(3, 9);
                Function step = Function.of((Tensor t) -> layer.forward(t, cache));
                long at = 0;
                for (long n : new long[] {4, 1, 1, 1}) {
                    Tensor next = x.narrow(1, at, n).realize();
                    Tensor y = traced ? step.apply(next) : layer.forward(next, cache);
                    assertArrayEquals(
                            whole.narrow(1, at, n).toFloatArray(), y.toFloatArray(), 2e-5f);
                    at += n;
                }
                assertEquals(7, cache.length().item());
            }
        }
    }

    @Test
    void aFullCacheGivesNoNumbers() {
        MultiheadAttention layer = MultiheadAttention.of(4, 1, rng);
        KeyValueCache cache = layer.cache(1, 2);
        Tensor x = rng.normal(Shape.of(1, 2, 4)).realize();
        assertTrue(Float.isFinite(layer.forward(x, cache).toFloatArray()[0]));
        assertTrue(Float.isNaN(layer.forward(x, cache).toFloatArray()[0]));
        cache.clear();
        assertTrue(Float.isFinite(layer.forward(x, cache).toFloatArray()[0]));
        var e =
                assertThrows(
                        ShapeException.class,
                        () -> layer.forward(rng.normal(Shape.of(1, 3, 4)), layer.cache(1, 2)));
        assertTrue(e.getMessage().contains("room for 2 positions"), e.getMessage());
    }

    /// The product of two turned vectors depends on how far apart they are, not on where.
    @Test
    void rotaryPositionsAreRelative() {
        Tensor a = rng.normal(1, 8).realize();
        Tensor b = rng.normal(1, 8).realize();
        for (RotaryEmbedding r :
                List.of(RotaryEmbedding.of().base(50), RotaryEmbedding.of().withInterleaving())) {
            double near =
                    r.forward(a, Tensor.of(new long[] {3}))
                            .mul(r.forward(b, Tensor.of(new long[] {1})))
                            .sum()
                            .item();
            double far =
                    r.forward(a, Tensor.of(new long[] {42}))
                            .mul(r.forward(b, Tensor.of(new long[] {40})))
                            .sum()
                            .item();
            double other =
                    r.forward(a, Tensor.of(new long[] {3}))
                            .mul(r.forward(b, Tensor.of(new long[] {2})))
                            .sum()
                            .item();
            assertEquals(near, far, 1e-4);
            assertTrue(Math.abs(near - other) > 1e-3);
        }
    }

    /// Dropped weights are scaled so that the mean stays; evaluation drops nothing.
    @Test
    void dropoutKeepsTheMean() {
        MultiheadAttention layer = MultiheadAttention.of(8, 2, rng).dropout(0.5);
        Tensor x = rng.normal(Shape.of(1, 5, 8)).realize();
        Tensor still = layer.forward(x, Mode.EVAL).realize();
        assertArrayEquals(still.toFloatArray(), layer.forward(x, Mode.EVAL).toFloatArray());
        Function train = Function.of((Tensor t) -> layer.forward(t, Mode.TRAIN));
        Tensor sum = Tensor.zeros(1, 5, 8);
        int n = 3000;
        for (int i = 0; i < n; i++) {
            sum = sum.add(train.apply(x)).realize();
        }
        float[] mean = sum.div(n).toFloatArray();
        float[] expected = still.toFloatArray();
        double worst = 0;
        for (int i = 0; i < mean.length; i++) {
            worst = Math.max(worst, Math.abs(mean[i] - expected[i]));
        }
        assertTrue(worst < 0.05, "off by " + worst);
        assertTrue(
                train.apply(x).sub(still).abs().max().item() > 0.05, "nothing seems to be dropped");
    }

    @Test
    void masksOfWrongShapeAreNamed() {
        MultiheadAttention layer = MultiheadAttention.of(4, 1, rng);
        var e =
                assertThrows(
                        ShapeException.class,
                        () ->
                                layer.forward(
                                        rng.normal(Shape.of(2, 3, 4)),
                                        AttentionMask.of(Tensor.zeros(3, 4)),
                                        Mode.EVAL));
        assertTrue(
                e.getMessage().contains("the mask must broadcast to [2, 1, 3, 3]"), e.getMessage());
    }

    // ------------------------------------------------------------------------------------ tokens

    private static double[] shares(Sampling how, float... logits) {
        Rng draws = Rng.seed(1);
        int n = 20_000;
        Tensor rows = Tensor.of(logits).unsqueeze(0).broadcastTo(n, logits.length);
        double[] out = new double[logits.length];
        for (long token : how.choose(rows, draws).toLongArray()) {
            out[(int) token] += 1.0 / n;
        }
        return out;
    }

    private static double[] softmax(double temperature, float... logits) {
        double[] e = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < e.length; i++) {
            e[i] = Math.exp(logits[i] / temperature);
            sum += e[i];
        }
        for (int i = 0; i < e.length; i++) {
            e[i] /= sum;
        }
        return e;
    }

    @Test
    void samplingFollowsItsDistribution() {
        float no = Float.NEGATIVE_INFINITY;
        float[] logits = {0.5f, 2, 1, -1};
        assertArrayEquals(new double[] {0, 1, 0, 0}, shares(Sampling.GREEDY, logits), 1e-9);
        assertArrayEquals(softmax(1, logits), shares(Sampling.of(1), logits), 0.015);
        assertArrayEquals(softmax(2, logits), shares(Sampling.of(2), logits), 0.015);
        assertArrayEquals(softmax(1, no, 2, 1, no), shares(Sampling.of(1).topK(2), logits), 0.015);
        // probabilities 0.13, 0.60, 0.22, 0.03 of which the first two reach 0.7
        assertArrayEquals(
                softmax(1, no, 2, 1, no), shares(Sampling.of(1).topP(0.7), logits), 0.015);
        assertArrayEquals(
                softmax(1, no, 2, no, no), shares(Sampling.of(1).topP(0.1), logits), 1e-9);
        // after the best three, the first two are 0.86 of the rest
        assertArrayEquals(
                softmax(1, 0.5f, 2, 1, no),
                shares(Sampling.of(1).topK(3).topP(0.95), logits),
                0.015);
    }

    /// The most probable token where it is cold, all that are possible where it is hot.
    @Test
    void temperaturesBeyondF32() {
        float no = Float.NEGATIVE_INFINITY;
        float[] logits = {0.5f, 2, 1, no};
        for (double cold : new double[] {1e-300, 1e-45, 1e-39, 1e-6}) {
            assertArrayEquals(
                    new double[] {0, 1, 0, 0}, shares(Sampling.of(cold), logits), 1e-9, "" + cold);
            assertArrayEquals(
                    new double[] {0, 1, 0, 0},
                    shares(Sampling.of(cold).topK(2).topP(0.9), logits),
                    1e-9,
                    "" + cold);
        }
        for (double hot : new double[] {1e6, 1e39, 1e300, Double.POSITIVE_INFINITY}) {
            assertArrayEquals(
                    softmax(1, 0, 0, 0, no), shares(Sampling.of(hot), logits), 0.015, "" + hot);
        }
    }

    @Test
    void rowsWithoutProbabilitiesGiveNoToken() {
        float no = Float.NEGATIVE_INFINITY;
        Tensor rows = Tensor.of(new float[][] {{Float.NaN, 1, 2}, {no, no, no}, {no, 1, no}});
        for (Sampling how :
                List.of(
                        Sampling.of(1),
                        Sampling.of(0.5).topK(2),
                        Sampling.of(2).topP(0.5),
                        Sampling.of(1).topK(1).topP(0.9))) {
            assertArrayEquals(
                    new long[] {-1, -1, 1},
                    how.choose(rows, Rng.seed(1)).toLongArray(),
                    how.toString());
        }
    }

    @Test
    void f64IsTurnedInF64() {
        long at = 12_345;
        Tensor x = Tensor.of(new double[] {1, 1, 0, 0}).reshape(1, 4);
        double[] y =
                RotaryEmbedding.of()
                        .base(50)
                        .forward(x, Tensor.of(new long[] {at}))
                        .toDoubleArray();
        for (int j = 0; j < 2; j++) {
            double angle = at * Math.pow(50, -j / 2.0);
            assertEquals(Math.cos(angle), y[j], 1e-10);
            assertEquals(Math.sin(angle), y[2 + j], 1e-10);
        }
    }
}
