package dev.nacre.bench;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.workload.Mlp;
import dev.nacre.bench.workload.Training;
import dev.nacre.nn.optim.Adam;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// Many training steps in a small heap with nothing closed anywhere: resident memory must stay flat.
@Command(
        name = "soak",
        description = "Take many steps in a small heap: memory must stay flat.",
        mixinStandardHelpOptions = true)
final class Soak implements Callable<Integer> {
    /// So that what is resident is what is held: a young generation that has been used whole before the first measurement, and a C library that gives back what the
    /// JVM's compilers have freed.
    private static final List<String> FLAGS =
            List.of("-Xmx256m", "-Xmn16m", "-XX:TrimNativeHeapInterval=500");

    /// What memory may grow from step 1,000 to the last.
    private static final double ALLOWED = 0.05;

    @Option(names = "--steps", description = "How many (${DEFAULT-VALUE}).")
    private int steps = 100_000;

    Soak() {}

    @Override
    public Integer call() throws IOException, InterruptedException {
        boolean flat = true;
        for (String form : new String[] {"compiled", "eager"}) {
            flat &= child(form) == 0;
        }
        return flat ? 0 : 1;
    }

    private int child(String form) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(Engine.flags());
        command.addAll(FLAGS);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(Soak.class.getName(), form, Integer.toString(steps)));
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    /// Takes the steps, prints what memory they take, and exits with 1 if it grew.
    public static void main(String[] args) throws IOException {
        Rng rng = Rng.seed(0);
        var training = new Training(Task.smallMlp(), Mlp.of(100, 64, 10), Adam.of(1e-3));
        int steps = Integer.parseInt(args[1]);
        long early = 0;
        for (int i = 1; i <= steps; i++) {
            Tensor x = rng.normal(32, 100);
            Tensor y = rng.integers(10, 32);
            Tensor loss =
                    args[0].equals("eager")
                            ? training.eager(x, y)
                            : training.compiled().apply(x, y);
            if (!Double.isFinite(loss.item())) {
                throw new IllegalStateException("loss " + loss + " at step " + i);
            }
            if (i == Math.min(1000, steps / 2)) {
                early = resident();
            }
            if (isMilestone(i)) {
                System.out.printf(
                        Locale.ROOT,
                        "%-8s %,9d KiB of resident memory after %,7d steps%n",
                        args[0],
                        resident(),
                        i);
            }
        }
        double growth = (double) resident() / early - 1;
        System.out.printf(
                Locale.ROOT,
                "%-8s %+.1f %% from step %,d to step %,d%n",
                args[0],
                100 * growth,
                Math.min(1000, steps / 2),
                steps);
        System.exit(growth > ALLOWED ? 1 : 0);
    }

    /// 1,000, 2,000, 5,000, 10,000, …
    private static boolean isMilestone(int step) {
        int unit = step;
        while (unit % 10 == 0) {
            unit /= 10;
        }
        return step >= 1000 && (unit == 1 || unit == 2 || unit == 5);
    }

    /// Resident memory of this process in KiB.
    private static long resident() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(l -> l.startsWith("VmRSS"))
                .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
