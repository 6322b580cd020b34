package dev.nacre.nn.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Activation;
import dev.nacre.nn.BatchNorm1d;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Module;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.metric.TopKAccuracy;
import dev.nacre.nn.metric.Weighted;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.SGD;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import dev.nacre.type.ValueException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class TrainerTest {
    private static Sequential net(long seed) {
        Rng rng = Rng.seed(seed);
        return Sequential.of(
                Linear.of(8, 32, rng),
                BatchNorm1d.of(32),
                Activation.RELU,
                Dropout.of(0.1, rng),
                Linear.of(32, 4, rng));
    }

    private final Tensor centres = Rng.seed(1).normal(4, 8).mul(2).realize();
    private final Tensor y = Rng.seed(2).integers(4, Shape.of(300)).realize();
    private final Tensor x = centres.take(y, 0).add(Rng.seed(3).normal(300, 8)).realize();

    @Test
    void learns() {
        Sequential net = net(0);
        Trainer t =
                Trainer.of(
                        net,
                        new CrossEntropyLoss(),
                        Adam.of(net.parameters(), 0.01),
                        new Accuracy(),
                        new TopKAccuracy(2));
        Batches batches = Batches.of(x, y, 32).shuffled(0);
        Map<String, Double> first = t.epoch(batches);
        for (int i = 0; i < 5; i++) {
            t.epoch(batches);
        }
        Map<String, Double> last = t.evaluate(batches);
        assertEquals(6 * 10, t.steps());
        assertEquals(60, t.optimizer().steps());
        assertTrue(last.get("loss") < first.get("loss") / 2, first + " " + last);
        assertTrue(last.get("accuracy") > 0.9, last.toString());
        assertTrue(last.get("top_2_accuracy") >= last.get("accuracy"));
        double direct = new Accuracy().of(net.forward(x), y).item();
        assertEquals(direct, last.get("accuracy"), 1e-6);
        assertEquals(
                new CrossEntropyLoss().forward(net.forward(x), y).item(), last.get("loss"), 1e-5);
    }

    @Test
    void sameSeedSameBits() {
        float[][] weights = new float[2][];
        double[] losses = new double[2];
        for (int run = 0; run < 2; run++) {
            Sequential net = net(0);
            Trainer t = Trainer.of(net, new CrossEntropyLoss(), Adam.of(net.parameters()));
            losses[run] = t.epoch(Batches.of(x, y, 32).shuffled(5)).get("loss");
            weights[run] = net.parameters().getFirst().toFloatArray();
        }
        assertEquals(losses[0], losses[1]);
        assertArrayEquals(weights[0], weights[1]);
    }

    @Test
    void labelsOutOfRange() {
        Sequential net = net(0);
        Trainer t = Trainer.of(net, new CrossEntropyLoss(), SGD.of(net.parameters(), 0.1));
        float[] before = net.parameters().getFirst().toFloatArray();
        assertEquals(
                "crossEntropyLoss: label 4 at position 2 is out of range: the classes are 0 to 3",
                assertThrows(
                                ValueException.class,
                                () -> t.step(x.narrow(0, 0, 3), Tensor.of(new long[] {0, 1, 4})))
                        .getMessage());
        assertArrayEquals(before, net.parameters().getFirst().toFloatArray());
    }

    private record Root(Linear fc) implements Module {
        @Override
        public Tensor forward(Tensor x) {
            return fc.forward(x).sqrt();
        }
    }

    /// The weights fall until the root has a negative number under it.
    @Test
    void brokenLoss() {
        Linear fc = Linear.of(1, 1, Rng.seed(0));
        fc.load(Map.of("weight", Tensor.ones(1, 1), "bias", Tensor.of(new float[] {0.5f})));
        Root net = new Root(fc);
        Trainer t = Trainer.of(net, new MSELoss(), SGD.of(net.parameters(), 1));
        Tensor in = Tensor.of(new float[] {1, 2}).reshape(2, 1);
        ValueException e =
                assertThrows(
                        ValueException.class,
                        () -> {
                            for (int i = 0; i < 100; i++) {
                                t.step(in, Tensor.zeros(2, 1));
                            }
                        });
        assertTrue(
                e.getMessage()
                        .matches(
                                """
                                loss: is NaN at step 2; nothing was changed by it
                                  sqrt f32\\[2, 1\\] is the first that is NaN; its operands are
                                    f32\\[2, 1\\]  result of \\w+, from -?[0-9.]+ to -?[0-9.]+\
                                """),
                e.getMessage());
        assertEquals(1, t.optimizer().steps());
        assertTrue(Double.isFinite(fc.weight().item()));
    }

    @Test
    void dataThatIsBroken() {
        Linear net = Linear.of(2, 1, Rng.seed(0));
        Trainer t = Trainer.of(net, new MSELoss(), SGD.of(net.parameters(), 1));
        String message =
                assertThrows(
                                ValueException.class,
                                () ->
                                        t.step(
                                                Tensor.of(new float[] {1, Float.NaN})
                                                        .reshape(1, 2)
                                                        .realize(),
                                                Tensor.zeros(1, 1)))
                        .getMessage();
        assertTrue(message.endsWith("f32[1, 2] is NaN already"), message);
    }

    private static Sequential plain(long seed) {
        Rng rng = Rng.seed(seed);
        return Sequential.of(Linear.of(8, 16, rng), Activation.TANH, Linear.of(16, 4, rng));
    }

    /// A batch in pieces, the last one smaller, is the batch.
    @Test
    void piecesMakeTheSameStep() {
        Sequential whole = plain(3);
        Sequential pieces = plain(3);
        Trainer a =
                Trainer.of(
                        whole,
                        new CrossEntropyLoss(),
                        Adam.of(whole.parameters(), 0.01),
                        new Accuracy());
        Trainer b =
                Trainer.of(
                                pieces,
                                new CrossEntropyLoss(),
                                Adam.of(pieces.parameters(), 0.01),
                                new Accuracy())
                        .accumulate(3);
        for (int i = 0; i < 5; i++) {
            Tensor xs = x.narrow(0, 20 * i, 20).realize();
            Tensor ys = y.narrow(0, 20 * i, 20).realize();
            Trainer.Step s = a.step(xs, ys);
            Trainer.Step t = b.step(xs, ys);
            assertEquals(s.loss(), t.loss(), 1e-5);
            assertEquals(s.metrics().getFirst(), t.metrics().getFirst(), 1e-6);
        }
        whole.state()
                .forEach((k, v) ->
                        assertArrayEquals(
                                v.toFloatArray(), pieces.state().get(k).toFloatArray(), 2e-5f));
    }

    @Test
    void clippedStepsAreShort() {
        Sequential net = plain(4);
        Sequential before = plain(4);
        Trainer t = Trainer.of(net, new CrossEntropyLoss(), SGD.of(net.parameters(), 1)).clip(0.01);
        t.step(x, y);
        double sum = 0;
        for (String k : net.state().keySet()) {
            sum += net.state().get(k).sub(before.state().get(k)).square().sum().item();
        }
        assertEquals(0.01, Math.sqrt(sum), 1e-5);
    }

    /// Normalisation, dropout and all, computed again for the gradient: the same bits of chance, running statistics moved once.
    @Test
    void checkpointsChangeNothing() {
        for (boolean traced : new boolean[] {false, true}) {
            Sequential kept = net(5);
            Sequential again = net(5);
            Module checkpointed = new dev.nacre.nn.Checkpointed(again);
            assertEquals(kept.state().keySet(), checkpointed.state().keySet());
            if (traced) {
                Trainer a =
                        Trainer.of(kept, new CrossEntropyLoss(), SGD.of(kept.parameters(), 0.1));
                Trainer b =
                        Trainer.of(
                                checkpointed,
                                new CrossEntropyLoss(),
                                SGD.of(checkpointed.parameters(), 0.1));
                for (int i = 0; i < 3; i++) {
                    assertEquals(a.step(x, y).loss(), b.step(x, y).loss(), 1e-6);
                }
            } else {
                for (int i = 0; i < 3; i++) {
                    kept.parameters().forEach(dev.nacre.Variable::zeroGrad);
                    again.parameters().forEach(dev.nacre.Variable::zeroGrad);
                    kept.forward(x, dev.nacre.nn.Mode.TRAIN).square().mean().backward();
                    checkpointed.forward(x, dev.nacre.nn.Mode.TRAIN).square().mean().backward();
                    for (int k = 0; k < kept.parameters().size(); k++) {
                        assertArrayEquals(
                                kept.parameters().get(k).grad().orElseThrow().toFloatArray(),
                                again.parameters().get(k).grad().orElseThrow().toFloatArray(),
                                1e-6f);
                    }
                }
            }
            kept.state()
                    .forEach((k, v) ->
                            assertArrayEquals(
                                    v.toDoubleArray(),
                                    again.state().get(k).toDoubleArray(),
                                    1e-6,
                                    k));
        }
    }

    /// Weighted and plain batches in turn, whole and in pieces: the same step, and each with its own means.
    @Test
    void weightsInPieces() {
        double[] w = new double[7];
        for (int i = 0; i < w.length; i++) {
            w[i] = i % 3; // the first piece of seven has the weight 0
        }
        Batch some = new Batch(x.narrow(0, 0, 7), y.narrow(0, 0, 7), Tensor.of(w));
        Batch plain = new Batch(x.narrow(0, 7, 7), y.narrow(0, 7, 7));
        List<List<Trainer.Step>> found = new ArrayList<>();
        List<float[]> weights = new ArrayList<>();
        for (int parts : new int[] {1, 2, 7}) {
            Linear net = Linear.of(8, 4, Rng.seed(0));
            Trainer t =
                    Trainer.of(
                                    net,
                                    new CrossEntropyLoss().ignoreIndex(3),
                                    SGD.of(net.parameters(), 0.1),
                                    new Accuracy(),
                                    new Weighted(new Accuracy()))
                            .accumulate(parts);
            found.add(List.of(t.step(plain), t.step(some), t.step(plain), t.measure(some)));
            weights.add(net.weight().toFloatArray());
            assertEquals(List.of("loss", "accuracy", "weighted_accuracy"), names(t, some));
        }
        for (int i = 1; i < 3; i++) {
            assertArrayEquals(weights.getFirst(), weights.get(i), 1e-6f);
            for (int k = 0; k < 4; k++) {
                Trainer.Step whole = found.getFirst().get(k);
                Trainer.Step pieces = found.get(i).get(k);
                assertEquals(whole.loss(), pieces.loss(), 1e-6);
                for (int m = 0; m < 2; m++) {
                    assertEquals(whole.metrics().get(m), pieces.metrics().get(m), 1e-6);
                }
            }
        }
        Trainer.Step without = found.getFirst().getFirst();
        assertEquals(without.metrics().getFirst(), without.metrics().getLast(), 1e-6);
    }

    /// Pieces in which all classes weigh nothing: the metrics are those of the whole all the same, and NaN in them does no harm.
    @Test
    void piecesThatWeighNothing() {
        Tensor labels = Tensor.of(new long[] {0, 0, 1, 0, 2, 1, 0, 3, 3}).realize();
        Tensor w = Tensor.of(new float[] {0, 1, 2, 0});
        Tensor nine = x.narrow(0, 0, 9).realize();
        for (Loss loss :
                List.of(
                        new CrossEntropyLoss().weight(w),
                        new CrossEntropyLoss().weight(w).ignoreIndex(3),
                        new CrossEntropyLoss().ignoreIndex(0))) {
            List<Trainer.Step> steps = new ArrayList<>();
            List<float[]> weights = new ArrayList<>();
            for (int parts : new int[] {1, 2, 4, 5, 9, 20}) {
                Linear net = Linear.of(8, 4, Rng.seed(0));
                Trainer t =
                        Trainer.of(
                                        net,
                                        loss,
                                        SGD.of(net.parameters(), 0.1),
                                        new Accuracy(),
                                        new TopKAccuracy(2),
                                        new Weighted(new Accuracy()))
                                .accumulate(parts);
                t.step(nine, labels);
                steps.add(t.step(nine, labels));
                weights.add(net.weight().toFloatArray());
                String what = loss + " in " + parts;
                assertArrayEquals(weights.getFirst(), weights.getLast(), 1e-5f, what);
                assertEquals(steps.getFirst().loss(), steps.getLast().loss(), 1e-5, what);
                for (int m = 0; m < 3; m++) {
                    double whole = steps.getFirst().metrics().get(m);
                    assertEquals(whole, steps.getLast().metrics().get(m), 1e-6, what);
                }
            }
        }
    }

    /// With smoothed labels examples whose class weighs nothing have a loss all the same: pieces and batches of those alone add it to the others', which it divides by the weight of all.
    @Test
    void smoothedPiecesThatWeighNothing() {
        Tensor labels = Tensor.of(new long[] {0, 0, 1, 0, 2, 1, 0, 3, 3}).realize();
        Tensor w = Tensor.of(new float[] {0, 1, 2, 0});
        Tensor nine = x.narrow(0, 0, 9).realize();
        Tensor own = Tensor.of(new float[] {1, 0, 2, 3, 1, 0.5f, 0, 1, 2}).realize();
        CrossEntropyLoss smooth = new CrossEntropyLoss().weight(w).labelSmoothing(0.3);
        for (Loss loss :
                List.of(
                        smooth,
                        smooth.labelSmoothing(1),
                        smooth.ignoreIndex(3),
                        smooth.ignoreIndex(0),
                        smooth.ignoreIndex(1),
                        smooth.reduction(Loss.Reduction.SUM))) {
            for (Batch b : List.of(new Batch(nine, labels), new Batch(nine, labels, own))) {
                double[] expected = {};
                for (int parts : new int[] {1, 3, 5, 9}) {
                    Linear net = Linear.of(8, 4, Rng.seed(0));
                    Trainer t =
                            Trainer.of(
                                            net,
                                            loss,
                                            SGD.of(net.parameters(), 0.1),
                                            new Accuracy(),
                                            new Weighted(new Accuracy()))
                                    .accumulate(parts);
                    t.step(b);
                    Trainer.Step step = t.step(b);
                    Trainer.Step measured = t.measure(b);
                    int size = Math.ceilDiv(9, parts);
                    List<Batch> some = new ArrayList<>();
                    for (int at = 0; at < 9; at += size) {
                        some.add(b.narrow(at, Math.min(size, 9 - at)));
                    }
                    Map<String, Double> together = t.evaluate(some.iterator());
                    String what = loss + " in " + parts + ", " + b;
                    if (loss.reduction() == Loss.Reduction.MEAN) {
                        assertEquals(measured.loss(), together.get("loss"), 1e-5, what);
                    }
                    DoubleStream numbers =
                            DoubleStream.of(
                                    step.loss(),
                                    step.metrics().getFirst(),
                                    step.metrics().getLast(),
                                    measured.loss());
                    double[] found =
                            DoubleStream.concat(
                                            numbers, DoubleStream.of(net.weight().toDoubleArray()))
                                    .toArray();
                    expected = parts == 1 ? found : expected;
                    assertArrayEquals(expected, found, 2e-5, what);
                    assertTrue(Double.isFinite(step.loss()), what);
                }
            }
        }
    }

    /// Of a piece that weighs nothing no running statistic and no source of random numbers hears.
    @Test
    void piecesThatWeighNothingChangeNothing() {
        Tensor labels = Tensor.of(new long[] {1, 2, 0, 0, 2, 1}).realize();
        float[] rows = x.narrow(0, 0, 6).toFloatArray();
        Tensor good = Tensor.of(rows).reshape(6, 8).realize();
        rows[3 * 8] = Float.NaN;
        Tensor broken = Tensor.of(rows).reshape(6, 8).realize();
        Loss loss = new CrossEntropyLoss().weight(Tensor.of(new float[] {0, 1, 2}));
        List<Map<String, String>> after = new ArrayList<>();
        for (Tensor in : List.of(good, broken)) {
            Module net =
                    new Sequential(
                            List.of(
                                    BatchNorm1d.of(8),
                                    Dropout.of(0.5, Rng.seed(2)),
                                    Linear.of(8, 3, Rng.seed(0))));
            Trainer.of(net, loss, SGD.of(net.parameters(), 0.1), new Accuracy())
                    .accumulate(3)
                    .step(in, labels);
            Map<String, String> state = new LinkedHashMap<>();
            net.state().forEach((k, v) -> state.put(k, v.detach().realize().toString()));
            after.add(state);
        }
        assertEquals(after.getFirst(), after.getLast());
    }

    private static List<String> names(Trainer t, Batch b) {
        return List.copyOf(t.evaluate(List.of(b).iterator()).keySet());
    }

    @Test
    void weightsStayWithChangedBatches() {
        Batches b = Batches.of(x, y, 100).weights(Tensor.arange(300).cast(DType.F32));
        for (Batch c : b.map(e -> new Batch(e.x().mul(2), e.y()))) {
            assertEquals(100, c.weights().orElseThrow().size(0));
        }
        Batches halved = b.map(e -> new Batch(e.x().narrow(0, 0, 50), e.y().narrow(0, 0, 50)));
        String message =
                assertThrows(NacreException.class, () -> halved.iterator().next()).getMessage();
        assertTrue(message.contains("for whose examples there are no weights"), message);
    }
}
