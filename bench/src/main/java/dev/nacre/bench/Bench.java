package dev.nacre.bench;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Cases;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `nacre bench`: Nacre beside its peers. Only ratios within one run say something: machines are shared, so times of different runs do not compare.
@Command(
        name = "nacre bench",
        description = "Measure Nacre beside its peers, in turn on this machine.",
        mixinStandardHelpOptions = true,
        subcommands = {Profiling.class, Scaling.class, Soak.class, Tracing.class})
public final class Bench implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Parameters(
            arity = "0..*",
            paramLabel = "WORKLOAD",
            description = "Such as W3, W9 or W9-full-fwd; all, if none is named.")
    private List<String> words = List.of();

    @Option(
            names = "--peers",
            split = ",",
            paramLabel = "PEER",
            description =
                    "Among libtorch, onnxruntime, tensorflow, dl4j (all by default), or none. What they need is fetched when they are first used.")
    private List<String> peers = Engine.PEERS;

    @Option(
            names = "--before",
            paramLabel = "CHECKOUT",
            description =
                    "Also measure the Nacre of another checkout, such as the commit before a change, which is built if need be; with --peers none the ratios are to it.")
    private Optional<Path> before = Optional.empty();

    @Option(
            names = "--report",
            paramLabel = "DIR",
            description = "Write bench.json, bench.md and charts there.")
    private Optional<Path> report = Optional.empty();

    @Option(
            names = "--seconds",
            paramLabel = "S",
            description = "Timed per engine and case (${DEFAULT-VALUE}).")
    private double seconds = 5;

    @Option(names = "--list", description = "List the cases.")
    private boolean list;

    private Bench() {}

    /// Runs the command and exits with its status: 0 if everything was measured, 1 if not.
    public static void main(String... args) {
        System.exit(
                new CommandLine(new Bench())
                        .setExecutionExceptionHandler((e, _, _) -> failed(e))
                        .execute(args));
    }

    private static int failed(Exception e) {
        System.err.println("nacre bench: " + e.getMessage());
        return 1;
    }

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        List<Case> cases = cases();
        if (list) {
            cases.forEach(c -> out.printf("%-22s %s%n", c.id(), c.title()));
            out.flush();
            return 0;
        }
        List<Engine> engines = new ArrayList<>(List.of(Engine.nacre(), Engine.direct()));
        Optional<Before> other =
                before.isPresent() ? Optional.of(Before.of(before.get())) : Optional.empty();
        other.map(Before::engine).ifPresent(engines::add);
        engines.addAll(Engine.of(chosen()));
        engines.removeIf(e -> cases.stream().noneMatch(c -> e.mayHave(c.workload())));
        Checkout checkout = Checkout.here(err);
        checkout.build(engines);
        Path log = Files.createTempFile("nacre-bench", ".log");
        Run run =
                new Run(
                        engines,
                        e ->
                                e.name().equals(Before.NAME)
                                        ? other.orElseThrow().classPath()
                                        : checkout.classPath(e),
                        other.isPresent() ? Run.ROUNDS_CLOSE : Run.ROUNDS,
                        seconds,
                        log,
                        err);
        Summary.Limits limits = run.limits();
        List<Row> rows = new ArrayList<>();
        for (Case c : cases) {
            rows.addAll(run.measure(c, limits));
            save(rows, limits, Map.of()); // a long run that is stopped leaves what it has found
        }
        out.print(Report.table(rows));
        out.flush();
        save(rows, limits, versions(run));
        err.println("what the engines printed is in " + log);
        return 0;
    }

    private void save(List<Row> rows, Summary.Limits limits, Map<String, String> versions)
            throws IOException {
        if (report.isPresent()) {
            String command =
                    "./nacre bench "
                            + String.join(" ", spec.commandLine().getParseResult().originalArgs());
            Report.write(report.get(), rows, About.lines(limits, versions, command.strip()));
        }
    }

    private List<Case> cases() {
        try {
            return Cases.named(words);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(
                    spec.commandLine(), e.getMessage() + "; --list shows all of them");
        }
    }

    private List<String> chosen() {
        if (peers.equals(List.of("none"))) {
            return List.of();
        }
        for (String p : peers) {
            if (!Engine.PEERS.contains(p)) {
                throw new ParameterException(
                        spec.commandLine(),
                        "there is no peer '" + p + "', only " + String.join(", ", Engine.PEERS));
            }
        }
        return peers;
    }

    private static Map<String, String> versions(Run run) throws IOException {
        Map<String, String> out = new LinkedHashMap<>();
        for (Engine e : run.engines()) {
            try (Client c = Client.start(e, run.classPath().apply(e), run.log())) {
                c.ask("version").ifPresent(v -> out.put(e.name(), v));
            } catch (Client.Failure f) {
                out.put(e.name(), f.getMessage());
            }
        }
        return out;
    }
}
