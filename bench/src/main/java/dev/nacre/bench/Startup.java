package dev.nacre.bench;

import dev.nacre.Rng;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// From process start to the end of the first training step of the 100-64-10 network: ten starts after one that is not counted.
final class Startup {
    private Startup() {}

    static void run() throws Exception {
        double[] ms = new double[10];
        Child.number(List.of(), "dev.nacre.bench.Startup");
        for (int i = 0; i < ms.length; i++) {
            long before = System.nanoTime();
            Child.number(List.of(), "dev.nacre.bench.Startup");
            ms[i] = (System.nanoTime() - before) / 1e6;
        }
        Arrays.sort(ms);
        System.out.printf(
                Locale.ROOT,
                "start to end of first step, and exit: median %.0f ms (%.0f to %.0f)%n",
                ms[5],
                ms[0],
                ms[9]);
    }

    /// Takes one step.
    public static void main(String[] args) {
        Rng rng = Rng.seed(0);
        var step = Nets.Training.of(Nets.Small.of(rng)).compiled();
        System.out.printf(
                Locale.ROOT,
                "RESULT %.6f%n",
                step.apply(rng.normal(32, 100), rng.integers(10, 32)).item());
    }
}
