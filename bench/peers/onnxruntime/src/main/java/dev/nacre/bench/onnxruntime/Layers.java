package dev.nacre.bench.onnxruntime;

import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Weights;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// Layers with shared first weights, as nodes of a model.
record Layers(OnnxModel model, Weights weights) {
    Layers(Weights weights) {
        this(new OnnxModel(), weights);
    }

    String node(String op, List<String> inputs, Object... attributes) {
        return model.node(op, inputs, attributes);
    }

    private String weight(String key) {
        return model.constant(weights.values(key), weights.shape(key));
    }

    String input(Task task) {
        boolean tokens = task.input(0).length == 0;
        return model.input("x", tokens ? OnnxModel.INT64 : OnnxModel.FLOAT, task.shape());
    }

    String relu(String x) {
        return node("Relu", List.of(x));
    }

    String convolution(String x, String key) {
        long[] shape = weights.shape(key + ".weight");
        List<String> inputs = List.of(x, weight(key + ".weight"), weight(key + ".bias"));
        return node("Conv", inputs, "kernel_shape", new long[] {shape[2], shape[3]});
    }

    /// A convolution and its norm, whose running mean is 0 and variance 1; the engine folds them.
    String normed(String x, String conv, String norm, long stride, long padding) {
        long[] shape = weights.shape(conv + ".weight");
        String c =
                node(
                        "Conv",
                        List.of(x, weight(conv + ".weight")),
                        "kernel_shape",
                        new long[] {shape[2], shape[3]},
                        "strides",
                        new long[] {stride, stride},
                        "pads",
                        new long[] {padding, padding, padding, padding});
        float[] ones = new float[(int) shape[0]];
        Arrays.fill(ones, 1);
        List<String> inputs =
                List.of(
                        c,
                        weight(norm + ".weight"),
                        weight(norm + ".bias"),
                        model.constant(new float[ones.length], shape[0]),
                        model.constant(ones, shape[0]));
        return node("BatchNormalization", inputs, "epsilon", 1e-5f);
    }

    /// Of a matrix.
    String linear(String x, String key) {
        List<String> inputs = List.of(x, weight(key + ".weight"), weight(key + ".bias"));
        return node("Gemm", inputs, "transB", 1L);
    }

    /// Of any rank: the weight transposed beforehand.
    String product(String x, String key) {
        long[] shape = weights.shape(key + ".weight");
        int out = (int) shape[0];
        int in = (int) shape[1];
        float[] w = weights.values(key + ".weight");
        float[] t = new float[w.length];
        for (int o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                t[i * out + o] = w[o * in + i];
            }
        }
        String y = node("MatMul", List.of(x, model.constant(t, in, out)));
        return node("Add", List.of(y, weight(key + ".bias")));
    }

    String norm(String x, String key) {
        List<String> inputs = List.of(x, weight(key + ".weight"), weight(key + ".bias"));
        return node("LayerNormalization", inputs, "axis", -1L, "epsilon", 1e-5f);
    }

    String heads(String x, String shape, long... order) {
        return node("Transpose", List.of(node("Reshape", List.of(x, shape))), "perm", order);
    }

    /// Of tokens that all have type 0.
    String embeddings(String ids, long length, long width) {
        String h = node("Gather", List.of(weight("token.weight"), ids), "axis", 0L);
        float[] places = Arrays.copyOf(weights.values("position.weight"), (int) (length * width));
        float[] type = Arrays.copyOf(weights.values("type.weight"), (int) width);
        h = node("Add", List.of(h, model.constant(places, length, width)));
        h = node("Add", List.of(h, model.constant(type, width)));
        return norm(h, "norm");
    }

    Session session(String output, Task task, long... shape) throws Exception {
        model.output(output, shape);
        float[] values = task.input(0);
        return Session.of(
                model,
                Map.of(
                        "x",
                        values.length == 0
                                ? Session.tensor(task.tokens(0), task.shape())
                                : Session.tensor(values, task.shape())));
    }
}
