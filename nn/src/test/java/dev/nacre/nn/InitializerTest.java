package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import org.junit.jupiter.api.Test;

class InitializerTest {
    private static final Shape SHAPE = Shape.of(40, 30, 5, 5);
    private static final double IN = 30 * 25;
    private static final double OUT = 40 * 25;

    /// Mean 0, the standard deviation expected, and for uniform ones the bound that goes with it.
    private static void check(Initializer init, double std, boolean uniform) {
        Tensor w = init.of(SHAPE, Rng.seed(1)).realize();
        double n = SHAPE.count();
        assertEquals(0, w.mean().item(), 5 * std / Math.sqrt(n));
        assertEquals(std, w.std().item(), 5 * std / Math.sqrt(n));
        if (uniform) {
            double bound = std * Math.sqrt(3);
            assertTrue(
                    w.abs().max().item() <= bound * 1.000001
                            && w.abs().max().item() > bound * 0.999);
        }
        assertArrayEquals(w.toFloatArray(), init.of(SHAPE, Rng.seed(1)).toFloatArray());
    }

    @Test
    void spreads() {
        check(Initializer.xavierUniform(), Math.sqrt(2 / (IN + OUT)), true);
        check(Initializer.xavierNormal(2), 2 * Math.sqrt(2 / (IN + OUT)), false);
        check(Initializer.kaimingUniform(), Math.sqrt(2 / IN), true);
        check(Initializer.kaimingNormal(), Math.sqrt(2 / IN), false);
        check(Initializer.kaimingNormal(Initializer.Fan.OUT, 1), 1 / Math.sqrt(OUT), false);
        check(
                Initializer.kaimingUniform(
                        Initializer.Fan.IN, Initializer.leakyReluGain(Math.sqrt(5))),
                1 / Math.sqrt(3 * IN),
                true);
        check(Initializer.torchDefault((long) IN), 1 / Math.sqrt(3 * IN), true);
        check(Initializer.normal(0, 0.02), 0.02, false);
        check(Initializer.truncatedNormal(0, 0.02), 0.02 * 0.8796256610342398, false);
        assertTrue(
                Initializer.truncatedNormal(1, 0.5).of(SHAPE, Rng.seed(1)).sub(1).abs().max().item()
                        <= 1.000001);
        assertEquals(
                "initializer: a fan needs a weight of at least two axes, but the shape is [3]",
                assertThrows(
                                NacreException.class,
                                () -> Initializer.xavierUniform().of(Shape.of(3), Rng.seed(0)))
                        .getMessage());
    }

    @Test
    void layersStartAsInPyTorch() {
        Linear l = Linear.of(400, 300, Rng.seed(1));
        assertEquals(0.05, l.weight().abs().max().item(), 1e-4);
        assertEquals(0.05, l.bias().orElseThrow().abs().max().item(), 1e-3);
        Conv2d c = Conv2d.of(16, 32, 5, Rng.seed(1));
        assertEquals(0.05, c.weight().abs().max().item(), 1e-4);
        assertEquals(1, Embedding.of(300, 100, Rng.seed(1)).weight().std().item(), 0.02);
    }
}
