package dev.nacre.bench.tensorflow;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Cases;
import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Server;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Workload;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tensorflow.Operand;
import org.tensorflow.Output;
import org.tensorflow.TensorFlow;
import org.tensorflow.framework.optimizers.Momentum;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.ndarray.buffer.DataBuffers;
import org.tensorflow.op.core.Placeholder;
import org.tensorflow.op.train.BatchMatMul;
import org.tensorflow.types.TFloat32;
import org.tensorflow.types.TInt32;

/// Serves TensorFlow's workloads. There is no W6 (it would need gradients of loops) and no W7 (its framework has no AdamW).
public final class TensorFlowEngine {
    private TensorFlowEngine() {}

    public static void main(String[] args) throws IOException {
        Server.serve(
                "TensorFlow "
                        + TensorFlow.version()
                        + ", threads: "
                        + Integer.getInteger("bench.threads", 1),
                c -> Optional.ofNullable(open(c)));
    }

    private static Workload open(Case c) {
        return switch (c.workload()) {
            case "W1" -> smallMlp(Task.smallMlp());
            case "W2" -> {
                Layers m = new Layers(Task.mlp().weights(), false);
                yield new Training(
                        Task.mlp(),
                        m,
                        x -> {
                            Operand<TFloat32> h = m.relu(m.linear(x, "fc1"));
                            return m.linear(m.relu(m.linear(h, "fc2")), "fc3");
                        },
                        Adam::minimize,
                        "");
            }
            case "W3" -> cnn();
            case "W4" -> resNet18();
            case "W5" -> resNet50(c.variant().equals("b1") ? 1 : 8);
            case "W8" -> bert();
            case "W9" -> elementwise(c.variant());
            case "W11" -> smallMlp(Task.smallMlp().withBatches(1));
            case "W12" ->
                    c.kind() == Case.Kind.PRODUCT && !c.bf16()
                            ? product((int) Math.round(Math.cbrt(c.flop() / 2)))
                            : null;
            default -> null;
        };
    }

    private static Training smallMlp(Task task) {
        Layers m = new Layers(task.weights(), false);
        return new Training(
                task, m, x -> m.linear(m.relu(m.linear(x, "fc1")), "fc2"), Adam::minimize, "");
    }

    private static Training cnn() {
        Task task = Task.cnn(64);
        Layers m = new Layers(task.weights(), false);
        var tf = m.tf;
        return new Training(
                task,
                m,
                x -> {
                    Operand<TFloat32> h = m.relu(m.convolution(x, "conv1"));
                    h = m.relu(m.convolution(h, "conv2"));
                    Operand<org.tensorflow.types.TInt32> two = tf.constant(new int[] {1, 2, 2, 1});
                    h = tf.nn.maxPool(h, two, two, "VALID");
                    h = tf.reshape(h, tf.constant(new int[] {64, 64 * 144}));
                    return m.linear(m.relu(m.linear(h, "fc1", 144)), "fc2");
                },
                Adam::minimize,
                "");
    }

    private static Training resNet18() {
        Task task = Task.resNet18();
        Layers m = new Layers(task.weights(), false);
        return new Training(
                task,
                m,
                x -> {
                    Operand<TFloat32> h = m.relu(m.normed(x, "conv1", "bn1", 1, 1));
                    for (int stage = 0; stage < 4; stage++) {
                        for (int block = 0; block < 2; block++) {
                            String key = "layer" + (stage + 1) + "." + block + ".";
                            boolean narrows = stage > 0 && block == 0;
                            Operand<TFloat32> a =
                                    m.relu(
                                            m.normed(
                                                    h,
                                                    key + "conv1",
                                                    key + "bn1",
                                                    narrows ? 2 : 1,
                                                    1));
                            a = m.normed(a, key + "conv2", key + "bn2", 1, 1);
                            String down = key + "downsample.";
                            h =
                                    m.relu(
                                            m.tf.math.add(
                                                    a,
                                                    narrows
                                                            ? m.normed(
                                                                    h, down + "0", down + "1", 2, 0)
                                                            : h));
                        }
                    }
                    return m.linear(m.tf.math.mean(h, m.tf.constant(new int[] {1, 2})), "fc");
                },
                (g, loss) -> List.of(new Momentum(g.graph, 0.01f, 0.9f).minimize(loss)),
                "pads at the other edge where the stride is 2");
    }

    private static Fetch resNet50(int batch) {
        Task task = Task.resNet50(batch);
        Layers m = new Layers(task.weights(), true);
        var tf = m.tf;
        Placeholder<TFloat32> x =
                tf.placeholder(
                        TFloat32.class, Placeholder.shape(Shape.of(Layers.inputShape(task))));
        Operand<TFloat32> h = m.relu(m.normed(x, "conv1", "bn1", 2, 3));
        int[][] pads = {{0, 0}, {1, 1}, {1, 1}, {0, 0}};
        h = // after relu, zeros are as good as nothing
                tf.nn.maxPool(
                        tf.pad(h, tf.constant(pads), m.constant(0)),
                        tf.constant(new int[] {1, 3, 3, 1}),
                        tf.constant(new int[] {1, 2, 2, 1}),
                        "VALID");
        for (int stage = 0; stage < 4; stage++) {
            for (int block = 0; block < Task.resNet50Blocks(stage); block++) {
                String key = "layer" + (stage + 1) + "." + block + ".";
                long stride = stage > 0 && block == 0 ? 2 : 1;
                Operand<TFloat32> a = m.relu(m.normed(h, key + "conv1", key + "bn1", 1, 0));
                a = m.relu(m.normed(a, key + "conv2", key + "bn2", stride, 1));
                a = m.normed(a, key + "conv3", key + "bn3", 1, 0);
                String down = key + "downsample.";
                h =
                        m.relu(
                                tf.math.add(
                                        a,
                                        block == 0
                                                ? m.normed(h, down + "0", down + "1", stride, 0)
                                                : h));
            }
        }
        Operand<TFloat32> out = m.linear(tf.math.mean(h, tf.constant(new int[] {1, 2})), "fc");
        return new Fetch(m.session(), Map.of(x, Layers.input(task, 0)), List.of(out));
    }

    private static Fetch bert() {
        Task task = Task.bert();
        Layers m = new Layers(task.weights(), true);
        var tf = m.tf;
        int length = Task.BERT_LENGTH;
        int heads = Task.BERT_HEADS;
        int width = Task.BERT_WIDTH;
        Placeholder<TInt32> ids = tf.placeholder(TInt32.class, Placeholder.shape(Shape.of(length)));
        Operand<TFloat32> h = tf.gather(m.weight("token.weight"), ids, tf.constant(0));
        h = tf.math.add(h, m.rows("position.weight", length));
        h = m.layerNorm(tf.math.add(h, m.rows("type.weight", 1)), "norm");
        for (int l = 0; l < Task.BERT_LAYERS; l++) {
            String key = "layers." + l + ".";
            List<Operand<TFloat32>> q = new ArrayList<>();
            for (String part : List.of("q", "k", "v")) {
                int[] split = {length, heads, width / heads};
                q.add(
                        tf.linalg.transpose(
                                tf.reshape(m.linear(h, key + part), tf.constant(split)),
                                tf.constant(new int[] {1, 0, 2})));
            }
            Operand<TFloat32> s =
                    tf.train.batchMatMul(
                            q.get(0), q.get(1), TFloat32.class, BatchMatMul.adjY(true));
            s = tf.math.mul(s, m.constant((float) (1 / Math.sqrt(width / heads))));
            Operand<TFloat32> a = tf.train.batchMatMul(tf.nn.softmax(s), q.get(2), TFloat32.class);
            a =
                    tf.reshape(
                            tf.linalg.transpose(a, tf.constant(new int[] {1, 0, 2})),
                            tf.constant(new int[] {length, width}));
            h = m.layerNorm(tf.math.add(h, m.linear(a, key + "out")), key + "norm1");
            a = m.linear(m.gelu(m.linear(h, key + "up")), key + "down");
            h = m.layerNorm(tf.math.add(h, a), key + "norm2");
        }
        Operand<TFloat32> first =
                tf.slice(h, tf.constant(new int[] {0, 0}), tf.constant(new int[] {1, width}));
        Operand<TFloat32> out = tf.math.tanh(m.linear(first, "pooler"));
        int[] tokens = Arrays.stream(task.tokens(0)).mapToInt(t -> (int) t).toArray();
        TInt32 x = TInt32.tensorOf(Shape.of(length), DataBuffers.of(tokens));
        return new Fetch(m.session(), Map.of(ids, x), List.of(out));
    }

    private static Placeholder<TFloat32> placeholder(Layers m, long... shape) {
        return m.tf.placeholder(TFloat32.class, Placeholder.shape(Shape.of(shape)));
    }

    private static TFloat32 drawn(long stream, long... shape) {
        int n = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact);
        return Layers.tensor(Data.normal(stream, n), shape);
    }

    private static Fetch elementwise(String variant) {
        Layers m = new Layers(Task.smallMlp().weights(), true);
        long[] wide = {Cases.ROWS, Cases.COLUMNS};
        long[] narrow = variant.startsWith("full") ? wide : new long[] {Cases.COLUMNS};
        Placeholder<TFloat32> x = placeholder(m, wide);
        Placeholder<TFloat32> w = placeholder(m, narrow);
        Placeholder<TFloat32> b = placeholder(m, narrow);
        Operand<TFloat32> u = m.gelu(m.tf.math.add(m.tf.math.mul(x, w), b));
        Operand<TFloat32> out = m.tf.math.mul(u, m.tf.math.sigmoid(x));
        if (!variant.endsWith("fwdbwd")) {
            return new Fetch(
                    m.session(),
                    Map.of(x, drawn(1, wide), w, drawn(2, narrow), b, drawn(3, narrow)),
                    List.of(out));
        }
        Placeholder<TFloat32> upstream = placeholder(m, wide);
        Output<?>[] d =
                m.graph.addGradients(
                        "gradients",
                        new Output<?>[] {out.asOutput()},
                        new Output<?>[] {x.asOutput(), w.asOutput(), b.asOutput()},
                        new Output<?>[] {upstream.asOutput()});
        return new Fetch(
                m.session(),
                Map.of(
                        x,
                        drawn(1, wide),
                        w,
                        drawn(2, narrow),
                        b,
                        drawn(3, narrow),
                        upstream,
                        drawn(4, wide)),
                List.of(out, d[0], d[1], d[2]));
    }

    private static Fetch product(int n) {
        Layers m = new Layers(Task.smallMlp().weights(), true);
        Placeholder<TFloat32> a = placeholder(m, n, n);
        Placeholder<TFloat32> b = placeholder(m, n, n);
        return new Fetch(
                m.session(),
                Map.of(a, drawn(1, n, n), b, drawn(2, n, n)),
                List.of(m.tf.linalg.matMul(a, b)));
    }
}
