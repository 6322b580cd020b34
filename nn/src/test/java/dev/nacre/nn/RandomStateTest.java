package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.train.Batches;
import dev.nacre.nn.train.Trainer;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// Every layer that draws has a source of its own, whose state is part of the module's.
class RandomStateTest {
    /// Modules with layers that draw, built from one source, and how many sources they have.
    private static Map<Module, Integer> modules(Rng rng) {
        Map<Module, Integer> out = new LinkedHashMap<>();
        out.put(Sequential.of(Dropout.of(0.5, rng), Dropout.of(0.5, rng)), 2);
        out.put(MultiheadAttention.of(8, 2, rng).dropout(0.1), 1);
        out.put(MultiheadAttention.grouped(8, 4, 2, rng).dropout(0.1), 1);
        out.put(TransformerEncoderLayer.of(8, 2, 16, rng), 4);
        out.put(TransformerDecoderLayer.of(8, 2, 16, rng), 6);
        out.put(LSTM.of(4, 4, 2, true, rng).dropout(0.2, rng), 1);
        out.put(GRU.of(4, 4, 2, true, rng).dropout(0.2, rng), 1);
        out.put(RNN.of(4, 4, 2, true, rng).dropout(0.2, rng), 1);
        out.put(new Checkpointed(Dropout.of(0.5, rng)), 1);
        out.put(new RandomHorizontalFlip(0.5, rng.split()), 1);
        out.put(
                dev.nacre.nn.keras.Sequential.of(
                        rng,
                        dev.nacre.nn.keras.Input.of(4),
                        dev.nacre.nn.keras.Dropout.of(0.5),
                        dev.nacre.nn.keras.Dense.of(3),
                        dev.nacre.nn.keras.Dropout.of(0.5)),
                3); // and the one that it is built from
        return out;
    }

    private static List<Variable> sources(Module m) {
        return m.state().values().stream().filter(Variable::isRandomState).toList();
    }

    @Test
    void noTwoLayersShareASource() {
        Rng rng = Rng.seed(0);
        Set<Long> seeds = new HashSet<>();
        modules(rng)
                .forEach((m, count) -> {
                    List<Variable> found = sources(m);
                    assertEquals(count, found.size(), m.getClass().toString());
                    for (Variable v : found) {
                        assertTrue(seeds.add(v.toLongArray()[0]), m.getClass().toString());
                    }
                });
    }

    @Test
    void siblingsDropDifferentElements() {
        Rng rng = Rng.seed(1);
        Tensor x = Tensor.ones(1000);
        float[] a = Dropout.of(0.5, rng).forward(x, Mode.TRAIN).toFloatArray();
        float[] b = Dropout.of(0.5, rng).forward(x, Mode.TRAIN).toFloatArray();
        int same = 0;
        for (int i = 0; i < a.length; i++) {
            same += a[i] == b[i] ? 1 : 0;
        }
        assertEquals(500, same, 5 * Math.sqrt(250));
        assertFalse(
                Arrays.equals(
                        Linear.of(4, 4, rng).weight().toFloatArray(),
                        Linear.of(4, 4, rng).weight().toFloatArray()));
        Rng first = Rng.seed(2);
        Rng second = Rng.seed(2);
        assertArrayEquals(
                Dropout.of(0.5, first).forward(x, Mode.TRAIN).toFloatArray(),
                Dropout.of(0.5, second).forward(x, Mode.TRAIN).toFloatArray());
        assertArrayEquals(
                Linear.of(4, 4, first).weight().toFloatArray(),
                Linear.of(4, 4, second).weight().toFloatArray());
    }

    private record Net(Linear in, BatchNorm1d norm, Dropout dropout, Linear out) implements Module {
        Net(Rng rng) {
            this(
                    Linear.of(6, 16, rng),
                    BatchNorm1d.of(16),
                    Dropout.of(0.4, rng),
                    Linear.of(16, 3, rng));
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor h = norm.forward(in.forward(x), mode).relu();
            return out.forward(dropout.forward(h, mode));
        }
    }

    private static Map<String, Tensor> copied(Map<String, Variable> state) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        state.forEach((k, v) -> out.put(k, v.add(0).realize()));
        return out;
    }

    /// Trained for two epochs, saved, loaded into a network of another seed and trained for two more: the bits of four epochs.
    @Test
    void aTrainingGoesOnAsIfNeverInterrupted() {
        Tensor x = Rng.seed(3).normal(60, 6).realize();
        Tensor y = Rng.seed(4).integers(3, Shape.of(60)).realize();
        for (int parts : new int[] {1, 2}) {
            Net whole = new Net(Rng.seed(5));
            List<Double> losses = train(whole, trainer(whole, parts), x, y, 0, 4);
            Net first = new Net(Rng.seed(5));
            Trainer t = trainer(first, parts);
            List<Double> found = new ArrayList<>(train(first, t, x, y, 0, 2));
            Map<String, Tensor> model = copied(first.state());
            Map<String, Tensor> optimizer = copied(t.optimizer().state());
            Net second = new Net(Rng.seed(99));
            second.load(model);
            Trainer u = trainer(second, parts);
            u.optimizer().load(optimizer);
            found.addAll(train(second, u, x, y, 2, 4));
            assertEquals(losses, found);
            whole.state()
                    .forEach((k, v) ->
                            assertArrayEquals(
                                    v.toDoubleArray(), second.state().get(k).toDoubleArray(), k));
        }
    }

    private static Trainer trainer(Net net, int parts) {
        return Trainer.of(net, new CrossEntropyLoss(), Adam.of(net.parameters(), 0.01))
                .accumulate(parts);
    }

    private static List<Double> train(Net net, Trainer t, Tensor x, Tensor y, int from, int to) {
        Batches batches = Batches.of(x, y, 16).shuffled(7);
        batches.startAt(from);
        List<Double> out = new ArrayList<>();
        for (int i = from; i < to; i++) {
            out.add(t.epoch(batches).get("loss"));
        }
        return out;
    }

    /// Weights of elsewhere know nothing of it.
    @Test
    void stateMayComeWithoutSources() {
        Net net = new Net(Rng.seed(6));
        Map<String, Tensor> state = copied(net.state());
        assertTrue(state.containsKey("dropout.rng"), state.keySet().toString());
        state.remove("dropout.rng");
        net.dropout.forward(Tensor.ones(3), Mode.TRAIN).realize();
        long[] before = net.dropout.rng().state().toLongArray();
        net.load(state);
        assertArrayEquals(before, net.dropout.rng().state().toLongArray());
    }
}
