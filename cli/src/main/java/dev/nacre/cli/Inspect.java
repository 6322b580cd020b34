package dev.nacre.cli;

import dev.nacre.nn.data.Preprocessing;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `nacre inspect MODEL`.
@Command(
        name = "inspect",
        description = "Print layers, parameters, shapes and provenance of a saved network.",
        mixinStandardHelpOptions = true)
final class Inspect implements Runnable {
    @Spec private CommandSpec spec;

    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "A file that 'nacre train' has saved.")
    private Path model;

    Inspect() {}

    @Override
    public void run() {
        if (SavedChars.isOne(model)) {
            characters(SavedChars.read(model));
            return;
        }
        SavedModel saved = SavedModel.read(model);
        Preprocessing p = saved.preprocessing();
        PrintWriter out = spec.commandLine().getOut();
        out.print(saved.network().summary());
        out.printf(
                Locale.ROOT,
                "input       [n, %d, %d, %d], (x − mean) / std%n",
                p.channels(),
                p.height(),
                p.width());
        out.println("mean, std   " + numbers(p.mean()) + ", " + numbers(p.std()));
        out.println("classes     " + String.join(", ", saved.classes()));
        provenance(out, saved.provenance());
    }

    private void characters(SavedChars saved) {
        PrintWriter out = spec.commandLine().getOut();
        out.print(saved.network().summary());
        out.printf(
                Locale.ROOT, "input       [n, time], time up to %d%n", saved.config().positions());
        out.println("characters  " + saved.characters().alphabet().strip());
        provenance(out, saved.provenance());
    }

    private static void provenance(PrintWriter out, Map<String, String> provenance) {
        out.println("provenance");
        int width = provenance.keySet().stream().mapToInt(String::length).max().orElse(1);
        provenance.forEach((k, v) -> out.printf(Locale.ROOT, "  %-" + width + "s  %s%n", k, v));
        out.flush();
    }

    private static String numbers(java.util.List<Double> values) {
        return values.stream()
                .map(v -> String.format(Locale.ROOT, "%.4f", v))
                .collect(Collectors.joining(" "));
    }
}
