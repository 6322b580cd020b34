package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.loss.BCEWithLogitsLoss;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.HalfMSELoss;
import dev.nacre.nn.loss.HuberLoss;
import dev.nacre.nn.loss.KLDivLoss;
import dev.nacre.nn.loss.L1Loss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.loss.NLLLoss;
import dev.nacre.nn.loss.SmoothL1Loss;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Every layer and loss, on inputs of the wrong type, rank and size: it works, or says in its own words what is wrong.
class MessagesTest {
    private static final Rng RNG = Rng.seed(0);

    /// @param op with which its messages begin
    /// @param size of a right input
    private record Row(String op, Module layer, long... size) {}

    private static List<Row> layers() {
        return List.of(
                new Row("linear", Linear.of(4, 3, RNG), 2, 4),
                new Row("conv1d", Conv1d.of(4, 3, 3, RNG), 2, 4, 8),
                new Row("conv2d", Conv2d.of(4, 3, 3, RNG), 2, 4, 8, 8),
                new Row("conv3d", Conv3d.of(4, 3, 3, RNG), 2, 4, 5, 5, 5),
                new Row("convTranspose(2d)?", ConvTranspose2d.of(4, 3, 3, RNG), 2, 4, 8, 8),
                new Row("batchNorm(1d)?", BatchNorm1d.of(4), 2, 4),
                new Row("batchNorm(2d)?", BatchNorm2d.of(4), 2, 4, 8, 8),
                new Row("layerNorm", LayerNorm.of(4), 2, 4),
                new Row("rmsNorm", RMSNorm.of(4), 2, 4),
                new Row("groupNorm", GroupNorm.of(2, 4), 2, 4, 8, 8),
                new Row("embedding", Embedding.of(4, 3, RNG), 2, 4),
                new Row("positions", LearnedPositions.of(6, 4, RNG), 2, 5, 4),
                new Row("multiheadAttention", MultiheadAttention.of(4, 2, RNG), 2, 5, 4),
                new Row("multiheadAttention", TransformerEncoderLayer.of(4, 2, 8, RNG), 2, 5, 4),
                new Row("lstm", LSTM.of(4, 3, RNG), 5, 2, 4),
                new Row("gru", GRU.of(4, 3, RNG), 5, 2, 4),
                new Row("rnn", RNN.of(4, 3, RNG), 5, 2, 4),
                new Row("maxPool", new MaxPool2d(2, 2, 0), 2, 4, 8, 8),
                new Row("avgPool", new AvgPool2d(2, 2, 0), 2, 4, 8, 8),
                new Row("adaptiveAvgPool2d|mean", new AdaptiveAvgPool2d(1, 1), 2, 4, 8, 8),
                new Row("adaptiveAvgPool2d", new AdaptiveAvgPool2d(3, 3), 2, 4, 8, 8),
                new Row("flatten", new Flatten(1), 2, 4, 8),
                new Row("dropout", Dropout.of(0.5, RNG), 2, 4),
                new Row("relu", Activation.RELU, 2, 4),
                new Row("softmax", Activation.SOFTMAX, 2, 4),
                new Row("softmax", new Softmax(-1), 2, 4));
    }

    /// Inputs by what is wrong with them.
    private static Map<String, Tensor> inputs(long[] size) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        for (DType d : DType.values()) {
            out.put(d.toString(), Tensor.zeros(d, size));
        }
        long[] more = new long[size.length + 1];
        more[0] = 1;
        System.arraycopy(size, 0, more, 1, size.length);
        long[] other = size.clone();
        long[] empty = size.clone();
        for (int i = 1; i < size.length; i++) {
            other[i] = size[i] == 4 ? 7 : size[i];
        }
        empty[0] = 0;
        for (DType d : List.of(DType.F32, DType.I64, DType.U8)) {
            out.put("a number, " + d, Tensor.zeros(d));
            out.put("a vector, " + d, Tensor.zeros(d, 4));
            out.put(
                    "an axis less, " + d,
                    Tensor.zeros(d, Arrays.copyOfRange(size, 1, size.length)));
            out.put("an axis more, " + d, Tensor.zeros(d, more));
            out.put("other channels, " + d, Tensor.zeros(d, other));
            out.put("an empty batch, " + d, Tensor.zeros(d, empty));
        }
        return out;
    }

    @TestFactory
    Stream<DynamicTest> layersOnWrongInputs() {
        return layers().stream()
                .map(r ->
                        DynamicTest.dynamicTest(
                                r.layer.getClass().getSimpleName(),
                                () ->
                                        inputs(r.size)
                                                .forEach((what, x) -> {
                                                    for (Mode m : Mode.values()) {
                                                        check(
                                                                r.op,
                                                                what,
                                                                x,
                                                                () -> r.layer.forward(x, m));
                                                    }
                                                })));
    }

    private static void check(String op, String what, Tensor x, Supplier<Tensor> run) {
        try {
            Tensor y = run.get();
            if (what.equals("an empty batch, f32")) {
                y.realize();
            }
        } catch (NacreException e) {
            String text = e.getMessage();
            assertTrue(text.matches("(?s)(" + op + "): .*"), what + ": " + text);
            assertTrue(
                    text.contains(x.type().toString()) || text.contains("is out of range for"),
                    what + " is not shown: " + text);
            boolean type =
                    text.contains("floating")
                            || text.contains("integers")
                            || text.contains("not defined on");
            assertTrue(
                    !type || text.contains(".cast(DType.") || text.contains("cast to f32"),
                    what + " has no hint: " + text);
        } catch (RuntimeException e) {
            fail(what, e);
        }
    }

    private record LossRow(String op, Loss loss, boolean ofClasses) {}

    @TestFactory
    Stream<DynamicTest> losses() {
        return Stream.of(
                        new LossRow("crossEntropy(Loss)?", new CrossEntropyLoss(), true),
                        new LossRow("nllLoss", new NLLLoss(), true),
                        new LossRow("mseLoss", new MSELoss(), false),
                        new LossRow("halfMseLoss", new HalfMSELoss(), false),
                        new LossRow("l1Loss", new L1Loss(), false),
                        new LossRow("huberLoss", new HuberLoss(), false),
                        new LossRow("smoothL1Loss", new SmoothL1Loss(), false),
                        new LossRow("klDivLoss", new KLDivLoss(), false),
                        new LossRow("bceWithLogitsLoss", new BCEWithLogitsLoss(), false))
                .map(r ->
                        DynamicTest.dynamicTest(
                                r.op,
                                () -> {
                                    DType good = r.ofClasses ? DType.I64 : DType.F32;
                                    long[] right = r.ofClasses ? new long[] {4} : new long[] {4, 3};
                                    Tensor scores = Tensor.zeros(4, 3);
                                    for (DType d : DType.values()) {
                                        Tensor y = Tensor.zeros(d, right);
                                        check(
                                                r.op,
                                                "target " + d,
                                                y,
                                                () -> r.loss.forward(scores, y));
                                        Tensor p = Tensor.zeros(d, 4, 3);
                                        Tensor t = Tensor.zeros(good, right);
                                        checkScores(
                                                r.op, "scores " + d, p, () -> r.loss.forward(p, t));
                                        Tensor alike = Tensor.zeros(d, 4, 3);
                                        check(
                                                r.op,
                                                "target of the scores' shape " + d,
                                                alike,
                                                () -> r.loss.forward(scores, alike));
                                    }
                                    for (long[] size :
                                            new long[][] {
                                                {}, {3}, {5}, {4, 1}, {5, 3}, {4, 3, 1}
                                            }) {
                                        Tensor y = Tensor.zeros(good, size);
                                        check(r.op, "target", y, () -> r.loss.forward(scores, y));
                                        Tensor p = Tensor.zeros(size);
                                        check(
                                                r.op,
                                                "scores",
                                                p,
                                                () -> r.loss.forward(p, Tensor.zeros(good, right)));
                                    }
                                }));
    }

    /// Scores that are whole numbers are an error that needs no cast: they come from the model.
    private static void checkScores(String op, String what, Tensor x, Supplier<Tensor> run) {
        try {
            run.get().realize();
        } catch (NacreException e) {
            assertTrue(
                    e.getMessage().matches("(?s)(" + op + "): .*"), what + ": " + e.getMessage());
            assertTrue(e.getMessage().contains(x.type().toString()), what + ": " + e.getMessage());
        }
    }

    private static String error(org.junit.jupiter.api.function.Executable e) {
        return assertThrows(NacreException.class, e)
                .getMessage()
                .replaceAll("(\\])  +(?!parameter).*", "$1");
    }

    @Test
    void hints() {
        Conv2d conv = Conv2d.of(3, 8, 3, RNG);
        assertEquals(
                """
                conv2d: x must be floating, but is u8
                  x       u8[2, 3, 8, 8]
                  weight  f32[8, 3, 3, 3]  parameter weight
                  hint: x.cast(DType.F32), of pixels also .div(255)\
                """,
                error(() -> conv.forward(Tensor.zeros(DType.U8, 2, 3, 8, 8))));
        assertEquals(
                """
                conv2d: x and kernel must have one floating dtype
                  x       f64[2, 3, 8, 8]
                  kernel  f32[8, 3, 3, 3]  parameter weight
                  hint: x.cast(DType.F32)\
                """,
                error(() -> conv.forward(Tensor.zeros(DType.F64, 2, 3, 8, 8))));
        assertTrue(
                error(() -> conv.forward(Tensor.zeros(3, 8, 8)))
                        .endsWith("hint: x.unsqueeze(0) is a batch of one"));
        assertTrue(
                error(() -> Linear.of(128, 2, RNG).forward(Tensor.zeros(5, 2, 8, 8)))
                        .endsWith("hint: x.flatten(1) is [5, 128]"));
        assertEquals(
                """
                crossEntropyLoss: class numbers must be integers, and distributions have the logits' shape
                  logits  f32[4, 3]
                  target  f32[4]
                  hint: target.cast(DType.I64)\
                """,
                error(() -> new CrossEntropyLoss().forward(Tensor.zeros(4, 3), Tensor.zeros(4))));
        assertTrue(
                error(() ->
                                new CrossEntropyLoss()
                                        .forward(Tensor.zeros(4, 3), Tensor.zeros(DType.I32, 4, 3)))
                        .endsWith(
                                "hint: target.cast(DType.F32), or class numbers: target.argmax(1)"));
        assertTrue(
                error(() ->
                                new CrossEntropyLoss()
                                        .forward(Tensor.zeros(4, 3), Tensor.zeros(DType.I64, 4, 1)))
                        .endsWith("hint: target.squeeze(-1)"));
        // a token of a class that would be none of the axis mistaken for the classes'
        Tensor tokens = Tensor.full(49L, DType.I64, 2, 3);
        CrossEntropyLoss ce = new CrossEntropyLoss();
        for (Loss loss :
                List.of(ce, ce.ignoreIndex(-100), ce.weight(Tensor.ones(3)), new NLLLoss())) {
            String message = error(() -> loss.forward(Tensor.zeros(2, 3, 50), tokens));
            assertTrue(
                    message.matches(
                            "(?s).*without the class axis 1.*hint: the classes seem to come last; use"
                                    + " \\w+\\.permute\\(0, 2, 1\\)"),
                    message);
        }
        TransformerEncoderLayer encoder = TransformerEncoderLayer.of(8, 2, 16, RNG);
        AttentionMask padding = AttentionMask.ofKeyPadding(Tensor.zeros(DType.BOOL, 1, 4));
        for (Tensor x : List.of(Tensor.ones(4, 8), Tensor.ones(1, 5, 8))) {
            String message = error(() -> encoder.forward(x, padding, Mode.EVAL));
            assertTrue(
                    message.startsWith(
                            "keyPadding: must be [batch, keys] of x [batch, keys, width]\n"),
                    message);
        }
        assertTrue(
                error(() -> new MSELoss().forward(Tensor.zeros(4), Tensor.zeros(4, 1)))
                        .endsWith("hint: target.squeeze(-1) is [4]"));
        assertTrue(
                error(() -> Embedding.of(3, 2, RNG).forward(Tensor.zeros(4)))
                        .endsWith("hint: x.cast(DType.I64)"));
    }
}
