package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/// A network has the same bits whether it is called, or in a function; whether its weights are packed or change.
class SameBitsTest {
    private static final int[] SIZES = {1, 5, 64};
    private static final int[] BATCHES = {1, 5, 16};

    private static void assertSame(String what, UnaryOperator<Tensor> network, Tensor x) {
        float[] called = network.apply(x).toFloatArray();
        Function f = Function.of(network);
        for (int i = 0; i < 3; i++) {
            assertArrayEquals(called, f.apply(x).toFloatArray(), what);
        }
    }

    @Test
    void linearLayers() {
        for (int in : SIZES) {
            for (int out : SIZES) {
                var layer = Linear.of(in, out, Rng.seed(in));
                for (int batch : BATCHES) {
                    Tensor x = Rng.seed(batch).normal(batch, in).realize();
                    String what = batch + " × " + in + " to " + out;
                    assertSame(what, layer::forward, x);
                    assertSame(what + ", relu", t -> layer.forward(t).relu(), x);
                    assertSame(what + ", turned", t -> t.matmul(layer.weight().transpose()), x);
                }
            }
        }
    }

    @Test
    void convolutions() {
        for (int kernel : new int[] {1, 3}) {
            for (int channels : SIZES) {
                var layer = Conv2d.of(channels, 8, kernel, Rng.seed(channels));
                for (int batch : BATCHES) {
                    Tensor x = Rng.seed(batch).normal(batch, channels, 5, 5).realize();
                    assertSame(kernel + ", " + channels + ", " + batch, layer::forward, x);
                }
            }
        }
    }

    @Test
    void cells() {
        for (int size : SIZES) {
            var layer = LSTM.of(size, 8, Rng.seed(size));
            for (int batch : BATCHES) {
                Tensor x = Rng.seed(batch).normal(4, batch, size).realize();
                assertSame(size + ", " + batch, t -> layer.forward(t), x);
            }
        }
    }

    /// Weights after steps that are called, and in a function.
    @Test
    void steps() {
        for (int batch : BATCHES) {
            Tensor x = Rng.seed(batch).normal(batch, 20).realize();
            Tensor y = Rng.seed(3).integers(10, Shape.of(batch)).realize();
            List<float[]> expected = weights(batch, x, y, false);
            List<float[]> actual = weights(batch, x, y, true);
            for (int i = 0; i < expected.size(); i++) {
                assertArrayEquals(expected.get(i), actual.get(i), batch + ", weights " + i);
            }
        }
    }

    private static List<float[]> weights(int batch, Tensor x, Tensor y, boolean compiled) {
        var net =
                Sequential.of(
                        Linear.of(20, 33, Rng.seed(1)),
                        Activation.RELU,
                        Linear.of(33, 10, Rng.seed(2)));
        var optimizer = Adam.of(net.parameters());
        UnaryOperator<Tensor> step =
                t -> {
                    optimizer.zeroGrad();
                    Tensor loss = new CrossEntropyLoss().forward(net.forward(t, Mode.TRAIN), y);
                    loss.backward();
                    optimizer.step();
                    return loss;
                };
        Function f = Function.of(step);
        for (int i = 0; i < 4; i++) {
            (compiled ? f.apply(x) : step.apply(x)).toFloatArray();
        }
        List<float[]> out = new ArrayList<>();
        net.parameters().forEach(p -> out.add(p.cast(DType.F32).toFloatArray()));
        return out;
    }
}
