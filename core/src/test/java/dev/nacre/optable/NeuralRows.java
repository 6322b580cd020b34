package dev.nacre.optable;

import static dev.nacre.optable.DTypes.NUMBERS;

import dev.nacre.ir.Attention;
import dev.nacre.ir.Node;
import dev.nacre.reference.Array;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// Rows for `Neural`.
final class NeuralRows {
    private NeuralRows() {}

    static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        activations(rows);
        normalisation(rows);
        attention(rows);
        losses(rows);
        random(rows);
        return rows;
    }

    /// An activation, at numbers of both signs that are not near 0.
    private static Row activation(String name, UnaryOperator<Node> f) {
        return Row.of(name, d -> List.of(d.off0(0.1, 2.8, 2, d.n())), in -> f.apply(in.get(0)))
                .slack(8);
    }

    private static void activations(List<Row> rows) {
        rows.add(activation("relu", x -> x.relu()).on(NUMBERS).note("kink at 0"));
        rows.add(activation("sigmoid", x -> x.sigmoid()).on(NUMBERS));
        rows.add(activation("gelu", x -> x.gelu()));
        rows.add(activation("geluTanh", x -> x.geluTanh()).slack(16));
        rows.add(activation("silu", x -> x.silu()));
        rows.add(activation("softplus", x -> x.softplus()));
        rows.add(activation("logSigmoid", x -> x.logSigmoid()));
        rows.add(activation("mish", x -> x.mish()));
        rows.add(activation("leakyRelu", x -> x.leakyRelu(0.1)).note("kink at 0"));
        rows.add(activation("elu", x -> x.elu(1.5)).note("kink at 0 unless alpha is 1"));
        rows.add(activation("selu", x -> x.selu()).note("kink at 0"));
        rows.add(activation("relu6", x -> x.mul(2.5).relu6()).note("kinks at 0 and 6"));
        rows.add(
                activation("hardSigmoid", x -> x.mul(1.3).hardSigmoid()).note("kinks at −3 and 3"));
        rows.add(activation("hardSwish", x -> x.mul(1.3).hardSwish()).note("kinks at −3 and 3"));
        rows.add(activation("hardTanh", x -> x.hardTanh(-0.05, 2.9)).note("kinks at the limits"));
        rows.add(activation("softsign", x -> x.softsign()));
    }

    /// A function of one operand `[n, 4]`.
    private static Row matrix(String name, UnaryOperator<Node> f) {
        return Row.of(name, d -> List.of(d.in(-2, 2, d.n(), 4)), in -> f.apply(in.get(0)))
                .slack(16);
    }

    private static void normalisation(List<Row> rows) {
        rows.add(matrix("softmax", x -> x.softmax(-1)));
        rows.add(matrix("softmax first", x -> x.mul(4).softmax(0)).from(1).slack(32));
        rows.add(matrix("logSoftmax", x -> x.logSoftmax(1)));
        rows.add(matrix("layerNorm", x -> x.layerNorm(1, 1e-3)).slack(64));
        rows.add(
                Row.of(
                                "layerNorm of two axes",
                                d -> List.of(d.in(-2, 2, 2, d.n(), 3)),
                                in -> in.get(0).layerNorm(2, 1e-3))
                        .from(1)
                        .slack(64));
        rows.add(matrix("rmsNorm", x -> x.rmsNorm(1, 1e-3)));
    }

    private static void attention(List<Row> rows) {
        rows.add(
                Row.of(
                                "scaledDotProductAttention",
                                d ->
                                        List.of(
                                                d.in(-2, 2, 2, d.n(), 3),
                                                d.in(-2, 2, 2, 5, 3),
                                                d.in(-2, 2, 2, 5, 4)),
                                in ->
                                        in.get(0)
                                                .scaledDotProductAttention(
                                                        in.get(1), in.get(2), Attention.FULL))
                        .from(1)
                        .slack(64));
        rows.add(
                Row.of(
                                "attention, masked",
                                d ->
                                        List.of(
                                                d.in(-2, 2, d.n(), 3),
                                                d.in(-2, 2, 4, 3),
                                                d.in(-2, 2, 4, 2),
                                                d.truth(d.n(), 4)),
                                in ->
                                        in.get(0)
                                                .attention(
                                                        in.get(1),
                                                        in.get(2),
                                                        Attention.FULL,
                                                        Optional.of(in.get(3)),
                                                        Optional.empty()))
                        .from(1)
                        .slack(64));
        rows.add(
                Row.of(
                                "scaledDotProductAttention, causal, grouped queries",
                                d ->
                                        List.of(
                                                d.in(-2, 2, 4, d.n(), 3),
                                                d.in(-2, 2, 2, d.n(), 3),
                                                d.in(-2, 2, 2, d.n(), 2)),
                                in ->
                                        in.get(0)
                                                .scaledDotProductAttention(
                                                        in.get(1),
                                                        in.get(2),
                                                        Attention.CAUSAL.scale(0.7)))
                        .from(1)
                        .slack(64));
        rows.add(
                Row.of(
                                "scaledDotProductAttention with bias and dropout",
                                d ->
                                        List.of(
                                                d.in(-2, 2, d.n(), 3),
                                                d.in(-2, 2, 4, 3),
                                                d.in(-2, 2, 4, 3),
                                                d.in(-2, 2, 4),
                                                d.as(DType.I64).in(-1e6, 1e6, 2)),
                                in ->
                                        in.get(0)
                                                .scaledDotProductAttention(
                                                        in.get(1),
                                                        in.get(2),
                                                        Attention.FULL.dropout(0.3),
                                                        Optional.of(in.get(3)),
                                                        Optional.of(in.get(4))))
                        .from(1)
                        .slack(64));
        rows.add(
                Row.of(
                                "scaledDotProductAttention, nothing to see for one query",
                                d ->
                                        List.of(
                                                d.in(-2, 2, d.n(), 3),
                                                d.in(-2, 2, 4, 3),
                                                d.in(-2, 2, 4, 3)),
                                in ->
                                        in.get(0)
                                                .scaledDotProductAttention(
                                                        in.get(1),
                                                        in.get(2),
                                                        Attention.FULL,
                                                        Optional.of(
                                                                in.get(0)
                                                                        .iota(
                                                                                in.get(0).size(0),
                                                                                DType.I32)
                                                                        .gt(0)
                                                                        .unsqueeze(1)),
                                                        Optional.empty()))
                        .from(1)
                        .slack(64));
    }

    private static void losses(List<Row> rows) {
        rows.add(
                Row.of(
                                "crossEntropy",
                                d -> List.of(d.in(-2, 2, d.n(), 4), d.index(4, d.n())),
                                in -> in.get(0).crossEntropy(in.get(1), 0))
                        .slack(16));
        rows.add(
                Row.of(
                                "crossEntropy smoothed",
                                d ->
                                        List.of(
                                                d.in(-2, 2, 2, 3, d.n()),
                                                d.as(DType.I32).in(0, 2, 2, d.n())),
                                in -> in.get(0).crossEntropy(in.get(1), 0.1))
                        .slack(16));
        rows.add(
                Row.of(
                                "crossEntropy of one example",
                                d -> List.of(d.in(-2, 2, d.n()), d.index(d.n())),
                                in -> in.get(0).crossEntropy(in.get(1), 0))
                        .from(1)
                        .slack(16));
        rows.add(
                Row.of(
                                "crossEntropyWith",
                                d -> List.of(d.in(-2, 2, d.n(), 3), d.in(0, 1, d.n(), 3)),
                                in -> in.get(0).crossEntropyWith(in.get(1), 0.1))
                        .slack(16));
        rows.add(
                Row.of(
                                "binaryCrossEntropy",
                                d -> List.of(d.in(0.1, 0.9, 2, d.n()), d.in(0, 1, 2, d.n())),
                                in -> in.get(0).binaryCrossEntropy(in.get(1)))
                        .slack(8));
        rows.add(
                Row.of(
                                "binaryCrossEntropyWithLogits",
                                d -> List.of(d.in(-3, 3, 2, d.n()), d.in(0, 1, 2, d.n())),
                                in -> in.get(0).binaryCrossEntropyWithLogits(in.get(1)))
                        .slack(8));
        rows.add(
                Row.of(
                                "squaredError",
                                d -> List.of(d.in(-2, 2, 2, d.n()), d.in(-2, 2, d.n())),
                                in -> in.get(0).squaredError(in.get(1)))
                        .slack(8));
    }

    private static void random(List<Row> rows) {
        rows.add(
                Row.of(
                                "dropout",
                                d -> List.of(d.in(-3, 3, 2, d.n()), bits(d)),
                                in -> in.get(0).dropout(0.4, in.get(1)))
                        .slack(2));
        rows.add(
                Row.of(
                        "dropout of all",
                        d -> List.of(d.in(-3, 3, 2, d.n()), bits(d)),
                        in -> in.get(0).dropout(1, in.get(1))));
        rows.add(
                Row.of(
                                "randomBits",
                                d -> List.of(d.in(-1e6, 1e6, 2)),
                                in -> in.get(0).randomBits(Shape.of(3, 7)))
                        .on(List.of(DType.I64))
                        .flat());
    }

    private static Array bits(Draw d) {
        return d.as(DType.I32).in(Integer.MIN_VALUE, Integer.MAX_VALUE, 2, d.n());
    }
}
