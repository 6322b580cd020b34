package dev.nacre.cli;

import dev.nacre.formats.model.Input;
import dev.nacre.formats.model.Model;
import dev.nacre.nn.LanguageModel;
import dev.nacre.nn.data.Preprocessing;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
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
        description = "Print layers, parameters, shapes and provenance of a saved model.",
        footerHeading = "%nExamples:%n",
        footer = "  nacre inspect digits.safetensors",
        mixinStandardHelpOptions = true)
final class Inspect implements Runnable {
    @Spec private CommandSpec spec;

    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "A file that 'nacre train' or a program has saved.")
    private Path model;

    Inspect() {}

    @Override
    public void run() {
        Model saved = Model.read(model);
        PrintWriter out = spec.commandLine().getOut();
        out.print(saved.network().summary());
        switch (saved.input()) {
            case Input.Images i -> images(out, i);
            case Input.Text t -> {
                out.println(
                        "input       [n, time]"
                                + (saved.network() instanceof LanguageModel m
                                        ? ", time up to " + m.positions()
                                        : ""));
                out.println("characters  " + Printable.line(t.characters().alphabet()));
            }
            case Input.Numbers n ->
                    out.println(
                            "input       [n"
                                    + n.sizes().stream()
                                            .map(s -> ", " + s)
                                            .collect(Collectors.joining())
                                    + "]");
        }
        if (!saved.labels().isEmpty()) {
            out.println("classes     " + Printable.line(String.join(", ", saved.labels())));
        }
        provenance(out, saved.provenance());
    }

    private static void images(PrintWriter out, Input.Images i) {
        Preprocessing p = i.preprocessing();
        out.printf(
                Locale.ROOT,
                i.channelsLast()
                        ? "input       [n, %2$d, %3$d, %1$d], (x − mean) / std%n"
                        : "input       [n, %1$d, %2$d, %3$d], (x − mean) / std%n",
                p.channels(),
                p.height(),
                p.width());
        out.println("mean, std   " + numbers(p.mean()) + ", " + numbers(p.std()));
    }

    private static void provenance(PrintWriter out, Map<String, String> provenance) {
        out.println("provenance");
        int width =
                provenance.keySet().stream()
                        .mapToInt(k -> Printable.line(k).length())
                        .max()
                        .orElse(0);
        provenance.forEach((k, v) ->
                out.println("  " + Printable.padded(k, width) + "  " + Printable.line(v)));
        out.flush();
    }

    private static String numbers(List<Double> values) {
        return values.stream()
                .map(v -> String.format(Locale.ROOT, "%.4f", v))
                .collect(Collectors.joining(" "));
    }
}
