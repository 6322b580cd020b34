package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.optim.SGD;
import dev.nacre.nn.train.Trainer;
import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

/// Training that goes through a layer in evaluation mode says so, once for each line; nothing else does.
class ModeTest {
    /// What is logged while code runs.
    private static List<String> logged(Runnable code) {
        List<String> out = new ArrayList<>();
        Handler handler =
                new Handler() {
                    @Override
                    public void publish(LogRecord r) {
                        out.add(r.getMessage());
                    }

                    @Override
                    public void flush() {}

                    @Override
                    public void close() {}
                };
        Logger logger = Logger.getLogger("dev.nacre");
        logger.addHandler(handler);
        logger.setUseParentHandlers(false);
        try {
            code.run();
        } finally {
            logger.removeHandler(handler);
            logger.setUseParentHandlers(true);
        }
        return out;
    }

    /// @param layer with a parameter before it, for the gradient to reach
    /// @param backward on a line of its own
    private record Row(String says, Module layer, Tensor x, Consumer<Tensor> backward) {
        private Tensor input() {
            return x.mul(Variable.of("scale", Tensor.ones(1)));
        }

        Tensor loss(Mode mode) {
            return layer.forward(input(), mode).square().sum();
        }
    }

    private static List<Row> rows() {
        Rng rng = Rng.seed(0);
        Tensor rows = rng.normal(4, 8).realize();
        Tensor images = rng.normal(2, 3, 4, 4).realize();
        Tensor texts = rng.normal(2, 5, 8).realize();
        Dropout d = Dropout.of(0.5, rng);
        Sequential deep = Sequential.of(Linear.of(8, 8, rng), Activation.RELU, d);
        return List.of(
                new Row("dropout", d, rows, l -> l.backward()),
                new Row("dropout", deep, rows, l -> l.backward()),
                new Row("dropout", new Checkpointed(deep), rows, l -> l.backward()),
                new Row("batch normalisation", BatchNorm1d.of(8), rows, l -> l.backward()),
                new Row("batch normalisation", BatchNorm2d.of(3), images, l -> l.backward()),
                new Row("flip", new RandomHorizontalFlip(0.5, rng), images, l -> l.backward()),
                new Row(
                        "dropout",
                        MultiheadAttention.of(8, 2, rng).dropout(0.1),
                        texts,
                        l -> l.backward()),
                new Row(
                        "dropout",
                        TransformerEncoderLayer.of(8, 2, 16, rng),
                        texts,
                        l -> l.backward()),
                new Row(
                        "dropout",
                        TransformerDecoderLayer.of(8, 2, 16, rng),
                        texts,
                        l -> l.backward()),
                new Row(
                        "dropout",
                        LSTM.of(8, 4, 2, false, rng).dropout(0.1, rng),
                        texts,
                        l -> l.backward()));
    }

    @Test
    void trainingInEvaluationModeIsSaidOnce() {
        for (Row r : rows()) {
            String what = r.layer.toString();
            List<String> said =
                    logged(() -> {
                        for (int i = 0; i < 3; i++) {
                            r.backward.accept(r.loss(Mode.EVAL));
                        }
                    });
            assertEquals(1, said.size(), what);
            assertTrue(
                    said.getFirst()
                            .matches(
                                    "(?s)training step at .*ModeTest.java:\\d+\\)?: "
                                            + r.says
                                            + " ran in evaluation mode\n  hint: .*Mode.TRAIN.*"),
                    said.getFirst());
        }
    }

    @Test
    void nothingElseIsSaid() {
        for (Row r : rows()) {
            String what = r.layer.toString();
            assertEquals(List.of(), logged(() -> r.loss(Mode.TRAIN).backward()), what);
            assertEquals(List.of(), logged(() -> r.loss(Mode.FROZEN).backward()), what);
            assertEquals(List.of(), logged(() -> r.loss(Mode.EVAL).item()), what + ": use");
            Variable head = Variable.of("head", Tensor.ones(1));
            assertEquals(
                    List.of(),
                    logged(() -> r.loss(Mode.EVAL).detach().mul(head).sum().backward()),
                    what + ": features");
            assertEquals(
                    List.of(),
                    logged(() -> {
                        Tensor x = r.x;
                        Gradients.of(r.layer.forward(x, Mode.EVAL).square().sum(), x)
                                .of(x)
                                .realize();
                    }),
                    what + ": saliency");
            Tensor y = r.layer.forward(r.x).detach().realize();
            assertEquals(
                    List.of(),
                    logged(() -> r.layer.forward(r.input(), Mode.TRAIN).sub(y).sum().backward()),
                    what + ": a target");
        }
    }

    /// The forward pass of FROZEN is that of EVAL.
    @Test
    void frozenComputesAsEvaluation() {
        for (Row r : rows()) {
            assertEquals(r.loss(Mode.EVAL).item(), r.loss(Mode.FROZEN).item(), r.layer.toString());
        }
    }

    @Test
    void functionsThatTrainSayIt() {
        Variable w = Variable.of("w", Tensor.ones(8));
        BatchNorm1d norm = BatchNorm1d.of(8);
        Function step =
                Function.of((Tensor x) -> {
                    Tensor loss = norm.forward(x.mul(w)).square().mean();
                    w.set(w.sub(Gradients.of(loss, w).of(w).mul(0.1)));
                    return loss;
                });
        Tensor x = Rng.seed(1).normal(4, 8).realize();
        assertEquals(1, logged(() -> step.apply(x)).size());
        assertEquals(0, logged(() -> step.apply(x)).size());
    }

    @Test
    void trainersSayNothing() {
        Rng rng = Rng.seed(2);
        Sequential net =
                Sequential.of(Linear.of(8, 8, rng), BatchNorm1d.of(8), Dropout.of(0.1, rng));
        Tensor x = rng.normal(4, 8).realize();
        Trainer t = Trainer.of(net, new MSELoss(), SGD.of(net.parameters(), 0.1));
        assertEquals(
                List.of(),
                logged(() -> {
                    t.step(x, x);
                    t.measure(x, x);
                }));
    }

    private record Deaf(Dropout dropout) implements Module {
        @Override
        public Tensor forward(Tensor x) {
            return dropout.forward(x);
        }
    }

    @Test
    void whoPassesNoModeOnCannotBeFrozen() {
        Module m = new Deaf(Dropout.of(0.5, Rng.seed(3)));
        for (Mode mode : List.of(Mode.TRAIN, Mode.FROZEN)) {
            String text =
                    assertThrows(NacreException.class, () -> m.forward(Tensor.ones(3), mode))
                            .getMessage();
            assertTrue(text.contains("passes no mode on to dropout"), text);
        }
    }

    @Test
    void aSecondBackwardAfterReadingSaysWhatIsWrong() {
        Variable w = Variable.of("w", Tensor.ones(3));
        for (boolean step : new boolean[] {false, true}) {
            Tensor loss = w.square().sum();
            loss.backward();
            if (step) {
                SGD.of(List.of(w), 0.1).step();
            } else {
                loss.item();
            }
            String text = assertThrows(NacreException.class, loss::backward).getMessage();
            assertTrue(text.startsWith("backward: backward() has been called already"), text);
        }
        Tensor twice = w.square().sum();
        twice.backward();
        twice.backward(); // before it is computed, it adds up
    }
}
