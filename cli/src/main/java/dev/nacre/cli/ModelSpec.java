package dev.nacre.cli;

import dev.nacre.Rng;
import dev.nacre.models.ResNet;
import dev.nacre.nn.Activation;
import dev.nacre.nn.AdaptiveAvgPool2d;
import dev.nacre.nn.BatchNorm2d;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.Flatten;
import dev.nacre.nn.Linear;
import dev.nacre.nn.MaxPool2d;
import dev.nacre.nn.Module;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.Preprocessing;
import java.util.List;

/// What a saved network is built of: enough to build it again before its numbers are loaded.
record ModelSpec(List<Layer> layers) {
    ModelSpec {
        layers = List.copyOf(layers);
    }

    /// One layer. Convolutions keep the size of the image; pooling windows lie side by side.
    sealed interface Layer {
        Module build(Rng rng);

        /// How many numbers the layer's variables hold.
        default long size() {
            return 0;
        }
    }

    record Conv(long in, long out, long kernel) implements Layer {
        @Override
        public Module build(Rng rng) {
            return Conv2d.of(in, out, kernel, rng).padding(kernel / 2);
        }

        @Override
        public long size() {
            return in * out * kernel * kernel + out;
        }
    }

    record Norm(long features) implements Layer {
        @Override
        public Module build(Rng rng) {
            return BatchNorm2d.of(features);
        }

        @Override
        public long size() {
            return 4 * features + 1;
        }
    }

    record Dense(long in, long out) implements Layer {
        @Override
        public Module build(Rng rng) {
            return Linear.of(in, out, rng);
        }

        @Override
        public long size() {
            return in * out + out;
        }
    }

    record Relu() implements Layer {
        @Override
        public Module build(Rng rng) {
            return Activation.RELU;
        }
    }

    record Pool(long window) implements Layer {
        @Override
        public Module build(Rng rng) {
            return MaxPool2d.of(window);
        }
    }

    record Flat() implements Layer {
        @Override
        public Module build(Rng rng) {
            return new Flatten();
        }
    }

    record Drop(double p) implements Layer {
        @Override
        public Module build(Rng rng) {
            return Dropout.of(p, rng);
        }
    }

    /// Two 3×3 convolutions with normalisations and a way round them.
    record Block(long in, long out, long stride) implements Layer {
        @Override
        public Module build(Rng rng) {
            return ResNet.BasicBlock.of(in, out, stride, rng);
        }

        @Override
        public long size() {
            long shortcut = in == out && stride == 1 ? 0 : in * out + 4 * out + 1;
            return 9 * out * (in + out) + 2 * (4 * out + 1) + shortcut;
        }
    }

    /// The mean over the image.
    record Mean() implements Layer {
        @Override
        public Module build(Rng rng) {
            return new AdaptiveAvgPool2d(1, 1);
        }
    }

    /// The network with fresh random numbers.
    Sequential build(Rng rng) {
        return new Sequential(layers.stream().map(l -> l.build(rng)).toList());
    }

    /// How many numbers the network's variables hold.
    long size() {
        return layers.stream().mapToLong(Layer::size).sum();
    }

    /// Two layers of 256 and 128.
    static ModelSpec mlp(Preprocessing images, int classes) {
        long in = (long) images.channels() * images.height() * images.width();
        return new ModelSpec(
                List.of(
                        new Flat(),
                        new Dense(in, 256),
                        new Relu(),
                        new Dense(256, 128),
                        new Relu(),
                        new Dense(128, classes)));
    }

    /// A residual network for small images (He et al. 2016): a convolution, then five blocks in three stages, each of half the size and twice the channels of the one before.
    static ModelSpec resnet(Preprocessing images, int classes, long width) {
        return new ModelSpec(
                List.of(
                        new Conv(images.channels(), width, 3),
                        new Norm(width),
                        new Relu(),
                        new Block(width, width, 1),
                        new Block(width, 2 * width, 2),
                        new Block(2 * width, 2 * width, 1),
                        new Block(2 * width, 4 * width, 2),
                        new Block(4 * width, 4 * width, 1),
                        new Mean(),
                        new Flat(),
                        new Dense(4 * width, classes)));
    }

    /// Two blocks of convolution, pooling and normalisation, and two dense layers. Pooling comes first in the block: what follows then has a quarter of the work.
    static ModelSpec cnn(Preprocessing images, int classes, int width) {
        long flat = 2L * width * (images.height() / 4) * (images.width() / 4);
        return new ModelSpec(
                List.of(
                        new Conv(images.channels(), width, 3),
                        new Pool(2),
                        new Norm(width),
                        new Relu(),
                        new Conv(width, 2L * width, 3),
                        new Pool(2),
                        new Norm(2L * width),
                        new Relu(),
                        new Flat(),
                        new Dense(flat, 128),
                        new Relu(),
                        new Drop(0.25),
                        new Dense(128, classes)));
    }
}
