package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// ResNet-18 for training, and ResNet-50 for inference with batch norm folded.
final class ResNet {
    private static final double EPSILON = 1e-5;

    /// A convolution and its norm. For inference, the norm is part of the convolution.
    private record Normed(Convolution conv, Optional<Norm> norm) implements Model {
        @Override
        public Tensor forward(Tensor x) {
            Tensor y = conv.forward(x);
            return norm.isPresent() ? norm.get().forward(y) : y;
        }
    }

    private record Norm(
            TensorOptional weight,
            TensorOptional bias,
            TensorOptional mean,
            TensorOptional variance)
            implements Model {
        @Override
        public Tensor forward(Tensor x) {
            return torch.batch_norm(x, weight, bias, mean, variance, true, 0.1, EPSILON, true);
        }
    }

    private record Block(List<Normed> path, Optional<Normed> shortcut) implements Model {
        @Override
        public Tensor forward(Tensor x) {
            Tensor h = path.getFirst().forward(x);
            for (Normed n : path.subList(1, path.size())) {
                h = n.forward(torch.relu_(h));
            }
            return torch.relu_(h.add_(shortcut.isPresent() ? shortcut.get().forward(x) : x));
        }
    }

    private ResNet() {}

    private static Normed trained(
            Parameters p, String conv, String norm, long stride, long padding) {
        Tensor w = p.of(conv + ".weight");
        Convolution c =
                new Convolution(
                        w,
                        Parameters.NONE,
                        new long[] {stride, stride},
                        new long[] {padding, padding});
        TensorOptional weight = p.optional(norm + ".weight");
        TensorOptional mean = new TensorOptional(torch.zeros(w.size(0)));
        TensorOptional variance = new TensorOptional(torch.ones(w.size(0)));
        return new Normed(
                c, Optional.of(new Norm(weight, p.optional(norm + ".bias"), mean, variance)));
    }

    /// The running mean is 0 and the variance 1.
    private static Normed folded(
            Parameters p, String conv, String norm, long stride, long padding) {
        Tensor gain = p.of(norm + ".weight").detach().mul(new Scalar(1 / Math.sqrt(1 + EPSILON)));
        Tensor w = p.of(conv + ".weight").detach().mul(gain.view(-1, 1, 1, 1));
        Convolution c =
                new Convolution(
                        p.laid(w),
                        new TensorOptional(p.of(norm + ".bias").detach()),
                        new long[] {stride, stride},
                        new long[] {padding, padding});
        return new Normed(c, Optional.empty());
    }

    static Model eighteen(Parameters p) {
        Normed stem = trained(p, "conv1", "bn1", 1, 1);
        List<Block> blocks = new ArrayList<>();
        for (int stage = 0; stage < 4; stage++) {
            for (int block = 0; block < 2; block++) {
                String key = "layer" + (stage + 1) + "." + block + ".";
                boolean narrows = stage > 0 && block == 0;
                long stride = narrows ? 2 : 1;
                Normed a = trained(p, key + "conv1", key + "bn1", stride, 1);
                Normed b = trained(p, key + "conv2", key + "bn2", 1, 1);
                blocks.add(
                        new Block(
                                List.of(a, b),
                                narrows
                                        ? Optional.of(
                                                trained(
                                                        p,
                                                        key + "downsample.0",
                                                        key + "downsample.1",
                                                        2,
                                                        0))
                                        : Optional.empty()));
            }
        }
        Linear fc = Linear.of(p, "fc");
        return x -> {
            Tensor h = torch.relu_(stem.forward(p.laid(x)));
            for (Block b : blocks) {
                h = b.forward(h);
            }
            return fc.forward(torch.adaptive_avg_pool2d(h, 1, 1).flatten(1, -1));
        };
    }

    /// The model on its only batch.
    static java.util.function.Supplier<Tensor> fifty(int batch) {
        Task task = Task.resNet50(batch);
        Parameters p = new Parameters(task.weights(), true);
        Normed stem = folded(p, "conv1", "bn1", 2, 3);
        List<Block> blocks = new ArrayList<>();
        for (int stage = 0; stage < 4; stage++) {
            for (int block = 0; block < Task.resNet50Blocks(stage); block++) {
                String key = "layer" + (stage + 1) + "." + block + ".";
                long stride = stage > 0 && block == 0 ? 2 : 1;
                Normed a = folded(p, key + "conv1", key + "bn1", 1, 0);
                Normed b = folded(p, key + "conv2", key + "bn2", stride, 1);
                Normed c = folded(p, key + "conv3", key + "bn3", 1, 0);
                String down = key + "downsample.";
                blocks.add(
                        new Block(
                                List.of(a, b, c),
                                block == 0
                                        ? Optional.of(folded(p, down + "0", down + "1", stride, 0))
                                        : Optional.empty()));
            }
        }
        Linear fc = Linear.of(p, "fc");
        Tensor x = p.laid(Parameters.input(task, 0));
        return () -> {
            Tensor h = torch.relu_(stem.forward(x));
            h =
                    torch.max_pool2d(
                            h,
                            new long[] {3, 3},
                            new long[] {2, 2},
                            new long[] {1, 1},
                            new long[] {1, 1},
                            false);
            for (Block b : blocks) {
                h = b.forward(h);
            }
            return fc.forward(torch.adaptive_avg_pool2d(h, 1, 1).flatten(1, -1));
        };
    }
}
