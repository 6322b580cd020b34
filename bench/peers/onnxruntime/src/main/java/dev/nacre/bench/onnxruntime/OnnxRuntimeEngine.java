package dev.nacre.bench.onnxruntime;

import ai.onnxruntime.OnnxTensor;
import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Cases;
import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Server;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Workload;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Serves ONNX Runtime's workloads: CPU provider, all optimizations. W9 and W12 write to memory that is given.
public final class OnnxRuntimeEngine {
    private OnnxRuntimeEngine() {}

    public static void main(String[] args) throws IOException {
        Server.serve(
                "ONNX Runtime "
                        + Session.ENVIRONMENT.getVersion()
                        + ", threads: "
                        + Integer.getInteger("bench.threads", 1),
                OnnxRuntimeEngine::open);
    }

    private static Optional<Workload> open(Case c) throws Exception {
        return Optional.ofNullable(
                switch (c.workload()) {
                    case "W5" -> resNet50(c.variant().equals("b1") ? 1 : 8);
                    case "W8" -> bert();
                    case "W9" -> c.variant().endsWith("fwdbwd") ? null : elementwise(c.variant());
                    case "W12" ->
                            c.kind() == Case.Kind.PRODUCT && !c.bf16()
                                    ? product(Math.round(Math.cbrt(c.flop() / 2)))
                                    : null;
                    case "W14" -> cnn();
                    default -> null;
                });
    }

    private static Session resNet50(int batch) throws Exception {
        Task task = Task.resNet50(batch);
        Layers m = new Layers(task.weights());
        String h = m.relu(m.normed(m.input(task), "conv1", "bn1", 2, 3));
        h =
                m.node(
                        "MaxPool",
                        List.of(h),
                        "kernel_shape",
                        new long[] {3, 3},
                        "strides",
                        new long[] {2, 2},
                        "pads",
                        new long[] {1, 1, 1, 1});
        for (int stage = 0; stage < 4; stage++) {
            for (int block = 0; block < Task.resNet50Blocks(stage); block++) {
                String key = "layer" + (stage + 1) + "." + block + ".";
                long stride = stage > 0 && block == 0 ? 2 : 1;
                String a = m.relu(m.normed(h, key + "conv1", key + "bn1", 1, 0));
                a = m.relu(m.normed(a, key + "conv2", key + "bn2", stride, 1));
                a = m.normed(a, key + "conv3", key + "bn3", 1, 0);
                String down = key + "downsample.";
                String shortcut = block == 0 ? m.normed(h, down + "0", down + "1", stride, 0) : h;
                h = m.relu(m.node("Add", List.of(a, shortcut)));
            }
        }
        h = m.node("Flatten", List.of(m.node("GlobalAveragePool", List.of(h))));
        return m.session(m.linear(h, "fc"), task, batch, 1000);
    }

    private static Session cnn() throws Exception {
        Task task = Task.cnn(1);
        Layers m = new Layers(task.weights());
        String h = m.relu(m.convolution(m.input(task), "conv1"));
        h = m.relu(m.convolution(h, "conv2"));
        long[] two = {2, 2};
        h = m.node("MaxPool", List.of(h), "kernel_shape", two, "strides", two);
        h = m.relu(m.linear(m.node("Flatten", List.of(h)), "fc1"));
        return m.session(m.linear(h, "fc2"), task, 1, 10);
    }

    private static Session bert() throws Exception {
        Task task = Task.bert();
        Layers m = new Layers(task.weights());
        long heads = Task.BERT_HEADS;
        long length = Task.BERT_LENGTH;
        long width = Task.BERT_WIDTH;
        String h = m.embeddings(m.input(task), length, width);
        String split = m.model().constant(new long[] {1, length, heads, width / heads}, 4);
        String merge = m.model().constant(new long[] {1, length, width}, 3);
        String scale = m.model().constant(new float[] {(float) Math.sqrt(width / heads)}, 1);
        for (int l = 0; l < Task.BERT_LAYERS; l++) {
            String key = "layers." + l + ".";
            String q = m.heads(m.product(h, key + "q"), split, 0, 2, 1, 3);
            String k = m.heads(m.product(h, key + "k"), split, 0, 2, 3, 1);
            String v = m.heads(m.product(h, key + "v"), split, 0, 2, 1, 3);
            String s = m.node("Div", List.of(m.node("MatMul", List.of(q, k)), scale));
            String a = m.node("Softmax", List.of(s), "axis", -1L);
            a = m.node("MatMul", List.of(a, v));
            a = m.node("Transpose", List.of(a), "perm", new long[] {0, 2, 1, 3});
            a = m.product(m.node("Reshape", List.of(a, merge)), key + "out");
            h = m.norm(m.node("Add", List.of(a, h)), key + "norm1");
            a = m.node("Gelu", List.of(m.product(h, key + "up")));
            h = m.norm(m.node("Add", List.of(m.product(a, key + "down"), h)), key + "norm2");
        }
        String zero = m.model().constant(new long[] {0}, 1);
        String first = m.node("Gather", List.of(h, zero), "axis", 1L);
        return m.session(m.node("Tanh", List.of(m.product(first, "pooler"))), task, 1, 1, width);
    }

    private static Session elementwise(String variant) throws Exception {
        OnnxModel m = new OnnxModel();
        long[] wide = {Cases.ROWS, Cases.COLUMNS};
        long[] narrow = variant.startsWith("full") ? wide : new long[] {Cases.COLUMNS};
        String x = m.input("x", OnnxModel.FLOAT, wide);
        String w = m.input("w", OnnxModel.FLOAT, narrow);
        String b = m.input("b", OnnxModel.FLOAT, narrow);
        String u = m.node("Add", List.of(m.node("Mul", List.of(x, w)), b));
        String out =
                m.node("Mul", List.of(m.node("Gelu", List.of(u)), m.node("Sigmoid", List.of(x))));
        m.output(out, wide);
        return Session.of(
                m,
                Map.of("x", drawn(1, wide), "w", drawn(2, narrow), "b", drawn(3, narrow)),
                Map.of(out, Session.tensor(new float[Session.count(wide)], wide)));
    }

    private static Session product(long n) throws Exception {
        OnnxModel m = new OnnxModel();
        String a = m.input("a", OnnxModel.FLOAT, n, n);
        String b = m.input("b", OnnxModel.FLOAT, n, n);
        String out = m.node("MatMul", List.of(a, b));
        m.output(out, n, n);
        return Session.of(
                m,
                Map.of("a", drawn(1, n, n), "b", drawn(2, n, n)),
                Map.of(out, Session.tensor(new float[Session.count(n, n)], n, n)));
    }

    private static OnnxTensor drawn(long stream, long... shape) throws Exception {
        return Session.tensor(Data.normal(stream, Session.count(shape)), shape);
    }
}
