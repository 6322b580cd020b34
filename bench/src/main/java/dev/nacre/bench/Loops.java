package dev.nacre.bench;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.bench.workload.Mlp;
import dev.nacre.nn.LSTMCell;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.SGD;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
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

    /// Gradients of a body of which the optimizer changes the head alone: nobody zeroes them, and hardly anybody reads them.
    static DoubleSupplier headAlone() {
        Variable body = Variable.of("body", Tensor.ones(100).mul(0.5));
        Variable head = Variable.of("head", Tensor.ones(1));
        Optimizer optimizer = SGD.of(1e-6).over(List.of(head));
        double[] expected = {1, 0}; // head, sum of its values
        int[] taken = {0};
        return () -> {
            optimizer.zeroGrad();
            body.sum().mul(head).sum().backward();
            optimizer.step();
            expected[1] += expected[0];
            expected[0] -= 1e-6 * 50;
            if (++taken[0] % 100 == 0) {
                near(expected[1], body.grad().orElseThrow().select(0, 3).item(), "the gradient");
            }
            double now = head.item();
            near(expected[0], now, "the head");
            return now;
        };
    }

    /// Whole numbers in the code, each of which is machine code of its own.
    static DoubleSupplier constants() {
        Tensor x = Tensor.arange(100).realize(); // i64
        long[] i = {0};
        return () -> {
            double y = x.add(++i[0]).sum().item();
            require(y == 4950 + 100 * i[0], "a sum with " + i[0]);
            return y;
        };
    }

    /// Products of ever other sizes, for each of which the library compiles code.
    static DoubleSupplier products() {
        int[] i = {0};
        return () -> {
            long m = 3 + 2 * (i[0] % 97);
            long k = 5 + 2 * (i[0]++ % 89);
            double y =
                    Tensor.ones(m, k).realize().matmul(Tensor.ones(k, 20).realize()).sum().item();
            near(m * k * 20, y, "the product of " + m + " by " + k);
            return y;
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

    /// Threads that share random numbers, a function of variables, and a network, both of which one of them changes: whoever reads sees everything before a step or everything after it.
    static DoubleSupplier shared(int threads) {
        Rng rng = Rng.seed(0);
        Variable a = Variable.of("a", Tensor.zeros(4096));
        Variable b = Variable.of("b", Tensor.zeros(4096));
        Function count =
                Function.of(() -> {
                    a.set(a.add(1));
                    b.set(b.add(1));
                    return a.mean();
                });
        Function difference = Function.of((Tensor x) -> a.sub(b).mul(x).abs().max());
        Trained net = new Trained();
        ExecutorService pool =
                Executors.newFixedThreadPool(
                        threads, r -> Thread.ofPlatform().daemon().unstarted(r));
        double[] steps = {0};
        return () -> {
            net.foresee();
            List<Future<?>> all = new ArrayList<>();
            for (int t = 1; t < threads; t++) {
                all.add(
                        switch (t % 3) {
                            case 0 ->
                                    pool.submit(() ->
                                            require(
                                                    difference
                                                                    .apply(
                                                                            rng.uniform(
                                                                                    1.0, 2.0, 4096))
                                                                    .item()
                                                            == 0,
                                                    "a difference of two steps"));
                            case 1 -> pool.submit(net::predict);
                            default -> pool.submit(net::look);
                        });
            }
            double now = count.apply().item();
            near(++steps[0], now, "the number of steps");
            double loss = net.step();
            try {
                for (Future<?> f : all) {
                    f.get();
                }
            } catch (InterruptedException | ExecutionException e) {
                throw new IllegalStateException(e);
            }
            return loss;
        };
    }

    /// A network that is trained while others predict with it and read its parameters. Its twin takes each step beforehand and alone, so what they may see is known to the last bit.
    private static final class Trained {
        private static final long BATCH = 32;

        /// A network with all that a step needs.
        private record Half(Mlp net, Function step, Function predict) {
            static Half of() {
                Mlp net = Mlp.of(64, 48, 10);
                Optimizer optimizer = Adam.of(net.parameters());
                return new Half(
                        net,
                        Function.of((Tensor x, Tensor y) -> {
                            optimizer.zeroGrad();
                            Tensor loss =
                                    new CrossEntropyLoss().forward(net.forward(x, Mode.TRAIN), y);
                            loss.backward();
                            optimizer.step();
                            return loss;
                        }),
                        Function.of((Tensor x) -> net.forward(x)));
            }

            Seen seen(Tensor x) {
                return new Seen(
                        Arrays.hashCode(predict.apply(x).toFloatArray()),
                        Loops.hash(Variable.snapshot(net.parameters())));
            }
        }

        /// Hashes of a prediction and of all parameters.
        private record Seen(int prediction, int parameters) {}

        private final Half net = Half.of();
        private final Half twin = Half.of();
        private final Tensor x = Rng.seed(1).normal(BATCH, 64).realize();
        private final Tensor y = Rng.seed(2).integers(10, Shape.of(BATCH)).realize();
        private volatile Seen before = twin.seen(x);
        private volatile Seen after = before;

        /// Takes the twin's next step.
        void foresee() {
            twin.step.apply(x, y);
            before = after;
            after = twin.seen(x);
        }

        double step() {
            return net.step.apply(x, y).item();
        }

        void predict() {
            int p = Arrays.hashCode(net.predict.apply(x).toFloatArray());
            require(p == before.prediction || p == after.prediction, "a prediction of two steps");
        }

        void look() {
            int p = hash(Variable.snapshot(net.net.parameters()));
            require(p == before.parameters || p == after.parameters, "parameters of two steps");
        }
    }

    private static int hash(List<Tensor> all) {
        int hash = 1;
        for (Tensor t : all) {
            hash = 31 * hash + Arrays.hashCode(t.toFloatArray());
        }
        return hash;
    }
}
