package dev.nacre.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The measurements, by name: `./nacre bench [NAME…]`. Each prints ratios within one run: the machines are shared, so times of different runs do not compare.
public final class Bench {
    private Bench() {}

    /// One measurement.
    interface Measurement {
        void run() throws Exception;
    }

    private static Map<String, Measurement> all() {
        Map<String, Measurement> all = new LinkedHashMap<>();
        all.put("elementwise", Elementwise::run);
        all.put("products", Products::run);
        all.put("startup", Startup::run);
        all.put("small-step", SmallStep::run);
        all.put("tracing", Tracing::run);
        all.put("soak", () -> Soak.run(100_000));
        return all;
    }

    /// @param args names of measurements; none: all but the soak run
    public static void main(String[] args) throws Exception {
        Map<String, Measurement> all = all();
        List<String> names =
                args.length > 0
                        ? List.of(args)
                        : all.keySet().stream().filter(n -> !n.equals("soak")).toList();
        for (String name : names) {
            Measurement m = all.get(name);
            if (m == null) {
                System.err.println(
                        "bench: there is no "
                                + name
                                + "; there are "
                                + String.join(", ", all.keySet()));
                System.exit(2);
            }
            System.out.println("== " + name);
            m.run();
        }
    }
}
