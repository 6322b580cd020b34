package dev.nacre.bench;

import java.util.OptionalDouble;

/// One result.
///
/// @param workload the case's id
/// @param median over all runs
/// @param runs how many steps, starts or windows
/// @param ratio for Nacre, how many times the best peer's result; above 1 Nacre leads
/// @param limit the part of what the machine can do at best
/// @param note what a reader must know, or empty
record Row(
        String workload,
        String engine,
        Metric metric,
        double median,
        double min,
        double max,
        int runs,
        OptionalDouble ratio,
        OptionalDouble limit,
        String note) {
    /// What is measured.
    ///
    /// @param less whether less is better
    enum Metric {
        TIME("time", "ms", true),
        WARM("ten warm steps", "ms", true),
        PRODUCTS("speed", "GFLOP/s", false),
        BANDWIDTH("bandwidth", "GB/s", false),
        THROUGHPUT("throughput", "1/s", false),
        LATENCY("median latency", "ms", true),
        SLOWEST("p99 latency", "ms", true),
        MEMORY("peak memory", "MiB", true);

        final String title;
        final String unit;
        final boolean less;

        Metric(String title, String unit, boolean less) {
            this.title = title;
            this.unit = unit;
            this.less = less;
        }
    }

    boolean isNacre() {
        return engine.equals(Engine.NACRE);
    }

    Row ratio(OptionalDouble ratio) {
        return new Row(workload, engine, metric, median, min, max, runs, ratio, limit, note);
    }
}
