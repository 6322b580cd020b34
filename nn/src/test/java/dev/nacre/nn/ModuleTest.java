package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ModuleTest {
    private record Same(Linear fc) implements Module {
        @Override
        public Tensor forward(Tensor x) {
            return fc.forward(x);
        }
    }

    private record Moded(Dropout drop) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return drop.forward(x, mode);
        }
    }

    private record Forgetful(Linear fc, Sequential rest) implements Module {
        @Override
        public Tensor forward(Tensor x) {
            return rest.forward(fc.forward(x));
        }
    }

    private record Neither() implements Module {}

    private final Tensor x = Rng.seed(1).normal(200, 3).realize();

    @Test
    void eitherFormIsEnough() {
        Same same = new Same(Linear.of(3, 3, Rng.seed(0)));
        assertArrayEquals(
                same.forward(x).toFloatArray(), same.forward(x, Mode.TRAIN).toFloatArray());
        Moded moded = new Moded(Dropout.of(0.5, Rng.seed(0)));
        assertArrayEquals(x.toFloatArray(), moded.forward(x).toFloatArray());
        assertTrue(
                Arrays.mismatch(x.toFloatArray(), moded.forward(x, Mode.TRAIN).toFloatArray())
                        >= 0);
        for (Runnable r :
                new Runnable[] {
                    () -> new Neither().forward(x), () -> new Neither().forward(x, Mode.TRAIN)
                }) {
            assertEquals(
                    "forward: Neither overrides neither forward(Tensor) nor forward(Tensor, Mode)\n  hint: override the first, or the second if training and evaluation differ",
                    assertThrows(NacreException.class, r::run).getMessage());
        }
    }

    @Test
    void dropoutThatWouldNeverDropIsAnError() {
        Forgetful net =
                new Forgetful(
                        Linear.of(3, 3, Rng.seed(0)),
                        Sequential.of(
                                Activation.RELU, Dropout.of(0.5, Rng.seed(0)), BatchNorm1d.of(3)));
        net.forward(x);
        assertEquals(
                "forward: Forgetful is to be trained, but its forward(Tensor) passes no mode on to rest.1 (Dropout), rest.2 (BatchNorm1d)\n  hint: override forward(Tensor x, Mode mode) in Forgetful and pass the mode to the parts",
                assertThrows(NacreException.class, () -> net.forward(x, Mode.TRAIN)).getMessage());
    }

    @Test
    void dropout() {
        Dropout d = Dropout.of(0.3, Rng.seed(4));
        Tensor ones = Tensor.ones(100, 100).realize();
        float[] first = d.forward(ones, Mode.TRAIN).toFloatArray();
        int dropped = 0;
        for (float v : first) {
            assertTrue(v == 0 || Math.abs(v - 1 / 0.7f) < 1e-6, "neither dropped nor scaled: " + v);
            dropped += v == 0 ? 1 : 0;
        }
        assertEquals(3000, dropped, 5 * Math.sqrt(10_000 * 0.3 * 0.7));
        assertTrue(
                Arrays.mismatch(first, d.forward(ones, Mode.TRAIN).toFloatArray()) >= 0,
                "two draws are equal");
        assertArrayEquals(
                first,
                Dropout.of(0.3, Rng.seed(4)).forward(ones, Mode.TRAIN).toFloatArray(),
                "equal seeds, other bits");
        Function traced = Function.of((Tensor t) -> d.forward(t, Mode.TRAIN));
        assertTrue(
                Arrays.mismatch(
                                traced.apply(ones).toFloatArray(),
                                traced.apply(ones).toFloatArray())
                        >= 0,
                "two calls of a function draw the same");
        assertEquals(
                "dropout: p must be from 0 to 1, but is 1.5",
                assertThrows(NacreException.class, () -> Dropout.of(1.5, Rng.seed(0)))
                        .getMessage());
    }

    @Test
    void errorsOfLayers() {
        Linear fc = Linear.of(784, 10, Rng.seed(0));
        Sequential.of(fc).parameters();
        assertEquals(
                """
                linear: x.size(-1) must be 784, but is 3
                  x       f32[200, 3]   tensor
                  weight  f32[10, 784]  parameter 0.weight\
                """,
                assertThrows(NacreException.class, () -> fc.forward(x))
                        .getMessage()
                        .replaceAll("result of \\w+", "tensor"));
        Conv2d conv = Conv2d.of(3, 8, 3, Rng.seed(0));
        assertEquals(
                """
                conv2d: x must have 3 channels on axis 1, but has 28
                  x       f32[2, 28, 28, 3]  ones
                  weight  f32[8, 3, 3, 3]    parameter weight
                  hint: the channels seem to come last; use x.permute(0, 3, 1, 2)\
                """,
                assertThrows(NacreException.class, () -> conv.forward(Tensor.ones(2, 28, 28, 3)))
                        .getMessage());
        assertEquals(
                """
                conv2d: x must have 4 axes, batch and channels first, but has 3
                  x       f32[3, 28, 28]   ones
                  weight  f32[8, 3, 3, 3]  parameter weight
                  hint: x.unsqueeze(0) is a batch of one\
                """,
                assertThrows(NacreException.class, () -> conv.forward(Tensor.ones(3, 28, 28)))
                        .getMessage()
                        .replaceFirst(" on axis 1.*?(?=\n)", " on axis 1")
                        .replaceFirst("; x must have 3 channels on axis 1", ""));
        assertEquals(
                "conv2d: input channels (3) must be a multiple of groups (2)",
                assertThrows(NacreException.class, () -> Conv2d.grouped(3, 8, 3, 2, Rng.seed(0)))
                        .getMessage());
        assertEquals(
                "embedding: index 5 at position 1 is out of range: the table has rows 0 to 4",
                assertThrows(
                                NacreException.class,
                                () ->
                                        Embedding.of(5, 2, Rng.seed(0))
                                                .forward(Tensor.of(new long[] {4, 5})))
                        .getMessage());
        assertEquals(
                "batchNorm: training needs more than one value per channel\n  x  f32[1, 3]  ones",
                assertThrows(
                                NacreException.class,
                                () -> BatchNorm1d.of(3).forward(Tensor.ones(1, 3), Mode.TRAIN))
                        .getMessage());
    }
}
