package dev.nacre.bench.tensorflow;

import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.tensorflow.Graph;
import org.tensorflow.Operand;
import org.tensorflow.Session;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.ndarray.buffer.DataBuffers;
import org.tensorflow.op.Op;
import org.tensorflow.op.Ops;
import org.tensorflow.op.math.Mean;
import org.tensorflow.op.nn.Conv2d;
import org.tensorflow.op.nn.FusedBatchNorm;
import org.tensorflow.proto.ConfigProto;
import org.tensorflow.types.TFloat32;

/// Layers with shared first weights in a graph.
final class Layers {
    final Graph graph = new Graph();
    final Ops tf = Ops.create(graph);
    private final Weights weights;
    private final boolean frozen;
    private final List<Runnable> statistics = new ArrayList<>();
    private final List<Op> updates = new ArrayList<>();

    /// @param frozen whether weights are constants, so that the graph's optimizer folds them
    Layers(Weights weights, boolean frozen) {
        this.weights = weights;
        this.frozen = frozen;
    }

    Operand<TFloat32> constant(float v) {
        return tf.constant(v);
    }

    private Operand<TFloat32> weight(float[] values, long... shape) {
        if (frozen) {
            return tf.constant(Shape.of(shape), DataBuffers.of(values));
        }
        return tf.variable(tf.withInitScope().constant(Shape.of(shape), DataBuffers.of(values)));
    }

    Operand<TFloat32> weight(String key) {
        return weight(weights.values(key), weights.shape(key));
    }

    /// The first rows of a table.
    Operand<TFloat32> rows(String key, int rows) {
        long width = weights.shape(key)[1];
        return weight(Arrays.copyOf(weights.values(key), (int) (rows * width)), rows, width);
    }

    Operand<TFloat32> linear(Operand<TFloat32> x, String key) {
        return linear(x, key, 1);
    }

    /// A linear layer, on flattened images of so many places if it is more than one: there channels come last.
    Operand<TFloat32> linear(Operand<TFloat32> x, String key, int places) {
        long[] shape = weights.shape(key + ".weight");
        int out = (int) shape[0];
        int in = (int) shape[1];
        int channels = in / places;
        float[] w = weights.values(key + ".weight");
        float[] t = new float[w.length];
        for (int o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                int row = places == 1 ? i : i % places * channels + i / places;
                t[row * out + o] = w[o * in + i];
            }
        }
        return tf.nn.biasAdd(tf.linalg.matMul(x, weight(t, in, out)), weight(key + ".bias"));
    }

    Operand<TFloat32> relu(Operand<TFloat32> x) {
        return tf.nn.relu(x);
    }

    /// Without bias.
    private Operand<TFloat32> bare(Operand<TFloat32> x, String key, long stride, long padding) {
        long[] s = weights.shape(key + ".weight");
        int rest = (int) (s[0] * s[1]);
        int places = (int) (s[2] * s[3]);
        float[] w = weights.values(key + ".weight");
        float[] t = new float[w.length];
        for (int o = 0; o < s[0]; o++) {
            for (int i = 0; i < s[1]; i++) {
                for (int p = 0; p < places; p++) {
                    t[p * rest + (int) (i * s[0]) + o] = w[(int) ((o * s[1] + i) * places) + p];
                }
            }
        }
        Operand<TFloat32> k = weight(t, s[2], s[3], s[1], s[0]);
        List<Long> strides = List.of(1L, stride, stride, 1L);
        if (padding == 0) {
            return tf.nn.conv2d(x, k, strides, "VALID");
        }
        if (!frozen) {
            // the gradient of explicit padding forgets the padding; this is the same work,
            // elsewhere by one pixel if the stride is 2
            return tf.nn.conv2d(x, k, strides, "SAME");
        }
        return tf.nn.conv2d(
                x,
                k,
                strides,
                "EXPLICIT",
                Conv2d.explicitPaddings(
                        List.of(0L, 0L, padding, padding, padding, padding, 0L, 0L)));
    }

    Operand<TFloat32> convolution(Operand<TFloat32> x, String key) {
        return tf.nn.biasAdd(bare(x, key, 1, 0), weight(key + ".bias"));
    }

    Operand<TFloat32> normed(
            Operand<TFloat32> x, String conv, String norm, long stride, long padding) {
        Operand<TFloat32> y = bare(x, conv, stride, padding);
        Operand<TFloat32> gain = weight(norm + ".weight");
        Operand<TFloat32> bias = weight(norm + ".bias");
        long size = weights.shape(norm + ".weight")[0];
        if (frozen) {
            return tf.nn.fusedBatchNorm(
                            y,
                            gain,
                            bias,
                            filled(0, size),
                            filled(1, size),
                            FusedBatchNorm.isTraining(false),
                            FusedBatchNorm.epsilon(1e-5f))
                    .y();
        }
        Operand<TFloat32> none = tf.constant(new float[0]);
        FusedBatchNorm<TFloat32, TFloat32> n =
                tf.nn.fusedBatchNorm(
                        y,
                        gain,
                        bias,
                        none,
                        none,
                        FusedBatchNorm.isTraining(true),
                        FusedBatchNorm.epsilon(1e-5f));
        statistics.add(() -> {
            update(filled(0, size), n.batchMean());
            update(filled(1, size), n.batchVariance());
        });
        return n.y();
    }

    private void update(Operand<TFloat32> kept, Operand<TFloat32> now) {
        updates.add(
                tf.assign(
                        kept,
                        tf.math.add(
                                tf.math.mul(kept, constant(0.9f)),
                                tf.math.mul(now, constant(0.1f)))));
    }

    private Operand<TFloat32> filled(float v, long n) {
        float[] f = new float[(int) n];
        Arrays.fill(f, v);
        return weight(f, n);
    }

    /// What keeps the running statistics. To be asked for when the optimizer has taken every variable there is as one to train.
    List<Op> statistics() {
        statistics.forEach(Runnable::run);
        return updates;
    }

    Operand<TFloat32> gelu(Operand<TFloat32> x) {
        Operand<TFloat32> erf = tf.math.erf(tf.math.mul(x, constant((float) Math.sqrt(0.5))));
        return tf.math.mul(tf.math.mul(x, constant(0.5f)), tf.math.add(erf, constant(1)));
    }

    Operand<TFloat32> layerNorm(Operand<TFloat32> x, String key) {
        Operand<TFloat32> mean = tf.math.mean(x, tf.constant(-1), Mean.keepDims(true));
        Operand<TFloat32> variance =
                tf.math.mean(
                        tf.math.squaredDifference(x, mean), tf.constant(-1), Mean.keepDims(true));
        Operand<TFloat32> by = tf.math.rsqrt(tf.math.add(variance, constant(1e-5f)));
        return tf.math.add(
                tf.math.mul(tf.math.mul(tf.math.sub(x, mean), by), weight(key + ".weight")),
                weight(key + ".bias"));
    }

    Session session() {
        return new Session(
                graph,
                ConfigProto.newBuilder()
                        .setIntraOpParallelismThreads(Integer.getInteger("bench.threads", 1))
                        .setInterOpParallelismThreads(1)
                        .build());
    }

    static TFloat32 tensor(float[] values, long... shape) {
        return TFloat32.tensorOf(Shape.of(shape), DataBuffers.of(values));
    }

    /// A batch of images with channels last, or of anything else as it is.
    static TFloat32 input(Task task, int batch) {
        long[] s = task.shape();
        float[] values = task.input(batch);
        if (s.length != 4) {
            return tensor(values, s);
        }
        int channels = (int) s[1];
        int places = (int) (s[2] * s[3]);
        float[] out = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            int image = i / (channels * places);
            int channel = i / places % channels;
            out[(image * places + i % places) * channels + channel] = values[i];
        }
        return tensor(out, inputShape(task));
    }

    static long[] inputShape(Task task) {
        long[] s = task.shape();
        return s.length == 4 ? new long[] {s[0], s[2], s[3], s[1]} : s;
    }
}
