package dev.nacre.bench;

import java.util.Arrays;
import java.util.Locale;

/// Times of one thing, in nanoseconds, sorted.
record Timing(long[] nanos) {
    /// Warms up for `warmSeconds`, then times single runs for `seconds`, at least five.
    static Timing of(Runnable work, double warmSeconds, double seconds) {
        long end = System.nanoTime() + (long) (warmSeconds * 1e9);
        while (System.nanoTime() < end) {
            work.run();
        }
        long[] times = new long[1024];
        int n = 0;
        end = System.nanoTime() + (long) (seconds * 1e9);
        while (n < 5 || System.nanoTime() < end) {
            long from = System.nanoTime();
            work.run();
            if (n == times.length) {
                times = Arrays.copyOf(times, 2 * n);
            }
            times[n++] = System.nanoTime() - from;
        }
        long[] sorted = Arrays.copyOf(times, n);
        Arrays.sort(sorted);
        return new Timing(sorted);
    }

    /// Times two things in turn, A B A B …, so that both see the same weather. Gives their timings.
    static Timing[] inTurn(Runnable a, Runnable b, int rounds, double secondsEach) {
        Timing[][] all = new Timing[2][rounds];
        for (int r = 0; r < rounds; r++) {
            all[0][r] = of(a, r == 0 ? 1 : 0.1, secondsEach);
            all[1][r] = of(b, r == 0 ? 1 : 0.1, secondsEach);
        }
        return new Timing[] {joined(all[0]), joined(all[1])};
    }

    private static Timing joined(Timing[] parts) {
        long[] all =
                Arrays.stream(parts).flatMapToLong(t -> Arrays.stream(t.nanos)).sorted().toArray();
        return new Timing(all);
    }

    double median() {
        int n = nanos.length;
        return (nanos[(n - 1) / 2] + nanos[n / 2]) / 2.0;
    }

    /// Median, and the middle half of all runs.
    String text() {
        return String.format(
                Locale.ROOT,
                "%s (%s to %s, %d runs)",
                duration(median()),
                duration(nanos[nanos.length / 4]),
                duration(nanos[3 * nanos.length / 4]),
                nanos.length);
    }

    static String duration(double nanos) {
        return nanos < 1e4
                ? String.format(Locale.ROOT, "%.2f µs", nanos / 1e3)
                : nanos < 1e6
                        ? String.format(Locale.ROOT, "%.1f µs", nanos / 1e3)
                        : nanos < 1e9
                                ? String.format(Locale.ROOT, "%.2f ms", nanos / 1e6)
                                : String.format(Locale.ROOT, "%.2f s", nanos / 1e9);
    }
}
