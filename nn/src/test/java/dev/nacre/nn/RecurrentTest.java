package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.keras.RecurrentWeights;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import dev.nacre.type.ValueException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RecurrentTest {
    private final Rng rng = Rng.seed(8);

    private static void same(Tensor expected, Tensor actual) {
        assertEquals(expected.type(), actual.type());
        assertArrayEquals(expected.toFloatArray(), actual.toFloatArray(), 1e-5f);
    }

    /// A layer is its cell, step by step.
    @Test
    void aLayerIsItsCellInALoop() {
        Tensor x = rng.normal(Shape.of(5, 2, 3)).realize();
        LSTM lstm = LSTM.of(3, 4, rng);
        LSTMCell cell = LSTMCell.of(3, 4, rng);
        copy(lstm, cell);
        Tensor zero = Tensor.zeros(2, 4);
        LSTMCell.State state = new LSTMCell.State(zero, zero);
        for (int t = 0; t < 5; t++) {
            state = cell.forward(x.select(0, t), state);
        }
        LSTM.Output out = lstm.run(x, Mode.EVAL);
        same(state.h(), out.state().h().select(0, 0));
        same(state.c(), out.state().c().select(0, 0));
        same(state.h(), out.outputs().select(0, 4));
    }

    private static void copy(LSTM from, LSTMCell to) {
        from.state().forEach((key, v) -> to.state().get(key.replace("_l0", "")).set(v));
    }

    @Test
    void oneExampleNeedsNoBatch() {
        Tensor x = rng.normal(5, 3).realize();
        for (Module m :
                List.of(
                        LSTM.of(3, 4, 2, true, rng),
                        GRU.of(3, 4, 2, true, rng),
                        RNN.of(3, 4, 2, true, rng).withBatchFirst())) {
            boolean first = m instanceof RNN;
            same(m.forward(x.unsqueeze(first ? 0 : 1)).squeeze(first ? 0 : 1), m.forward(x));
        }
    }

    @Test
    void dropoutBetweenLayersOnly() {
        Tensor x = rng.normal(Shape.of(5, 2, 3)).realize();
        LSTM one = LSTM.of(3, 4, rng).dropout(0.9, rng);
        same(one.forward(x, Mode.EVAL), one.forward(x, Mode.TRAIN));
        LSTM two = LSTM.of(3, 4, 2, false, rng).dropout(0.9, rng);
        float[] evaluated = two.forward(x, Mode.EVAL).toFloatArray();
        assertArrayEquals(evaluated, two.forward(x, Mode.EVAL).toFloatArray());
        assertFalse(Arrays.equals(evaluated, two.forward(x, Mode.TRAIN).toFloatArray()));
    }

    /// Keras's formulas, written with its own weights.
    @Test
    void kerasWeights() {
        Tensor x = rng.normal(Shape.of(4, 2, 3)).realize();
        Tensor kernel = rng.normal(3, 15).realize();
        Tensor recurrent = rng.normal(5, 15).realize();
        Tensor bias = rng.normal(2, 15).realize();
        GRU gru = GRU.of(3, 5, rng);
        gru.load(RecurrentWeights.gru(kernel, recurrent, bias, "_l0"));
        Tensor h = Tensor.zeros(2, 5);
        for (int t = 0; t < 4; t++) {
            List<Tensor> a = x.select(0, t).matmul(kernel).add(bias.select(0, 0)).chunk(3, 1);
            List<Tensor> b = h.matmul(recurrent).add(bias.select(0, 1)).chunk(3, 1);
            Tensor z = a.get(0).add(b.get(0)).sigmoid();
            Tensor r = a.get(1).add(b.get(1)).sigmoid();
            Tensor fresh = a.get(2).add(r.mul(b.get(2))).tanh();
            h = z.mul(h).add(z.neg().add(1).mul(fresh));
        }
        same(h, gru.forward(x).select(0, 3));
        Tensor k4 = rng.normal(3, 20).realize();
        Tensor r4 = rng.normal(5, 20).realize();
        Tensor b4 = rng.normal(20).realize();
        LSTM lstm = LSTM.of(3, 5, rng);
        lstm.load(RecurrentWeights.lstm(k4, r4, b4, "_l0"));
        h = Tensor.zeros(2, 5);
        Tensor c = h;
        for (int t = 0; t < 4; t++) {
            List<Tensor> g = x.select(0, t).matmul(k4).add(h.matmul(r4)).add(b4).chunk(4, 1);
            c = g.get(1).sigmoid().mul(c).add(g.get(0).sigmoid().mul(g.get(2).tanh()));
            h = g.get(3).sigmoid().mul(c.tanh());
        }
        same(h, lstm.forward(x).select(0, 3));
        RNN rnn = RNN.of(3, 5, rng);
        Tensor k = rng.normal(3, 5).realize();
        Tensor u = rng.normal(5, 5).realize();
        Tensor b = rng.normal(5).realize();
        rnn.load(RecurrentWeights.rnn(k, u, b, "_l0"));
        h = Tensor.zeros(2, 5);
        for (int t = 0; t < 4; t++) {
            h = x.select(0, t).matmul(k).add(h.matmul(u)).add(b).tanh();
        }
        same(h, rnn.forward(x).select(0, 3));
    }

    @Test
    void layersOfOtherCells() {
        Recurrent gru = GRU.of(3, 4, rng).layers();
        assertEquals(
                "lstm: the cell must be LSTM, but is GRU",
                assertThrows(NacreException.class, () -> new LSTM(gru)).getMessage());
        assertEquals(
                "rnn: the cell must be RNN_TANH, but is GRU",
                assertThrows(NacreException.class, () -> new RNN(gru)).getMessage());
    }

    @Test
    void errors() {
        LSTM lstm = LSTM.of(3, 4, rng);
        assertEquals(
                "lstm: x.size(-1) must be 3, but is 5\n  x  f32[2, 1, 5]  zeros",
                assertThrows(NacreException.class, () -> lstm.forward(Tensor.zeros(2, 1, 5)))
                        .getMessage());
        assertEquals(
                "lstm: x must be [time, batch, 3], or [time, 3] of one example\n"
                        + "  x  f32[3]  zeros",
                assertThrows(NacreException.class, () -> lstm.forward(Tensor.zeros(3)))
                        .getMessage());
        Tensor x = Tensor.zeros(2, 1, 3);
        assertEquals(
                "lstm: states must be [1, 1, 4]; lengths must be integers [1]\n"
                        + "  x        f32[2, 1, 3]  zeros\n"
                        + "  state 0  f32[1, 4]     zeros\n"
                        + "  state 1  f32[1, 1, 4]  zeros\n"
                        + "  lengths  f32[1]        zeros",
                assertThrows(
                                NacreException.class,
                                () ->
                                        lstm.run(
                                                x,
                                                Optional.of(
                                                        new LSTM.State(
                                                                Tensor.zeros(1, 4),
                                                                Tensor.zeros(1, 1, 4))),
                                                Optional.of(Tensor.zeros(1)),
                                                Mode.EVAL))
                        .getMessage());
        assertEquals(
                "gru: layers must be at least 1, but is 0",
                assertThrows(NacreException.class, () -> GRU.of(3, 4, 0, false, rng)).getMessage());
        assertEquals(
                "lstm_cell: x must be [batch, 3]\n"
                        + "  x          f32[2, 4]   zeros\n"
                        + "  state      f32[2, 4]   zeros\n"
                        + "  state      f32[2, 4]   zeros\n"
                        + "  weight_ih  f32[16, 3]  parameter weight_ih",
                assertThrows(
                                NacreException.class,
                                () -> LSTMCell.of(3, 4, rng).forward(Tensor.zeros(2, 4)))
                        .getMessage());
    }

    /// Of 3 elements there are 0 to 3; the first row of each layout is refused, in every layer.
    @Test
    void lengthsOutOfRange() {
        Tensor x = Tensor.ones(3, 2, 4);
        for (long length : new long[] {-1, 4, Integer.MAX_VALUE, Long.MIN_VALUE, Long.MAX_VALUE}) {
            Optional<Tensor> lengths = Optional.of(Tensor.of(new long[] {3, length}));
            Map<String, Runnable> layers =
                    Map.of(
                            "lstm",
                            () ->
                                    LSTM.of(4, 2, Rng.seed(0))
                                            .run(x, Optional.empty(), lengths, Mode.EVAL),
                            "gru",
                            () ->
                                    GRU.of(4, 2, Rng.seed(0))
                                            .withBatchFirst()
                                            .run(
                                                    x.transpose(0, 1),
                                                    Optional.empty(),
                                                    lengths,
                                                    Mode.EVAL),
                            "rnn",
                            () ->
                                    RNN.of(4, 2, Rng.seed(0))
                                            .run(x, Optional.empty(), lengths, Mode.EVAL));
            layers.forEach((name, run) -> {
                String message = assertThrows(ValueException.class, run::run).getMessage();
                assertEquals(
                        name
                                + ": length "
                                + length
                                + " at position 1 is out of range: lengths are 0 to 3",
                        message);
            });
        }
    }
}
