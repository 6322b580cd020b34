package dev.nacre.bench;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.LSTMCell;
import dev.nacre.nn.Linear;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.SGD;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.DoubleSupplier;

/// Loops that are hard on memory. Each gives what takes a step and gives a number, and fails if the number is not the one that plain Java computes.
final class Loops {
    private Loops() {}

    private static void require(boolean right, String what) {
        if (!right) {
            throw new IllegalStateException("wrong: " + what);
        }
    }

    private static void near(double expected, double actual, String what) {
        require(
                Math.abs(expected - actual) <= 1e-3 * Math.max(1, Math.abs(expected)),
                what + " is " + actual + ", not " + expected);
    }

    /// Steps of a training function on sequences of ever other lengths.
    static DoubleSupplier lengths(int lengths) {
        Rng rng = Rng.seed(0);
        Variable w = Variable.of("w", rng.normal(16, 8).mul(0.1));
        Function step =
                Function.of((Tensor x) -> {
                    w.zeroGrad();
                    Tensor y = x.matmul(w).sum();
                    y.backward();
                    w.set(w.add(w.grad().orElseThrow().mul(0)));
                    return y;
                });
        float[] weights = w.toFloatArray();
        int[] taken = {0};
        return () -> {
            int length = 1 + taken[0]++ * 7 % lengths;
            float[] x = new float[16 * length];
            double expected = 0;
            for (int i = 0; i < x.length; i++) {
                x[i] = (i * 31 + taken[0]) % 17 - 8;
                for (int k = 0; k < 8; k++) {
                    expected += x[i] * weights[i % 16 * 8 + k];
                }
            }
            double y = step.apply(Tensor.of(x, length, 16)).item();
            near(expected, y, "the sum of length " + length);
            return y;
        };
    }

    /// Gradients that grow for ever, as numbers.
    static DoubleSupplier forgottenZeroGrad() {
        Variable w = Variable.of("w", Tensor.zeros(1000));
        Optimizer optimizer = SGD.of(1e-6).over(List.of(w));
        double[] expected = {0, 0}; // gradient and weight
        return () -> {
            w.add(1).sum().backward();
            optimizer.step();
            expected[0] += 1;
            expected[1] -= 1e-6 * expected[0];
            double now = w.select(0, 7).item();
            near(expected[1], now, "the weight");
            return now;
        };
    }

    /// A state that nobody reads, only what a head makes of it.
    static DoubleSupplier carriedState() {
        Rng rng = Rng.seed(0);
        LSTMCell cell = LSTMCell.of(8, 32, rng);
        Linear head = Linear.of(32, 4, rng);
        LSTMCell.State[] lazy = {zeros()};
        LSTMCell.State[] realized = {zeros()};
        return () -> {
            Tensor x = rng.normal(1, 8).realize();
            lazy[0] = cell.forward(x, lazy[0]);
            LSTMCell.State next = cell.forward(x, realized[0]);
            realized[0] =
                    new LSTMCell.State(next.h().detach().realize(), next.c().detach().realize());
            double expected = head.forward(realized[0].h()).sum().item();
            double actual = head.forward(lazy[0].h()).sum().item();
            near(expected, actual, "the head");
            return actual;
        };
    }

    private static LSTMCell.State zeros() {
        return new LSTMCell.State(Tensor.zeros(1, 32), Tensor.zeros(1, 32));
    }

    /// Threads that share random numbers, a function, and variables that one of them changes: whoever predicts sees both before a step or both after it.
    static DoubleSupplier shared(int threads) {
        Rng rng = Rng.seed(0);
        Variable a = Variable.of("a", Tensor.zeros(4096));
        Variable b = Variable.of("b", Tensor.zeros(4096));
        Function train =
                Function.of(() -> {
                    a.set(a.add(1));
                    b.set(b.add(1));
                    return a.mean();
                });
        Function predict = Function.of((Tensor x) -> a.sub(b).mul(x).abs().max());
        ExecutorService pool =
                Executors.newFixedThreadPool(
                        threads, r -> Thread.ofPlatform().daemon().unstarted(r));
        double[] steps = {0};
        return () -> {
            List<Future<Double>> all = new ArrayList<>();
            for (int t = 1; t < threads; t++) {
                all.add(pool.submit(() -> predict.apply(rng.uniform(1.0, 2.0, 4096)).item()));
            }
            double now = train.apply().item();
            near(++steps[0], now, "the number of steps");
            try {
                for (Future<Double> f : all) {
                    require(f.get() == 0, "a prediction from two steps");
                }
            } catch (InterruptedException | ExecutionException e) {
                throw new IllegalStateException(e);
            }
            return now;
        };
    }
}
