package dev.nacre.bench;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import java.util.Locale;

/// What it costs to write a step as an eager loop: the time of a step that is traced anew each time and finds its plan by structure, less that of the compiled function.
final class Tracing {
    private Tracing() {}

    static void run() {
        Rng rng = Rng.seed(0);
        Tensor x = rng.normal(64, 1, 28, 28).realize();
        Tensor y = rng.integers(10, 64).realize();
        Function compiled = Nets.Training.of(Nets.Cnn.of(rng)).compiled();
        Nets.Training eager = Nets.Training.of(Nets.Cnn.of(rng));
        System.out.print(compiled.explain(x, y));
        Timing[] t = Timing.inTurn(() -> compiled.apply(x, y), () -> eager.step(x, y), 4, 3);
        System.out.println("compiled " + t[0].text());
        System.out.println("eager    " + t[1].text());
        System.out.printf(
                Locale.ROOT,
                "tracing, gradients and plan lookup: %.1f %% of a step%n",
                100 * (t[1].median() / t[0].median() - 1));
    }
}
