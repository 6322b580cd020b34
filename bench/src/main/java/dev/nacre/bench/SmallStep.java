package dev.nacre.bench;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// A training step of the 100-64-10 network at batch 32, beside libtorch with MKL in a process of its own, in turn.
final class SmallStep {
    private static final int ROUNDS = 3;

    private SmallStep() {}

    static void run() throws Exception {
        double[] ours = new double[ROUNDS];
        double[] two = new double[ROUNDS];
        double[] one = new double[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            ours[r] = Child.number(List.of(), "dev.nacre.bench.SmallStep");
            two[r] = Child.number(Child.LIBTORCH, "dev.nacre.bench.peer.LibTorchStep", "2");
            one[r] = Child.number(Child.LIBTORCH, "dev.nacre.bench.peer.LibTorchStep", "1");
        }
        System.out.printf(
                Locale.ROOT,
                "nacre %.1f µs, libtorch %.1f µs with two threads, %.1f with one: %.2f and %.2f of its time%n",
                median(ours),
                median(two),
                median(one),
                median(ours) / median(two),
                median(ours) / median(one));
    }

    private static double median(double[] v) {
        double[] s = v.clone();
        Arrays.sort(s);
        return s[s.length / 2];
    }

    /// Prints the microseconds of a step.
    public static void main(String[] args) throws IOException {
        Rng rng = Rng.seed(0);
        Function step = Nets.Training.of(Nets.Small.of(rng)).compiled();
        Tensor[] x = new Tensor[256];
        Tensor[] y = new Tensor[256];
        for (int i = 0; i < x.length; i++) {
            x[i] = rng.normal(32, 100).realize();
            y[i] = rng.integers(10, 32).realize();
        }
        int[] i = {0};
        Timing t = Timing.of(() -> step.apply(x[i[0] & 255], y[i[0]++ & 255]), 4, 4);
        System.out.printf(Locale.ROOT, "RESULT %.3f%n", t.median() / 1e3);
    }
}
