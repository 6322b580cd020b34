package dev.nacre.compile;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/// Where the time of a plan's calls went, kernel by kernel; all times are medians over the calls.
///
/// @param calls how many were measured
/// @param nanos of a whole call: the kernels, and finding inputs and memory for results
/// @param lines one for each kernel
public record Profile(int calls, double nanos, List<Line> lines) {
    private static final long UNTIMED_NANOS = 1_000_000_000;
    private static final int LEAST_CALLS = 5;
    private static final long LEAST_NANOS = 1_000_000_000;

    /// One kernel.
    ///
    /// @param number its place in the plan
    /// @param nanos it took
    /// @param place where in the user's program it comes from, in brackets; empty if that is not known
    public record Line(int number, Kernel kernel, double nanos, String place) {
        /// Multiplications and additions per nanosecond.
        public double gigaflops() {
            return Plan.flops(kernel) / nanos;
        }

        /// Bytes per nanosecond, counting what must be read and written at least.
        public double gigabytes() {
            return Plan.traffic(kernel) / nanos;
        }
    }

    /// Measures a plan: after a second of calls, at least five of them for a second or more.
    ///
    /// @param explained the same plan, compiled to be explained
    /// @param caller makes a call and lets it be run in the way it is told
    public static Profile of(Plan plan, Plan explained, Consumer<Consumer<Plan.Call>> caller) {
        int kernels = plan.kernels().size();
        List<long[]> each = new ArrayList<>();
        List<Long> whole = new ArrayList<>();
        long start = System.nanoTime() + UNTIMED_NANOS;
        do {
            caller.accept(call -> call.run(new long[kernels]));
        } while (System.nanoTime() < start);
        start = System.nanoTime();
        while (each.size() < LEAST_CALLS || System.nanoTime() < start + LEAST_NANOS) {
            long[] nanos = new long[kernels];
            long before = System.nanoTime();
            caller.accept(call -> call.run(nanos));
            whole.add(System.nanoTime() - before);
            each.add(nanos);
        }
        List<Line> lines = new ArrayList<>();
        for (int k = 0; k < kernels; k++) {
            int kernel = k;
            double median = median(each.stream().map(nanos -> nanos[kernel]).toList());
            boolean same = explained.kernels().size() == kernels;
            lines.add(new Line(k, plan.kernels().get(k), median, same ? explained.place(k) : ""));
        }
        return new Profile(each.size(), median(whole), List.copyOf(lines));
    }

    private static double median(Collection<Long> values) {
        long[] sorted = values.stream().mapToLong(v -> v).sorted().toArray();
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2.0;
    }

    /// A line for each of the kernels that took longest, longest first, then a line per kind of kernel.
    public String slowest(int count) {
        return text(
                lines.stream()
                        .sorted(Comparator.comparingDouble(Line::nanos).reversed())
                        .limit(count)
                        .toList());
    }

    /// A line per kernel, then a line per kind of kernel.
    @Override
    public String toString() {
        return text(lines);
    }

    private String text(List<Line> shown) {
        StringBuilder out = new StringBuilder("       time   share  GFLOP/s     GB/s  kernel\n");
        for (Line l : shown) {
            measured(out, List.of(l));
            Kernel k = l.kernel;
            String words =
                    String.format(
                            Locale.ROOT,
                            "%3d  %-12s %-22s %s%s",
                            l.number,
                            k.name(),
                            Plan.points(k),
                            Plan.what(k),
                            l.place);
            out.append(words).append('\n');
        }
        Map<String, List<Line>> kinds = new LinkedHashMap<>();
        lines.forEach(l -> kinds.computeIfAbsent(l.kernel.name(), _ -> new ArrayList<>()).add(l));
        kinds.values().stream()
                .sorted(Comparator.comparingDouble(Profile::sum).reversed())
                .forEach(all -> {
                    measured(out, all);
                    out.append(all.size()).append(" × ").append(all.getFirst().kernel.name());
                    out.append('\n');
                });
        measured(out, lines);
        out.append("all of these; a call takes ").append(time(nanos));
        return out.append(" (median of ").append(calls).append(")\n").toString();
    }

    private void measured(StringBuilder out, List<Line> all) {
        double time = sum(all);
        double flops = all.stream().mapToDouble(l -> Plan.flops(l.kernel)).sum();
        long bytes = all.stream().mapToLong(l -> Plan.traffic(l.kernel)).sum();
        out.append(
                String.format(
                        Locale.ROOT,
                        "%11s %5.1f %% %8.1f %8.1f  ",
                        time(time),
                        100 * time / nanos,
                        flops / time,
                        bytes / time));
    }

    private static double sum(List<Line> all) {
        return all.stream().mapToDouble(Line::nanos).sum();
    }

    private static String time(double nanos) {
        return nanos < 1e6
                ? String.format(Locale.ROOT, "%.1f µs", nanos / 1e3)
                : String.format(Locale.ROOT, "%.2f ms", nanos / 1e6);
    }
}
