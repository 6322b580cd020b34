package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.ir.Attention;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.KLDivLoss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every layer can be built on inputs of unknown sizes, gives what it gives on numbers at once, and no message shows how unknown sizes are kept.
class UnknownSizesTest {
    private static final long ANY = Shape.ANY;
    private static final Pattern INTERNAL = Pattern.compile("-([2-9]|\\d\\d)");

    /// Computes something of inputs.
    private interface Network {
        Tensor of(List<Tensor> in);
    }

    /// @param parameters differentiated by
    /// @param declared shapes of the inputs, with unknown sizes
    /// @param calls shapes that inputs are given in
    private record Row(
            String name,
            Network network,
            List<Variable> parameters,
            List<long[]> declared,
            List<List<long[]>> calls,
            List<DType> dtypes) {
        @Override
        public String toString() {
            return name;
        }

        Row taking(DType... types) {
            return new Row(name, network, parameters, declared, calls, List.of(types));
        }
    }

    private static Row row(String name, Module m, long[] declared, long[]... calls) {
        return new Row(
                name,
                in -> m.forward(in.getFirst(), Mode.EVAL),
                m.parameters(),
                List.of(declared),
                Arrays.stream(calls).map(List::of).toList(),
                List.of(DType.F32));
    }

    private static Row row(
            String name,
            Network n,
            List<Variable> parameters,
            List<long[]> declared,
            List<List<long[]>> calls) {
        return new Row(
                name,
                n,
                parameters,
                declared,
                calls,
                declared.stream().map(_ -> DType.F32).toList());
    }

    private static long[] s(long... sizes) {
        return sizes;
    }

    static Stream<Row> rows() {
        Rng rng = Rng.seed(3);
        List<Row> rows = new ArrayList<>();
        long[] text = s(ANY, ANY, 8);
        long[][] texts = {s(2, 5, 8), s(3, 1, 8), s(1, 7, 8)};
        rows.add(row("linear", Linear.of(8, 3, rng), text, texts));
        rows.add(row("lstm", LSTM.of(8, 4, rng), text, texts));
        rows.add(row("lstm, two ways", LSTM.of(8, 4, 2, true, rng), text, texts));
        rows.add(row("lstm, one example", LSTM.of(8, 4, rng), s(ANY, 8), s(5, 8), s(2, 8)));
        rows.add(row("gru", GRU.of(8, 4, 2, true, rng), text, texts));
        rows.add(row("rnn", RNN.of(8, 4, 2, true, rng), text, texts));
        rows.add(row("lstm cell", LSTMCell.of(8, 4, rng), s(ANY, 8), s(5, 8), s(2, 8)));
        rows.add(row("gru cell", GRUCell.of(8, 4, rng), s(ANY, 8), s(5, 8), s(2, 8)));
        rows.add(row("rnn cell", RNNCell.of(8, 4, rng), s(ANY, 8), s(5, 8), s(2, 8)));
        rows.add(row("attention", MultiheadAttention.of(8, 2, rng), text, texts));
        rows.add(row("encoder", TransformerEncoderLayer.of(8, 2, 16, rng), text, texts));
        rows.add(row("decoder", TransformerDecoderLayer.of(8, 2, 16, rng), text, texts));
        rows.add(row("positions", LearnedPositions.of(9, 8, rng), text, texts));
        rows.add(row("layer norm", LayerNorm.of(8), text, texts));
        rows.add(row("rms norm", RMSNorm.of(8), text, texts));
        rows.add(
                row("embedding", Embedding.of(9, 8, rng), s(ANY, ANY), s(2, 5), s(3, 1))
                        .taking(DType.I64));
        rows.add(row("batch norm", BatchNorm1d.of(8), s(ANY, 8), s(5, 8), s(2, 8)));
        rows.add(row("group norm", GroupNorm.of(2, 8), s(ANY, 8, 3, 3), s(2, 8, 3, 3)));
        long[] images = s(ANY, 3, 8, 8);
        long[][] some = {s(2, 3, 8, 8), s(5, 3, 8, 8)};
        rows.add(row("conv2d", Conv2d.of(3, 4, 3, rng), images, some));
        rows.add(row("transposed", ConvTranspose2d.of(3, 4, 3, rng), images, some));
        rows.add(row("batch norm 2d", BatchNorm2d.of(3), images, some));
        rows.add(row("max pool", MaxPool2d.of(2), images, some));
        rows.add(row("average pool", AvgPool2d.of(2), images, some));
        rows.add(row("adaptive pool", AdaptiveAvgPool2d.of(1), images, some));
        rows.add(
                row("flatten", Sequential.of(new Flatten(), Linear.of(192, 2, rng)), images, some));
        rows.add(row("conv1d", Conv1d.of(3, 4, 3, rng), s(ANY, 3, 9), s(2, 3, 9)));
        rows.add(row("softmax", Sequential.of(Linear.of(8, 3, rng), new Softmax(-1)), text, texts));
        RotaryEmbedding rotary = RotaryEmbedding.of();
        rows.add(
                row(
                        "rotary",
                        in -> rotary.forward(in.getFirst(), Tensor.arange(in.getFirst().size(-2))),
                        List.of(),
                        List.of(text),
                        List.of(List.of(texts[0]), List.of(texts[1]))));
        rows.add(
                row(
                        "rotary of neighbours",
                        in ->
                                rotary.withInterleaving()
                                        .forward(
                                                in.getFirst(),
                                                Tensor.arange(in.getFirst().size(-2))),
                        List.of(),
                        List.of(text),
                        List.of(List.of(texts[0]), List.of(texts[1]))));
        MultiheadAttention attention = MultiheadAttention.of(8, 2, rng);
        rows.add(
                row(
                        "causal attention",
                        in -> attention.forward(in.getFirst(), AttentionMask.CAUSAL, Mode.EVAL),
                        attention.parameters(),
                        List.of(text),
                        List.of(List.of(texts[0]), List.of(texts[2]))));
        rows.add(
                row(
                        "cross-attention",
                        in ->
                                attention.forward(
                                        in.get(0),
                                        in.get(1),
                                        in.get(1),
                                        AttentionMask.NONE,
                                        Mode.EVAL),
                        attention.parameters(),
                        List.of(text, text),
                        List.of(List.of(s(2, 3, 8), s(2, 5, 8)), List.of(s(1, 4, 8), s(1, 2, 8)))));
        Heads turned = Heads.of(2, rng).rotary(rotary);
        rows.add(
                row(
                        "heads turned",
                        in ->
                                turned.attend(
                                        in.getFirst(),
                                        in.getFirst(),
                                        in.getFirst(),
                                        AttentionMask.CAUSAL,
                                        Mode.EVAL),
                        List.of(),
                        List.of(text),
                        List.of(List.of(texts[0]), List.of(texts[2]))));
        Heads grouped = Heads.grouped(4, 2, rng);
        rows.add(
                row(
                        "grouped heads",
                        in ->
                                grouped.attend(
                                        in.getFirst(),
                                        in.getFirst().narrow(-1, 0, 4),
                                        in.getFirst().narrow(-1, 4, 4),
                                        AttentionMask.CAUSAL,
                                        Mode.EVAL),
                        List.of(),
                        List.of(text),
                        List.of(List.of(texts[0]), List.of(texts[2]))));
        rows.add(
                row(
                        "scaled dot products",
                        in ->
                                in.get(0)
                                        .scaledDotProductAttention(
                                                in.get(1), in.get(2), Attention.FULL),
                        List.of(),
                        List.of(s(ANY, 2, ANY, 4), s(ANY, 2, ANY, 4), s(ANY, 2, ANY, 4)),
                        List.of(
                                List.of(s(2, 2, 3, 4), s(2, 2, 5, 4), s(2, 2, 5, 4)),
                                List.of(s(1, 2, 1, 4), s(1, 2, 3, 4), s(1, 2, 3, 4)))));
        LSTM lstm = LSTM.of(8, 4, rng);
        rows.add(
                row(
                                "lstm of some lengths",
                                in ->
                                        lstm.run(
                                                        in.get(0),
                                                        Optional.empty(),
                                                        Optional.of(in.get(1)),
                                                        Mode.EVAL)
                                                .outputs(),
                                lstm.parameters(),
                                List.of(text, s(ANY)),
                                List.of(List.of(s(5, 2, 8), s(2)), List.of(s(3, 4, 8), s(4))))
                        .taking(DType.F32, DType.I64));
        Linear head = Linear.of(8, 5, rng);
        rows.add(
                row(
                                "classes of a text",
                                in ->
                                        new CrossEntropyLoss()
                                                .forward(
                                                        head.forward(in.get(0)).reshape(-1, 5),
                                                        in.get(1).reshape(-1)),
                                head.parameters(),
                                List.of(text, s(ANY, ANY)),
                                List.of(List.of(s(2, 3, 8), s(2, 3)), List.of(s(1, 4, 8), s(1, 4))))
                        .taking(DType.F32, DType.I64));
        rows.add(
                row(
                        "squared errors",
                        in -> new MSELoss().forward(head.forward(in.get(0)), in.get(1)),
                        head.parameters(),
                        List.of(text, s(ANY, ANY, 5)),
                        List.of(List.of(s(2, 3, 8), s(2, 3, 5)), List.of(s(1, 4, 8), s(1, 4, 5)))));
        rows.add(
                row(
                        "divergence of examples",
                        in ->
                                KLDivLoss.ofBatch()
                                        .forward(
                                                head.forward(in.get(0)).logSoftmax(1),
                                                in.get(1).softmax(1)),
                        head.parameters(),
                        List.of(s(ANY, 8), s(ANY, 5)),
                        List.of(List.of(s(3, 8), s(3, 5)), List.of(s(1, 8), s(1, 5)))));
        rows.add(
                row(
                        "divergence of weighted examples",
                        in ->
                                KLDivLoss.ofBatch()
                                        .weighted(
                                                head.forward(in.get(0)).logSoftmax(1),
                                                in.get(1).softmax(1),
                                                in.get(2)),
                        head.parameters(),
                        List.of(s(ANY, 8), s(ANY, 5), s(ANY)),
                        List.of(List.of(s(3, 8), s(3, 5), s(3)), List.of(s(1, 8), s(1, 5), s(1)))));
        rows.add(
                row(
                                "smoothed classes, of unknown number",
                                in ->
                                        new CrossEntropyLoss()
                                                .labelSmoothing(0.3)
                                                .ignoreIndex(2)
                                                .forward(in.get(0), in.get(1)),
                                List.of(),
                                List.of(s(ANY, ANY), s(ANY)),
                                List.of(List.of(s(3, 5), s(3)), List.of(s(1, 4), s(1))))
                        .taking(DType.F32, DType.I64));
        return rows.stream();
    }

    /// What a width or number of numbers is needed for as a number is refused where it is not known.
    @Test
    void whatMustBeKnownIsRefused() {
        Tensor x = Tensor.symbol("x", DType.F32, 1, 2, ANY, ANY);
        for (Executable e :
                List.<Executable>of(
                        () -> x.scaledDotProductAttention(x, x, Attention.FULL),
                        () -> new AdaptiveAvgPool2d(2, 2).forward(x),
                        () -> Tensor.linspace(0, 1, x.size(-1)))) {
            String text = assertThrows(NacreException.class, e).getMessage();
            assertTrue(text.contains("known"), text);
            assertFalse(INTERNAL.matcher(text).find(), text);
        }
    }

    @ParameterizedTest
    @MethodSource("rows")
    void givesWhatItGivesOnNumbers(Row row) {
        List<Tensor> symbols = new ArrayList<>();
        for (int i = 0; i < row.declared.size(); i++) {
            symbols.add(Tensor.symbol("x" + i, row.dtypes.get(i), row.declared.get(i)));
        }
        Function f = Function.of(symbols, outputs(row, symbols));
        for (List<long[]> shapes : row.calls) {
            List<Tensor> in = new ArrayList<>();
            for (int i = 0; i < shapes.size(); i++) {
                in.add(numbers(row.dtypes.get(i), shapes.get(i)));
            }
            List<Tensor> actual = f.call(in.toArray(Tensor[]::new));
            List<Tensor> expected = outputs(row, in);
            for (int k = 0; k < expected.size(); k++) {
                assertEquals(expected.get(k).type(), actual.get(k).type());
                assertArrayEquals(
                        expected.get(k).toFloatArray(), actual.get(k).toFloatArray(), 1e-5f);
            }
        }
    }

    /// The result, and the gradients of the sum of its squares.
    private static List<Tensor> outputs(Row row, List<Tensor> in) {
        Tensor y = row.network.of(in);
        List<Tensor> out = new ArrayList<>(List.of(y));
        if (!row.parameters.isEmpty()) {
            Tensor[] parameters = row.parameters.toArray(Tensor[]::new);
            out.addAll(Gradients.of(y.square().sum(), parameters).all());
        }
        return out;
    }

    private static Tensor numbers(DType dtype, long... sizes) {
        int n = (int) Shape.of(sizes).count();
        if (dtype == DType.I64) {
            long[] values = new long[n];
            Arrays.setAll(values, i -> 1 + i % 3);
            return Tensor.of(values, sizes);
        }
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) Math.sin(1 + 1.7 * i);
        }
        return Tensor.of(values, sizes);
    }

    /// Each layer on inputs of another width, or one axis more or less: an error, whose text shows unknown sizes as `?`.
    @ParameterizedTest
    @MethodSource("rows")
    void messagesShowUnknownSizesAsQuestionMarks(Row row) {
        for (int change = 0; change < 4; change++) {
            List<Tensor> symbols = new ArrayList<>();
            for (int i = 0; i < row.declared.size(); i++) {
                long[] d = row.declared.get(i).clone();
                int last = d.length - 1;
                long[] changed =
                        switch (change) {
                            case 0 -> {
                                d[last] = 7;
                                yield d;
                            }
                            case 1 -> {
                                d[last] = ANY;
                                yield d;
                            }
                            case 2 -> Arrays.copyOf(d, last);
                            default -> {
                                long[] more = Arrays.copyOf(d, last + 2);
                                more[last + 1] = ANY;
                                yield more;
                            }
                        };
                symbols.add(Tensor.symbol("x" + i, row.dtypes.get(i), changed));
            }
            try {
                String shown = row.network.of(symbols).toString();
                assertFalse(INTERNAL.matcher(shown).find(), shown);
            } catch (NacreException e) {
                String text =
                        e.getMessage()
                                .replaceAll("size\\(-\\d\\)|axis -\\d|-1 to|at least -\\d", "");
                assertFalse(INTERNAL.matcher(text).find(), text);
            }
        }
    }
}
