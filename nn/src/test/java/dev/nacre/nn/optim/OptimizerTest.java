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
}
