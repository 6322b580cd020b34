package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.DType;
import java.util.function.DoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Java numbers in eager code that differ from step to step.
class ChangingNumbersTest {
    private static final Rng RNG = Rng.seed(8);

    /// Number of plans that an expression with several numbers takes.
    private static long plans(DoubleFunction<Tensor> expression, double... numbers) {
        long before = Engine.compiled();
        for (double v : numbers) {
            expression.apply(v).realize();
        }
        return Engine.compiled() - before;
    }

    /// Gradient descent with a learning rate that follows a schedule, by tensors and in Java.
    @ParameterizedTest
    @ValueSource(ints = {0, 3})
    void aLearningRateThatChanges(int warmUp) {
        int n = 37 + warmUp; // other shapes, so other plans
        Variable w = Variable.of("w", RNG.normal(n).realize());
        Variable v = Variable.of("v", RNG.normal(n).realize());
        float[] expectedW = w.toFloatArray();
        float[] expectedV = v.toFloatArray();
        long before = Engine.compiled();
        for (int i = 0; i < 40; i++) {
            double rate = i < warmUp ? 0 : 0.1 / (1 + i);
            Tensor loss = w.square().sum().add(v.square().sum().mul(0.5));
            Gradients g = Gradients.of(loss, w, v);
            w.set(w.sub(g.of(w).mul(rate)));
            v.set(v.sub(g.of(v).mul(rate)));
            loss.item();
            for (int k = 0; k < n; k++) {
                expectedW[k] -= 2 * expectedW[k] * (float) rate;
                expectedV[k] -= expectedV[k] * (float) rate;
            }
        }
        assertArrayEquals(expectedW, w.toFloatArray(), 1e-6f);
        assertArrayEquals(expectedV, v.toFloatArray(), 1e-6f);
        int allowed =
                3
                        + (warmUp == 0
                                ? 0
                                : 1); // the first step's, all others', the last's without a loss;
        // that of rate 0
        long compiled = Engine.compiled() - before;
        assertTrue(compiled <= allowed, compiled + " plans");
    }

    @Test
    void numbersThatSimplifyStayConstants() {
        Tensor x = RNG.normal(101).realize();
        assertEquals(2, plans(c -> x.mul(c).exp(), 0.3, 0.7, 0.9, 0.3));
        assertEquals(3, plans(c -> x.mul(c).exp(), 0, 1, -1, 0.8, 1, 0, 0.6, -1));
        assertEquals(1, plans(c -> x.add(c).exp(), 0.25, 0.25, 0.25));
        assertArrayEquals(x.toFloatArray(), x.mul(1).toFloatArray());
        assertArrayEquals(new float[101], x.mul(0).add(0).abs().toFloatArray());
    }

    /// One number in many places is one input; places that differ are several.
    @Test
    void equalNumbersShareAnInput() {
        Tensor x = RNG.normal(53).realize();
        assertEquals(2, plans(c -> x.mul(c).exp().add(x.mul(c)), 0.3, 0.7, 0.9));
        long before = Engine.compiled();
        for (double c : new double[] {0.3, 0.7, 0.9}) {
            float[] got = x.mul(c).sin().add(x.mul(c + 1)).toFloatArray();
            for (int i = 0; i < got.length; i++) {
                float v = x.toFloatArray()[i];
                assertEquals(Math.sin(v * (float) c) + v * (float) (c + 1), got[i], 1e-5);
            }
        }
        assertEquals(2, Engine.compiled() - before);
    }

    /// As an input, a number is rounded as a constant is.
    @ParameterizedTest
    @EnumSource(names = {"F32", "F64", "F16", "BF16"})
    void everyFloatingType(DType t) {
        Tensor x = RNG.normal(19).cast(t).realize();
        for (double c : new double[] {0.1, 0.2, 0.3, -1e-3}) {
            Tensor expected = Function.of((Tensor a) -> a.mul(c).add(c)).apply(x);
            assertArrayEquals(
                    expected.cast(DType.F64).toDoubleArray(),
                    x.mul(c).add(c).cast(DType.F64).toDoubleArray());
            assertEquals(t.round(c), Tensor.full(c, t, 1).sum().item());
        }
    }

    /// Other graphs with other numbers are other graphs.
    @Test
    void integersAreNotConfused() {
        Tensor x = Tensor.arange(7);
        for (long k = 2; k < 6; k++) {
            long[] got = x.mul(k).toLongArray();
            for (int i = 0; i < 7; i++) {
                assertEquals(i * k, got[i]);
            }
        }
    }
}
