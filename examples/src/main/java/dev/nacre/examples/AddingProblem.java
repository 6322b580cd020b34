package dev.nacre.examples;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.LSTM;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Clip;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;

/// The adding problem (Hochreiter & Schmidhuber 1997): of a sequence of 100 random numbers, two are marked, and their sum is to be told at the end. Who always answers 1 has a mean squared error of 1/6; to
/// do better, something must be remembered over up to 99 steps.
public final class AddingProblem {
    private static final int TIME = 100;
    private static final int BATCH = 64;
    private static final double ENOUGH = 0.005;

    record Net(LSTM lstm, Linear head) implements Module {
        Net(Rng rng) {
            this(LSTM.of(2, 64, rng), Linear.of(64, 1, rng));
            var bias = lstm.state().get("bias_ih_l0"); // gates: input, forget, cell, output
            var forget = Tensor.arange(4 * 64).ge(64).and(Tensor.arange(4 * 64).lt(2 * 64));
            bias.set(bias.add(forget.cast(DType.F32))); // at first, remember
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return head.forward(lstm.forward(x, mode).select(0, TIME - 1)).squeeze(1);
        }
    }

    /// Numbers and marks `[time, batch, 2]`, and sums `[batch]`.
    record Examples(Tensor x, Tensor sums) {
        /// One mark is in the first half, the other in the second.
        static Examples of(int count, Rng rng) {
            var numbers = rng.uniform(TIME, count);
            var places = Tensor.arange(TIME).unsqueeze(1);
            var first = places.eq(rng.integers(TIME / 2, Shape.of(count)));
            var second = places.eq(rng.integers(TIME / 2, Shape.of(count)).add(TIME / 2));
            var marks = first.or(second).cast(DType.F32);
            return new Examples(
                    Tensor.stack(2, java.util.List.of(numbers, marks)), numbers.mul(marks).sum(0));
        }
    }

    private AddingProblem() {}

    private static Tensor error(Net net, Examples e, Mode mode) {
        return net.forward(e.x, mode).sub(e.sums).square().mean();
    }

    public static void main(String[] args) {
        int most = args.length > 0 ? Integer.parseInt(args[0]) : 20_000;
        var net = new Net(Rng.seed(0));
        var optimizer = Adam.of(net.parameters(), 2e-3);
        var rng = Rng.seed(1);
        var step =
                Function.of(() -> {
                    optimizer.zeroGrad();
                    var loss = error(net, Examples.of(BATCH, rng), Mode.TRAIN);
                    loss.backward();
                    Clip.byNorm(net.parameters(), 1);
                    optimizer.step();
                    return loss;
                });
        var test = Examples.of(1000, Rng.seed(2));
        var measure = Function.of(() -> error(net, test, Mode.EVAL));
        long start = System.nanoTime();
        for (int i = 1; i <= most; i++) {
            step.apply();
            if (i % 100 == 0) {
                double mse = measure.apply().item();
                double seconds = (System.nanoTime() - start) / 1e9;
                IO.println("step %5d  loss %.5f  %.1f s".formatted(i, mse, seconds));
                if (mse < ENOUGH) {
                    break;
                }
            }
        }
    }
}
