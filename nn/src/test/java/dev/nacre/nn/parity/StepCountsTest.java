package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.keras.Optimizers;
import dev.nacre.nn.optim.Accumulator;
import dev.nacre.nn.optim.Adagrad;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Rule;
import dev.nacre.nn.optim.SGD;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.TensorVector;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// The number of a step is the parameter's own, as in PyTorch: every rule against libtorch, with parameters that begin late, pause, or take part in some steps only, in every way to take a step.
class StepCountsTest {
    private static final int STEPS = 8;

    /// What takes part in which step: of three parameters each.
    private static final Map<String, List<String>> PATTERNS = new LinkedHashMap<>();

    static {
        PATTERNS.put("thawed late", List.of("11111111", "00011111", "00000011"));
        PATTERNS.put("frozen halfway and thawed", List.of("11111111", "11000111", "11110001"));
        PATTERNS.put("in turn", List.of("10101010", "01010101", "11011011"));
        PATTERNS.put("one step alone", List.of("11111111", "00010000", "00000001"));
        PATTERNS.put("the first one late", List.of("00111111", "11111111", "11001100"));
        PATTERNS.put("never", List.of("11111111", "00000000", "11111111"));
    }

    private enum Way {
        EAGER,
        COMPILED,
        /// With a step between that is refused, and counts nowhere.
        IF_FINITE,
        ACCUMULATED,
        /// With a new optimizer for each step, which takes over the state of the one before.
        RESUMED,
        /// Two groups.
        GROUPS
    }

    /// Our side of a training.
    private static final class Ours {
        final Rule rule;
        final Way way;
        final List<Variable> parameters;
        final List<Tensor> targets;
        final Map<String, dev.nacre.Function> compiled = new HashMap<>();
        Optimizer optimizer;
        Accumulator sums;

        Ours(Rule rule, Way way, List<Tensor> first, List<Tensor> targets) {
            this.rule = rule;
            this.way = way;
            this.targets = targets;
            parameters = new ArrayList<>();
            for (int i = 0; i < first.size(); i++) {
                parameters.add(Variable.of("p" + i, first.get(i)));
            }
            optimizer = optimizer();
            sums = Accumulator.of(parameters);
        }

        Optimizer optimizer() {
            return way == Way.GROUPS
                    ? rule.over(parameters.subList(0, 1)).and(rule, parameters.subList(1, 3))
                    : rule.over(parameters);
        }

        /// What does not take part is frozen in one half of the steps, and not used in the other.
        Tensor loss(String used, boolean frozen) {
            Tensor sum = Tensor.zeros(parameters.getFirst().dtype());
            for (int i = 0; i < targets.size(); i++) {
                if (used.charAt(i) == '1' || frozen) {
                    Tensor p = parameters.get(i);
                    Tensor d = (used.charAt(i) == '1' ? p : p.detach()).sub(targets.get(i));
                    sum = sum.add(d.square().sum()).add(d.mul(3).sin().sum());
                }
            }
            return sum;
        }

        void step(int number, String used) {
            Supplier<Tensor> loss = () -> loss(used, number % 2 == 0);
            switch (way) {
                case EAGER, GROUPS -> plain(loss);
                case COMPILED ->
                        compiled.computeIfAbsent(
                                        used, _ -> dev.nacre.Function.of(() -> plain(loss)))
                                .call();
                case IF_FINITE -> {
                    assertTrue(ifFinite(loss.get()));
                    Map<String, double[]> before = numbers(optimizer);
                    assertFalse(
                            ifFinite(
                                    loss.get()
                                            .mul(
                                                    number % 3 == 0
                                                            ? Double.NaN
                                                            : Double.POSITIVE_INFINITY)));
                    before.forEach((k, v) -> assertArrayEquals(v, numbers(optimizer).get(k), k));
                }
                case ACCUMULATED -> {
                    for (int i = 0; i < 2; i++) {
                        optimizer.zeroGrad();
                        loss.get().backward();
                        sums.add(0.5);
                    }
                    sums.give();
                    optimizer.step();
                }
                case RESUMED -> {
                    plain(loss);
                    Map<String, Tensor> state = new LinkedHashMap<>();
                    optimizer.state().forEach((k, v) -> state.put(k, v.add(0).realize()));
                    optimizer = optimizer();
                    optimizer.load(state);
                }
            }
        }

        Tensor plain(Supplier<Tensor> loss) {
            optimizer.zeroGrad();
            Tensor l = loss.get();
            l.backward();
            optimizer.step();
            return l;
        }

        boolean ifFinite(Tensor loss) {
            optimizer.zeroGrad();
            loss.backward();
            return optimizer.stepIfFinite(loss).toBooleanArray()[0];
        }
    }

    private static Map<String, double[]> numbers(Optimizer o) {
        Map<String, double[]> out = new LinkedHashMap<>();
        o.state().forEach((k, v) -> out.put(k, v.toDoubleArray()));
        return out;
    }

    private final Rng rng = Rng.seed(6);
    private final List<Tensor> first =
            List.of(
                    rng.normal(5, 3).realize(),
                    rng.normal(17).realize(),
                    Tensor.of(0.7f).realize());
    private final List<Tensor> targets =
            first.stream().map(p -> rng.normal(p.shape()).realize()).toList();

    private static String used(List<String> pattern, int step) {
        StringBuilder out = new StringBuilder();
        pattern.forEach(p -> out.append(p.charAt(step)));
        return out.toString();
    }

    /// Values of all parameters after each step.
    private List<List<double[]>> theirs(
            java.util.function.Function<TensorVector, org.bytedeco.pytorch.Optimizer> by,
            List<String> pattern) {
        List<org.bytedeco.pytorch.Tensor> all = first.stream().map(Torch::parameter).toList();
        var o = by.apply(new TensorVector(all.toArray(org.bytedeco.pytorch.Tensor[]::new)));
        List<List<double[]>> out = new ArrayList<>();
        for (int step = 0; step < STEPS; step++) {
            o.zero_grad();
            for (int i = 0; i < all.size(); i++) {
                if (pattern.get(i).charAt(step) == '1') {
                    var d = all.get(i).sub(Torch.of(targets.get(i)));
                    d.mul(d).sum().add(d.mul(Torch.scalar(3)).sin().sum()).backward();
                }
            }
            o.step();
            out.add(all.stream().map(Torch::doubles).toList());
        }
        return out;
    }

    @TestFactory
    Stream<DynamicTest> areThoseOfTheParameter() {
        return OptimizerParityTest.CASES.stream()
                .map(c -> DynamicTest.dynamicTest(c.name(), () -> allPatterns(c)));
    }

    private void allPatterns(OptimizerParityTest.Case c) {
        int turn = OptimizerParityTest.CASES.indexOf(c);
        for (Map.Entry<String, List<String>> pattern : PATTERNS.entrySet()) {
            List<List<double[]>> expected = theirs(c.theirs(), pattern.getValue());
            turn++;
            for (Way way : Way.values()) {
                if (c.ours().equals(Adam.of(0.05).withAmsgrad())
                        || way.ordinal() == turn % 6) { // each way with each rule
                    Ours ours = new Ours(c.ours(), way, first, targets);
                    for (int step = 0; step < STEPS; step++) {
                        ours.step(step, used(pattern.getValue(), step));
                        String what = pattern.getKey() + ", " + way + ", step " + (step + 1);
                        for (int i = 0; i < first.size(); i++) {
                            Closeness.STEPS.check(
                                    what + ": parameter " + i,
                                    expected.get(step).get(i),
                                    ours.parameters.get(i).toDoubleArray());
                        }
                        assertEquals(step + 1, ours.optimizer.steps(), what);
                    }
                }
            }
        }
    }

    /// The rules that depend on the number of the step.
    private static List<OptimizerParityTest.Case> counting() {
        return OptimizerParityTest.CASES.stream()
                .filter(c ->
                        c.ours().equals(AdamW.of(1e-3))
                                || c.ours() instanceof SGD s && s.dampening() > 0
                                || c.ours() instanceof Adagrad a && a.decay() > 0)
                .toList();
    }

    /// A resumed training has the bits of one that is not interrupted.
    @Test
    void resumedBits() {
        for (OptimizerParityTest.Case c : counting()) {
            for (List<String> pattern : PATTERNS.values()) {
                Ours whole = new Ours(c.ours(), Way.EAGER, first, targets);
                Ours resumed = new Ours(c.ours(), Way.RESUMED, first, targets);
                for (int step = 0; step < STEPS; step++) {
                    whole.step(step, used(pattern, step));
                    resumed.step(step, used(pattern, step));
                }
                for (int i = 0; i < first.size(); i++) {
                    assertArrayEquals(
                            whole.parameters.get(i).toFloatArray(),
                            resumed.parameters.get(i).toFloatArray(),
                            c.name() + pattern);
                }
            }
        }
    }

    /// A state of earlier versions has one number for all parameters of a group, which were all in each step.
    @Test
    void statesWithOneNumber() {
        for (OptimizerParityTest.Case c : counting()) {
            for (Way way : List.of(Way.EAGER, Way.GROUPS)) {
                Ours whole = new Ours(c.ours(), way, first, targets);
                Ours resumed = new Ours(c.ours(), way, first, targets);
                for (int step = 0; step < 4; step++) {
                    whole.step(step, "111");
                    resumed.step(step, "111");
                }
                Map<String, Tensor> state = new LinkedHashMap<>();
                whole.optimizer.state().forEach((k, v) -> state.put(k, v.add(0).realize()));
                state.replaceAll((k, v) -> k.endsWith("step") ? Tensor.of(4.0) : v);
                resumed.optimizer = resumed.optimizer();
                resumed.optimizer.load(state);
                assertEquals(4, resumed.optimizer.steps());
                for (int step = 0; step < 2; step++) {
                    whole.step(step, step == 0 ? "101" : "111");
                    resumed.step(step, step == 0 ? "101" : "111");
                }
                for (int i = 0; i < first.size(); i++) {
                    assertArrayEquals(
                            whole.parameters.get(i).toFloatArray(),
                            resumed.parameters.get(i).toFloatArray(),
                            c.name());
                }
            }
        }
    }

    /// Keras's Adam counts the optimizer's iterations for all variables: its formula, in doubles.
    @Test
    void kerasCountsIterations() {
        for (Optimizers.Adam rule : List.of(Optimizers.adamW(0.05))) {
            for (Map.Entry<String, List<String>> pattern : PATTERNS.entrySet()) {
                for (Way way : Way.values()) {
                    List<Tensor> start = first.stream().map(t -> t.cast(DType.F64)).toList();
                    List<Tensor> to = targets.stream().map(t -> t.cast(DType.F64)).toList();
                    Ours ours = new Ours(rule, way, start, to);
                    double[][] w = new double[3][];
                    double[][] m = new double[3][];
                    double[][] v = new double[3][];
                    for (int i = 0; i < 3; i++) {
                        w[i] = start.get(i).toDoubleArray();
                        m[i] = new double[w[i].length];
                        v[i] = new double[w[i].length];
                    }
                    for (int step = 0; step < STEPS; step++) {
                        String used = used(pattern.getValue(), step);
                        ours.step(step, used);
                        for (int i = 0; i < 3; i++) {
                            if (used.charAt(i) == '1') {
                                double[] y = to.get(i).toDoubleArray();
                                iteration(rule, step + 1, w[i], y, m[i], v[i]);
                            }
                            assertArrayEquals(
                                    w[i],
                                    ours.parameters.get(i).toDoubleArray(),
                                    1e-9,
                                    pattern.getKey() + ", " + way + ", step " + (step + 1));
                        }
                    }
                }
            }
        }
    }

    private static void iteration(
            Optimizers.Adam r, int t, double[] w, double[] to, double[] m, double[] v) {
        for (int k = 0; k < w.length; k++) {
            double d = w[k] - to[k];
            double g = 2 * d + 3 * Math.cos(3 * d);
            w[k] -= r.learningRate() * r.weightDecay() * w[k];
            m[k] += (g - m[k]) * (1 - r.beta1());
            v[k] += (g * g - v[k]) * (1 - r.beta2());
            double alpha =
                    r.learningRate()
                            * Math.sqrt(1 - Math.pow(r.beta2(), t))
                            / (1 - Math.pow(r.beta1(), t));
            w[k] -= m[k] * alpha / (Math.sqrt(v[k]) + r.epsilon());
        }
    }

    /// A group that is added later counts its parameters' steps from then on, and Keras's iterations with the others.
    @Test
    void groupsAddedLater() {
        Variable a = Variable.of("a", Tensor.of(1.0));
        Variable b = Variable.of("b", Tensor.of(1.0));
        for (Rule rule : List.of(Adam.of(0.1), Optimizers.adam(0.1))) {
            Optimizer o = rule.over(List.of(a));
            for (int i = 0; i < 5; i++) {
                if (i == 3) {
                    o.and(rule, List.of(b));
                }
                o.zeroGrad();
                a.mul(b).backward();
                o.step();
            }
            assertArrayEquals(new double[] {5, 5}, o.state().get("step").toDoubleArray());
            assertArrayEquals(new double[] {5, 2}, o.state().get("1.step").toDoubleArray());
            assertEquals(5, o.steps());
        }
    }

    /// A rule of one's own sees the numbers of its parameter, however it asks.
    @Test
    void rulesOfOnesOwn() {
        record Writes(double learningRate, int way) implements Rule {
            @Override
            public Change apply(Tensor w, Tensor g, List<Tensor> kept, Step at) {
                Tensor number =
                        switch (way) {
                            case 0 -> at.number();
                            case 1 -> at.each(Step::number);
                            case 2 -> at.collected(0.5).neg().add(1).log2().neg();
                            default -> at.each(s -> s.learningRate()).mul(at.number());
                        };
                return new Change(w.zerosLike().add(number.cast(w.dtype())));
            }
        }
        for (int way = 0; way < 4; way++) {
            for (Map.Entry<String, List<String>> pattern : PATTERNS.entrySet()) {
                Ours ours = new Ours(new Writes(1, way), Way.EAGER, first, targets);
                int[] count = new int[3];
                for (int step = 0; step < STEPS; step++) {
                    String used = used(pattern.getValue(), step);
                    ours.step(step, used);
                    for (int i = 0; i < 3; i++) {
                        count[i] += used.charAt(i) - '0';
                        if (count[i] > 0) {
                            assertEquals(
                                    count[i],
                                    ours.parameters.get(i).mean().item(),
                                    1e-5,
                                    pattern.getKey() + ", way " + way);
                        }
                    }
                }
            }
        }
    }

    /// However many parameters there are, the update is a few kernels.
    @Test
    void kernelsDoNotGrowWithParameters() {
        for (Rule rule :
                List.of(
                        Adam.of(1e-3),
                        SGD.of(0.1).momentum(0.9).dampening(0.5),
                        Adagrad.of(0.1).decay(0.1),
                        Optimizers.adam(1e-3))) {
            assertEquals(kernels(rule, 2), kernels(rule, 40), rule.toString());
        }
    }

    private static long kernels(Rule rule, int count) {
        List<Variable> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(Variable.zeros("p" + i, 3 + i));
        }
        Optimizer o = rule.over(all);
        dev.nacre.Function step =
                dev.nacre.Function.of((Tensor x) -> {
                    all.forEach(v -> v.setGrad(x.broadcastTo(v.shape())));
                    o.step();
                    o.zeroGrad();
                    return x;
                });
        String last = step.explain(Tensor.of(1f)).lines().toList().getLast();
        return Long.parseLong(last.substring(0, last.indexOf(' ')));
    }
}
