package dev.nacre.nn.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.BatchNorm1d;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.Embedding;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.loss.BCEWithLogitsLoss;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.HalfMSELoss;
import dev.nacre.nn.loss.HuberLoss;
import dev.nacre.nn.loss.KLDivLoss;
import dev.nacre.nn.loss.L1Loss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.Loss.Reduction;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.loss.NLLLoss;
import dev.nacre.nn.loss.SmoothL1Loss;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.metric.MeanError;
import dev.nacre.nn.metric.Metric;
import dev.nacre.nn.metric.TopKAccuracy;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.SGD;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;

/// A step is the whole batch's, in one piece or several, and all of it or nothing.
class WholeStepTest {
    /// Numbers that say which row of a table to take, then everything that a step may change.
    private record Net(Embedding table, BatchNorm1d norm, Dropout dropout, Linear out)
            implements Module {
        Net(Rng rng) {
            this(
                    Embedding.of(10, 6, rng),
                    BatchNorm1d.of(6),
                    Dropout.of(0.3, rng),
                    Linear.of(6, 4, rng));
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor rows =
                    table.forward(x.select(1, 0).cast(DType.I64)).mul(x.select(1, 1).unsqueeze(1));
            // of a row of zeros the length is 0, and its gradient not a number
            Tensor length = rows.square().sum(1).sqrt().unsqueeze(1);
            return out.forward(dropout.forward(norm.forward(rows, mode), mode)).mul(length);
        }
    }

    /// All that there is, in bits.
    private static Map<String, long[]> everything(Net net, Trainer t) {
        Map<String, Tensor> all = new LinkedHashMap<>(net.state());
        t.optimizer().state().forEach((k, v) -> all.put("optimizer " + k, v));
        Map<String, long[]> out = new LinkedHashMap<>();
        all.forEach((k, v) -> out.put(k, bits(v)));
        out.put("steps", new long[] {t.steps()});
        return out;
    }

    private static long[] bits(Tensor t) {
        double[] x = t.toDoubleArray();
        long[] out = new long[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = Double.doubleToRawLongBits(x[i]);
        }
        return out;
    }

    private static void assertSame(Map<String, long[]> a, Map<String, long[]> b, String what) {
        assertEquals(a.keySet(), b.keySet());
        a.forEach((k, v) -> assertArrayEquals(v, b.get(k), what + ": " + k));
    }

    private static Trainer trainer(Net net, int parts) {
        return Trainer.of(
                        net,
                        new CrossEntropyLoss(),
                        Adam.of(net.parameters(), 0.05),
                        new Accuracy())
                .accumulate(parts);
    }

    private static Tensor examples(int n, int bad, double row, double factor) {
        float[] x = new float[2 * n];
        for (int i = 0; i < n; i++) {
            x[2 * i] = i == bad ? (float) row : i % 10;
            x[2 * i + 1] = i == bad ? (float) factor : 1 + i % 3;
        }
        return Tensor.of(x, n, 2);
    }

    /// In which piece it happens × what happens.
    @Test
    void aRefusedStepChangesNothing() {
        int n = 12;
        Tensor y = Rng.seed(1).integers(4, Shape.of(n)).realize();
        Tensor good = examples(n, -1, 0, 0);
        for (int parts : new int[] {1, 3}) {
            for (int bad : new int[] {0, 5, 11}) {
                for (double[] wrong :
                        new double[][] {
                            {3, Double.NaN}, {3, Double.POSITIVE_INFINITY}, {3, 0}, {77, 1}, {-1, 1}
                        }) {
                    String what = parts + " parts, example " + bad + ", row " + wrong[0];
                    Net net = new Net(Rng.seed(2));
                    Net other = new Net(Rng.seed(2));
                    Trainer t = trainer(net, parts);
                    Trainer u = trainer(other, parts);
                    t.step(good, y);
                    u.step(good, y);
                    Map<String, long[]> before = everything(net, t);
                    Tensor x = examples(n, bad, wrong[0], wrong[1]);
                    for (int k = 0; k < 2; k++) {
                        assertThrows(NacreException.class, () -> t.step(x, y), what);
                        assertSame(before, everything(net, t), what);
                    }
                    assertEquals(u.step(good, y), t.step(good, y), what);
                    assertSame(everything(other, u), everything(net, t), what + ", next step");
                }
            }
        }
    }

    @Test
    void aGradientThatIsNotFiniteIsSaid() {
        Net net = new Net(Rng.seed(2));
        Tensor y = Rng.seed(1).integers(4, Shape.of(12)).realize();
        for (int parts : new int[] {1, 3}) {
            Trainer t = trainer(net, parts);
            String message =
                    assertThrows(NacreException.class, () -> t.step(examples(12, 5, 3, 0), y))
                            .getMessage();
            assertTrue(
                    message.matches(
                            "gradient: is not finite, though the loss is [0-9.]+ at step 1; nothing was"
                                    + " changed by it\n  (?s).*is the first that is NaN.*"),
                    message);
        }
    }

    /// What a user's own loop may have read before the step, and so computed.
    private enum Read {
        NOTHING,
        SCORES,
        LOSS,
        GRADIENTS
    }

    private static boolean eagerStep(Net net, Optimizer o, Tensor x, Tensor y, Read read) {
        o.zeroGrad();
        Tensor scores = net.forward(x, Mode.TRAIN);
        Tensor loss = new CrossEntropyLoss().forward(scores, y);
        loss.backward();
        switch (read) {
            case NOTHING -> {}
            case SCORES -> scores.toFloatArray();
            case LOSS -> loss.item();
            case GRADIENTS ->
                    net.parameters().forEach(p -> p.grad().ifPresent(Tensor::toFloatArray));
        }
        return o.stepIfFinite(loss).toBooleanArray()[0];
    }

    private static Map<String, long[]> everything(Net net, Optimizer o) {
        Map<String, long[]> out = new LinkedHashMap<>();
        net.state().forEach((k, v) -> out.put(k, bits(v)));
        o.state().forEach((k, v) -> out.put("optimizer " + k, bits(v)));
        return out;
    }

    /// The same of a loop of one's own.
    @Test
    void anEagerStepIsTakenOrChangesNothing() {
        Tensor y = Rng.seed(1).integers(4, Shape.of(12)).realize();
        Tensor good = examples(12, -1, 0, 0).realize();
        for (double wrong : new double[] {Double.NaN, Double.POSITIVE_INFINITY, 0}) {
            Tensor bad = examples(12, 5, 3, wrong).realize();
            for (Read read : Read.values()) {
                String what = wrong + ", read: " + read;
                Net net = new Net(Rng.seed(2));
                Net other = new Net(Rng.seed(2));
                Optimizer a = Adam.of(net.parameters(), 0.05);
                Optimizer b = Adam.of(other.parameters(), 0.05);
                for (int step = 0; step < 5; step++) {
                    if (step == 0 || step == 3) { // the first step is no exception
                        Map<String, long[]> before = everything(net, a);
                        assertFalse(eagerStep(net, a, bad, y, read), what);
                        assertSame(before, everything(net, a), what);
                    }
                    assertTrue(eagerStep(net, a, good, y, read), what);
                    assertTrue(eagerStep(other, b, good, y, Read.NOTHING), what);
                }
                Map<String, long[]> wanted = everything(other, b);
                everything(net, a)
                        .forEach((k, v) ->
                                assertTrue(close(wanted.get(k), v), what + ", goes on: " + k));
            }
        }
    }

    private enum When {
        BEFORE_ZERO_GRAD,
        AFTER_ZERO_GRAD,
        AFTER_FORWARD
    }

    /// What is changed by hand, and the number that shows it.
    private record ByHand(String what, Runnable change, DoubleSupplier shown, Set<When> kept) {}

    private static List<ByHand> byHand(Net net, Optimizer o, Variable counter) {
        Variable mean = net.norm().runningMean();
        Variable weight = net.out().weight();
        Tensor fives = Tensor.full(5, DType.F32, 6);
        Set<When> always = EnumSet.allOf(When.class);
        // what is set between zeroGrad() and the step, a forward computation may have set
        Set<When> before = EnumSet.of(When.BEFORE_ZERO_GRAD);
        DoubleSupplier first = () -> mean.select(0, 0).item();
        DoubleSupplier corner = () -> weight.select(0, 0).select(0, 0).item();
        return List.of(
                new ByHand("counter", () -> counter.set(counter.add(1)), counter::item, before),
                new ByHand("statistic", () -> mean.set(fives), first, before),
                new ByHand(
                        "statistic, at once",
                        () -> Variable.update(List.of(mean), () -> mean.set(fives)),
                        first,
                        always),
                new ByHand(
                        "counter, at once",
                        () -> Variable.update(List.of(), () -> counter.set(counter.add(1))),
                        counter::item,
                        always),
                new ByHand("parameter", () -> weight.set(weight.add(1)), corner, always),
                new ByHand(
                        "parameter, at once",
                        () -> Variable.update(List.of(), () -> weight.set(weight.add(1))),
                        corner,
                        always),
                new ByHand(
                        "learning rate",
                        () -> o.learningRate(o.learningRate() * 0.5),
                        o::learningRate,
                        always),
                new ByHand(
                        "state of the optimizer",
                        () -> {
                            Map<String, Tensor> state = new LinkedHashMap<>(o.state());
                            state.put("step", Tensor.of(o.steps() + 7.0));
                            o.load(state);
                        },
                        o::steps,
                        always));
    }

    /// A refused step takes back what computing its loss has changed, not what the program has.
    @Test
    void whatIsSetByHandStays() {
        Tensor y = Rng.seed(1).integers(4, Shape.of(12)).realize();
        Tensor good = examples(12, -1, 0, 0).realize();
        Tensor bad = examples(12, 5, 3, Double.NaN).realize();
        for (When when : When.values()) {
            for (int i = 0; i < 8; i++) {
                Net net = new Net(Rng.seed(2));
                Optimizer o = Adam.of(net.parameters(), 0.05);
                Variable counter = Variable.of("counter", Tensor.of(3.0), false);
                ByHand b = byHand(net, o, counter).get(i);
                String what = b.what + ", " + when;
                for (int step = 0; step < 3; step++) { // also where steps are repeated
                    assertTrue(eagerStep(net, o, good, y, Read.NOTHING), what);
                }
                double before = b.shown.getAsDouble();
                refusedStep(net, o, bad, y, when, b.change);
                double after = b.shown.getAsDouble();
                assertEquals(b.kept.contains(when), after != before, what);
                assertTrue(eagerStep(net, o, good, y, Read.NOTHING), what);
            }
        }
    }

    private static void refusedStep(
            Net net, Optimizer o, Tensor x, Tensor y, When when, Runnable byHand) {
        Runnable[] at = {() -> {}, () -> {}, () -> {}};
        at[when.ordinal()] = byHand;
        at[0].run();
        o.zeroGrad();
        at[1].run();
        Tensor loss = new CrossEntropyLoss().forward(net.forward(x, Mode.TRAIN), y);
        at[2].run();
        loss.backward();
        assertFalse(o.stepIfFinite(loss).toBooleanArray()[0]);
    }

    private record Normed(BatchNorm1d norm, Linear out) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return out.forward(norm.forward(x, mode));
        }
    }

    /// Where gradients are dropped after the forward computation, it is computed once, with the step, and is the step's.
    @Test
    void gradientsMayBeDroppedAfterTheForwardComputation() {
        Tensor y = Rng.seed(1).integers(4, Shape.of(12)).realize();
        Tensor good = Rng.seed(3).normal(12, 6).realize();
        Tensor bad = good.div(0).realize();
        Normed net = new Normed(BatchNorm1d.of(6), Linear.of(6, 4, Rng.seed(2)));
        Normed twin = new Normed(BatchNorm1d.of(6), Linear.of(6, 4, Rng.seed(2)));
        Optimizer o = Adam.of(net.parameters(), 0.05);
        Optimizer other = Adam.of(twin.parameters(), 0.05);
        for (int step = 0; step < 6; step++) {
            boolean refused = step % 2 == 1;
            Map<String, Tensor> before = new LinkedHashMap<>();
            net.state().forEach((k, v) -> before.put(k, v.detach().realize()));
            Tensor loss =
                    new CrossEntropyLoss()
                            .forward(net.forward(refused ? bad : good, Mode.TRAIN), y);
            o.zeroGrad();
            assertFalse(net.norm().runningMean().isRealized(), "computed by zeroGrad()");
            loss.backward();
            assertEquals(!refused, o.stepIfFinite(loss).toBooleanArray()[0]);
            if (refused) {
                net.state().forEach((k, v) -> assertArrayEquals(bits(before.get(k)), bits(v), k));
            } else {
                other.zeroGrad();
                Tensor l = new CrossEntropyLoss().forward(twin.forward(good, Mode.TRAIN), y);
                l.backward();
                other.stepIfFinite(l);
            }
        }
        Map<String, Variable> wanted = twin.state();
        net.state()
                .forEach(
                        (k, v) -> assertTrue(close(bits(wanted.get(k)), bits(v)), "goes on: " + k));
    }

    /// Plans of other parts may round otherwise.
    private static boolean close(long[] a, long[] b) {
        for (int i = 0; i < a.length; i++) {
            double x = Double.longBitsToDouble(a[i]);
            if (!(Math.abs(x - Double.longBitsToDouble(b[i])) <= 1e-4 * (1 + Math.abs(x)))) {
                return false;
            }
        }
        return true;
    }

    // ------------------------------------------------------------------------------------------

    private static final int CLASSES = 3;
    private static final int N = 11;

    private record Case(Loss loss, Tensor y) {}

    /// Labels of which those in the middle do not count: with four pieces, all of one.
    private static Tensor labels() {
        return Tensor.of(new long[] {0, 1, -100, -100, -100, -100, 2, 1, -100, 2, 0});
    }

    private static List<Case> cases() {
        Tensor all = Tensor.of(new long[] {0, 1, 2, 2, 1, 0, 2, 1, 1, 2, 0});
        Tensor weight = Tensor.of(new float[] {0.2f, 3, 1.5f});
        Tensor p = Rng.seed(3).normal(N, CLASSES).softmax(1).realize();
        Tensor reals = Rng.seed(4).normal(N, CLASSES).realize();
        CrossEntropyLoss ce = new CrossEntropyLoss();
        Loss own = (scores, y) -> scores.sub(y).square().sum().div(scores.size(0));
        return List.of(
                new Case(ce, all),
                new Case(ce, p),
                new Case(ce.ignoreIndex(-100), labels()),
                new Case(ce.ignoreIndex(1), all),
                new Case(ce.weight(weight), all),
                new Case(ce.weight(weight), p),
                new Case(ce.weight(weight).ignoreIndex(-100), labels()),
                new Case(ce.weight(weight).ignoreIndex(-100).labelSmoothing(0.1), labels()),
                new Case(ce.reduction(Reduction.SUM), all),
                new Case(ce.reduction(Reduction.SUM).ignoreIndex(-100), labels()),
                new Case(ce.reduction(Reduction.SUM).weight(weight), all),
                new Case(new NLLLoss(), all),
                new Case(new NLLLoss(Reduction.SUM), all),
                new Case(new MSELoss(), reals),
                new Case(new MSELoss(Reduction.SUM), reals),
                new Case(new HalfMSELoss(), reals),
                new Case(new L1Loss(), reals),
                new Case(new L1Loss(Reduction.SUM), reals),
                new Case(new HuberLoss(), reals),
                new Case(new HuberLoss(1, Reduction.SUM), reals),
                new Case(new SmoothL1Loss(), reals),
                new Case(new BCEWithLogitsLoss(), p),
                new Case(new BCEWithLogitsLoss(Reduction.SUM), p),
                new Case(new KLDivLoss(), p),
                new Case(KLDivLoss.ofBatch(), p),
                new Case(own, reals));
    }

    private static Linear linear() {
        return Linear.of(5, CLASSES, Rng.seed(6));
    }

    @Test
    void piecesMakeTheWholeStep() {
        Tensor x = Rng.seed(5).normal(N, 5).realize();
        for (Case c : cases()) {
            Metric[] metrics =
                    c.y.dtype().isInteger()
                            ? new Metric[] {new Accuracy(), new TopKAccuracy(2)}
                            : new Metric[] {new MeanError(true)};
            Linear whole = linear();
            Trainer a = Trainer.of(whole, c.loss, SGD.of(whole.parameters(), 0.1), metrics);
            Trainer.Step wanted = a.step(x, c.y);
            for (int parts : new int[] {2, 4, N, 50}) {
                Linear pieces = linear();
                Trainer b =
                        Trainer.of(pieces, c.loss, SGD.of(pieces.parameters(), 0.1), metrics)
                                .accumulate(parts);
                Trainer.Step s = b.step(x, c.y);
                String what = c.loss + " in " + parts;
                assertEquals(wanted.loss(), s.loss(), 1e-5 * Math.max(1, wanted.loss()), what);
                for (int m = 0; m < metrics.length; m++) {
                    assertEquals(wanted.metrics().get(m), s.metrics().get(m), 1e-6, what);
                }
                List<Variable> ours = pieces.parameters();
                for (int k = 0; k < ours.size(); k++) {
                    assertArrayEquals(
                            whole.parameters().get(k).toFloatArray(),
                            ours.get(k).toFloatArray(),
                            1e-5f,
                            what);
                }
            }
        }
    }

    /// Of batches with a smaller last one, in which different numbers of labels count, or none.
    @Test
    void meansOfAnEpochAreThoseOfAllExamples() {
        Tensor x = Rng.seed(5).normal(N, 5).realize();
        for (Case c : cases()) {
            if (c.loss.reduction() == Reduction.SUM) {
                continue; // the mean of the batches' sums
            }
            Linear net = linear();
            Metric[] metrics =
                    c.y.dtype().isInteger()
                            ? new Metric[] {new Accuracy(), new TopKAccuracy(2)}
                            : new Metric[] {new MeanError(false)};
            Trainer t = Trainer.of(net, c.loss, SGD.of(net.parameters(), 0), metrics);
            Trainer.Step whole = t.measure(x, c.y);
            for (Map<String, Double> means :
                    List.of(
                            t.evaluate(Batches.of(x, c.y, 4)),
                            t.evaluate(Batches.of(x, c.y, 2).shuffled(1)))) {
                assertEquals(whole.loss(), means.get("loss"), 1e-5, c.loss.toString());
                for (int m = 0; m < metrics.length; m++) {
                    assertEquals(whole.metrics().get(m), means.get(metrics[m].name()), 1e-6);
                }
            }
        }
    }

    @Test
    void metricsOfOneNameKeepTheirValues() {
        Tensor x = Rng.seed(5).normal(N, 5).realize();
        Linear net = linear();
        Metric loss =
                new Metric() {
                    @Override
                    public String name() {
                        return "loss";
                    }

                    @Override
                    public Tensor of(Tensor prediction, Tensor target) {
                        return Tensor.of(7f);
                    }
                };
        Trainer t =
                Trainer.of(
                        net,
                        new MSELoss(),
                        SGD.of(net.parameters(), 0.1),
                        new MeanError(true),
                        new MeanError(false),
                        new MeanError(true),
                        loss);
        Tensor y = Tensor.zeros(N, CLASSES).realize();
        Map<String, Double> m = t.evaluate(Batches.of(x, y, 4));
        assertEquals(List.of("loss", "mse", "mae", "mse_1", "loss_1"), List.copyOf(m.keySet()));
        assertEquals(m.get("loss"), m.get("mse"), 1e-6);
        assertEquals(m.get("mse"), m.get("mse_1"));
        assertEquals(7.0, m.get("loss_1"), 1e-6);
        assertEquals(net.forward(x).abs().mean().item(), m.get("mae"), 1e-6);
    }
}
