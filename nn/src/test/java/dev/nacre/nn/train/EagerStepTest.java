package dev.nacre.nn.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.BatchNorm1d;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.Embedding;
import dev.nacre.nn.LSTM;
import dev.nacre.nn.LayerNorm;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.TransformerEncoderLayer;
import dev.nacre.nn.Tree;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Rule;
import dev.nacre.nn.optim.SGD;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// An eager step, which takes over what the step before has recorded, does what the same step compiled does, bit for bit.
class EagerStepTest {
    private record Mlp(Linear fc1, Linear fc2) implements Module {
        static Mlp of() {
            Rng rng = Rng.seed(5);
            return new Mlp(Linear.of(6, 8, rng), Linear.of(8, 4, rng));
        }

        @Override
        public Tensor forward(Tensor x) {
            return fc2.forward(fc1.forward(x).relu());
        }
    }

    private record Noisy(Linear fc1, BatchNorm1d norm, Dropout dropout, Linear fc2)
            implements Module {
        static Noisy of() {
            Rng rng = Rng.seed(5);
            return new Noisy(
                    Linear.of(6, 8, rng),
                    BatchNorm1d.of(8),
                    Dropout.of(0.5, Rng.seed(9)),
                    Linear.of(8, 4, rng));
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor h = norm.forward(fc1.forward(x, mode), mode).gelu();
            return fc2.forward(dropout.forward(h, mode), mode);
        }
    }

    private record Text(
            Embedding embedding,
            TransformerEncoderLayer layer,
            LSTM lstm,
            LayerNorm norm,
            Linear head)
            implements Module {
        static Text of() {
            Rng rng = Rng.seed(5);
            return new Text(
                    Embedding.of(9, 8, rng),
                    TransformerEncoderLayer.of(8, 2, 16, rng).dropout(0),
                    LSTM.of(8, 8, rng),
                    LayerNorm.of(8),
                    Linear.of(8, 4, rng));
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor words = x.abs().mul(3).cast(DType.I64).mod(9);
            Tensor h = layer.forward(embedding.forward(words, mode), mode);
            return head.forward(norm.forward(lstm.forward(h, mode), mode), mode).mean(1);
        }
    }

    /// @param between backward pass and update: something that reads
    /// @param exact whether the bits are the same: what is read is computed by a plan of its own, which may round in another place
    private record Row(
            String name, Supplier<Module> net, Rule rule, Between between, boolean exact) {
        @Override
        public String toString() {
            return name;
        }
    }

    private interface Between {
        void look(Tensor loss, List<Variable> parameters);
    }

    static Stream<Row> rows() {
        Between nothing = (_, _) -> {};
        Between reads = (loss, _) -> loss.item();
        Between norms = (_, p) -> p.getFirst().grad().orElseThrow().norm(2).item();
        Between all = (loss, p) -> p.forEach(v -> loss.add(v.grad().orElseThrow().sum()).item());
        return Stream.of(
                new Row("mlp", Mlp::of, Adam.of(1e-2), nothing, true),
                new Row("mlp, read before the step", Mlp::of, Adam.of(1e-2), reads, false),
                new Row("mlp, a gradient read", Mlp::of, SGD.of(1e-2).momentum(0.9), norms, false),
                new Row("mlp, all gradients read", Mlp::of, AdamW.of(1e-2), all, false),
                new Row("noisy", Noisy::of, Adam.of(1e-2), nothing, true),
                new Row("noisy, read before the step", Noisy::of, SGD.of(1e-2), reads, false),
                new Row("text", Text::of, AdamW.of(1e-2), nothing, true),
                new Row("text, all gradients read", Text::of, SGD.of(1e-2), all, false));
    }

    @ParameterizedTest
    @MethodSource("rows")
    void doesWhatACompiledStepDoes(Row row) {
        Module a = row.net.get();
        Module b = row.net.get();
        List<Variable> parameters = variables(a);
        Optimizer first = row.rule.over(parameters);
        Optimizer second = row.rule.over(variables(b));
        BinaryOperator<Tensor> compiled =
                Function.of((Tensor x, Tensor y) ->
                        step(b, second, x, y, (_, _) -> {}, variables(b)))
                        ::apply;
        for (int i = 0; i < 6; i++) {
            int n = i == 3 ? 5 : 7; // one step of another shape
            Tensor x = numbers(i, n, 6);
            Tensor y = Tensor.arange(n).add(i).mod(4).realize();
            double eager = step(a, first, x, y, row.between, parameters).item();
            assertEquals(
                    compiled.apply(x, y).item(), eager, row.exact ? 0 : 1e-5, "loss of step " + i);
            assertNear(variables(a), variables(b), row.exact ? 0 : 1e-5f, i);
        }
    }

    private static Tensor step(
            Module net,
            Optimizer optimizer,
            Tensor x,
            Tensor y,
            Between between,
            List<Variable> parameters) {
        optimizer.zeroGrad();
        Tensor loss = new CrossEntropyLoss().forward(net.forward(x, Mode.TRAIN), y);
        loss.backward();
        between.look(loss, parameters);
        optimizer.step();
        return loss;
    }

    private static List<Variable> variables(Module net) {
        return new ArrayList<>(Tree.of(net).parameters());
    }

    private static Tensor numbers(int seed, long... sizes) {
        return Rng.seed(100 + seed).normal(dev.nacre.type.Shape.of(sizes)).realize();
    }

    private static void assertNear(List<Variable> a, List<Variable> b, float delta, int step) {
        for (int k = 0; k < a.size(); k++) {
            assertArrayEquals(
                    b.get(k).toFloatArray(),
                    a.get(k).toFloatArray(),
                    delta,
                    a.get(k).name() + " after step " + step);
        }
    }

    /// Numbers in the loss that change from step to step, two losses, and a head that is frozen from some step on.
    @Test
    void numbersAndPartsMayChangeFromStepToStep() {
        Mlp a = Mlp.of();
        Mlp b = Mlp.of();
        Optimizer first = Adam.of(variables(a), 1e-2);
        Optimizer second = Adam.of(variables(b), 1e-2);
        Variable factor = Variable.of("factor", Tensor.of(0f), false);
        Function compiled =
                Function.of((Tensor x, Tensor y) -> {
                    second.zeroGrad();
                    loss(b, x, y).mul(factor).backward();
                    second.step();
                    return Tensor.of(0f);
                });
        for (int i = 0; i < 5; i++) {
            Tensor x = numbers(i, 3, 6);
            Tensor y = numbers(i + 50, 3, 4);
            first.zeroGrad();
            loss(a, x, y).mul(0.5 + i).backward();
            first.step();
            factor.set(Tensor.of((float) (0.5 + i)));
            compiled.apply(x, y);
            for (int k = 0; k < variables(a).size(); k++) {
                assertArrayEquals(
                        variables(b).get(k).toFloatArray(),
                        variables(a).get(k).toFloatArray(),
                        1e-5f);
            }
        }
        a.fc2().weight().zeroGrad();
        float[] before = a.fc2().weight().toFloatArray();
        first.zeroGrad();
        loss(a, numbers(1, 3, 6), numbers(2, 3, 4)).backward();
        a.fc2().weight().zeroGrad();
        first.step();
        assertArrayEquals(before, a.fc2().weight().toFloatArray());
    }

    private static Tensor loss(Mlp net, Tensor x, Tensor y) {
        return new MSELoss().forward(net.forward(x), y);
    }

    /// A derivative of the user's own is asked in each step.
    @Test
    void aDerivativeOfOnesOwnMayChange() {
        Variable w = Variable.of("w", Tensor.of(new float[] {1, 2}));
        double[] scale = {1};
        java.util.function.Function<List<Tensor>, Tensor> same = in -> in.getFirst();
        Gradients.Rule rule = (in, out, g) -> List.of(g.mul(scale[0]));
        float[][] seen = new float[3][];
        for (int i = 0; i < 3; i++) {
            scale[0] = i + 2;
            w.zeroGrad();
            Gradients.custom(same, rule, w).sum().backward();
            seen[i] = w.grad().orElseThrow().toFloatArray();
            assertArrayEquals(new float[] {i + 2, i + 2}, seen[i]);
        }
        assertNotEquals(seen[0][0], seen[1][0]);
    }

    /// A rule that is no record may do something else in each step.
    @Test
    void aRuleMayCount() {
        Variable w = Variable.of("w", Tensor.of(new float[] {0}));
        int[] steps = {0};
        Rule counting =
                new Rule() {
                    @Override
                    public double learningRate() {
                        return 1;
                    }

                    @Override
                    public Change apply(
                            Tensor parameter, Tensor gradient, List<Tensor> kept, Step at) {
                        return new Change(parameter.add(++steps[0]));
                    }
                };
        Optimizer optimizer = counting.over(List.of(w));
        for (int i = 0; i < 3; i++) {
            optimizer.zeroGrad();
            w.sum().backward();
            optimizer.step();
        }
        assertArrayEquals(new float[] {6}, w.toFloatArray());
    }
}
