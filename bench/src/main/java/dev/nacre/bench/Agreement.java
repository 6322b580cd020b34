package dev.nacre.bench;

import dev.nacre.bench.protocol.Case;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Whether engines have computed the same. A fast wrong answer is no result.
final class Agreement {
    private Agreement() {}

    /// What is wrong, one line for each engine that differs from the first; nothing if all agree.
    static List<String> problems(Case c, Map<String, double[]> results) {
        List<String> out = new ArrayList<>();
        if (results.isEmpty()) {
            return out;
        }
        Map.Entry<String, double[]> first = results.entrySet().iterator().next();
        results.forEach((engine, values) -> {
            String wrong = difference(values, first.getValue(), c.tolerance());
            if (!wrong.isEmpty()) {
                out.add(engine + " and " + first.getKey() + " differ: " + wrong);
            }
        });
        return out;
    }

    /// The first number that differs by more than the tolerance, relative to its size and that of all; empty if there is none.
    private static String difference(double[] a, double[] b, double tolerance) {
        if (a.length != b.length) {
            return a.length + " numbers, not " + b.length;
        }
        double size = Math.sqrt(Arrays.stream(b).map(v -> v * v).average().orElse(0));
        for (int i = 0; i < a.length; i++) {
            double allowed = tolerance * (Math.abs(b[i]) + size);
            if (!(Math.abs(a[i] - b[i]) <= allowed)) { // also when either is not a number
                return String.format(
                        Locale.ROOT,
                        "number %d is %.7g, not %.7g ± %.2g",
                        i + 1,
                        a[i],
                        b[i],
                        allowed);
            }
        }
        return "";
    }
}
