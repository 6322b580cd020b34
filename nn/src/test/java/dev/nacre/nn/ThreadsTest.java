package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ThreadsTest {
    private final Rng rng = Rng.seed(0);
    private final Sequential net =
            Sequential.of(
                    Conv2d.of(1, 6, 3, rng),
                    BatchNorm2d.of(6),
                    Activation.RELU,
                    MaxPool2d.of(2),
                    new Flatten(),
                    Linear.of(54, 40, rng),
                    Activation.GELU,
                    Linear.of(40, 10, rng),
                    new Softmax(1));

    /// Sixteen threads at once on one model, traced and eager, on batches of several sizes: the answers of one thread, bit for bit.
    @Test
    @Timeout(120)
    void inferenceFromSixteenThreads() throws Exception {
        List<Tensor> inputs = new ArrayList<>();
        List<float[]> expected = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            inputs.add(Rng.seed(i).normal(Shape.of(1 + i % 4, 1, 8, 8)).realize());
            expected.add(net.forward(inputs.getLast()).toFloatArray());
        }
        Function traced = Function.of((Tensor x) -> net.forward(x));
        List<Callable<Void>> jobs = new ArrayList<>();
        for (int thread = 0; thread < 16; thread++) {
            int first = thread;
            jobs.add(() -> {
                for (int i = 0; i < 100; i++) {
                    int k = (first + i) % inputs.size();
                    Tensor y =
                            first % 2 == 0
                                    ? traced.apply(inputs.get(k))
                                    : net.forward(inputs.get(k));
                    assertArrayEquals(expected.get(k), y.toFloatArray());
                }
                return null;
            });
        }
        try (ExecutorService pool = Executors.newFixedThreadPool(16)) {
            for (Future<Void> f : pool.invokeAll(jobs)) {
                f.get();
            }
        }
    }
}
