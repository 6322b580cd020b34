package dev.nacre.bench;

import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.workload.Cnn;
import dev.nacre.bench.workload.Training;
import dev.nacre.nn.optim.Adam;
import java.util.Locale;
import picocli.CommandLine.Command;

/// What it costs to write a step as an eager loop: the time of a step that is traced anew each time and finds its plan by structure, less that of the compiled function.
@Command(
        name = "tracing",
        description = "Compare an eager step of W3 with the compiled one.",
        mixinStandardHelpOptions = true)
final class Tracing implements Runnable {
    private static final int WARM = 3000;

    Tracing() {}

    @Override
    public void run() {
        Task task = Task.cnn(64);
        Tensor x = Tensor.of(task.input(0), task.shape());
        Tensor y = Tensor.of(task.labels(0), task.labelShape());
        var compiled = new Training(task, Cnn.of(), Adam.of(1e-3)).compiled();
        Training eager = new Training(task, Cnn.of(), Adam.of(1e-3));
        System.out.print(compiled.explain(x, y));
        warm();
        Timing[] t = Timing.inTurn(() -> compiled.apply(x, y), () -> eager.eager(x, y), 50, 0.25);
        System.out.println("compiled " + t[0].text());
        System.out.println("eager    " + t[1].text());
        System.out.printf(
                Locale.ROOT,
                "tracing, gradients and plan lookup: %.1f %% of a step%n",
                100 * (t[1].median() / t[0].median() - 1));
    }

    /// Writes the step down often, for one image at a time, so that the JIT is done with the code that is measured: with whole batches that would take minutes.
    private static void warm() {
        Task task = Task.cnn(1);
        Training one = new Training(task, Cnn.of(), Adam.of(1e-3));
        Tensor x = Tensor.of(task.input(0), task.shape());
        Tensor y = Tensor.of(task.labels(0), task.labelShape());
        for (int i = 0; i < WARM; i++) {
            one.eager(x, y).item();
        }
    }
}
