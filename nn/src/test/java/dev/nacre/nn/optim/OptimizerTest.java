package dev.nacre.nn.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.Linear;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.type.NacreException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongToDoubleFunction;
import org.junit.jupiter.api.Test;

class OptimizerTest {
    private final Variable w = Variable.of("w", Tensor.of(new float[] {1, -2, 3}));
    private final Variable unused = Variable.of("unused", Tensor.of(new float[] {5}));

    private void step(Optimizer o) {
        o.zeroGrad();
        w.square().sum().mul(0.5).backward();
        o.step();
    }

    @Test
    void gradientDescent() {
        Optimizer o = SGD.gradientDescent(List.of(w), 0.5);
        step(o);
        assertArrayEquals(new float[] {0.5f, -1, 1.5f}, w.toFloatArray());
        assertEquals(1, o.steps());
    }

    @Test
    void parametersWithoutGradientAreLeftAlone() {
        Optimizer o = AdamW.of(List.of(w, unused), 0.1);
        step(o);
        assertArrayEquals(new float[] {5}, unused.toFloatArray());
        assertEquals(0, o.state().get("exp_avg.unused").item());
    }

    @Test
    void learningRateCanChange() {
        Optimizer o = SGD.of(List.of(w), 1);
        o.learningRate(0.25);
        assertEquals(0.25, o.learningRate());
        step(o);
        assertArrayEquals(new float[] {0.75f, -1.5f, 2.25f}, w.toFloatArray());
        Function traced =
                Function.of(() -> {
                    o.zeroGrad();
                    Tensor loss = w.square().sum().mul(0.5);
                    loss.backward();
                    o.step();
                    return loss;
                });
        traced.apply();
        o.learningRate(0);
        float[] before = w.toFloatArray();
        traced.apply();
        assertArrayEquals(before, w.toFloatArray());
        assertEquals(3, o.steps());
    }

    @Test
    void groups() {
        Optimizer o = SGD.of(1).over(List.of(w)).and(SGD.of(0.1).momentum(0.9), List.of(unused));
        o.zeroGrad();
        w.sum().add(unused.sum()).backward();
        o.learningRate(0.5);
        o.step();
        assertArrayEquals(new float[] {0.5f, -2.5f, 2.5f}, w.toFloatArray());
        assertArrayEquals(new float[] {4.95f}, unused.toFloatArray(), 1e-6f);
        assertEquals(
                List.of(
                        "step",
                        "learning_rate",
                        "1.step",
                        "1.learning_rate",
                        "1.momentum_buffer.unused"),
                List.copyOf(o.state().keySet()));
    }

    private static void requireRates(Optimizer o, double... expected) {
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], o.groupLearningRate(i), 1e-15, "group " + i);
        }
    }

    /// One factor for all groups, whatever has set their rates.
    @Test
    void ratesOfGroupsKeepTheirRatios() {
        Variable third = Variable.zeros("third", 2);
        Optimizer o =
                SGD.of(1)
                        .over(List.of(w))
                        .and(SGD.of(0.1), List.of(unused))
                        .and(SGD.of(0), List.of(third));
        o.learningRate(0.5);
        requireRates(o, 0.5, 0.05, 0);
        o.groupLearningRate(1, 0.4);
        requireRates(o, 0.5, 0.4, 0);
        o.learningRate(1);
        requireRates(o, 1, 0.8, 0);
        Map<String, Tensor> state = new LinkedHashMap<>();
        o.state().forEach((k, v) -> state.put(k, v.add(0).realize()));
        for (int i = 0; i < 2; i++) { // a schedule may begin and end at 0
            o.learningRate(0);
            requireRates(o, 0, 0, 0);
        }
        o.groupLearningRate(2, 0.3);
        o.learningRate(0.25);
        requireRates(o, 0.25, 0.2, 0.075);
        o.groupLearningRate(0, 0); // the first is frozen
        requireRates(o, 0, 0.2, 0.075);
        o.learningRate(0.5);
        requireRates(o, 0.5, 0.4, 0.15);
        o.load(state);
        o.learningRate(2);
        requireRates(o, 2, 1.6, 0);
        assertThrows(NacreException.class, () -> o.learningRate(Double.NaN));
        requireRates(o, 2, 1.6, 0);
    }

    @Test
    void noRatioToARateOfZero() {
        Optimizer o = SGD.of(0).over(List.of(w)).and(SGD.of(0.1), List.of(unused));
        assertEquals(
                "optimizer: the rates of the other groups go with the first one's, which is 0\n"
                        + "  hint: groupLearningRate(group, rate) for each of them",
                assertThrows(NacreException.class, () -> o.learningRate(1)).getMessage());
        requireRates(o, 0, 0.1);
        o.groupLearningRate(0, 0.2);
        o.learningRate(0.4);
        requireRates(o, 0.4, 0.2);
        Optimizer alone = SGD.of(0).over(List.of(w));
        alone.learningRate(0.3);
        requireRates(alone, 0.3);
    }

    @Test
    void stateGoesOnWhereItWas() {
        Optimizer a = Adam.of(List.of(w), 0.1);
        step(a);
        step(a);
        Map<String, Tensor> state = new LinkedHashMap<>();
        a.state().forEach((k, v) -> state.put(k, v.mul(1).realize()));
        Tensor values = w.mul(1).realize();
        step(a);
        float[] expected = w.toFloatArray();
        w.set(values);
        Optimizer b = Adam.of(List.of(w), 0.7);
        b.load(state);
        step(b);
        assertArrayEquals(expected, w.toFloatArray());
        assertEquals(3, b.steps());
    }

    @Test
    void brokenLossChangesNothing() {
        Optimizer o = Adam.of(List.of(w), 0.1);
        for (double factor : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
            o.zeroGrad();
            Tensor loss = w.square().sum().mul(factor);
            loss.backward();
            o.stepIfFinite(loss);
            assertArrayEquals(new float[] {1, -2, 3}, w.toFloatArray());
            assertArrayEquals(new float[3], o.state().get("exp_avg_sq.w").toFloatArray());
            assertEquals(0, o.steps());
        }
        o.zeroGrad();
        Tensor loss = w.square().sum();
        loss.backward();
        o.stepIfFinite(loss);
        assertEquals(1, o.steps());
        assertEquals(0.9, w.toFloatArray()[0], 1e-6);
    }

    @Test
    void misuse() {
        Optimizer o = SGD.of(List.of(w), 1);
        assertEquals(
                "step: no parameter has a gradient\n  hint: call backward() on the loss first",
                assertThrows(NacreException.class, o::step).getMessage());
        assertEquals(
                "optimizer: there are no parameters to optimize",
                assertThrows(NacreException.class, () -> SGD.of(List.of(), 1)).getMessage());
        assertEquals(
                "optimizer: parameter w is given twice",
                assertThrows(NacreException.class, () -> SGD.of(List.of(w, w), 1)).getMessage());
        Variable fixed = Variable.of("fixed", Tensor.ones(2), false);
        assertEquals(
                "optimizer: variable fixed f32[2] is not trainable",
                assertThrows(NacreException.class, () -> SGD.of(List.of(fixed), 1)).getMessage());
        assertEquals(
                "sgd: Nesterov's momentum needs a momentum above 0 and no dampening",
                assertThrows(NacreException.class, () -> SGD.of(1).withNesterov()).getMessage());
        assertEquals(
                "clip: the limit must be above 0, but is 0.0",
                assertThrows(NacreException.class, () -> Clip.byNorm(List.of(w), 0)).getMessage());
    }

    /// What DESIGN.md promises of the plan: one kernel for all updates, however many parameters.
    @Test
    void allUpdatesAreOneKernel() {
        Rng rng = Rng.seed(0);
        List<Linear> layers =
                List.of(Linear.of(7, 6, rng), Linear.of(6, 5, rng), Linear.of(5, 4, rng));
        for (Rule rule :
                List.of(
                        Adam.of(1e-3),
                        AdamW.of(1e-3),
                        RMSprop.of(1e-2).momentum(0.9),
                        SGD.of(0.1).momentum(0.9))) {
            Optimizer o = rule.over(layers.stream().flatMap(l -> l.parameters().stream()).toList());
            Function step =
                    Function.of((Tensor x, Tensor y) -> {
                        o.zeroGrad();
                        Tensor h = x;
                        for (Linear l : layers) {
                            h = l.forward(h).tanh();
                        }
                        Tensor loss = new CrossEntropyLoss().forward(h, y);
                        loss.backward();
                        o.step();
                        return loss;
                    });
            String plan = step.explain(Tensor.ones(8, 7), Tensor.arange(8).mod(4));
            assertTrue(plan.contains("6 tensors"), rule + ":\n" + plan);
        }
    }

    @Test
    void schedules() {
        assertEquals(0.25, Schedule.steps(1, 10, 0.5).at(25));
        assertEquals(0.125, Schedule.exponential(1, 0.5).at(3));
        assertEquals(0.5, Schedule.cosine(1, 10, 0).at(5), 1e-12);
        assertEquals(0.1, Schedule.cosine(1, 10, 0.1).at(99), 1e-12);
        assertEquals(0.75, Schedule.linear(1, 0.5, 10).at(5));
        Schedule s = Schedule.cosine(1, 10, 0).warmup(4);
        assertEquals(0.25, s.at(0));
        assertEquals(1, s.at(3));
        assertEquals(0.5, s.at(9), 1e-12);
    }

    /// Each beside its formula, from step 0 to the last there is; before that there is no rate.
    @Test
    void schedulesBeginAtZero() {
        Map<String, Schedule> rows = new LinkedHashMap<>();
        Map<String, LongToDoubleFunction> expected = new LinkedHashMap<>();
        rows.put("constant", Schedule.constant(0.3));
        expected.put("constant", _ -> 0.3);
        rows.put("steps", Schedule.steps(0.3, 4, 0.5));
        expected.put("steps", t -> 0.3 * Math.pow(0.5, t / 4));
        rows.put("steps of 0", Schedule.steps(0, 1, 2));
        expected.put("steps of 0", _ -> 0);
        rows.put("exponential", Schedule.exponential(0.3, 0.9));
        expected.put("exponential", t -> 0.3 * Math.pow(0.9, t));
        rows.put("exponential of 0", Schedule.exponential(0, 2));
        expected.put("exponential of 0", _ -> 0);
        rows.put("exponential to 0", Schedule.exponential(0.3, 0));
        expected.put("exponential to 0", t -> t == 0 ? 0.3 : 0);
        rows.put("cosine", Schedule.cosine(0.3, 10, 0.1));
        expected.put("cosine", t -> 0.2 + 0.1 * Math.cos(Math.PI * Math.min(t, 10) / 10));
        rows.put("linear", Schedule.linear(0.3, 0.1, 10));
        expected.put("linear", t -> 0.3 - 0.02 * Math.min(t, 10));
        for (String name : List.copyOf(rows.keySet())) {
            Schedule inner = rows.get(name);
            LongToDoubleFunction f = expected.get(name);
            double first = f.applyAsDouble(0);
            rows.put(name + ", warmed up", inner.warmup(5));
            expected.put(
                    name + ", warmed up",
                    t -> t < 5 ? first * (t + 1) / 5 : f.applyAsDouble(t - 5));
            rows.put(name + ", not warmed up", inner.warmup(0));
            expected.put(name + ", not warmed up", f);
        }
        rows.put("of one's own, warmed up", ((Schedule) t -> t).warmup(2));
        expected.put("of one's own, warmed up", t -> Math.max(0, t - 2));
        rows.forEach((name, s) -> {
            for (long t : new long[] {0, 1, 3, 4, 5, 9, 10, 11, 15, 100, 5000, Long.MAX_VALUE}) {
                assertEquals(
                        expected.get(name).applyAsDouble(t), s.at(t), 1e-12, name + " at " + t);
            }
            for (long t : new long[] {-1, -2, -5, -100, Long.MIN_VALUE}) {
                assertEquals(
                        "schedule: the step must be at least 0, but is " + t,
                        assertThrows(NacreException.class, () -> s.at(t), name).getMessage());
            }
        });
    }
}
