package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.AdaptiveAvgPool2d;
import dev.nacre.nn.AvgPool2d;
import dev.nacre.nn.BatchNorm1d;
import dev.nacre.nn.BatchNorm2d;
import dev.nacre.nn.Conv1d;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Conv3d;
import dev.nacre.nn.ConvTranspose2d;
import dev.nacre.nn.Embedding;
import dev.nacre.nn.GroupNorm;
import dev.nacre.nn.LayerNorm;
import dev.nacre.nn.Linear;
import dev.nacre.nn.MaxPool2d;
import dev.nacre.nn.Mode;
import dev.nacre.nn.RMSNorm;
import dev.nacre.type.Shape;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class LayerParityTest {
    private final Rng rng = Rng.seed(7);

    private Tensor normal(long... sizes) {
        return rng.normal(Shape.of(sizes)).realize();
    }

    private static long[] all(int n, long value) {
        long[] out = new long[n];
        java.util.Arrays.fill(out, value);
        return out;
    }

    @Test
    void linear() {
        Linear layer = Linear.of(37, 19, rng);
        for (long[] shape : List.of(new long[] {5, 37}, new long[] {37}, new long[] {2, 3, 37})) {
            Torch.compare(
                    "linear",
                    Closeness.SUMS,
                    List.of(normal(shape), layer.weight(), layer.bias().orElseThrow()),
                    in -> layer.forward(in.get(0)),
                    in -> torch.linear(in.get(0), in.get(1), in.get(2)));
        }
    }

    private record Case(
            long in,
            long out,
            long kernel,
            long size,
            long stride,
            long padding,
            long dilation,
            long groups) {}

    private static final List<Case> CONVOLUTIONS =
            List.of(
                    new Case(3, 8, 3, 9, 1, 0, 1, 1),
                    new Case(1, 4, 5, 12, 1, 2, 1, 1),
                    new Case(4, 6, 3, 11, 2, 1, 1, 2),
                    new Case(4, 4, 3, 10, 1, 2, 2, 4),
                    new Case(5, 7, 1, 6, 1, 0, 1, 1),
                    new Case(2, 3, 2, 7, 3, 1, 1, 1));

    @TestFactory
    Stream<DynamicTest> convolutions() {
        return CONVOLUTIONS.stream()
                .map(c ->
                        DynamicTest.dynamicTest(
                                c.toString(),
                                () -> {
                                    Conv1d one =
                                            Conv1d.grouped(c.in, c.out, c.kernel, c.groups, rng)
                                                    .stride(c.stride)
                                                    .padding(c.padding)
                                                    .dilation(c.dilation);
                                    Torch.compare(
                                            "conv1d",
                                            Closeness.SUMS,
                                            List.of(
                                                    normal(2, c.in, c.size),
                                                    one.weight(),
                                                    one.bias().orElseThrow()),
                                            in -> one.forward(in.get(0)),
                                            in ->
                                                    torch.conv1d(
                                                            in.get(0),
                                                            in.get(1),
                                                            Torch.optional(in.get(2)),
                                                            all(1, c.stride),
                                                            all(1, c.padding),
                                                            all(1, c.dilation),
                                                            c.groups));
                                    Conv2d two =
                                            Conv2d.grouped(c.in, c.out, c.kernel, c.groups, rng)
                                                    .stride(c.stride)
                                                    .padding(c.padding)
                                                    .dilation(c.dilation);
                                    Torch.compare(
                                            "conv2d",
                                            Closeness.SUMS,
                                            List.of(
                                                    normal(2, c.in, c.size, c.size + 1),
                                                    two.weight(),
                                                    two.bias().orElseThrow()),
                                            in -> two.forward(in.get(0)),
                                            in ->
                                                    torch.conv2d(
                                                            in.get(0),
                                                            in.get(1),
                                                            Torch.optional(in.get(2)),
                                                            all(2, c.stride),
                                                            all(2, c.padding),
                                                            all(2, c.dilation),
                                                            c.groups));
                                    Conv3d three =
                                            Conv3d.grouped(c.in, c.out, c.kernel, c.groups, rng)
                                                    .stride(c.stride)
                                                    .padding(c.padding)
                                                    .dilation(c.dilation);
                                    Torch.compare(
                                            "conv3d",
                                            Closeness.SUMS,
                                            List.of(
                                                    normal(1, c.in, c.size, c.size, c.size),
                                                    three.weight(),
                                                    three.bias().orElseThrow()),
                                            in -> three.forward(in.get(0)),
                                            in ->
                                                    torch.conv3d(
                                                            in.get(0),
                                                            in.get(1),
                                                            Torch.optional(in.get(2)),
                                                            all(3, c.stride),
                                                            all(3, c.padding),
                                                            all(3, c.dilation),
                                                            c.groups));
                                }));
    }

    @Test
    void transposedConvolution() {
        for (Case c :
                List.of(
                        new Case(4, 6, 3, 5, 1, 0, 1, 1),
                        new Case(4, 6, 3, 5, 2, 1, 1, 2),
                        new Case(3, 5, 2, 6, 2, 0, 1, 1))) {
            long extra = c.stride - 1;
            ConvTranspose2d layer =
                    ConvTranspose2d.grouped(c.in, c.out, c.kernel, c.groups, rng)
                            .stride(c.stride)
                            .padding(c.padding)
                            .outputPadding(extra);
            Torch.compare(
                    "convTranspose2d " + c,
                    Closeness.SUMS,
                    List.of(
                            normal(2, c.in, c.size, c.size),
                            layer.weight(),
                            layer.bias().orElseThrow()),
                    in -> layer.forward(in.get(0)),
                    in ->
                            torch.conv_transpose2d(
                                    in.get(0),
                                    in.get(1),
                                    Torch.optional(in.get(2)),
                                    all(2, c.stride),
                                    all(2, c.padding),
                                    all(2, extra),
                                    c.groups,
                                    all(2, 1)));
        }
    }

    @Test
    void pooling() {
        for (long[] c : new long[][] {{2, 2, 0, 8}, {3, 2, 1, 9}, {3, 3, 0, 10}, {2, 1, 1, 5}}) {
            List<Tensor> x = List.of(normal(2, 3, c[3], c[3] + 2));
            Torch.compare(
                    "maxPool2d",
                    Closeness.ELEMENTWISE,
                    x,
                    in -> new MaxPool2d(c[0], c[1], c[2]).forward(in.get(0)),
                    in ->
                            torch.max_pool2d(
                                    in.get(0),
                                    all(2, c[0]),
                                    all(2, c[1]),
                                    all(2, c[2]),
                                    all(2, 1),
                                    false));
            Torch.compare(
                    "avgPool2d",
                    Closeness.ELEMENTWISE,
                    x,
                    in -> new AvgPool2d(c[0], c[1], c[2]).forward(in.get(0)),
                    in ->
                            torch.avg_pool2d(
                                    in.get(0),
                                    all(2, c[0]),
                                    all(2, c[1]),
                                    all(2, c[2]),
                                    false,
                                    true,
                                    new LongOptional()));
        }
        for (long[] c : new long[][] {{1, 1}, {2, 3}, {4, 4}, {7, 7}}) {
            Torch.compare(
                    "adaptiveAvgPool2d",
                    Closeness.ELEMENTWISE,
                    List.of(normal(2, 3, 8, 6)),
                    in -> new AdaptiveAvgPool2d(c[0], c[1]).forward(in.get(0)),
                    in -> torch.adaptive_avg_pool2d(in.get(0), c));
        }
    }

    @Test
    void normalisationByExample() {
        LayerNorm layer = LayerNorm.of(6, 5);
        Torch.compare(
                "layerNorm",
                Closeness.NORMALISATION,
                List.of(normal(3, 4, 6, 5), normal(6, 5), normal(6, 5)),
                in ->
                        new LayerNorm((Variable) in.get(1), (Variable) in.get(2), layer.epsilon())
                                .forward(in.get(0)),
                in ->
                        torch.layer_norm(
                                in.get(0),
                                new long[] {6, 5},
                                Torch.optional(in.get(1)),
                                Torch.optional(in.get(2)),
                                1e-5,
                                true));
        Torch.compare(
                "rmsNorm",
                Closeness.NORMALISATION,
                List.of(normal(3, 4, 30), normal(30)),
                in ->
                        new RMSNorm((Variable) in.get(1), RMSNorm.of(30).epsilon())
                                .forward(in.get(0)),
                in ->
                        torch.rms_norm(
                                in.get(0),
                                new long[] {30},
                                Torch.optional(in.get(1)),
                                new DoubleOptional()));
        Torch.compare(
                "groupNorm",
                Closeness.NORMALISATION,
                List.of(normal(3, 6, 4, 5), normal(6), normal(6)),
                in ->
                        new GroupNorm((Variable) in.get(1), (Variable) in.get(2), 3, 1e-5)
                                .forward(in.get(0)),
                in ->
                        torch.group_norm(
                                in.get(0),
                                3,
                                Torch.optional(in.get(1)),
                                Torch.optional(in.get(2)),
                                1e-5,
                                true));
    }

    @Test
    void batchNormalisation() {
        for (long[] shape : new long[][] {{9, 5}, {4, 5, 6}}) {
            BatchNorm1d layer = BatchNorm1d.of(5);
            checkBatchNorm(
                    shape,
                    (w, b) ->
                            (x, mode) ->
                                    new BatchNorm1d(
                                                    w,
                                                    b,
                                                    layer.runningMean(),
                                                    layer.runningVar(),
                                                    layer.numBatchesTracked(),
                                                    0.1,
                                                    1e-5)
                                            .forward(x, mode),
                    layer.runningMean(),
                    layer.runningVar(),
                    layer.numBatchesTracked());
        }
        BatchNorm2d layer = BatchNorm2d.of(5);
        checkBatchNorm(
                new long[] {3, 5, 4, 6},
                (w, b) ->
                        (x, mode) ->
                                new BatchNorm2d(
                                                w,
                                                b,
                                                layer.runningMean(),
                                                layer.runningVar(),
                                                layer.numBatchesTracked(),
                                                0.1,
                                                1e-5)
                                        .forward(x, mode),
                layer.runningMean(),
                layer.runningVar(),
                layer.numBatchesTracked());
    }

    private interface Normaliser {
        Tensor forward(Tensor x, Mode mode);
    }

    /// Three training batches, then evaluation: outputs, gradients and running statistics.
    private void checkBatchNorm(
            long[] shape,
            java.util.function.BiFunction<Variable, Variable, Normaliser> layer,
            Variable mean,
            Variable variance,
            Variable batches) {
        var theirMean = Torch.of(mean);
        var theirVariance = Torch.of(variance);
        Tensor weight = normal(5);
        Tensor bias = normal(5);
        for (int batch = 0; batch < 3; batch++) {
            Torch.compare(
                    "batchNorm, training",
                    Closeness.NORMALISATION,
                    List.of(rng.normal(1, 2, Shape.of(shape)).realize(), weight, bias),
                    in ->
                            layer.apply((Variable) in.get(1), (Variable) in.get(2))
                                    .forward(in.get(0), Mode.TRAIN),
                    in ->
                            torch.batch_norm(
                                    in.get(0),
                                    Torch.optional(in.get(1)),
                                    Torch.optional(in.get(2)),
                                    Torch.optional(theirMean),
                                    Torch.optional(theirVariance),
                                    true,
                                    0.1,
                                    1e-5,
                                    false));
            Closeness.NORMALISATION.check("running mean", theirMean, mean);
            Closeness.NORMALISATION.check("running variance", theirVariance, variance);
            assertEquals(batch + 1, (long) batches.item());
        }
        Torch.compare(
                "batchNorm, evaluation",
                Closeness.NORMALISATION,
                List.of(normal(shape), weight, bias),
                in ->
                        layer.apply((Variable) in.get(1), (Variable) in.get(2))
                                .forward(in.get(0), Mode.EVAL),
                in ->
                        torch.batch_norm(
                                in.get(0),
                                Torch.optional(in.get(1)),
                                Torch.optional(in.get(2)),
                                Torch.optional(theirMean),
                                Torch.optional(theirVariance),
                                false,
                                0.1,
                                1e-5,
                                false));
        Closeness.NORMALISATION.check("running mean after evaluation", theirMean, mean);
        assertEquals(3, (long) batches.item());
    }

    @Test
    void embedding() {
        Embedding layer = Embedding.of(11, 6, rng);
        Tensor index = rng.integers(11, Shape.of(4, 5)).realize();
        Torch.compare(
                "embedding",
                Closeness.ELEMENTWISE,
                List.of(index, layer.weight()),
                in -> layer.forward(in.get(0)),
                in -> torch.embedding(in.get(1), in.get(0)));
    }
}
