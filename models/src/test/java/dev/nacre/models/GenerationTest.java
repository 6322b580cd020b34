package dev.nacre.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Sampling;
import dev.nacre.type.ShapeException;
import org.junit.jupiter.api.Test;

class GenerationTest {
    private static final Gpt NET = Gpt.of(new Gpt.Config(17, 24, 2, 2, 16, 0), Rng.seed(4));

    static {
        NET.state().values().forEach(v -> v.set(v.mul(4))); // so that it has opinions
    }

    /// With a cache, one token at a time, is what the whole model says of the whole text.
    @Test
    void greedyIsTheWholeModelsChoice() {
        Tensor prompt = Tensor.of(new long[] {3, 1, 4, 1, 5, 9}, 2, 3);
        Tensor text = NET.generate(prompt, 20, Sampling.GREEDY, Rng.seed(0));
        assertArrayEquals(new long[] {2, 23}, text.shape().toArray());
        assertArrayEquals(prompt.toLongArray(), text.narrow(1, 0, 3).toLongArray());
        Tensor chosen = NET.forward(text.narrow(1, 0, 22), Mode.EVAL).argmax(-1);
        assertArrayEquals(
                chosen.narrow(1, 2, 20).toLongArray(), text.narrow(1, 3, 20).toLongArray());
    }

    @Test
    void samplesRepeatWithTheSeed() {
        Tensor prompt = Tensor.of(new long[] {3}, 1, 1);
        Sampling how = Sampling.of(1).topK(8).topP(0.9);
        long[] one = NET.generate(prompt, 20, how, Rng.seed(1)).toLongArray();
        assertArrayEquals(one, NET.generate(prompt, 20, how, Rng.seed(1)).toLongArray());
        assertFalse(
                java.util.Arrays.equals(
                        one, NET.generate(prompt, 20, how, Rng.seed(2)).toLongArray()));
        for (long token : one) {
            assertTrue(token >= 0 && token < 17);
        }
    }

    @Test
    void tooLongTextsAreRefused() {
        var e =
                assertThrows(
                        ShapeException.class,
                        () ->
                                NET.generate(
                                        Tensor.zeros(dev.nacre.type.DType.I64, 1, 5),
                                        20,
                                        Sampling.GREEDY,
                                        Rng.seed(0)));
        assertTrue(
                e.getMessage().contains("at most 24 tokens, but these would have 25"),
                e.getMessage());
        assertEquals(24, NET.positions());
    }
}
