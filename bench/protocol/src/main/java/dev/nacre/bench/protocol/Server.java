package dev.nacre.bench.protocol;

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/// The engine's side of a measurement: answers lines on standard input with lines on standard output, one each, until the input ends. So several engines can be kept
/// ready in processes of their own and take turns.
///
/// | asked | does | answers |
/// |---|---|---|
/// | `version` | | `ok` and a text |
/// | `open ID` | makes the case's workload | `ok`, or `none` if the engine has none |
/// | `check` | computes what is compared | `ok` and numbers, or `none` and why they cannot be compared |
/// | `warm S` | steps for S seconds, at least five | `ok` |
/// | `window S` | steps for S seconds, at least two, and times each | `ok` and a [Window] |
/// | `steps N` | N steps | `ok` |
/// | `memory` | | `ok` and the peak of resident memory in KiB |
///
/// What fails is answered by `failed` and a text. Answers begin with [#MARK]; all else on standard output is an engine's own talk.
public final class Server {
    /// How an engine makes a workload.
    @FunctionalInterface
    public interface Engine {
        /// The workload of a case, if the engine has one.
        Optional<Workload> open(Case c) throws Exception;
    }

    /// Before each answer, so that what a library prints is not taken for one.
    public static final String MARK = "> ";

    private static final int LEAST_WARM = 5;
    private static final int MOST_TIMES = 1_000_000;

    private final String version;
    private final Engine engine;
    private Case opened;
    private Workload workload;

    private Server(String version, Engine engine) {
        this.version = version;
        this.engine = engine;
    }

    /// Answers until the input ends, then exits at once: a native library's tidying up is nobody's business here.
    ///
    /// @param version of the engine
    public static void serve(String version, Engine engine) throws IOException {
        PrintStream answers =
                new PrintStream(
                        new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        Server server = new Server(version, engine);
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            answers.println(MARK + server.answer(line));
        }
        Runtime.getRuntime().halt(0);
    }

    private String answer(String line) {
        String[] words = line.split(" ");
        try {
            return switch (words[0]) {
                case "version" -> "ok " + version;
                case "open" -> open(words[1]);
                case "check" -> check();
                case "warm" -> {
                    warm(Double.parseDouble(words[1]));
                    yield "ok";
                }
                case "window" -> "ok " + window(Double.parseDouble(words[1])).write();
                case "steps" -> {
                    for (int i = 0; i < Integer.parseInt(words[1]); i++) {
                        workload.step();
                    }
                    yield "ok";
                }
                case "memory" -> "ok " + Machine.peakMemory();
                default -> "failed there is no request " + line;
            };
        } catch (Throwable e) { // an engine may throw anything, and must not end the run
            e.printStackTrace();
            return "failed " + e.toString().replace('\n', ' ');
        }
    }

    private String open(String id) throws Exception {
        opened = Cases.of(id);
        Optional<Workload> w = engine.open(opened);
        workload = w.orElse(null);
        return w.isPresent() ? "ok" : "none";
    }

    private String check() throws Exception {
        try {
            return "ok "
                    + Arrays.stream(workload.check())
                            .mapToObj(Double::toString)
                            .collect(Collectors.joining(" "));
        } catch (Workload.Unchecked e) {
            return "none " + e.getMessage();
        }
    }

    private void warm(double seconds) throws Exception {
        long end = System.nanoTime() + (long) (seconds * 1e9);
        if (opened.threads() > 1) {
            window(seconds);
            return;
        }
        for (int i = 0; i < LEAST_WARM || System.nanoTime() < end; i++) {
            workload.step();
        }
    }

    private Window window(double seconds) throws Exception {
        workload.step(); // another engine has just had the caches
        Machine.Ticks before = Machine.ticks();
        long from = System.nanoTime();
        long end = from + (long) (seconds * 1e9);
        long[] nanos = opened.threads() == 1 ? timed(end) : timedByMany(end);
        long wall = System.nanoTime() - from;
        return new Window(wall, Machine.ticks().othersSince(before), nanos);
    }

    private long[] timed(long end) throws Exception {
        long[] times = new long[1024];
        int n = 0;
        for (long now = System.nanoTime(); n < 2 || now < end && n < MOST_TIMES; ) {
            workload.step();
            long then = System.nanoTime();
            if (n == times.length) {
                times = Arrays.copyOf(times, 2 * n);
            }
            times[n++] = then - now;
            now = System.nanoTime();
        }
        return Arrays.copyOf(times, n);
    }

    private long[] timedByMany(long end) throws Exception {
        long[][] all = new long[opened.threads()][];
        Throwable[] failure = new Throwable[1];
        Thread[] threads = new Thread[all.length];
        for (int t = 0; t < all.length; t++) {
            int me = t;
            threads[t] =
                    Thread.ofPlatform()
                            .start(() -> {
                                try {
                                    all[me] = timed(end);
                                } catch (Throwable e) {
                                    failure[0] = e;
                                }
                            });
        }
        for (Thread t : threads) {
            t.join();
        }
        if (failure[0] != null) {
            throw new IllegalStateException("a thread failed", failure[0]);
        }
        return Arrays.stream(all).flatMapToLong(Arrays::stream).toArray();
    }
}
