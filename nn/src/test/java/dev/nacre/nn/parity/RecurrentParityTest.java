package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.GRU;
import dev.nacre.nn.GRUCell;
import dev.nacre.nn.LSTM;
import dev.nacre.nn.LSTMCell;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.RNN;
import dev.nacre.nn.RNNCell;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.type.Precision;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Recurrent layers beside libtorch's: outputs, last states, and the gradients of everything.
class RecurrentParityTest {
    private static final long BATCH = 3;
    private static final long IN = 5;
    private static final long HIDDEN = 7;

    private final Rng rng = Rng.seed(5);

    private Tensor normal(long... sizes) {
        return rng.normal(Shape.of(sizes)).realize();
    }

    private static Tensor joined(Tensor... parts) {
        return Tensor.concat(
                0, java.util.Arrays.stream(parts).map(p -> p.flatten(0)).toArray(Tensor[]::new));
    }

    private static org.bytedeco.pytorch.Tensor joined(org.bytedeco.pytorch.Tensor... parts) {
        for (int i = 0; i < parts.length; i++) {
            parts[i] = parts[i].flatten(0, -1);
        }
        return torch.cat(new TensorVector(parts), 0);
    }

    private static TensorVector vector(List<org.bytedeco.pytorch.Tensor> parts) {
        return new TensorVector(parts.toArray(org.bytedeco.pytorch.Tensor[]::new));
    }

    private static List<Tensor> with(List<Tensor> inputs, Module m) {
        List<Tensor> all = new ArrayList<>(inputs);
        all.addAll(m.parameters());
        return all;
    }

    /// Settings: layers, bidirectional, batch first, bias, time steps.
    @ParameterizedTest
    @CsvSource({
        "1,false,false,true,6",
        "1,false,true,true,6",
        "1,true,false,false,4",
        "2,false,false,true,5",
        "2,true,true,true,5",
        "3,true,false,true,1"
    })
    void lstm(int layers, boolean both, boolean batchFirst, boolean bias, long time) {
        LSTM made = LSTM.of(IN, HIDDEN, layers, both, rng);
        LSTM sized = bias ? made : made.withoutBias();
        LSTM lstm = batchFirst ? sized.withBatchFirst() : sized;
        long places = layers * (both ? 2 : 1);
        Tensor x = batchFirst ? normal(BATCH, time, IN) : normal(time, BATCH, IN);
        List<Tensor> inputs =
                List.of(x, normal(places, BATCH, HIDDEN), normal(places, BATCH, HIDDEN));
        for (Mode mode : Mode.values()) {
            Torch.compare(
                    "lstm",
                    Closeness.SUMS,
                    with(inputs, lstm),
                    in -> {
                        var state = new LSTM.State(in.get(1), in.get(2));
                        var out = lstm.run(in.get(0), Optional.of(state), Optional.empty(), mode);
                        return joined(out.outputs(), out.state().h(), out.state().c());
                    },
                    in -> {
                        var out =
                                torch.lstm(
                                        in.get(0),
                                        vector(in.subList(1, 3)),
                                        vector(in.subList(3, in.size())),
                                        bias,
                                        layers,
                                        0,
                                        mode.isTraining(),
                                        both,
                                        batchFirst);
                        return joined(out.get0(), out.get1(), out.get2());
                    });
        }
    }

    @ParameterizedTest
    @CsvSource({"1,false,false,6", "2,true,true,4", "1,true,false,3"})
    void gru(int layers, boolean both, boolean batchFirst, long time) {
        GRU made = GRU.of(IN, HIDDEN, layers, both, rng);
        GRU gru = batchFirst ? made.withBatchFirst() : made;
        Tensor x = batchFirst ? normal(BATCH, time, IN) : normal(time, BATCH, IN);
        Tensor first = normal(layers * (both ? 2 : 1), BATCH, HIDDEN);
        Torch.compare(
                "gru",
                Closeness.SUMS,
                with(List.of(x, first), gru),
                in -> {
                    var out =
                            gru.run(
                                    in.get(0),
                                    Optional.of(in.get(1)),
                                    Optional.empty(),
                                    Mode.TRAIN);
                    return joined(out.outputs(), out.state());
                },
                in -> {
                    var out =
                            torch.gru(
                                    in.get(0),
                                    in.get(1),
                                    vector(in.subList(2, in.size())),
                                    true,
                                    layers,
                                    0,
                                    true,
                                    both,
                                    batchFirst);
                    return joined(out.get0(), out.get1());
                });
    }

    @ParameterizedTest
    @CsvSource({"1,false,true", "2,true,false"})
    void rnn(int layers, boolean both, boolean tanh) {
        RNN made = RNN.of(IN, HIDDEN, layers, both, rng);
        RNN rnn = tanh ? made : made.relu();
        List<Tensor> inputs =
                List.of(normal(6, BATCH, IN), normal(layers * (both ? 2 : 1), BATCH, HIDDEN));
        Torch.compare(
                "rnn",
                Closeness.SUMS,
                with(inputs, rnn),
                in -> {
                    var out =
                            rnn.run(
                                    in.get(0),
                                    Optional.of(in.get(1)),
                                    Optional.empty(),
                                    Mode.TRAIN);
                    return joined(out.outputs(), out.state());
                },
                in -> {
                    var weights = vector(in.subList(2, in.size()));
                    var out =
                            tanh
                                    ? torch.rnn_tanh(
                                            in.get(0), in.get(1), weights, true, layers, 0, true,
                                            both, false)
                                    : torch.rnn_relu(
                                            in.get(0), in.get(1), weights, true, layers, 0, true,
                                            both, false);
                    return joined(out.get0(), out.get1());
                });
    }

    /// Examples of several lengths are what libtorch makes of each alone, and zeros.
    @Test
    void lengths() {
        LSTM lstm = LSTM.of(IN, HIDDEN, 2, true, rng);
        long time = 6;
        long[] lengths = {6, 1, 4};
        Torch.compare(
                "lstm with lengths",
                Closeness.SUMS,
                with(List.of(normal(time, BATCH, IN)), lstm),
                in -> {
                    var out =
                            lstm.run(
                                    in.get(0),
                                    Optional.empty(),
                                    Optional.of(Tensor.of(lengths)),
                                    Mode.TRAIN);
                    return joined(
                            out.outputs().permute(1, 0, 2),
                            out.state().h().permute(1, 0, 2),
                            out.state().c().permute(1, 0, 2));
                },
                in -> {
                    List<org.bytedeco.pytorch.Tensor> outputs = new ArrayList<>();
                    List<org.bytedeco.pytorch.Tensor> h = new ArrayList<>();
                    List<org.bytedeco.pytorch.Tensor> c = new ArrayList<>();
                    for (int b = 0; b < lengths.length; b++) {
                        var x = in.get(0).narrow(0, 0, lengths[b]).narrow(1, b, 1);
                        var zero = torch.zeros(new long[] {4, 1, HIDDEN});
                        var out =
                                torch.lstm(
                                        x,
                                        vector(List.of(zero, zero)),
                                        vector(in.subList(1, in.size())),
                                        true,
                                        2,
                                        0,
                                        true,
                                        true,
                                        false);
                        outputs.add(out.get0());
                        if (lengths[b] < time) {
                            outputs.add(torch.zeros(new long[] {time - lengths[b], 1, 2 * HIDDEN}));
                        }
                        h.add(out.get1());
                        c.add(out.get2());
                    }
                    return joined(
                            joined(outputs.toArray(org.bytedeco.pytorch.Tensor[]::new)),
                            joined(h.toArray(org.bytedeco.pytorch.Tensor[]::new)),
                            joined(c.toArray(org.bytedeco.pytorch.Tensor[]::new)));
                });
    }

    @Test
    void cells() {
        LSTMCell lstm = LSTMCell.of(IN, HIDDEN, rng);
        GRUCell gru = GRUCell.of(IN, HIDDEN, rng);
        RNNCell rnn = RNNCell.of(IN, HIDDEN, rng);
        List<Tensor> inputs =
                List.of(normal(BATCH, IN), normal(BATCH, HIDDEN), normal(BATCH, HIDDEN));
        Torch.compare(
                "lstm cell",
                Closeness.SUMS,
                with(inputs, lstm),
                in -> {
                    var s = lstm.forward(in.get(0), new LSTMCell.State(in.get(1), in.get(2)));
                    return joined(s.h(), s.c());
                },
                in -> {
                    var s =
                            torch.lstm_cell(
                                    in.get(0),
                                    vector(in.subList(1, 3)),
                                    in.get(3),
                                    in.get(4),
                                    Torch.optional(in.get(5)),
                                    Torch.optional(in.get(6)));
                    return joined(s.get0(), s.get1());
                });
        Torch.compare(
                "gru cell",
                Closeness.SUMS,
                with(inputs.subList(0, 2), gru),
                in -> gru.forward(in.get(0), in.get(1)),
                in ->
                        torch.gru_cell(
                                in.get(0),
                                in.get(1),
                                in.get(2),
                                in.get(3),
                                Torch.optional(in.get(4)),
                                Torch.optional(in.get(5))));
        Torch.compare(
                "rnn cell",
                Closeness.SUMS,
                with(inputs.subList(0, 2), rnn),
                in -> rnn.forward(in.get(0), in.get(1)),
                in ->
                        torch.rnn_tanh_cell(
                                in.get(0),
                                in.get(1),
                                in.get(2),
                                in.get(3),
                                Torch.optional(in.get(4)),
                                Torch.optional(in.get(5))));
    }

    record Net(LSTM lstm, Linear head) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return head.forward(lstm.forward(x, mode));
        }
    }

    /// Ten steps of training from the same weights, eagerly and traced.
    @Test
    void training() {
        Tensor x = normal(8, 4, IN);
        Tensor y = rng.integers(3, Shape.of(32)).realize();
        for (boolean traced : List.of(false, true)) {
            Net net = new Net(LSTM.of(IN, 16, 2, true, rng), Linear.of(32, 3, rng));
            List<org.bytedeco.pytorch.Tensor> theirs =
                    new ArrayList<>(net.parameters().stream().map(Torch::parameter).toList());
            Optimizer optimizer = Adam.of(net.parameters(), 1e-2);
            var other = new org.bytedeco.pytorch.Adam(vector(theirs), new AdamOptions(1e-2));
            java.util.function.BinaryOperator<Tensor> train =
                    (xb, yb) -> {
                        optimizer.zeroGrad();
                        Tensor out = net.forward(xb, Mode.TRAIN).reshape(-1, 3);
                        Tensor loss = new CrossEntropyLoss().forward(out, yb);
                        loss.backward();
                        optimizer.step();
                        return loss;
                    };
            Function step = Function.of(train::apply);
            double first = 0;
            double last = 0;
            for (int i = 0; i < 10; i++) {
                last = (traced ? step.apply(x, y) : train.apply(x, y)).item();
                first = i == 0 ? last : first;
                other.zero_grad();
                var zero = torch.zeros(new long[] {4, 4, 16});
                var out =
                        torch.lstm(
                                        Torch.of(x),
                                        vector(List.of(zero, zero)),
                                        vector(theirs.subList(0, theirs.size() - 2)),
                                        true,
                                        2,
                                        0,
                                        true,
                                        true,
                                        false)
                                .get0();
                var logits = torch.linear(out, theirs.get(theirs.size() - 2), theirs.getLast());
                var loss = torch.cross_entropy_loss(logits.flatten(0, 1), Torch.of(y));
                loss.backward();
                other.step();
                assertEquals(loss.item_double(), last, 1e-4 * loss.item_double(), "step " + i);
            }
            assertTrue(last < first, "nothing was learnt");
            List<Variable> ours = net.parameters();
            for (int i = 0; i < ours.size(); i++) {
                Closeness.STEPS.check(ours.get(i).name(), theirs.get(i), ours.get(i));
            }
        }
    }

    /// With products in bf16, results and gradients are within 2 % of libtorch's in f32, in the Euclidean norm over all of them.
    @ParameterizedTest
    @CsvSource({"lstm,1,false", "lstm,2,true", "gru,1,false", "gru,2,true"})
    void bf16(String kind, int layers, boolean both) {
        Tensor x = normal(9, BATCH, IN);
        Tensor weights = normal(9, BATCH, both ? 2 * HIDDEN : HIDDEN);
        Module m =
                kind.equals("lstm")
                        ? LSTM.of(IN, HIDDEN, layers, both, rng)
                        : GRU.of(IN, HIDDEN, layers, both, rng);
        var theirs = m.parameters().stream().map(Torch::parameter).toList();
        var zero = torch.zeros(new long[] {both ? 2L * layers : layers, BATCH, HIDDEN});
        var list = vector(theirs);
        var out =
                kind.equals("lstm")
                        ? torch.lstm(
                                        Torch.of(x),
                                        vector(List.of(zero, zero)),
                                        list,
                                        true,
                                        layers,
                                        0,
                                        true,
                                        both,
                                        false)
                                .get0()
                        : torch.gru(Torch.of(x), zero, list, true, layers, 0, true, both, false)
                                .get0();
        out.mul(Torch.of(weights)).sum().backward();
        List<org.bytedeco.pytorch.Tensor> exact = new ArrayList<>(List.of(out.detach()));
        theirs.forEach(t -> exact.add(t.grad()));
        Function step =
                Function.of((Tensor input) -> {
                    m.parameters().forEach(Variable::zeroGrad);
                    Tensor y = Precision.BF16.in(() -> m.forward(input, Mode.TRAIN));
                    y.mul(weights).sum().backward();
                    List<Tensor> all = new ArrayList<>(List.of(y));
                    m.parameters().forEach(p -> all.add(p.grad().orElseThrow()));
                    return joined(all.toArray(Tensor[]::new));
                });
        double[] expected =
                Torch.doubles(joined(exact.toArray(org.bytedeco.pytorch.Tensor[]::new)));
        float[] actual = step.apply(x).toFloatArray();
        double off = 0;
        double size = 0;
        for (int i = 0; i < expected.length; i++) {
            off += Math.pow(actual[i] - expected[i], 2);
            size += Math.pow(expected[i], 2);
        }
        double relative = Math.sqrt(off / size);
        assertTrue(relative < 0.02 && relative > 1e-4, "off by " + relative);
    }

    /// The names of PyTorch's `state_dict`.
    @Test
    void names() {
        var state = LSTM.of(2, 3, 2, true, rng).state();
        assertEquals(
                IntStream.range(0, 2)
                        .boxed()
                        .flatMap(l ->
                                List.of("_l" + l, "_l" + l + "_reverse").stream()
                                        .flatMap(e ->
                                                List.of(
                                                                "weight_ih",
                                                                "weight_hh",
                                                                "bias_ih",
                                                                "bias_hh")
                                                        .stream()
                                                        .map(n -> n + e)))
                        .toList(),
                List.copyOf(state.keySet()));
        assertEquals(
                List.of("head.weight", "head.bias"),
                List.copyOf(new Net(LSTM.of(2, 3, rng), Linear.of(3, 1, rng)).state().keySet())
                        .subList(4, 6));
        assertTrue(Map.copyOf(state).containsKey("weight_hh_l1_reverse"));
    }
}
