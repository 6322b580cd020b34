package dev.nacre.nn.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Scan;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.Module;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.train.Trainer;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What no gradient reaches has none: no optimizer moves it, by weight decay or momentum either, in a loop, a function or a trainer.
class FrozenTest {
    /// Functions of a weight that learns and one that no gradient reaches.
    private static final Map<String, BinaryOperator<Tensor>> USES = uses();

    private static Map<String, BinaryOperator<Tensor>> uses() {
        Map<String, BinaryOperator<Tensor>> u = new LinkedHashMap<>();
        u.put("detach", (w, f) -> w.mul(f.detach()));
        u.put("detach later", (w, f) -> w.add(f.exp().mul(2).detach()));
        u.put("comparison", (w, f) -> w.mul(f.gt(0).cast(DType.F32)));
        u.put("condition", (w, f) -> f.gt(0).where(w, w.mul(2)));
        u.put("argmax", (w, f) -> w.add(f.argmax(0).cast(DType.F32)));
        u.put("argsort", (w, f) -> w.gather(0, f.argsort(0, true)));
        u.put("whole numbers", (w, f) -> w.mul(f.cast(DType.I32).cast(DType.F32)));
        u.put("not used", (w, f) -> w);
        u.put(
                "checkpoint",
                (w, f) -> Gradients.checkpoint(in -> in.get(0).mul(in.get(1).detach()), w, f));
        u.put(
                "captured by a checkpoint",
                (w, f) -> Gradients.checkpoint(in -> in.get(0).mul(f.detach()), w));
        u.put(
                "loop",
                (w, f) ->
                        Scan.over(w.unsqueeze(1))
                                .from(Tensor.zeros(1))
                                .run((in, s) ->
                                        Scan.step(
                                                s.getFirst()
                                                        .add(in.getFirst())
                                                        .mul(f.detach().sum())))
                                .states()
                                .getFirst());
        return u;
    }

    static List<String> names() {
        return List.copyOf(USES.keySet());
    }

    private static List<Rule> rules() {
        return List.of(
                SGD.of(0.1).momentum(0.9).weightDecay(0.1),
                Adam.of(0.1).weightDecay(0.1),
                AdamW.of(0.1),
                Adagrad.of(0.1).weightDecay(0.1),
                RMSprop.of(0.1).momentum(0.9).weightDecay(0.1));
    }

    private record Net(Variable w, Variable frozen, BinaryOperator<Tensor> use) implements Module {
        Net(BinaryOperator<Tensor> use) {
            this(
                    Variable.of("w", Tensor.of(new float[] {1, 2, 3})),
                    Variable.of("frozen", Tensor.of(new float[] {1.5f, -2, 3})),
                    use);
        }

        @Override
        public Tensor forward(Tensor x) {
            return use.apply(w, frozen).mul(x).sum().broadcastTo(x.shape());
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void stays(String use) {
        Tensor x = Tensor.of(new float[] {1, -1, 0.5f}).realize();
        Tensor y = Tensor.zeros(3).realize();
        List<Rule> all = rules();
        for (Rule rule : all) {
            for (int way = 0; way < 4; way++) {
                int turn = names().indexOf(use) + all.indexOf(rule) + way;
                if (!use.equals("detach") && turn % all.size() != 0) {
                    continue; // each way with one rule
                }
                Net net = new Net(USES.get(use));
                float[] before = net.frozen.toFloatArray();
                float[] first = net.w.toFloatArray();
                Optimizer o = rule.over(List.of(net.w, net.frozen));
                run(way, net, o, x, y);
                String what = use + ", " + rule + ", way " + way;
                assertArrayEquals(before, net.frozen.toFloatArray(), what);
                assertFalse(java.util.Arrays.equals(first, net.w.toFloatArray()), what);
                o.state()
                        .forEach((key, v) -> {
                            if (key.endsWith(".frozen")) {
                                assertEquals(0, v.abs().sum().item(), what + ": " + key);
                            }
                        });
            }
        }
    }

    private static void run(int way, Net net, Optimizer o, Tensor x, Tensor y) {
        MSELoss loss = new MSELoss();
        switch (way) {
            case 0 -> {
                for (int i = 0; i < 3; i++) {
                    o.zeroGrad();
                    loss.forward(net.forward(x), y).backward();
                    assertTrue(net.frozen.grad().isEmpty());
                    Clip.byNorm(o.parameters(), 1);
                    Clip.byValue(o.parameters(), 1);
                    o.step();
                }
            }
            case 1 -> {
                Function step =
                        Function.of((Tensor t) -> {
                            o.zeroGrad();
                            Tensor l = loss.forward(net.forward(t), y);
                            l.backward();
                            o.step();
                            return l;
                        });
                for (int i = 0; i < 3; i++) {
                    step.apply(x).item();
                }
            }
            case 2 -> {
                Trainer t = Trainer.of(net, loss, o).clip(1);
                for (int i = 0; i < 3; i++) {
                    t.step(x, y);
                }
            }
            default -> {
                Accumulator sum = Accumulator.of(o.parameters());
                for (int i = 0; i < 3; i++) {
                    o.zeroGrad();
                    loss.forward(net.forward(x), y).backward();
                    sum.add(1);
                    sum.give();
                    o.step();
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void gradientsSayWhether(String use) {
        Net net = new Net(USES.get(use));
        Tensor loss = net.forward(Tensor.ones(3)).sum();
        Gradients g = Gradients.of(loss, net.w, net.frozen);
        assertTrue(g.find(net.w).isPresent());
        assertTrue(g.find(net.frozen).isEmpty());
        assertArrayEquals(new float[3], g.of(net.frozen).toFloatArray());
        if (!use.equals("not used")) {
            Net other = new Net((w, f) -> USES.get(use).apply(w.detach(), f));
            Tensor none = other.forward(Tensor.ones(3)).sum();
            assertTrue(
                    assertThrows(NacreException.class, none::backward)
                            .getMessage()
                            .contains("no gradient reaches a trainable variable"));
        }
    }

    /// Each row: in which of eight pieces, two a step, the second weight takes part. It moves in the steps of those alone, in a loop and with the sums of an accumulator.
    @ParameterizedTest
    @ValueSource(strings = {"11110000", "11000000", "00001111", "11001100", "10010000", "00000000"})
    void frozenAndThawed(String pieces) {
        for (Rule rule : rules()) {
            Variable w = Variable.of("w", Tensor.of(new float[] {1, 2, 3}));
            Variable other = Variable.of("other", Tensor.of(new float[] {1.5f, -2, 3}));
            Optimizer o = rule.over(List.of(w, other));
            Accumulator sum = Accumulator.of(o.parameters());
            for (int step = 0; step < 4; step++) {
                float[] before = other.toFloatArray();
                boolean any = false;
                for (int i = 2 * step; i < 2 * step + 2; i++) {
                    boolean takesPart = pieces.charAt(i) == '1';
                    any |= takesPart;
                    o.zeroGrad();
                    w.mul(takesPart ? other : other.detach()).square().sum().backward();
                    sum.add(0.5);
                }
                sum.give();
                assertEquals(any, other.grad().isPresent(), rule + ", step " + step);
                o.step();
                boolean moved = !java.util.Arrays.equals(before, other.toFloatArray());
                assertEquals(any, moved, rule + ", step " + step);
            }
        }
    }

    /// What a failed step has added is given up, and with it that there was a gradient.
    @Test
    void clearedSumsAreNoGradients() {
        Variable w = Variable.of("w", Tensor.of(new float[] {1, 2, 3}));
        Accumulator sum = Accumulator.of(List.of(w));
        w.square().sum().backward();
        sum.add(1);
        sum.clear();
        sum.give();
        assertTrue(w.grad().isEmpty());
    }
}
