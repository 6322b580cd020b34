package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Decoder;
import dev.nacre.bench.protocol.Server;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Workload;
import java.io.IOException;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// Serves libtorch's workloads, with the settings found fastest: MKL in place of OpenBLAS, fused optimizers, batch norm folded into channels-last convolutions for inference, attention
/// as separate operators in bf16 (its fused one spends its time in a reference product there).
public final class LibTorchEngine {
    private LibTorchEngine() {}

    public static void main(String[] args) throws IOException {
        int threads = Integer.getInteger("bench.threads", 1);
        torch.set_num_threads(threads);
        String blas = System.getProperty("org.bytedeco.openblas.load", "OpenBLAS");
        Server.serve(
                "libtorch 2.10.0 with "
                        + blas
                        + ", "
                        + torch.get_cpu_capability().getString()
                        + ", threads: "
                        + threads,
                c -> Optional.of(open(c)));
    }

    private static Workload open(Case c) {
        return switch (c.id()) {
            case "W1" -> smallMlp(Task.smallMlp());
            case "W2" -> mlp(false);
            case "W3" -> {
                Parameters p = new Parameters(Task.cnn(64).weights());
                yield new Training(Task.cnn(64), new Cnn(p), p, Optimizer.adam(p, 1e-3), false);
            }
            case "W4" -> resNet18(false);
            case "W5-b1" -> new Inference(ResNet.fifty(1));
            case "W5-b8" -> new Inference(ResNet.fifty(8));
            case "W6" -> {
                Parameters p = new Parameters(Task.lstm().weights());
                yield new Training(Task.lstm(), new Lstm(p), p, Optimizer.adam(p, 1e-3), false);
            }
            case "W7" -> gpt(false);
            case "W8" -> new Inference(Transformer.bert());
            case "W10-mlp" -> mlp(true);
            case "W10-resnet18" -> resNet18(true);
            case "W10-gpt" -> gpt(true);
            case "chars" -> new Chars();
            case "W11" -> smallMlp(Task.smallMlp().withBatches(1));
            default ->
                    switch (c.workload()) {
                        case "W9" -> new Elementwise(c.variant());
                        case "W12" ->
                                c.kind() == Case.Kind.COPY
                                        ? new Copy(c.bytes())
                                        : new Product(c.bf16(), c.size());
                        case "W14" -> {
                            Task t = Task.cnn(1);
                            Cnn net = new Cnn(new Parameters(t.weights()));
                            Tensor image = Parameters.input(t, 0);
                            yield new Inference(() -> net.forward(image));
                        }
                        default -> throw new IllegalArgumentException(c.id());
                    };
        };
    }

    private static Training smallMlp(Task task) {
        Parameters p = new Parameters(task.weights());
        return new Training(task, new Mlp(p, 2), p, Optimizer.adam(p, 1e-3), false);
    }

    private static Training mlp(boolean bf16) {
        Parameters p = new Parameters(Task.mlp().weights());
        return new Training(Task.mlp(), new Mlp(p, 3), p, Optimizer.adam(p, 1e-3), bf16);
    }

    private static Training resNet18(boolean bf16) {
        Parameters p = new Parameters(Task.resNet18().weights(), bf16);
        return new Training(
                Task.resNet18(), ResNet.eighteen(p), p, Optimizer.sgd(p, 0.01, 0.9), bf16);
    }

    private static Training gpt(boolean bf16) {
        Parameters p = new Parameters(Task.gpt().weights());
        Model net = Transformer.gpt(p, bf16, Decoder.W7, () -> 0);
        return new Training(Task.gpt(), net, p, Optimizer.adamW(p, 3e-4, 0.01), bf16);
    }
}
