package dev.nacre.bench;

import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.bench.workload.Mlp;
import dev.nacre.ir.Attention;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.type.Shape;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.LongFunction;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// How cost grows: a step's time and memory with batch, width, depth and sequence length, and the time to make a plan with the size of its graph. Each in a process of its own, with one thread and
/// with all.
@Command(
        name = "scaling",
        description = "How time and memory grow with batch, width, depth, length and graph size.",
        mixinStandardHelpOptions = true)
final class Scaling implements Callable<Integer> {
    private static final String POINT = "POINT ";
    private static final Pattern LAST_LINE =
            Pattern.compile("moved, ([0-9.e+-]+) flop, arena ([0-9.,]+) (B|KiB|MiB|GiB)");

    @Option(names = "--report", paramLabel = "DIR", description = "Write charts there.")
    private Optional<Path> report = Optional.empty();

    Scaling() {}

    /// One measurement.
    ///
    /// @param size batch, width, …
    /// @param ms of a step, or of making a plan
    /// @param flop of a step
    /// @param mib of the plan's arena
    private record Point(double size, double ms, double flop, double mib) {
        static Point read(String words) {
            double[] v = Run.numbers(words);
            return new Point(v[0], v[1], v[2], v[3]);
        }

        String write() {
            return POINT + size + " " + ms + " " + flop + " " + mib;
        }
    }

    /// What is varied, and the function for one size of it.
    private static Map<String, long[]> series() {
        Map<String, long[]> out = new LinkedHashMap<>();
        out.put("batch", new long[] {1, 4, 16, 64, 256, 1024});
        out.put("width", new long[] {32, 64, 128, 256, 512, 1024, 2048});
        out.put("depth", new long[] {1, 2, 4, 8, 16, 32, 64});
        out.put("length", new long[] {16, 64, 256, 1024, 4096});
        out.put("nodes", new long[] {100, 1_000, 10_000, 100_000});
        return out;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        int all = Runtime.getRuntime().availableProcessors();
        for (String name : series().keySet()) {
            Map<String, List<Point>> lines = new LinkedHashMap<>();
            for (int threads = 1; threads <= all; threads += Math.max(1, all - 1)) {
                lines.put("threads: " + threads, child(name, threads));
            }
            print(name, lines);
            if (report.isPresent()) {
                draw(report.get(), name, lines);
            }
        }
        return 0;
    }

    private static List<Point> child(String name, int threads)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(Engine.flags());
        command.add("-Dnacre.threads=" + threads);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(Scaling.class.getName(), name));
        ProcessBuilder b = new ProcessBuilder(command);
        Process p = b.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        List<Point> out = new ArrayList<>();
        try (BufferedReader in =
                new BufferedReader(
                        new InputStreamReader(p.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line; (line = in.readLine()) != null; ) {
                if (line.startsWith(POINT)) {
                    out.add(Point.read(line.substring(POINT.length())));
                }
            }
        }
        if (p.waitFor() != 0) {
            throw new IOException(name + " with " + threads + " threads failed");
        }
        return out;
    }

    private static void print(String name, Map<String, List<Point>> lines) {
        System.out.println(name.equals("nodes") ? "nodes: time to make a plan" : name + ": a step");
        lines.forEach((line, points) -> {
            for (Point p : points) {
                System.out.printf(
                        Locale.ROOT,
                        "  %s  %s %,d: %s%s%n",
                        line,
                        name,
                        (long) p.size,
                        Report.amount(p.ms, "ms"),
                        name.equals("nodes")
                                ? String.format(
                                        Locale.ROOT, ", %.2f µs a node", p.ms * 1e3 / p.size)
                                : String.format(
                                        Locale.ROOT,
                                        ", %.1f GFLOP/s, arena %.2f MiB",
                                        p.flop / p.ms / 1e6,
                                        p.mib));
            }
        });
    }

    /// Time over size, with the line that the best rate of the series would give; and memory.
    private static void draw(Path folder, String name, Map<String, List<Point>> lines)
            throws IOException {
        Files.createDirectories(folder);
        List<Chart.Line> times = new ArrayList<>();
        lines.forEach((n, p) -> times.add(new Chart.Line(n, sizes(p), values(p, Point::ms))));
        List<Point> most = List.copyOf(lines.values()).getLast();
        double best = most.stream().mapToDouble(p -> p.flop / p.ms).max().orElse(0);
        if (best > 0) {
            times.add(
                    new Chart.Line(
                            "at the best rate", sizes(most), values(most, p -> p.flop / best)));
        } else { // linear from the last point
            double each = most.getLast().ms / most.getLast().size;
            times.add(new Chart.Line("linear", sizes(most), values(most, p -> p.size * each)));
        }
        Files.writeString(
                folder.resolve("scaling-" + name + ".svg"),
                Chart.lines("Time against " + name, name, "ms", times));
        if (best > 0) {
            Files.writeString(
                    folder.resolve("scaling-" + name + "-memory.svg"),
                    Chart.lines(
                            "Memory against " + name,
                            name,
                            "MiB",
                            List.of(
                                    new Chart.Line(
                                            "arena",
                                            sizes(most),
                                            values(most, p -> Math.max(p.mib, 1e-3))))));
        }
    }

    private static double[] sizes(List<Point> points) {
        return values(points, Point::size);
    }

    private static double[] values(List<Point> points, ToDoubleFunction<Point> of) {
        return points.stream().mapToDouble(of).toArray();
    }

    /// Measures one series and prints its points.
    public static void main(String[] args) {
        LongFunction<Point> one =
                switch (args[0]) {
                    case "batch" -> n -> training(n, n, 512, 2);
                    case "width" -> n -> training(n, 128, n, 2);
                    case "depth" -> n -> training(n, 128, 256, (int) n);
                    case "length" -> Scaling::attention;
                    case "nodes" -> Scaling::chain;
                    default -> throw new IllegalArgumentException(args[0]);
                };
        Arrays.stream(series().get(args[0]))
                .mapToObj(one)
                .forEach(p -> System.out.println(p.write()));
    }

    /// A step of training a network with so many hidden layers.
    ///
    /// @param size the one of the three that is varied
    private static Point training(long size, long batch, long width, int depth) {
        long[] sizes = new long[depth + 2];
        Arrays.fill(sizes, width);
        sizes[0] = 784;
        sizes[depth + 1] = 10;
        Mlp net = Mlp.of(sizes);
        Optimizer optimizer = Adam.of(net.parameters());
        Function step =
                Function.of((Tensor x, Tensor y) -> {
                    optimizer.zeroGrad();
                    Tensor loss =
                            new CrossEntropyLoss()
                                    .forward(net.forward(x, dev.nacre.nn.Mode.TRAIN), y);
                    loss.backward();
                    optimizer.step();
                    return loss;
                });
        Rng rng = Rng.seed(0);
        Tensor x = rng.normal(batch, 784).realize();
        return timed(size, step, x, rng.integers(10, Shape.of(batch)).realize());
    }

    /// Attention of 8 heads of 64, forward and backward. Its operations are those of two products forward and five backward.
    private static Point attention(long length) {
        Function step =
                Function.of((Tensor q, Tensor k, Tensor v) -> {
                    Tensor out = q.scaledDotProductAttention(k, v, Attention.FULL);
                    Gradients g = Gradients.of(out.square().sum(), q, k, v);
                    return g.of(q).add(g.of(k)).add(g.of(v));
                });
        Rng rng = Rng.seed(0);
        Tensor q = rng.normal(Shape.of(8, length, 64)).realize();
        Tensor k = rng.normal(Shape.of(8, length, 64)).realize();
        Point p = timed(length, step, q, k, rng.normal(Shape.of(8, length, 64)).realize());
        return new Point(p.size, p.ms, 7 * 2.0 * 8 * length * length * 64, p.mib);
    }

    private static Point timed(long size, Function step, Tensor... inputs) {
        Matcher m = LAST_LINE.matcher(step.explain(inputs));
        if (!m.find()) {
            throw new IllegalStateException("explain() no longer says what it did");
        }
        Timing t = Timing.of(() -> step.call(inputs), 1.5, 1);
        double unit =
                switch (m.group(3)) {
                    case "B" -> 1.0 / (1 << 20);
                    case "KiB" -> 1.0 / 1024;
                    case "MiB" -> 1;
                    default -> 1024;
                };
        double mib = Double.parseDouble(m.group(2).replace(",", "")) * unit;
        return new Point(size, t.median() / 1e6, Double.parseDouble(m.group(1)), mib);
    }

    /// Makes the plan of a graph of so many nodes: no two alike, a product now and then, so that it is neither one loop nor merged away.
    private static Point chain(long nodes) {
        Rng rng = Rng.seed(0);
        Tensor x = rng.normal(16, 16).realize();
        Tensor w = rng.normal(16, 16).realize();
        double[] ms = new double[nodes > 10_000 ? 1 : 5];
        for (int i = 0; i < ms.length; i++) {
            long from = System.nanoTime();
            Function.of((Tensor a, Tensor b) -> grown(a, b, nodes)).explain(x, w);
            ms[i] = (System.nanoTime() - from) / 1e6;
        }
        return new Point(nodes, Summary.median(ms), 0, 0);
    }

    private static Tensor grown(Tensor a, Tensor b, long nodes) {
        Tensor h = a;
        for (long i = 0; i < nodes; i++) {
            h =
                    switch ((int) (i % 20)) {
                        case 0 -> h.matmul(b);
                        case 7, 14 -> h.tanh();
                        default -> i % 2 == 0 ? h.mul(a) : h.add(b);
                    };
        }
        return h;
    }
}
