package dev.nacre.bench.workload;

import dev.nacre.Rng;
import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Decoder;
import dev.nacre.bench.protocol.Server;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Workload;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.models.Bert;
import dev.nacre.models.Gpt;
import dev.nacre.models.ResNet;
import dev.nacre.nn.Mode;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.SGD;
import dev.nacre.type.Precision;
import java.io.IOException;
import java.util.Optional;

/// Serves Nacre's workloads. A new one is a class and a line here.
public final class NacreEngine {
    private NacreEngine() {}

    public static void main(String[] args) throws IOException {
        String oneDnn = OneDnn.get().map(d -> "oneDNN " + d.version()).orElse("no oneDNN");
        Server.serve(
                oneDnn + ", threads: " + Team.get().size(), c -> open(c).map(Workload.class::cast));
    }

    /// Nacre's side of a case, if there is one.
    public static Optional<Profiled> open(Case c) {
        return Optional.ofNullable(
                switch (c.workload()) {
                    case "W1" -> smallMlp(Task.smallMlp());
                    case "W2" -> mlp(Precision.F32);
                    case "W3" -> new Training(Task.cnn(64), Cnn.of(), Adam.of(1e-3));
                    case "W4" -> resNet18(Precision.F32);
                    case "W5" -> resNet50(Integer.parseInt(c.variant().substring(1)));
                    case "W6" -> new Training(Task.lstm(), Lstm.of(), Adam.of(1e-3));
                    case "W7" -> gpt(Precision.F32);
                    case "W8" -> bert();
                    case "W9" -> Elementwise.of(c.variant());
                    case "W10" -> mixed(c.variant());
                    case "W11" -> smallMlp(Task.smallMlp().withBatches(1));
                    case "W12" ->
                            c.kind() == Case.Kind.COPY
                                    ? Assigned.copy(c.bytes())
                                    : Assigned.product(c.bf16(), c.size());
                    case "chars" -> new Chars();
                    case "W14" -> Calls.inference(Task.cnn(1), Cnn.of());
                    default -> null;
                });
    }

    private static Training smallMlp(Task task) {
        return new Training(task, Mlp.of(100, 64, 10), Adam.of(1e-3));
    }

    private static Training mlp(Precision precision) {
        return new Training(Task.mlp(), Mlp.of(784, 512, 512, 10), Adam.of(1e-3), precision);
    }

    private static Training resNet18(Precision precision) {
        return new Training(
                Task.resNet18(),
                ResNet.resnet18(ResNet.Stem.CIFAR, 10, Rng.seed(0)),
                SGD.of(0.01).momentum(0.9),
                precision);
    }

    private static Calls resNet50(int batch) {
        return Calls.inference(
                Task.resNet50(batch), ResNet.resnet50(ResNet.Stem.IMAGENET, 1000, Rng.seed(0)));
    }

    private static Training gpt(Precision precision) {
        Gpt net = gpt(Decoder.W7, 0);
        return new Training(Task.gpt(), net, AdamW.of(3e-4).weightDecay(0.01), precision);
    }

    static Gpt gpt(Decoder size, double dropout) {
        return Gpt.of(
                new Gpt.Config(
                        size.vocabulary(),
                        size.length(),
                        size.layers(),
                        size.heads(),
                        size.width(),
                        dropout),
                Rng.seed(0));
    }

    private static Calls bert() {
        Bert net = Bert.of(Bert.Config.BASE.epsilon(1e-5), Rng.seed(0));
        return Calls.inference(Task.bert(), net, x -> net.encode(x, Mode.EVAL).pooled());
    }

    private static Training mixed(String model) {
        return switch (model) {
            case "mlp" -> mlp(Precision.BF16);
            case "resnet18" -> resNet18(Precision.BF16);
            case "gpt" -> gpt(Precision.BF16);
            default -> throw new IllegalArgumentException(model);
        };
    }
}
