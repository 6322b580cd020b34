package dev.nacre.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Cases;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/// Results as a table on the terminal, as Markdown, as JSON and as charts.
final class Report {
    private static final List<String> HEADS =
            List.of(
                    "workload",
                    "engine",
                    "median",
                    "min",
                    "max",
                    "runs",
                    "of limit",
                    "ratio",
                    "goal",
                    "");

    private Report() {}

    /// A table for the terminal.
    static String table(List<Row> rows) {
        List<List<String>> cells = cells(rows);
        int[] width = new int[HEADS.size()];
        for (List<String> line : cells) {
            for (int i = 0; i < width.length; i++) {
                width[i] = Math.max(width[i], line.get(i).length());
            }
        }
        StringBuilder out = new StringBuilder();
        for (List<String> line : cells) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < width.length; i++) {
                String pad = " ".repeat(width[i] - line.get(i).length());
                boolean left = i < 2 || i == width.length - 1;
                text.append(left ? line.get(i) + pad : pad + line.get(i)).append("  ");
            }
            out.append(text.toString().stripTrailing()).append('\n');
        }
        Goals.of(rows).forEach(g -> out.append(g.text()).append('\n'));
        return out.toString();
    }

    private static List<List<String>> cells(List<Row> rows) {
        List<List<String>> out = new ArrayList<>();
        out.add(HEADS);
        String before = "";
        for (Row r : rows) {
            String what = r.workload() + " " + r.metric().title;
            double goal = r.metric() == Row.Metric.MEMORY ? 0 : Cases.of(r.workload()).goal();
            out.add(
                    List.of(
                            what.equals(before) ? "" : what,
                            r.engine(),
                            amount(r.median(), r.metric().unit),
                            amount(r.min(), r.metric().unit),
                            amount(r.max(), r.metric().unit),
                            Integer.toString(r.runs()),
                            r.limit().isPresent()
                                    ? Math.round(100 * r.limit().getAsDouble()) + " %"
                                    : "",
                            r.ratio().isPresent() ? number(r.ratio().getAsDouble()) : "",
                            r.isNacre() && goal > 0 ? "≥ " + goal : "",
                            r.note()));
            before = what;
        }
        return out;
    }

    static String amount(double v, String unit) {
        return unit.equals("ms") && v < 1 ? number(v * 1000) + " µs" : number(v) + " " + unit;
    }

    /// Three digits or more.
    static String number(double v) {
        double a = Math.abs(v);
        return String.format(Locale.ROOT, a >= 100 ? "%.0f" : a >= 10 ? "%.1f" : "%.2f", v);
    }

    /// Writes `bench.json`, `bench.md` and the charts.
    static void write(Path folder, List<Row> rows, Map<String, String> about) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("bench.json"), json(rows));
        Files.writeString(folder.resolve("bench.md"), markdown(rows, about));
        Files.writeString(folder.resolve("ratios.svg"), ratios(rows));
        Files.writeString(folder.resolve("limits.svg"), limits(rows));
    }

    static String json(List<Row> rows) throws IOException {
        StringWriter out = new StringWriter();
        try (JsonGenerator g = new JsonFactory().createGenerator(out)) {
            g.useDefaultPrettyPrinter();
            g.writeStartArray();
            for (Row r : rows) {
                g.writeStartObject();
                g.writeStringField("workload", r.workload());
                g.writeStringField("engine", r.engine());
                g.writeStringField("metric", r.metric().title);
                g.writeStringField("unit", r.metric().unit);
                g.writeNumberField("median", r.median());
                g.writeNumberField("min", r.min());
                g.writeNumberField("max", r.max());
                g.writeNumberField("runs", r.runs());
                if (r.ratio().isPresent()) {
                    g.writeNumberField("ratio", r.ratio().getAsDouble());
                }
                if (!r.note().isEmpty()) {
                    g.writeStringField("note", r.note());
                }
                g.writeEndObject();
            }
            g.writeEndArray();
        }
        return out.append('\n').toString();
    }

    static String markdown(List<Row> rows, Map<String, String> about) {
        StringBuilder out = new StringBuilder("| | |\n|---|---|\n");
        about.forEach((k, v) -> line(out, List.of(k, k.equals("command") ? "`" + v + "`" : v)));
        out.append("\n![ratios](ratios.svg)\n![part of the machine's limit](limits.svg)\n\n");
        boolean head = true;
        for (List<String> cells : cells(rows)) {
            line(out, cells);
            if (head) {
                out.append("|---|---|--:|--:|--:|--:|--:|--:|--:|---|\n");
                head = false;
            }
        }
        List<Goals.Goal> goals = Goals.of(rows);
        if (!goals.isEmpty()) {
            out.append("\n| goal | measured | wanted | |\n|---|--:|--:|---|\n");
            goals.forEach(g -> line(out, g.cells()));
        }
        return out.toString();
    }

    private static void line(StringBuilder out, List<String> cells) {
        out.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }

    private static String ratios(List<Row> rows) {
        List<Chart.Bar> bars = new ArrayList<>();
        for (Row r : rows) {
            if (r.ratio().isPresent()) {
                Case c = Cases.of(r.workload());
                boolean memory = r.metric() == Row.Metric.MEMORY;
                OptionalDouble goal =
                        memory || c.goal() == 0
                                ? OptionalDouble.empty()
                                : OptionalDouble.of(c.goal());
                String name = r.workload() + (memory ? " memory" : "");
                bars.add(new Chart.Bar(name, r.ratio().getAsDouble(), goal));
            }
        }
        return Chart.bars("Nacre against the best peer: above 1 it leads; | is the goal", bars);
    }

    private static String limits(List<Row> rows) {
        List<Chart.Bar> bars = new ArrayList<>();
        for (Row r : rows) {
            if (r.limit().isPresent()) {
                bars.add(
                        new Chart.Bar(
                                r.workload() + " " + r.engine(),
                                r.limit().getAsDouble(),
                                OptionalDouble.empty()));
            }
        }
        return Chart.bars("Part of what the machine can do", bars);
    }
}
