package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/// Many threads at once get what one thread gets, bit for bit.
class ConcurrencyTest {
    private static final int THREADS = 16;
    private static final int CALLS = 25;

    /// What one thread does, between barriers that make all of them start together.
    @FunctionalInterface
    private interface Job {
        void run(int thread) throws Exception;
    }

    private static void atOnce(Job job) throws Exception {
        CyclicBarrier start = new CyclicBarrier(THREADS);
        try (ExecutorService pool = Executors.newFixedThreadPool(THREADS)) {
            List<Future<?>> all = new ArrayList<>();
            for (int t = 0; t < THREADS; t++) {
                int thread = t;
                all.add(
                        pool.submit(() -> {
                            start.await();
                            job.run(thread);
                            return null;
                        }));
            }
            for (Future<?> f : all) {
                f.get();
            }
        }
    }

    private static Tensor input(int seed, int rows) {
        return Rng.seed(seed).normal(rows, 24).realize();
    }

    @Test
    void oneFunction() throws Exception {
        Variable w = Variable.of("w", Rng.seed(1).normal(24, 40));
        Variable b = Variable.of("b", Rng.seed(2).normal(40));
        Variable v = Variable.of("v", Rng.seed(3).normal(40, 8));
        Function f = Function.of((Tensor x) -> x.matmul(w).add(b).gelu().matmul(v).softmax(-1));
        Function alone = Function.of((Tensor x) -> x.matmul(w).add(b).gelu().matmul(v).softmax(-1));
        List<Tensor> inputs = new ArrayList<>();
        List<float[]> expected = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            inputs.add(
                    input(
                            10 + i,
                            i % 3 == 0
                                    ? 64
                                    : 33)); // two entries, compiled while the others wait or run
            expected.add(alone.apply(inputs.get(i)).toFloatArray());
        }
        atOnce(thread -> {
            for (int i = 0; i < CALLS; i++) {
                int which = (thread + i) % THREADS;
                assertArrayEquals(expected.get(which), f.apply(inputs.get(which)).toFloatArray());
            }
        });
    }

    @Test
    void eagerCodeThatSharesTensors() throws Exception {
        Variable w = Variable.of("w", Rng.seed(1).normal(24, 10));
        Tensor x = input(5, 50);
        Tensor shared = x.matmul(w).tanh(); // all threads want it computed
        double expected = x.matmul(w).tanh().square().sum().item();
        atOnce(thread -> {
            assertEquals(expected, shared.square().sum().item());
            assertEquals(thread, shared.sub(shared).sum().add(thread).item());
        });
    }

    @Test
    void trainingOfSixteenModelsAtOnce() throws Exception {
        float[] expected = train(7);
        atOnce(thread -> assertArrayEquals(expected, train(7)));
    }

    private static float[] train(int seed) {
        Rng rng = Rng.seed(seed);
        Variable w = Variable.of("w", rng.normal(24, 4));
        Tensor x = rng.normal(16, 24);
        Tensor y = rng.normal(16, 4);
        for (int i = 0; i < 5; i++) {
            w.zeroGrad();
            x.matmul(w).sub(y).square().mean().backward();
            Variable.update(List.of(w), () -> w.set(w.sub(w.grad().orElseThrow().mul(0.1))));
        }
        return w.toFloatArray();
    }
}
