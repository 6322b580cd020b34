package dev.nacre.models;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.BatchNorm2d;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Initializer;
import dev.nacre.nn.Initializer.Fan;
import dev.nacre.nn.Linear;
import dev.nacre.nn.MaxPool2d;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.Tree;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Residual networks (He et al. 2016): a stem, four stages of blocks with ways round them, each stage of half the size and twice the channels of the one before, the mean over
/// the image, a linear layer. Names and first values are torchvision's (`layer1.0.conv1.weight`, `layer2.0.downsample.0.weight`, `fc.weight`); the networks of bottlenecks
/// have the stride in the 3×3 convolution, as torchvision's (version 1.5 of the layout).
///
/// Shape: `[n, channels, h, w]` → `[n, classes]`.
///
/// @param maxpool after the stem of large images
public record ResNet(
        Conv2d conv1,
        BatchNorm2d bn1,
        Optional<MaxPool2d> maxpool,
        List<Block> layer1,
        List<Block> layer2,
        List<Block> layer3,
        List<Block> layer4,
        Linear fc)
        implements Module {

    /// What surrounds the stages.
    public enum Stem {
        /// For small images (32×32): a 3×3 convolution.
        CIFAR,
        /// For large images (224×224): a 7×7 convolution of stride 2, then max-pooling of stride 2.
        IMAGENET
    }

    /// A block: `relu(body(x) + shortcut(x))`.
    public sealed interface Block extends Module permits BasicBlock, Bottleneck {}

    /// Two 3×3 convolutions.
    ///
    /// @param downsample a 1×1 convolution and its normalisation, where the block changes the shape
    public record BasicBlock(
            Conv2d conv1,
            BatchNorm2d bn1,
            Conv2d conv2,
            BatchNorm2d bn2,
            Optional<Sequential> downsample)
            implements Block {
        /// With a 1×1 convolution in the way round, where the block changes the shape.
        public static BasicBlock of(long in, long width, long stride, Rng rng) {
            return new BasicBlock(
                    conv(in, width, 3, stride, rng),
                    BatchNorm2d.of(width),
                    conv(width, width, 3, 1, rng),
                    BatchNorm2d.of(width),
                    shortcut(in, width, stride, rng));
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor y = bn1.forward(conv1.forward(x), mode).relu();
            y = bn2.forward(conv2.forward(y), mode);
            return y.add(round(downsample, x, mode)).relu();
        }
    }

    /// A 1×1 convolution to a quarter of the channels, a 3×3 one, a 1×1 one back.
    ///
    /// @param downsample a 1×1 convolution and its normalisation, where the block changes the shape
    public record Bottleneck(
            Conv2d conv1,
            BatchNorm2d bn1,
            Conv2d conv2,
            BatchNorm2d bn2,
            Conv2d conv3,
            BatchNorm2d bn3,
            Optional<Sequential> downsample)
            implements Block {
        /// To `4·width` channels.
        public static Bottleneck of(long in, long width, long stride, Rng rng) {
            return new Bottleneck(
                    conv(in, width, 1, 1, rng),
                    BatchNorm2d.of(width),
                    conv(width, width, 3, stride, rng),
                    BatchNorm2d.of(width),
                    conv(width, 4 * width, 1, 1, rng),
                    BatchNorm2d.of(4 * width),
                    shortcut(in, 4 * width, stride, rng));
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor y = bn1.forward(conv1.forward(x), mode).relu();
            y = bn2.forward(conv2.forward(y), mode).relu();
            y = bn3.forward(conv3.forward(y), mode);
            return y.add(round(downsample, x, mode)).relu();
        }
    }

    /// ResNet-18 on RGB: 11.7 million parameters with 1000 classes.
    public static ResNet resnet18(Stem stem, long classes, Rng rng) {
        return of(stem, 3, 64, List.of(2, 2, 2, 2), false, classes, rng);
    }

    /// ResNet-34 on RGB: 21.8 million parameters with 1000 classes.
    public static ResNet resnet34(Stem stem, long classes, Rng rng) {
        return of(stem, 3, 64, List.of(3, 4, 6, 3), false, classes, rng);
    }

    /// ResNet-50 on RGB: 25.6 million parameters with 1000 classes.
    public static ResNet resnet50(Stem stem, long classes, Rng rng) {
        return of(stem, 3, 64, List.of(3, 4, 6, 3), true, classes, rng);
    }

    /// A network of any size.
    ///
    /// @param channels of the images
    /// @param width channels of the first stage (before a bottleneck widens them)
    /// @param blocks of the four stages
    public static ResNet of(
            Stem stem,
            long channels,
            long width,
            List<Integer> blocks,
            boolean bottlenecks,
            long classes,
            Rng rng) {
        Problem.in("resnet")
                .require(
                        blocks.size() == 4 && blocks.stream().allMatch(b -> b >= 1),
                        "there are four stages of at least one block, not " + blocks)
                .throwShape();
        boolean large = stem == Stem.IMAGENET;
        List<List<Block>> stages = new ArrayList<>();
        long in = width;
        for (int i = 0; i < 4; i++) {
            List<Block> stage = new ArrayList<>();
            for (int j = 0; j < blocks.get(i); j++) {
                long stride = i > 0 && j == 0 ? 2 : 1;
                long w = width << i;
                stage.add(
                        bottlenecks
                                ? Bottleneck.of(in, w, stride, rng)
                                : BasicBlock.of(in, w, stride, rng));
                in = bottlenecks ? 4 * w : w;
            }
            stages.add(List.copyOf(stage));
        }
        return new ResNet(
                large ? conv(channels, width, 7, 2, rng) : conv(channels, width, 3, 1, rng),
                BatchNorm2d.of(width),
                large ? Optional.of(new MaxPool2d(3, 2, 1)) : Optional.empty(),
                stages.get(0),
                stages.get(1),
                stages.get(2),
                stages.get(3),
                Linear.of(in, classes, rng));
    }

    /// Of odd size, centred, without bias, with first values for a relu that keep the variance of gradients (He et al. 2015).
    private static Conv2d conv(long in, long out, long kernel, long stride, Rng rng) {
        Tensor first =
                Initializer.kaimingNormal(Fan.OUT, Initializer.reluGain())
                        .of(Shape.of(out, in, kernel, kernel), rng);
        return new Conv2d(
                dev.nacre.Variable.of("weight", first), Optional.empty(), stride, kernel / 2, 1, 1);
    }

    private static Optional<Sequential> shortcut(long in, long out, long stride, Rng rng) {
        return in == out && stride == 1
                ? Optional.empty()
                : Optional.of(Sequential.of(conv(in, out, 1, stride, rng), BatchNorm2d.of(out)));
    }

    private static Tensor round(Optional<Sequential> downsample, Tensor x, Mode mode) {
        return downsample.map(d -> d.forward(x, mode)).orElse(x);
    }

    @Override
    public Tensor forward(Tensor x, Mode mode) {
        return fc.forward(features(x, mode));
    }

    /// What the linear layer sees: the mean over the image of the last stage, `[n, features]`.
    public Tensor features(Tensor x, Mode mode) {
        Tensor y = bn1.forward(conv1.forward(x), mode).relu();
        if (maxpool.isPresent()) {
            y = maxpool.get().forward(y);
        }
        for (List<Block> stage : List.of(layer1, layer2, layer3, layer4)) {
            for (Block b : stage) {
                y = b.forward(y, mode);
            }
        }
        return y.mean(2, 3);
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Tree.of(this).toString();
    }
}
