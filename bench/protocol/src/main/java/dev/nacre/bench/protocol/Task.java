package dev.nacre.bench.protocol;

import java.util.Arrays;
import java.util.function.IntFunction;

/// A model and its data: first weights, batches that are cycled through, labels. There are enough batches that small models do not drive their loss to zero at once: dead
/// gradients would become denormal numbers, which slow some engines down.
///
/// @param weights the first weights
/// @param batches how many batches there are
/// @param classes of labels (and of tokens)
/// @param shape of one batch of inputs
/// @param inputs the numbers of a batch; empty for tokens
/// @param labelShape of one batch of labels
public record Task(
        Weights weights,
        int batches,
        int classes,
        long[] shape,
        IntFunction<float[]> inputs,
        long[] labelShape) {
    private static final long LABELS = 1000;
    private static final long TOKENS = 2000;

    public static final int BERT_LAYERS = 12;
    public static final int BERT_WIDTH = 768;
    public static final int BERT_HEADS = 12;
    public static final int BERT_INNER = 3072;
    public static final int BERT_LENGTH = 128;
    public static final int BERT_VOCABULARY = 30522;
    public static final int LSTM_LENGTH = 64;
    public static final int LSTM_INPUT = 128;
    public static final int LSTM_HIDDEN = 256;

    public float[] input(int batch) {
        return inputs.apply(batch);
    }

    public long[] labels(int batch) {
        return Data.labels(LABELS + batch, count(labelShape), classes);
    }

    /// The inputs of a model of text.
    public long[] tokens(int batch) {
        return Data.labels(TOKENS + batch, count(shape), classes);
    }

    /// With fewer batches, for a first step.
    public Task withBatches(int batches) {
        return new Task(weights, batches, classes, shape, inputs, labelShape);
    }

    private static int count(long[] shape) {
        return Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
    }

    private static Task normal(Weights w, int batches, int classes, long... shape) {
        return new Task(
                w,
                batches,
                classes,
                shape,
                i -> Data.normal(i, count(shape)),
                new long[] {shape[0]});
    }

    private static Task pixels(Weights w, int batches, long... shape) {
        return new Task(
                w, batches, 10, shape, i -> Data.pixels(i, count(shape)), new long[] {shape[0]});
    }

    /// 100 → 64 relu → 10, batch 32: keys `fc1`, `fc2`.
    public static Task smallMlp() {
        Weights w = new Weights().linear("fc1", 100, 64).linear("fc2", 64, 10);
        return normal(w, 256, 10, 32, 100);
    }

    /// 784 → 512 relu → 512 relu → 10, batch 128: keys `fc1` to `fc3`.
    public static Task mlp() {
        Weights w =
                new Weights()
                        .linear("fc1", 784, 512)
                        .linear("fc2", 512, 512)
                        .linear("fc3", 512, 10);
        return pixels(w, 64, 128, 784);
    }

    /// conv 3×3 32 relu, conv 3×3 64 relu, max pool 2, dense 128 relu, dense 10: keys `conv1`, `conv2`, `fc1`, `fc2`.
    public static Task cnn(int batch) {
        Weights w =
                new Weights()
                        .convolution("conv1", 1, 32, 3)
                        .convolution("conv2", 32, 64, 3)
                        .linear("fc1", 64 * 12 * 12, 128)
                        .linear("fc2", 128, 10);
        return pixels(w, 8, batch, 1, 28, 28);
    }

    /// ResNet-18 with a 3×3 stem without pooling, in torchvision's keys.
    public static Task resNet18() {
        Weights w = new Weights().bareConvolution("conv1", 3, 64, 3).norm("bn1", 64);
        long in = 64;
        for (int stage = 0; stage < 4; stage++) {
            for (int block = 0; block < 2; block++) {
                String key = "layer" + (stage + 1) + "." + block + ".";
                long out = 64L << stage;
                w.bareConvolution(key + "conv1", in, out, 3).norm(key + "bn1", out);
                w.bareConvolution(key + "conv2", out, out, 3).norm(key + "bn2", out);
                if (in != out) {
                    w.bareConvolution(key + "downsample.0", in, out, 1)
                            .norm(key + "downsample.1", out);
                }
                in = out;
            }
        }
        return normal(w.linear("fc", 512, 10), 2, 10, 32, 3, 32, 32);
    }

    /// How many blocks a stage of ResNet-50 has.
    public static int resNet50Blocks(int stage) {
        return new int[] {3, 4, 6, 3}[stage];
    }

    /// ResNet-50, torchvision's v1.5 layout and keys. All means are 0 and variances 1, as before training.
    public static Task resNet50(int batch) {
        Weights w = new Weights().bareConvolution("conv1", 3, 64, 7).norm("bn1", 64);
        long in = 64;
        for (int stage = 0; stage < 4; stage++) {
            for (int block = 0; block < resNet50Blocks(stage); block++) {
                String key = "layer" + (stage + 1) + "." + block + ".";
                long mid = 64L << stage;
                w.bareConvolution(key + "conv1", in, mid, 1).norm(key + "bn1", mid);
                w.bareConvolution(key + "conv2", mid, mid, 3).norm(key + "bn2", mid);
                // a small last gain keeps the sums of sixteen blocks in range, as in training
                w.bareConvolution(key + "conv3", mid, 4 * mid, 1)
                        .filled(key + "bn3.weight", 0.25, 4 * mid)
                        .filled(key + "bn3.bias", 0, 4 * mid);
                if (block == 0) {
                    w.bareConvolution(key + "downsample.0", in, 4 * mid, 1)
                            .norm(key + "downsample.1", 4 * mid);
                }
                in = 4 * mid;
            }
        }
        return normal(w.linear("fc", 2048, 1000), 1, 1000, batch, 3, 224, 224);
    }

    /// One layer of LSTM and a linear layer on every step: keys `lstm.weight_ih_l0` and so on, gates in PyTorch's order, and `fc`. Inputs are `[time, batch, size]`.
    public static Task lstm() {
        long h = LSTM_HIDDEN;
        double bound = 1 / Math.sqrt(h);
        Weights w =
                new Weights()
                        .uniform("lstm.weight_ih_l0", bound, 4 * h, LSTM_INPUT)
                        .uniform("lstm.weight_hh_l0", bound, 4 * h, h)
                        .uniform("lstm.bias_ih_l0", bound, 4 * h)
                        .uniform("lstm.bias_hh_l0", bound, 4 * h)
                        .linear("fc", h, 64);
        long[] shape = {LSTM_LENGTH, 32, LSTM_INPUT};
        return new Task(
                w, 4, 64, shape, i -> Data.normal(i, count(shape)), new long[] {LSTM_LENGTH * 32L});
    }

    /// The decoder of W7.
    public static Task gpt() {
        Decoder size = Decoder.W7;
        return new Task(
                size.weights(),
                4,
                size.vocabulary(),
                new long[] {size.batch(), size.length()},
                _ -> new float[0],
                new long[] {(long) size.batch() * size.length()});
    }

    /// BERT-base's encoder and pooler: keys `token`, `position`, `type`, `norm`, `layers.N.q`, `.k`, `.v`, `.out`, `.norm1`, `.up`, `.down`, `.norm2`, `pooler`.
    public static Task bert() {
        long d = BERT_WIDTH;
        Weights w =
                new Weights()
                        .uniform("token.weight", 0.03, BERT_VOCABULARY, d)
                        .uniform("position.weight", 0.03, 512, d)
                        .uniform("type.weight", 0.03, 2, d)
                        .norm("norm", d);
        for (int i = 0; i < BERT_LAYERS; i++) {
            String key = "layers." + i + ".";
            w.linear(key + "q", d, d).linear(key + "k", d, d).linear(key + "v", d, d);
            w.linear(key + "out", d, d).norm(key + "norm1", d);
            w.linear(key + "up", d, BERT_INNER).linear(key + "down", BERT_INNER, d);
            w.norm(key + "norm2", d);
        }
        long[] shape = {1, BERT_LENGTH};
        return new Task(
                w.linear("pooler", d, d),
                1,
                BERT_VOCABULARY,
                shape,
                _ -> new float[0],
                new long[] {1});
    }
}
