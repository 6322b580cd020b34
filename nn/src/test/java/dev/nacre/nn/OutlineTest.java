package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.train.Batches;
import dev.nacre.nn.train.Trainer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// What is printed when a model or its training is.
class OutlineTest {
    private final Rng rng = Rng.seed(0);

    private record Net(Linear fc1, Dropout drop, Activation act, Linear fc2) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return fc2.forward(act.forward(drop.forward(fc1.forward(x), mode)));
        }
    }

    private record Raw(Variable w, Variable b) implements Module {}

    private Net net() {
        return new Net(
                Linear.of(100, 64, rng),
                Dropout.of(0.5, rng),
                Activation.GELU,
                Linear.of(64, 10, rng));
    }

    @Test
    void tree() {
        assertEquals(
                """
                Net                                               7,114 parameters
                  fc1: Linear(weight f32[64, 100], bias f32[64])  6,464
                  drop: Dropout(p=0.5)
                  act: GELU
                  fc2: Linear(weight f32[10, 64], bias f32[10])     650\
                """,
                Tree.of(net()).toString());
    }

    /// A record's own toString is in one line, because nobody can override it for its author; the layers in it print themselves.
    @Test
    void recordsOfModules() {
        assertEquals(
                "Net[fc1=Linear(weight f32[64, 100], bias f32[64])  6,464 parameters, drop=Dropout(p=0.5), act=GELU, "
                        + "fc2=Linear(weight f32[10, 64], bias f32[10])  650 parameters]",
                net().toString());
        assertEquals(
                "Raw[w=w f32[10, 10] [0. 0. 0. ... 0. 0. 0.], b=b f32[2] [1. 1.]]",
                new Raw(Variable.zeros("w", 10, 10), Variable.of("b", Tensor.ones(2))).toString());
    }

    @Test
    void equalNeighboursAreOneLine() {
        List<Module> blocks = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            blocks.add(new Residual(Linear.of(2, 2, rng)));
        }
        blocks.add(Activation.RELU);
        blocks.add(Linear.of(2, 1, rng));
        assertEquals(
                """
                Sequential                                       21 parameters
                  0 to 2: 3 × Residual                           18
                    body: Linear(weight f32[2, 2], bias f32[2])   6
                  3: RELU
                  4: Linear(weight f32[1, 2], bias f32[1])        3\
                """,
                new Sequential(blocks).toString());
    }

    /// No module of the library prints its numbers, or fails to print.
    @Test
    void modulesOfTheLibrary() {
        List<Module> all =
                List.of(
                        BatchNorm1d.of(8),
                        BatchNorm2d.of(8),
                        new Checkpointed(Linear.of(8, 8, rng)),
                        Conv1d.of(8, 8, 3, rng),
                        Conv2d.of(8, 8, 3, rng),
                        Conv3d.of(8, 8, 3, rng),
                        ConvTranspose2d.of(8, 8, 3, rng),
                        Embedding.of(10, 8, rng),
                        GRU.of(8, 8, rng),
                        GRUCell.of(8, 8, rng),
                        GroupNorm.of(2, 8),
                        LSTM.of(8, 8, rng),
                        LSTMCell.of(8, 8, rng),
                        LayerNorm.of(8),
                        LearnedPositions.of(10, 8, rng),
                        Linear.of(8, 8, rng),
                        MultiheadAttention.of(8, 2, rng),
                        RMSNorm.of(8),
                        RNN.of(8, 8, rng),
                        RNNCell.of(8, 8, rng),
                        TransformerDecoderLayer.of(8, 2, 16, rng),
                        TransformerEncoderLayer.of(8, 2, 16, rng),
                        Dropout.of(0.1, rng),
                        new MaxPool2d(2, 2, 0),
                        Activation.RELU);
        for (Module m : all) {
            String text = m.toString();
            assertTrue(
                    text.startsWith(
                            m instanceof Enum<?> e ? e.name() : m.getClass().getSimpleName()),
                    text);
            assertFalse(text.contains("..."), text);
            assertFalse(text.contains("\n\n"), text);
            assertEquals(
                    m.parameterCount() > 0,
                    text.lines()
                            .findFirst()
                            .orElseThrow()
                            .contains(Summary.number(m.parameterCount()) + " parameters"),
                    text);
        }
    }

    private record Broken(Set<Object> parts) implements Module {}

    @Test
    void whatIsNoTreePrintsAllTheSame() {
        Set<Object> parts = new HashSet<>(List.of(Variable.zeros("w", 1)));
        String text = Sequential.of(new Broken(parts)).toString();
        assertTrue(
                text.startsWith("Sequential (tree: component `parts` of Broken is a HashSet"),
                text);
    }

    @Test
    void training() {
        Net net = net();
        Optimizer o = Adam.of(net.parameters());
        String rule =
                "Adam[learningRate=0.001, beta1=0.9, beta2=0.999, epsilon=1.0E-8, weightDecay=0.0, amsgrad=false]";
        assertEquals(
                "Optimizer: "
                        + rule
                        + " over 4 parameters (7,114 numbers), learning rate 0.001, step 0",
                o.toString());
        Trainer t = Trainer.of(net, new CrossEntropyLoss(), o, new Accuracy()).clip(1);
        t.step(Tensor.ones(2, 100), Tensor.of(new long[] {0, 1}));
        assertEquals(
                "Trainer of Net, "
                        + new CrossEntropyLoss()
                        + ", metrics [accuracy], 1 step, clip 1.0\n  Optimizer: "
                        + rule
                        + " over 4 parameters (7,114 numbers), learning rate 0.001, step 1",
                t.toString());
        Optimizer two =
                Optimizer.ofMatricesAndVectors(AdamW.of(0.1), AdamW.of(0.1), net.parameters());
        assertEquals(3, two.toString().lines().count());
        assertEquals(
                "fc1.weight  f32[64, 100]\nfc1.bias    f32[64]\nfc2.weight  f32[10, 64]\nfc2.bias    f32[10]",
                net.parameters().toString());
    }

    @Test
    void batches() {
        Batches b = Batches.of(Tensor.ones(50, 3), Tensor.arange(50), 16);
        assertEquals(
                "Batches: 4 of 16, 50 examples x f32[50, 3], y i64[50], in order", b.toString());
        assertEquals(
                "Batches: 3 of 16, 48 examples x f32[50, 3], y i64[50], shuffled by seed 3, without the last 2",
                b.shuffled(3).whole().toString());
        try (var it = b.iterator()) {
            assertEquals("Batch(x f32[16, 3], y i64[16])", it.next().toString());
            assertEquals("Prefetch(1 of 4 batches taken)", it.toString());
        }
    }

    @Test
    void keras() {
        var model =
                dev.nacre.nn.keras.Sequential.of(
                        dev.nacre.nn.keras.Input.of(8, 8, 1),
                        dev.nacre.nn.keras.Conv2D.of(4, 3, Activation.RELU),
                        dev.nacre.nn.keras.Flatten.of(),
                        dev.nacre.nn.keras.Dense.of(10, Activation.SOFTMAX));
        String table =
                """
                Sequential
                  layer  type                                                                     output        parameters
                  0      Conv2D[filters=4, kernelSize=3, strides=1, same=false, activation=RELU]  [?, 6, 6, 4]          40
                  1      Flatten[]                                                                [?, 144]               0
                  2      Dense[units=10, activation=SOFTMAX]                                      [?, 10]            1,450
                  1,490 parameters
                """;
        assertEquals(table, model.summary());
        assertEquals(table.stripTrailing(), model.toString());
        assertEquals(
                "Sequential[Dense[units=3, activation=LINEAR]], without sizes as yet",
                dev.nacre.nn.keras.Sequential.of(dev.nacre.nn.keras.Dense.of(3)).toString());
        model.compile("adam", "sparse_categorical_crossentropy");
        var history =
                model.fit(
                        Tensor.ones(2, 8, 8, 1),
                        Tensor.of(new int[] {1, 2}),
                        dev.nacre.nn.keras.Fit.epochs(9),
                        dev.nacre.nn.keras.Fit.verbose(0));
        assertTrue(
                history.toString()
                        .matches("History of 9 epochs\n  loss  \\S+ \\S+ \\S+ … \\S+ \\S+ \\S+"),
                history.toString());
    }
}
