package dev.nacre.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The goals that are no ratio to the best peer: each compares Nacre with a number, with itself, or with one peer.
final class Goals {
    /// One goal.
    ///
    /// @param what is measured
    /// @param value that was
    /// @param bound that is wanted
    /// @param less whether the bound is the most, or the least
    record Goal(String what, double value, double bound, boolean less) {
        boolean isMet() {
            return less ? value <= bound : value >= bound;
        }

        List<String> cells() {
            return List.of(
                    what,
                    Report.number(value),
                    (less ? "≤ " : "≥ ") + Report.number(bound),
                    isMet() ? "met" : "missed");
        }

        String text() {
            List<String> c = cells();
            return String.format(
                    Locale.ROOT, "%-6s  %s: %s (%s)", c.get(3), c.get(0), c.get(1), c.get(2));
        }
    }

    private final List<Row> rows;
    private final List<Goal> found = new ArrayList<>();

    private Goals(List<Row> rows) {
        this.rows = rows;
    }

    /// Those that the results say something about.
    static List<Goal> of(List<Row> rows) {
        Goals g = new Goals(rows);
        g.own("W11", Row.Metric.TIME)
                .ifPresent(ms -> g.add("W11 start to first step, ms", ms, 600, true));
        g.memory();
        g.mixed("W10-mlp", "W2", 1.5);
        g.mixed("W10-resnet18", "W4", 2.5);
        g.mixed("W10-gpt", "W7", 2.5);
        g.cold("W13-resnet18");
        g.cold("W13-gpt");
        g.served();
        for (String w : List.of("W1", "W2", "W3", "W4", "W6")) {
            g.over(w, "dl4j", 2.0);
            g.over(w, "tensorflow", 1.2);
        }
        return List.copyOf(g.found);
    }

    private void add(String what, double value, double bound, boolean less) {
        found.add(new Goal(what, value, bound, less));
    }

    private Optional<Double> own(String workload, Row.Metric metric) {
        return of(workload, Engine.NACRE, metric);
    }

    private Optional<Double> of(String workload, String engine, Row.Metric metric) {
        return rows.stream()
                .filter(r ->
                        r.workload().equals(workload)
                                && r.engine().equals(engine)
                                && r.metric() == metric)
                .map(Row::median)
                .findFirst();
    }

    private void memory() {
        for (String w : List.of("W1", "W4", "W7")) {
            Optional<Double> mine = own(w, Row.Metric.MEMORY);
            Optional<Double> other = of(w, "libtorch", Row.Metric.MEMORY);
            if (mine.isPresent() && other.isPresent()) {
                double most = w.equals("W7") ? 0.7 : 1;
                add(w + " peak memory, part of libtorch's", mine.get() / other.get(), most, true);
            }
        }
    }

    private void mixed(String bf16, String f32, double least) {
        Optional<Double> fast = own(bf16, Row.Metric.TIME);
        Optional<Double> slow = own(f32, Row.Metric.TIME);
        if (fast.isPresent() && slow.isPresent()) {
            add(bf16 + " against " + f32 + " in f32", slow.get() / fast.get(), least, false);
        }
    }

    private void cold(String w) {
        Optional<Double> cold = own(w, Row.Metric.TIME);
        Optional<Double> warm = own(w, Row.Metric.WARM);
        if (cold.isPresent() && warm.isPresent()) {
            add(w + " ten cold steps, ms", cold.get(), 1.5 * warm.get() + 1000, true);
        }
    }

    private void served() {
        Optional<Double> one = own("W14-1", Row.Metric.THROUGHPUT);
        Optional<Double> many = own("W14-16", Row.Metric.THROUGHPUT);
        if (one.isPresent() && many.isPresent()) {
            add(
                    "W14 answers of 16 threads, times those of one",
                    many.get() / one.get(),
                    1.8,
                    false);
        }
        Optional<Double> slow = own("W14-16", Row.Metric.SLOWEST);
        Optional<Double> usual = own("W14-16", Row.Metric.LATENCY);
        if (slow.isPresent() && usual.isPresent()) {
            add("W14-16 p99 latency, times the median", slow.get() / usual.get(), 20, true);
        }
    }

    private void over(String w, String peer, double least) {
        Optional<Double> mine = own(w, Row.Metric.TIME);
        Optional<Double> other = of(w, peer, Row.Metric.TIME);
        if (mine.isPresent() && other.isPresent()) {
            add(w + " against " + peer, other.get() / mine.get(), least, false);
        }
    }
}
