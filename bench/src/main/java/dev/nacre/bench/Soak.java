package dev.nacre.bench;

import dev.nacre.Rng;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.workload.Digits;
import dev.nacre.bench.workload.Mlp;
import dev.nacre.bench.workload.Training;
import dev.nacre.compile.Memory;
import dev.nacre.nn.optim.Adam;
import dev.nacre.type.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.DoubleSupplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Many steps in a small heap with nothing closed anywhere: memory must stay flat, and the numbers right. The JVM gets a heap of 256 MiB beside what the launcher gives every program, and
/// what `--jvm` names: another collector, or none that can be asked. What may not grow is what the program is answerable for, see [Footprint].
@Command(
        name = "soak",
        description = "Take many steps in a small heap: memory must stay flat.",
        mixinStandardHelpOptions = true)
final class Soak implements Callable<Integer> {
    /// KiB that the program's memory may grow: what the C library's own moves by, once.
    private static final long ALLOWED = 12 << 10;

    /// MiB of the heap.
    private static final int HEAP = 256;

    /// MiB that are resident at most, beside the heap: as many for tensors, and what the JVM and libraries take.
    private static final int MOST = HEAP + 128;

    /// How often memory is looked at in the first and in the last steps; the median counts.
    private static final int LOOKS = 3;

    /// The network of `nacre train digits`, and W1's, whose steps are so short that the JIT is still at work after 1,000 of them; then loops of [Loops].
    enum Case {
        DIGITS_COMPILED(100_000, 0),
        DIGITS_EAGER(100_000, 0),
        MLP_COMPILED(100_000, 0),
        MLP_EAGER(100_000, 0),
        LENGTHS(10_000, 150),
        FORGOTTEN_ZERO_GRAD(10_000, 0),
        HEAD_ALONE(10_000, 0),
        CARRIED_STATE(5_000, 0),
        CONSTANTS(20_000, 4_000),
        PRODUCTS(5_000, 1_000),
        SHARED(10_000, 500);

        private final int steps;
        private final int filling; // steps until as much is kept for later as may be, in 256 MiB

        Case(int steps, int filling) {
            this.steps = steps;
            this.filling = filling;
        }

        /// Those that are hard on memory.
        static List<Case> loops() {
            return List.copyOf(EnumSet.range(LENGTHS, SHARED));
        }

        int steps() {
            return steps;
        }

        /// What else memory may grow: a state that is carried on keeps how it was computed, for a derivative by all tokens.
        ///
        /// @return KiB a step
        private long history() {
            return this == CARRIED_STATE ? 6 : 0;
        }

        private int filling(long heap) {
            return (int) (filling * heap / HEAP);
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /// What takes a step and gives its loss.
        ///
        /// @param steps how many there will be
        DoubleSupplier take(int steps) {
            return switch (this) {
                case DIGITS_COMPILED -> new Digits()::compiled;
                case DIGITS_EAGER -> new Digits()::eager;
                case MLP_COMPILED -> mlp(false);
                case MLP_EAGER -> mlp(true);
                case LENGTHS -> Loops.lengths(Math.max(10, steps / 10));
                case FORGOTTEN_ZERO_GRAD -> Loops.forgottenZeroGrad();
                case HEAD_ALONE -> Loops.headAlone();
                case CONSTANTS -> Loops.constants();
                case PRODUCTS -> Loops.products();
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

    /// A JVM in which the loops must do.
    record Setting(List<String> flags) {
        private static final String DENY = "--illegal-native-access=deny";

        /// Each collector as it is, where it does not obey `System.gc()`, and with native access denied.
        static List<Setting> all() {
            List<Setting> all = new ArrayList<>();
            for (List<String> more :
                    List.<List<String>>of(
                            List.of(), List.of("-XX:+DisableExplicitGC"), List.of(DENY))) {
                for (String collector : List.of("Serial", "G1", "Parallel", "Z")) {
                    List<String> flags = new ArrayList<>(more);
                    flags.addFirst("-XX:+Use" + collector + "GC");
                    all.add(new Setting(List.copyOf(flags)));
                }
            }
            return all;
        }

        @Override
        public String toString() {
            return String.join(" ", flags);
        }
    }

    /// How a run ended.
    ///
    /// @param lines what it printed
    record Outcome(boolean flat, List<String> lines) {
        /// What the last line says of memory, or what went wrong.
        String summary() {
            return lines.stream()
                    .filter(l -> l.startsWith(SUMMARY))
                    .map(l -> l.substring(SUMMARY.length()))
                    .findFirst()
                    .or(() ->
                            lines.stream()
                                    .filter(l -> l.contains("Exception") || l.contains("Error"))
                                    .findFirst())
                    .orElse("no result");
        }

        String text() {
            return String.join("\n", lines);
        }
    }

    @Parameters(
            paramLabel = "CASE",
            description = "Among ${COMPLETION-CANDIDATES}; all, if none is named.")
    private List<Case> cases = List.of();

    @Option(
            names = "--part",
            paramLabel = "N",
            description = "Take one N-th of the steps, which are 100,000, 10,000 or 5,000.")
    private int part = 1;

    @Option(
            names = "--jvm",
            paramLabel = "FLAG",
            description = "A flag for the JVM, such as -XX:+UseZGC; may be given several times.")
    private List<String> jvm = List.of();

    @Option(
            names = "--matrix",
            description =
                    "Each of the cases (the loops, if none is named) under each collector, as it is, where it cannot be asked, and with native access denied; prints a table.")
    private boolean matrix;

    Soak() {}

    @Override
    public Integer call() throws IOException, InterruptedException {
        return (matrix ? matrix() : each()) ? 0 : 1;
    }

    private boolean each() throws IOException, InterruptedException {
        boolean flat = true;
        for (Case c : cases.isEmpty() ? List.of(Case.values()) : cases) {
            flat &= said(c, run(c, c.steps / part, HEAP, jvm)).flat;
        }
        return flat;
    }

    private boolean matrix() throws IOException, InterruptedException {
        List<Case> rows = cases.isEmpty() ? Case.loops() : cases;
        boolean flat = true;
        StringBuilder table = new StringBuilder("| ");
        rows.forEach(c -> table.append(" | ").append(c).append(", ").append(c.steps / part));
        table.append(" |\n|---").append("|---".repeat(rows.size())).append("|\n");
        for (Setting s : Setting.all()) {
            table.append("| `").append(s).append('`');
            List<String> flags = new ArrayList<>(jvm);
            flags.addAll(s.flags);
            for (Case c : rows) {
                Outcome o = said(c + " " + s, run(c, c.steps / part, HEAP, flags));
                flat &= o.flat;
                table.append(o.flat ? " | " : " | **").append(o.summary());
                table.append(o.flat ? "" : "**");
            }
            table.append(" |\n");
        }
        System.out.print(table);
        return flat;
    }

    private static Outcome said(Object what, Outcome o) {
        System.out.println(what + (o.flat ? "" : ": not flat"));
        o.lines.forEach(l -> System.out.println("    " + l));
        return o;
    }

    /// Takes the steps in a JVM of its own.
    ///
    /// @param heap in MiB
    static Outcome run(Case c, int steps, int heap, List<String> jvm)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        Engine.flags().stream().filter(f -> !isReplaced(f, jvm)).forEach(command::add);
        command.addAll(Footprint.flags(heap));
        command.addAll(jvm);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(Soak.class.getName(), c.name(), Integer.toString(steps)));
        Path log = Files.createTempFile("nacre-soak", ".log");
        try {
            Process p =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(log.toFile())
                            .start();
            return new Outcome(p.waitFor() == 0, Files.readAllLines(log));
        } finally {
            Files.delete(log);
        }
    }

    /// Whether a flag of this JVM gives way to those of the run: there is one collector, one size of the heap, and an archive for these alone; and access is not allowed that is denied.
    private static boolean isReplaced(String flag, List<String> jvm) {
        return flag.startsWith("-Xm")
                || flag.startsWith("-XX:AOT")
                || isCollector(flag) && jvm.stream().anyMatch(Soak::isCollector)
                || flag.startsWith("--enable-native-access") && jvm.contains(Setting.DENY);
    }

    private static boolean isCollector(String flag) {
        return flag.matches("-XX:\\+Use\\w+GC");
    }

    // ------------------------------------------------------------------------------------------
    // in the JVM of its own

    private static final String SUMMARY = "sum: ";

    /// Memory in some steps in a row, in KiB: the program's outside the heap, the median of several looks, and reachable objects after the last.
    private record Window(long outside, long live) {
        static Window of(DoubleSupplier step, int steps, int first) {
            List<Long> outside = new ArrayList<>();
            for (int i = 1; i <= steps; i++) {
                take(step, first + i);
                if (i % Math.max(1, steps / LOOKS) == 0) {
                    outside.add(Footprint.ofProgram());
                }
            }
            outside.sort(null);
            return new Window(outside.get(outside.size() / 2), Footprint.live());
        }

        long sum() {
            return outside + live;
        }
    }

    private static void take(DoubleSupplier step, int number) {
        double loss = step.getAsDouble();
        if (!Double.isFinite(loss)) {
            throw new IllegalStateException("loss " + loss + " at step " + number);
        }
    }

    /// Takes the steps, prints what memory they take, and exits with 1 if it grew: the last tenth of the steps is compared with the second, or with a later one if it takes longer until all is there that is kept for later.
    public static void main(String[] args) {
        Case c = Case.valueOf(args[0]);
        int steps = Integer.parseInt(args[1]);
        long heap = Runtime.getRuntime().maxMemory() >> 20;
        int tenth = Math.max(1, steps / 10);
        DoubleSupplier step = c.take(steps);
        int taken = 0;
        while (taken < Math.max(tenth, c.filling(heap))) {
            take(step, ++taken);
        }
        Window early = Window.of(step, tenth, taken);
        taken += tenth;
        long jvm = Footprint.ofJvm();
        print("step %,d", taken, early, jvm);
        while (taken < steps - tenth) {
            take(step, ++taken);
        }
        Window late = Window.of(step, tenth, taken);
        print("step %,d", taken + tenth, late, Footprint.ofJvm());
        double growth = (double) (late.sum() - early.sum()) / (early.sum() + jvm);
        System.out.printf(
                Locale.ROOT,
                SUMMARY
                        + "%+.1f %% (outside the heap %+.1f MiB, objects %+.1f MiB), at most %d MiB%n",
                100 * growth,
                (late.outside - early.outside) / 1024.0,
                (late.live - early.live) / 1024.0,
                Footprint.peak() / 1024);
        long allowed = ALLOWED + idle() + c.history() * (steps - 2 * tenth);
        boolean flat =
                late.sum() - early.sum() <= allowed && Footprint.peak() <= (heap + MOST) << 10;
        System.exit(flat ? 0 : 1);
    }

    /// Where native access is denied what lies idle stays resident: as much as is lent from one collection to the next.
    ///
    /// @return KiB
    private static long idle() {
        return Memory.isNative() ? 0 : (Memory.limit() >> 10) / 8;
    }

    private static void print(String format, int step, Window w, long jvm) {
        System.out.printf(
                Locale.ROOT,
                format + ": %,d KiB outside the heap, %,d KiB of objects; the JVM itself %,d KiB%n",
                step,
                w.outside,
                w.live,
                jvm);
    }
}
