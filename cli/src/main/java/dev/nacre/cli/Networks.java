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
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.Preprocessing;

/// The networks that `nacre train` offers for images.
final class Networks {
    private Networks() {}

    private static Conv2d conv(long in, long out, Rng rng) {
        return Conv2d.of(in, out, 3, rng).padding(1);
    }

    /// Two layers of 256 and 128.
    static Sequential mlp(Preprocessing images, int classes, Rng rng) {
        long in = (long) images.channels() * images.height() * images.width();
        return Sequential.of(
                new Flatten(),
                Linear.of(in, 256, rng),
                Activation.RELU,
                Linear.of(256, 128, rng),
                Activation.RELU,
                Linear.of(128, classes, rng));
    }

    /// A residual network for small images (He et al. 2016): a convolution, then five blocks in three stages, each of half the size and twice the channels of the one before.
    static Sequential resnet(Preprocessing images, int classes, long width, Rng rng) {
        return Sequential.of(
                conv(images.channels(), width, rng),
                BatchNorm2d.of(width),
                Activation.RELU,
                ResNet.BasicBlock.of(width, width, 1, rng),
                ResNet.BasicBlock.of(width, 2 * width, 2, rng),
                ResNet.BasicBlock.of(2 * width, 2 * width, 1, rng),
                ResNet.BasicBlock.of(2 * width, 4 * width, 2, rng),
                ResNet.BasicBlock.of(4 * width, 4 * width, 1, rng),
                new AdaptiveAvgPool2d(1, 1),
                new Flatten(),
                Linear.of(4 * width, classes, rng));
    }

    /// Two blocks of convolution, pooling and normalisation, and two dense layers. Pooling comes first in the block: what follows then has a quarter of the work.
    static Sequential cnn(Preprocessing images, int classes, int width, Rng rng) {
        long flat = 2L * width * (images.height() / 4) * (images.width() / 4);
        return Sequential.of(
                conv(images.channels(), width, rng),
                MaxPool2d.of(2),
                BatchNorm2d.of(width),
                Activation.RELU,
                conv(width, 2L * width, rng),
                MaxPool2d.of(2),
                BatchNorm2d.of(2L * width),
                Activation.RELU,
                new Flatten(),
                Linear.of(flat, 128, rng),
                Activation.RELU,
                Dropout.of(0.25, rng),
                Linear.of(128, classes, rng));
    }
}
