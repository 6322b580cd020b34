package dev.nacre.bench;

import dev.nacre.Rng;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.workload.Digits;
import dev.nacre.bench.workload.Mlp;
import dev.nacre.bench.workload.Training;
import dev.nacre.nn.optim.Adam;
import dev.nacre.type.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.DoubleSupplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Many steps in a small heap with nothing closed anywhere: resident memory must stay flat, and the numbers right. The JVM gets `-Xmx256m` beside what the launcher gives every program, and
/// what `--jvm` names: another collector, or none that can be asked.
@Command(
        name = "soak",
        description = "Take many steps in a small heap: memory must stay flat.",
        mixinStandardHelpOptions = true)
final class Soak implements Callable<Integer> {
    private static final String HEAP = "-Xmx256m";

    /// What memory may grow from step 1,000 to the last.
    private static final double ALLOWED = 0.05;

    /// The network of `nacre train digits`, and W1's, whose steps are so short that the JIT is still at work after 1,000 of them; then loops of [Loops].
    private enum Case {
        DIGITS_COMPILED,
        DIGITS_EAGER,
        MLP_COMPILED,
        MLP_EAGER,
        LENGTHS(10_000),
        FORGOTTEN_ZERO_GRAD(10_000),
        CARRIED_STATE(5_000),
        SHARED(10_000);

        private final int most; // steps

        Case() {
            this(Integer.MAX_VALUE);
        }

        Case(int most) {
            this.most = most;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /// What takes a step and gives its loss.
        DoubleSupplier steps() {
            return switch (this) {
                case DIGITS_COMPILED -> new Digits()::compiled;
                case DIGITS_EAGER -> new Digits()::eager;
                case MLP_COMPILED -> mlp(false);
                case MLP_EAGER -> mlp(true);
                case LENGTHS -> Loops.lengths(1_000);
                case FORGOTTEN_ZERO_GRAD -> Loops.forgottenZeroGrad();
                case CARRIED_STATE -> Loops.carriedState();
                case SHARED -> Loops.shared(8);
            };
        }

        /// Each step has numbers of its own.
        private static DoubleSupplier mlp(boolean eager) {
            Rng rng = Rng.seed(0);
            var training = new Training(Task.smallMlp(), Mlp.of(100, 64, 10), Adam.of(1e-3));
            return () -> {
                var x = rng.normal(32, 100);
                var y = rng.integers(10, Shape.of(32));
                return (eager ? training.eager(x, y) : training.compiled().apply(x, y)).item();
            };
        }
    }

    @Parameters(
            paramLabel = "CASE",
            description = "Among ${COMPLETION-CANDIDATES}; all, if none is named.")
    private List<Case> cases = List.of(Case.values());

    @Option(names = "--steps", description = "How many (${DEFAULT-VALUE}).")
    private int steps = 100_000;

    @Option(
            names = "--jvm",
            paramLabel = "FLAG",
            description = "A flag for the JVM, such as -XX:+UseZGC; may be given several times.")
    private List<String> jvm = List.of();

    Soak() {}

    @Override
    public Integer call() throws IOException, InterruptedException {
        boolean flat = true;
        for (Case c : cases) {
            flat &= child(c) == 0;
        }
        return flat ? 0 : 1;
    }

    private int child(Case c) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(Engine.flags());
        command.add(HEAP);
        command.addAll(jvm);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(
                List.of(Soak.class.getName(), c.name(), Integer.toString(Math.min(steps, c.most))));
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    /// Takes the steps, prints what memory they take, and exits with 1 if it grew.
    public static void main(String[] args) throws IOException {
        Case c = Case.valueOf(args[0]);
        int steps = Integer.parseInt(args[1]);
        int first = Math.min(1000, steps / 2);
        DoubleSupplier step = c.steps();
        long early = 0;
        for (int i = 1; i <= steps; i++) {
            double loss = step.getAsDouble();
            if (!Double.isFinite(loss)) {
                throw new IllegalStateException("loss " + loss + " at step " + i);
            }
            if (i == first) {
                early = memory("VmRSS");
            }
            if (i >= first && isMilestone(i)) {
                print("%-16s %,9d KiB of resident memory after %,7d steps", c, memory("VmRSS"), i);
            }
        }
        double growth = (double) memory("VmRSS") / early - 1;
        print(
                "%-16s %+.1f %% from step %,d to step %,d; at most %,d KiB at any time",
                c, 100 * growth, first, steps, memory("VmHWM"));
        System.exit(growth > ALLOWED ? 1 : 0);
    }

    private static void print(String format, Object... values) {
        System.out.printf(Locale.ROOT, format + "%n", values);
    }

    /// 1,000, 2,000, 5,000, 10,000, …
    private static boolean isMilestone(int step) {
        int unit = step;
        while (unit % 10 == 0) {
            unit /= 10;
        }
        return unit == 1 || unit == 2 || unit == 5;
    }

    /// Memory of this process in KiB, as Linux counts it: `VmRSS` what is resident, `VmHWM` the most that ever was.
    private static long memory(String kind) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(l -> l.startsWith(kind))
                .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
