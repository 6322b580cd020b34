package dev.nacre.models.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.models.ResNet;
import dev.nacre.models.ResNet.Stem;
import dev.nacre.nn.Mode;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.SGD;
import dev.nacre.nn.parity.Closeness;
import dev.nacre.nn.parity.Torch;
import dev.nacre.type.Shape;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Narrow networks of every kind against libtorch, and the whole ResNet-50 in evaluation. (Narrow and deep ones in training are chaotic: rounding errors alone move the loss.)
class ResNetParityTest {
    private record Case(
            String name, Stem stem, List<Integer> blocks, boolean bottlenecks, long size) {
        ResNet build() {
            Rng rng = Rng.seed(2);
            ResNet net = ResNet.of(stem, 3, 4, blocks, bottlenecks, 5, rng);
            Other.randomise(net, rng);
            return net;
        }
    }

    private static final List<Case> CASES =
            List.of(
                    new Case("18, CIFAR", Stem.CIFAR, List.of(2, 2, 2, 2), false, 16),
                    new Case("18, ImageNet", Stem.IMAGENET, List.of(2, 2, 2, 2), false, 64),
                    new Case("of bottlenecks", Stem.IMAGENET, List.of(1, 2, 2, 1), true, 64));

    /// The network as torchvision lays it out.
    private static org.bytedeco.pytorch.Tensor forward(
            Case c, Other o, org.bytedeco.pytorch.Tensor x, boolean training) {
        boolean large = c.stem == Stem.IMAGENET;
        var y =
                torch.relu(
                        o.batchNorm(
                                o.conv(x, "conv1", large ? 2 : 1, large ? 3 : 1), "bn1", training));
        if (large) {
            y =
                    torch.max_pool2d(
                            y,
                            new long[] {3, 3},
                            new long[] {2, 2},
                            new long[] {1, 1},
                            new long[] {1, 1},
                            false);
        }
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < c.blocks.get(i); j++) {
                y =
                        block(
                                c,
                                o,
                                y,
                                "layer" + (i + 1) + "." + j + ".",
                                i > 0 && j == 0 ? 2 : 1,
                                training);
            }
        }
        return o.linear(torch.adaptive_avg_pool2d(y, new long[] {1, 1}).flatten(1, -1), "fc");
    }

    private static org.bytedeco.pytorch.Tensor block(
            Case c,
            Other o,
            org.bytedeco.pytorch.Tensor x,
            String at,
            long stride,
            boolean training) {
        org.bytedeco.pytorch.Tensor y;
        if (c.bottlenecks) {
            y = torch.relu(o.batchNorm(o.conv(x, at + "conv1", 1, 0), at + "bn1", training));
            y = torch.relu(o.batchNorm(o.conv(y, at + "conv2", stride, 1), at + "bn2", training));
            y = o.batchNorm(o.conv(y, at + "conv3", 1, 0), at + "bn3", training);
        } else {
            y = torch.relu(o.batchNorm(o.conv(x, at + "conv1", stride, 1), at + "bn1", training));
            y = o.batchNorm(o.conv(y, at + "conv2", 1, 1), at + "bn2", training);
        }
        var round =
                o.has(at + "downsample.0.weight")
                        ? o.batchNorm(
                                o.conv(x, at + "downsample.0", stride, 0),
                                at + "downsample.1",
                                training)
                        : x;
        return torch.relu(y.add(round));
    }

    @TestFactory
    Stream<DynamicTest> networks() {
        return CASES.stream().map(c -> DynamicTest.dynamicTest(c.name, () -> check(c)));
    }

    private static void check(Case c) {
        ResNet net = c.build();
        Rng rng = Rng.seed(5);
        Tensor x = rng.normal(Shape.of(8, 3, c.size, c.size)).realize();
        Tensor y = rng.integers(5, Shape.of(8)).realize();
        Other o = new Other(net);
        Closeness.NORMALISATION.check(
                "evaluation", forward(c, o, Torch.of(x), false), net.forward(x, Mode.EVAL));
        Function folded = Function.of((Tensor in) -> net.forward(in, Mode.EVAL));
        Closeness.NORMALISATION.check(
                "evaluation, folded", forward(c, o, Torch.of(x), false), folded.apply(x));
        o.checkState("after evaluation", Closeness.ELEMENTWISE, net);

        Other.zeroGrad(net);
        new CrossEntropyLoss().forward(net.forward(x, Mode.EVAL), y).backward();
        torch.cross_entropy_loss(forward(c, o, Torch.of(x), false), Torch.of(y)).backward();
        o.checkGradients("evaluation", Closeness.STEPS, net);

        Other fresh = new Other(net);
        Other.zeroGrad(net);
        Tensor scores = net.forward(x, Mode.TRAIN);
        var theirs = forward(c, fresh, Torch.of(x), true);
        new CrossEntropyLoss().forward(scores, y).backward();
        torch.cross_entropy_loss(theirs, Torch.of(y)).backward();
        Closeness.STEPS.check("training", theirs, scores);
        fresh.checkGradients("training", Closeness.DEEP, net);
        fresh.checkState("running statistics", Closeness.NORMALISATION, net);
        Other.zeroGrad(net);
        Closeness.NORMALISATION.check(
                "evaluation with new statistics",
                forward(c, fresh, Torch.of(x), false),
                folded.apply(x));
    }

    private static Other.Training training(Case c, ResNet net, Other o, double rate, int batch) {
        Rng rng = Rng.seed(6);
        SGDOptions options = new SGDOptions(rate);
        options.momentum().put(0.9);
        return new Other.Training(
                (x, y) -> new CrossEntropyLoss().forward(net.forward(x, Mode.TRAIN), y),
                SGD.of(rate).momentum(0.9).over(net.parameters()),
                (x, y) -> torch.cross_entropy_loss(forward(c, o, x, true), y),
                new org.bytedeco.pytorch.SGD(o.parameters(), options),
                rng.normal(Shape.of(batch, 3, c.size, c.size)).realize(),
                rng.integers(5, Shape.of(batch)).realize());
    }

    /// Small steps: at larger ones the losses agree to 1e-7 until a unit's sign hangs on a rounding, and then part by 1e-3.
    @TestFactory
    Stream<DynamicTest> tenSteps() {
        return CASES.stream()
                .map(c ->
                        DynamicTest.dynamicTest(
                                c.name,
                                () -> {
                                    ResNet net = c.build();
                                    Other o = new Other(net);
                                    double rate = c.bottlenecks ? 0.0004 : 0.002;
                                    training(c, net, o, rate, 8).run(10, net, o);
                                }));
    }

    @Test
    void tenStepsInBf16() {
        Case c = CASES.getFirst();
        ResNet net = c.build();
        training(c, net, new Other(net), 0.01, 32).inBf16().run(10, 5e-2);
    }

    @Test
    void wholeResNet50() {
        Case c = new Case("50", Stem.IMAGENET, List.of(3, 4, 6, 3), true, 64);
        ResNet net = ResNet.resnet50(Stem.IMAGENET, 1000, Rng.seed(1));
        Other.randomise(net, Rng.seed(2));
        Tensor x = Rng.seed(3).normal(Shape.of(1, 3, 64, 64)).realize();
        Function f = Function.of((Tensor in) -> net.forward(in, Mode.EVAL));
        Closeness.NORMALISATION.check(
                "evaluation", forward(c, new Other(net), Torch.of(x), false), f.apply(x));
    }

    /// As published.
    @Test
    void sizesAndNames() {
        ResNet small = ResNet.resnet18(Stem.CIFAR, 10, Rng.seed(0));
        assertEquals(11_173_962, small.parameterCount());
        ResNet large = ResNet.resnet50(Stem.IMAGENET, 1000, Rng.seed(0));
        assertEquals(25_557_032, large.parameterCount());
        assertEquals(
                11_689_512, ResNet.resnet18(Stem.IMAGENET, 1000, Rng.seed(0)).parameterCount());
        assertEquals(320, large.state().size());
        for (String key :
                List.of(
                        "conv1.weight",
                        "bn1.running_mean",
                        "bn1.num_batches_tracked",
                        "layer1.0.conv1.weight",
                        "layer1.0.downsample.0.weight",
                        "layer4.2.bn3.bias",
                        "fc.weight")) {
            assertEquals(true, large.state().containsKey(key), key);
        }
    }
}
