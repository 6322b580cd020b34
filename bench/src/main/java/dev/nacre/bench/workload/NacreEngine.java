package dev.nacre.bench.workload;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Server;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Workload;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.nn.optim.Adam;
import java.io.IOException;
import java.util.Optional;

/// Serves Nacre's workloads. A new one is a class and a line here.
public final class NacreEngine {
    private NacreEngine() {}

    public static void main(String[] args) throws IOException {
        String oneDnn = OneDnn.get().map(d -> "oneDNN " + d.version()).orElse("no oneDNN");
        Server.serve(oneDnn + ", threads: " + Team.get().size(), c -> open(c));
    }

    private static Optional<Workload> open(Case c) {
        return switch (c.workload()) {
            case "W1" -> Optional.of(smallMlp(Task.smallMlp()));
            case "W2" ->
                    Optional.of(new Training(Task.mlp(), Mlp.of(784, 512, 512, 10), Adam.of(1e-3)));
            case "W3" -> Optional.of(new Training(Task.cnn(64), Cnn.of(), Adam.of(1e-3)));
            case "W9" -> Optional.of(new Elementwise(c.variant()));
            case "W11" -> Optional.of(smallMlp(Task.smallMlp().withBatches(1)));
            case "W12" ->
                    Optional.of(
                            c.kind() == Case.Kind.COPY
                                    ? new Copy(c.bytes())
                                    : new Product(c.bf16(), c.variant()));
            case "W14" -> Optional.of(new Predictions());
            default -> Optional.empty();
        };
    }

    private static Training smallMlp(Task task) {
        return new Training(task, Mlp.of(100, 64, 10), Adam.of(1e-3));
    }
}
