package dev.nacre.bench;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.ToDoubleFunction;

/// From windows to results.
final class Summary {
    /// What the machine can do at best.
    ///
    /// @param f32 operations per nanosecond in f32
    /// @param bf16 the same in bf16
    /// @param copy bytes per nanosecond, read and written
    record Limits(double f32, double bf16, double copy) {
        static final Limits UNKNOWN = new Limits(Double.NaN, Double.NaN, Double.NaN);

        /// The least nanoseconds a step can take.
        double least(Case c) {
            return Math.max(c.flop() / (c.bf16() ? bf16 : f32), c.bytes() / copy);
        }
    }

    private Summary() {}

    /// The results of an engine in a case.
    static List<Row> of(Case c, String engine, List<Window> windows, Limits limits, String note) {
        double[] nanos = Arrays.stream(all(windows)).asDoubleStream().toArray();
        OptionalDouble limit = part(limits.least(c) / median(nanos));
        return switch (c.kind()) {
            case STEP, START, COLD ->
                    List.of(row(c, engine, Row.Metric.TIME, scaled(nanos, 1e-6), limit, note));
            case PRODUCT -> {
                double[] speed = Arrays.stream(nanos).map(t -> c.flop() / t).toArray();
                yield List.of(row(c, engine, Row.Metric.PRODUCTS, speed, limit, note));
            }
            case COPY -> {
                double[] speed = Arrays.stream(nanos).map(t -> c.bytes() / t).toArray();
                yield List.of(row(c, engine, Row.Metric.BANDWIDTH, speed, limit, note));
            }
            case SERVE -> served(c, engine, windows, limits, note);
        };
    }

    private static long[] all(List<Window> windows) {
        return windows.stream().flatMapToLong(w -> Arrays.stream(w.nanos())).toArray();
    }

    private static List<Row> served(
            Case c, String engine, List<Window> windows, Limits limits, String note) {
        double[] answers = each(windows, w -> w.nanos().length * 1e9 / w.wall());
        double[] slow = each(windows, w -> quantile(w.nanos(), 0.99) / 1e6);
        OptionalDouble limit = part(limits.least(c) * median(answers) / 1e9);
        List<Row> out = new ArrayList<>();
        out.add(row(c, engine, Row.Metric.THROUGHPUT, answers, limit, note));
        OptionalDouble none = OptionalDouble.empty();
        double[] usual = each(windows, w -> quantile(w.nanos(), 0.5) / 1e6);
        out.add(row(c, engine, Row.Metric.LATENCY, usual, none, note));
        out.add(row(c, engine, Row.Metric.SLOWEST, slow, none, note));
        return out;
    }

    /// The peak of resident memory.
    static Row memory(Case c, String engine, double[] kib) {
        return row(
                c, engine, Row.Metric.MEMORY, scaled(kib, 1 / 1024.0), OptionalDouble.empty(), "");
    }

    /// What as many warm steps take as were timed from a cold start.
    static Row warm(Case c, String engine, double ms) {
        return row(c, engine, Row.Metric.WARM, new double[] {ms}, OptionalDouble.empty(), "");
    }

    private static Row row(
            Case c,
            String engine,
            Row.Metric metric,
            double[] values,
            OptionalDouble limit,
            String note) {
        return new Row(
                c.id(),
                engine,
                metric,
                median(values),
                Arrays.stream(values).min().orElseThrow(),
                Arrays.stream(values).max().orElseThrow(),
                values.length,
                OptionalDouble.empty(),
                limit,
                note);
    }

    /// The rows, metric by metric, with Nacre's ratios to the best peer in the same one. None where results do not agree.
    static List<Row> withRatios(List<Row> rows, boolean agree) {
        return rows.stream()
                .sorted(Comparator.comparing(Row::metric))
                .map(r -> r.isNacre() && agree ? r.ratio(ratio(r, rows)) : r)
                .toList();
    }

    private static OptionalDouble ratio(Row nacre, List<Row> rows) {
        OptionalDouble most =
                rows.stream()
                        .filter(r -> !r.isNacre() && r.metric() == nacre.metric())
                        .mapToDouble(r -> ratio(nacre, r))
                        .min();
        return most.isPresent() && most.getAsDouble() > 0 ? most : OptionalDouble.empty();
    }

    /// How many times as good as another engine Nacre is.
    static double ratio(Row nacre, Row other) {
        return nacre.metric().less
                ? other.median() / nacre.median()
                : nacre.median() / other.median();
    }

    private static OptionalDouble part(double v) {
        return v > 0 ? OptionalDouble.of(v) : OptionalDouble.empty();
    }

    private static double[] scaled(double[] values, double by) {
        return Arrays.stream(values).map(v -> v * by).toArray();
    }

    private static double[] each(List<Window> windows, ToDoubleFunction<Window> f) {
        return windows.stream().mapToDouble(f).toArray();
    }

    static double median(double[] values) {
        double[] s = values.clone();
        Arrays.sort(s);
        return (s[(s.length - 1) / 2] + s[s.length / 2]) / 2;
    }

    private static double quantile(long[] values, double q) {
        long[] s = values.clone();
        Arrays.sort(s);
        return s[Math.min(s.length - 1, (int) (q * s.length))];
    }
}
