package dev.nacre.bench;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Cases;
import dev.nacre.bench.protocol.Window;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/// Measures engines in turn: A B A B …, so that all see the same weather. Each has a process of its own per case, which waits while others work.
///
/// @param engines in the order of their turns
/// @param classPath of each
/// @param rounds of windows: a machine whose speed changes from second to second tells small differences only in many short ones
/// @param seconds timed per engine and case, all rounds together
/// @param log where what engines print is added
/// @param out where progress is printed
record Run(
        List<Engine> engines,
        Function<Engine, String> classPath,
        int rounds,
        double seconds,
        Path log,
        PrintWriter out) {
    static final int ROUNDS = 5;

    /// Where a few per cent matter.
    static final int ROUNDS_CLOSE = 20;

    private static final int STEPS_COLD = 10;

    /// Of the machine's time, in per cent, that others may take before a reader is warned.
    private static final double NOISE = 3;

    /// One case's results.
    List<Row> measure(Case c, Summary.Limits limits) throws IOException {
        say(c.id() + "  " + c.title());
        return switch (c.kind()) {
            case START, COLD -> starts(c);
            default -> inTurn(c, limits);
        };
    }

    private void say(String text) {
        out.println(text);
        out.flush();
    }

    private List<Engine> asked(Case c) {
        return engines.stream().filter(e -> e.mayHave(c.workload())).toList();
    }

    private Client start(Engine e) throws IOException {
        return Client.start(e, classPath.apply(e), log);
    }

    private List<Row> inTurn(Case c, Summary.Limits limits) throws IOException {
        Map<String, Client> clients = new LinkedHashMap<>();
        try {
            Map<String, String> notes = new LinkedHashMap<>();
            boolean agree = open(c, clients, notes);
            Map<String, List<Window>> windows = turns(clients);
            List<Row> rows = new ArrayList<>();
            for (Map.Entry<String, List<Window>> e : windows.entrySet()) {
                String engine = e.getKey();
                rows.addAll(
                        Summary.of(
                                c, engine, e.getValue(), limits, notes.getOrDefault(engine, "")));
            }
            for (String engine : windows.keySet()) {
                if (c.kind() == Case.Kind.STEP) {
                    double kib = Double.parseDouble(clients.get(engine).ask("memory").orElse("0"));
                    rows.add(Summary.memory(c, engine, new double[] {kib}));
                }
            }
            return Summary.withRatios(rows, agree);
        } catch (Client.Failure e) {
            throw new IOException(e);
        } finally {
            clients.values().forEach(Client::close);
        }
    }

    /// Starts the engines that have the case, and compares what they compute. Whether all that can be compared agree.
    private boolean open(Case c, Map<String, Client> clients, Map<String, String> notes)
            throws IOException {
        Map<String, double[]> results = new LinkedHashMap<>();
        for (Engine e : asked(c)) {
            Client client = start(e);
            clients.put(e.name(), client);
            try {
                if (client.ask("open " + c.id()).isEmpty()) {
                    clients.remove(e.name()).close();
                    continue;
                }
                String answer = client.answer("check");
                if (answer.startsWith("none")) {
                    notes.put(e.name(), "not compared: " + answer.substring(4).strip());
                } else if (answer.startsWith("failed")) {
                    throw new Client.Failure(answer.substring(6).strip());
                } else {
                    double[] numbers = numbers(answer.substring(2));
                    results.put(e.name(), numbers);
                    if (numbers.length == 1) {
                        say(String.format(Locale.ROOT, "  %s: %.4f", e.name(), numbers[0]));
                    }
                }
            } catch (Client.Failure f) {
                say("  " + e.name() + " failed: " + f.getMessage());
                clients.remove(e.name()).close();
            }
        }
        List<String> problems = Agreement.problems(c, results);
        problems.forEach(p -> say("  MISMATCH, so no ratio: " + p));
        if (!problems.isEmpty()) {
            results.keySet().forEach(e -> notes.put(e, "results differ"));
        }
        return problems.isEmpty();
    }

    static double[] numbers(String words) {
        return Arrays.stream(words.strip().split("\\s+"))
                .mapToDouble(Double::parseDouble)
                .toArray();
    }

    private Map<String, List<Window>> turns(Map<String, Client> clients) {
        Map<String, List<Window>> windows = new LinkedHashMap<>();
        for (int round = 0; round < rounds; round++) {
            List<Client> turn = new ArrayList<>(clients.values());
            if (round % 2 == 1) {
                Collections.reverse(turn); // nobody always has the better turn
            }
            for (Client client : turn) {
                String name = client.engine().name();
                try {
                    if (round == 0) {
                        client.ask("warm " + Math.min(seconds, client.engine().warmSeconds()));
                    }
                    String words = client.ask("window " + seconds / rounds).orElseThrow();
                    windows.computeIfAbsent(name, _ -> new ArrayList<>()).add(Window.read(words));
                } catch (Client.Failure f) {
                    say("  " + name + " failed: " + f.getMessage());
                    clients.remove(name).close();
                    windows.remove(name);
                }
            }
        }
        double noise =
                windows.values().stream()
                        .flatMap(List::stream)
                        .mapToDouble(Window::others)
                        .average()
                        .orElse(0);
        if (noise > NOISE) {
            say(
                    String.format(
                            Locale.ROOT,
                            "  others took %.0f %% of the machine meanwhile: measure again when it is quiet",
                            noise));
        }
        return windows;
    }

    /// Times from the start of a process, which needs new ones all the time. The first start of each engine does not count: it fills the page cache, and it is compared.
    private List<Row> starts(Case c) throws IOException {
        Case first = c.kind() == Case.Kind.COLD ? Cases.of(coldIs(c)) : c;
        int steps = c.kind() == Case.Kind.COLD ? STEPS_COLD : 1;
        Map<String, Client> clients = new LinkedHashMap<>();
        boolean agree = open(first, clients, new LinkedHashMap<>());
        clients.values().forEach(Client::close);
        Map<String, List<Window>> times = new LinkedHashMap<>();
        Map<String, List<Double>> memory = new LinkedHashMap<>();
        Map<String, Double> warm = new LinkedHashMap<>();
        int starts = c.kind() == Case.Kind.COLD ? 3 : Math.max(3, (int) seconds);
        for (int round = 0; round < starts; round++) {
            for (Client known : clients.values()) {
                Engine e = known.engine();
                long from = System.nanoTime();
                try (Client client = start(e)) {
                    client.ask("open " + first.id());
                    client.ask("steps " + steps);
                    long nanos = System.nanoTime() - from;
                    times.computeIfAbsent(e.name(), _ -> new ArrayList<>())
                            .add(new Window(nanos, 0, new long[] {nanos}));
                    Optional<String> kib = client.ask("memory");
                    memory.computeIfAbsent(e.name(), _ -> new ArrayList<>())
                            .add(Double.parseDouble(kib.orElse("0")));
                    if (c.kind() == Case.Kind.COLD && round == starts - 1) {
                        warm.put(e.name(), tenWarm(client));
                    }
                } catch (Client.Failure f) {
                    say("  " + e.name() + " failed: " + f.getMessage());
                }
            }
        }
        List<Row> rows = new ArrayList<>();
        times.forEach((e, t) -> rows.addAll(Summary.of(c, e, t, Summary.Limits.UNKNOWN, "")));
        warm.forEach((e, ms) -> rows.add(Summary.warm(c, e, ms)));
        memory.forEach(
                (e, m) -> rows.add(Summary.memory(c, e, m.stream().mapToDouble(d -> d).toArray())));
        return Summary.withRatios(rows, agree);
    }

    /// What as many warm steps take, in milliseconds.
    private double tenWarm(Client client) throws Client.Failure {
        client.ask("warm " + Math.min(seconds, client.engine().warmSeconds()));
        Window w = Window.read(client.ask("window " + seconds / rounds).orElseThrow());
        double[] nanos = Arrays.stream(w.nanos()).asDoubleStream().toArray();
        return STEPS_COLD * Summary.median(nanos) / 1e6;
    }

    /// The case whose cold start is measured.
    private static String coldIs(Case c) {
        return c.variant().equals("gpt") ? "W7" : "W4";
    }

    /// What the machine can do at best, from a short look.
    Summary.Limits limits() throws IOException {
        Run quick = new Run(List.of(Engine.direct()), classPath, ROUNDS, 1, log, out);
        double[] best = new double[3];
        List<String> ids = List.of("W12-matmul-f32-1024", "W12-matmul-bf16-1024", "W12-copy-512");
        for (int i = 0; i < best.length; i++) {
            List<Row> rows = quick.measure(Cases.of(ids.get(i)), Summary.Limits.UNKNOWN);
            best[i] = rows.isEmpty() ? Double.NaN : rows.getFirst().max();
        }
        return new Summary.Limits(best[0], best[1], best[2]);
    }
}
