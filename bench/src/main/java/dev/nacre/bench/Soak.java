package dev.nacre.bench;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// Many training steps in a small heap with nothing closed anywhere: resident memory must stay flat, within 5 % from step 1,000 to the end.
final class Soak {
    private Soak() {}

    static void run(int steps) throws Exception {
        for (String form : new String[] {"compiled", "eager"}) {
            double growth =
                    Child.number(
                            List.of("-Xmx256m"),
                            "dev.nacre.bench.Soak",
                            form,
                            Integer.toString(steps));
            System.out.printf(
                    Locale.ROOT,
                    "%s: resident memory from step 1,000 to step %,d: %+.1f %%%n",
                    form,
                    steps,
                    100 * growth);
        }
    }

    /// Prints the growth of resident memory.
    public static void main(String[] args) throws IOException {
        Rng rng = Rng.seed(0);
        Nets.Training training = Nets.Training.of(Nets.Small.of(rng));
        var compiled = training.compiled();
        int steps = Integer.parseInt(args[1]);
        long early = 0;
        for (int i = 1; i <= steps; i++) {
            Tensor x = rng.normal(32, 100);
            Tensor y = rng.integers(10, 32);
            Tensor loss = args[0].equals("eager") ? training.step(x, y) : compiled.apply(x, y);
            if (!Double.isFinite(loss.item())) {
                throw new IllegalStateException("loss " + loss + " at step " + i);
            }
            if (i == 1000) {
                early = resident();
            }
            if (i % Math.max(1, steps / 10) == 0) {
                System.out.printf(Locale.ROOT, "%,d steps: %,d KiB%n", i, resident());
            }
        }
        System.out.printf(Locale.ROOT, "RESULT %.4f%n", (double) resident() / early - 1);
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
