package dev.nacre.bench;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Cases;
import dev.nacre.bench.workload.NacreEngine;
import dev.nacre.bench.workload.Profiled;
import dev.nacre.compile.Profile;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Where the time of Nacre's side of a workload goes.
@Command(
        name = "profile",
        description = "Time a step of Nacre's workload kernel by kernel.",
        mixinStandardHelpOptions = true)
final class Profiling implements Runnable {
    @Spec private CommandSpec spec;

    @Parameters(arity = "1..*", paramLabel = "WORKLOAD", description = "Such as W7 or W5-b1.")
    private List<String> words = List.of();

    @Option(
            names = "--top",
            paramLabel = "N",
            description = "Only the N kernels that take longest, longest first.")
    private Optional<Integer> top = Optional.empty();

    Profiling() {}

    @Override
    public void run() {
        PrintWriter out = spec.commandLine().getOut();
        for (Case c : cases()) {
            out.println(c.id() + "  " + c.title());
            Optional<Profiled> workload = NacreEngine.open(c);
            if (workload.isEmpty()) {
                out.println("Nacre has none");
                continue;
            }
            Profile p = workload.get().profile();
            out.println(top.map(p::slowest).orElse(p.toString()));
        }
        out.flush();
    }

    private List<Case> cases() {
        try {
            return Cases.named(words);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage());
        }
    }
}
