package dev.nacre.ir;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.Changes;
import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.BatchNorm1d;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.LSTM;
import dev.nacre.nn.LayerNorm;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.TransformerEncoderLayer;
import dev.nacre.nn.Tree;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Rule;
import dev.nacre.nn.optim.SGD;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Precision;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.stream.Stream;

/// Loops whose steps are alike but for what the rows' names say.
final class ReplayRows {
    private ReplayRows() {}

    // computed before the loops: what is computed in the middle of a step ends a run
    private static final Map<List<Integer>, Tensor> INPUTS = new HashMap<>();
    private static final Map<Integer, Tensor> LABELS = new HashMap<>();

    static {
        for (int i = 0; i < 80; i++) {
            for (int rows : new int[] {1, 3, 5, 7, 9}) {
                x(i, rows);
                y(rows);
            }
        }
    }

    record Mlp(Linear fc1, Linear fc2) implements Module {
        static Mlp of() {
            Rng rng = Rng.seed(5);
            return new Mlp(Linear.of(6, 8, rng), Linear.of(8, 4, rng));
        }

        @Override
        public Tensor forward(Tensor x) {
            return fc2.forward(fc1.forward(x).relu());
        }
    }

    record Noisy(Linear fc1, BatchNorm1d norm, Dropout dropout, Linear fc2) implements Module {
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

    record Text(TransformerEncoderLayer layer, LSTM lstm, LayerNorm norm, Linear head)
            implements Module {
        static Text of() {
            Rng rng = Rng.seed(5);
            return new Text(
                    TransformerEncoderLayer.of(6, 2, 12, rng).dropout(0),
                    LSTM.of(6, 8, rng),
                    LayerNorm.of(8),
                    Linear.of(8, 4, rng));
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor h = layer.forward(x.reshape(-1, 1, 6), mode);
            return head.forward(norm.forward(lstm.forward(h, mode), mode), mode).mean(1);
        }
    }

    /// One run of a loop: what it trains, and what it has seen.
    static final class World {
        final Module net;
        final List<Variable> parameters;
        final Optimizer optimizer;
        final List<Double> seen = new ArrayList<>();
        Tensor held = Tensor.zeros(4);

        World(Module net, Rule rule) {
            this.net = net;
            this.parameters = new ArrayList<>(Tree.of(net).parameters());
            this.optimizer = rule.over(parameters);
        }

        Variable w() {
            return parameters.getFirst();
        }

        Tensor forward(int i) {
            return net.forward(x(i, 7), Mode.TRAIN);
        }

        Tensor loss(Tensor logits) {
            return new CrossEntropyLoss().forward(logits, y((int) logits.size(0)));
        }

        void train(Tensor loss) {
            optimizer.zeroGrad();
            loss.backward();
            optimizer.step();
            see(loss);
        }

        void see(Tensor t) {
            for (double d : t.toDoubleArray()) {
                seen.add(d);
            }
        }

        double[] all() {
            optimizer.state().values().forEach(this::see);
            Tree.of(net).state().values().forEach(this::see);
            return seen.stream().mapToDouble(d -> d).toArray();
        }
    }

    interface Step {
        void take(World w, int i);
    }

    record Row(String name, Supplier<Module> net, Rule rule, Step step) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Row row(String name, Step step) {
        return new Row(name, Mlp::of, Adam.of(1e-2), step);
    }

    static Tensor x(int i, int rows) {
        return INPUTS.computeIfAbsent(
                List.of(i, rows), _ -> Rng.seed(100 + i).normal(Shape.of(rows, 6)).realize());
    }

    static Tensor y(int rows) {
        return LABELS.computeIfAbsent(rows, n -> Tensor.arange(n).mod(4).realize());
    }

    private static boolean odd(int i) {
        return i % 2 == 1;
    }

    static Stream<Row> plain() {
        Step step = (w, i) -> w.train(w.loss(w.forward(i)));
        return Stream.of(
                row("nothing", step),
                new Row("noise and statistics", Noisy::of, AdamW.of(1e-2), step),
                new Row("attention and recurrence", Text::of, SGD.of(1e-2).momentum(0.9), step),
                row(
                        "reads before backward",
                        (w, i) -> {
                            Tensor loss = w.loss(w.forward(i));
                            w.see(loss);
                            w.train(loss);
                        }),
                row(
                        "reads before the step",
                        (w, i) -> {
                            Tensor loss = w.loss(w.forward(i));
                            w.optimizer.zeroGrad();
                            loss.backward();
                            if (i % 3 == 1) {
                                w.see(loss);
                            }
                            w.optimizer.step();
                        }),
                row(
                        "reads a gradient",
                        (w, i) -> {
                            w.optimizer.zeroGrad();
                            w.loss(w.forward(i)).backward();
                            if (i % 3 != 0) {
                                w.see(w.w().grad().orElseThrow());
                            }
                            w.optimizer.step();
                        }),
                row(
                        "reads an activation in between",
                        (w, i) -> {
                            Tensor h = w.forward(i);
                            if (i % 3 == 2) {
                                w.see(h);
                            }
                            w.train(w.loss(h.sum().item() > 0 ? h : h.neg()));
                        }),
                row(
                        "computes two, in another order",
                        (w, i) -> {
                            Tensor h = w.forward(i);
                            Tensor a = h.exp();
                            Tensor b = h.sum();
                            if (odd(i)) {
                                Tensor.realize(a, b);
                            } else {
                                Tensor.realize(b, a);
                            }
                            w.see(a);
                            w.see(b);
                            w.train(w.loss(h));
                        }),
                row(
                        "shapes",
                        (w, i) -> {
                            int rows = new int[] {7, 7, 5, 7, 5, 1}[i % 6];
                            w.train(w.loss(w.net.forward(x(i, rows), Mode.TRAIN)));
                        }),
                row(
                        "dtypes",
                        (w, i) -> {
                            Tensor x = i % 3 == 2 ? x(i, 7).cast(DType.F64) : x(i, 7);
                            w.train(w.loss(w.net.forward(x.realize(), Mode.TRAIN)));
                        }),
                row(
                        "precision",
                        (w, i) -> {
                            Precision p = i % 3 == 2 ? Precision.BF16 : Precision.F32;
                            w.train(p.in(() -> w.loss(w.forward(i))));
                        }),
                row(
                        "a leaf in place of an expression",
                        (w, i) -> {
                            Tensor x = x(i, 7).mul(2);
                            w.train(w.loss(w.net.forward(odd(i) ? x.realize() : x, Mode.TRAIN)));
                        }));
    }

    static Stream<Row> numbers() {
        return Stream.of(
                row(
                        "a number of each step",
                        (w, i) -> w.train(w.loss(w.forward(i)).mul(1.0 / (i + 1)))),
                row(
                        "one number that changes once",
                        (w, i) -> w.train(w.loss(w.forward(i)).mul(i == 5 ? 3 : 2))),
                row(
                        "numbers that come back",
                        (w, i) -> w.train(w.loss(w.forward(i).mul(odd(i) ? 0.3 : 0.7)).add(i % 3))),
                row(
                        "a number outside the derivative",
                        (w, i) -> w.train(w.loss(w.forward(i)).add(i == 4 ? 1 : 2))),
                row(
                        "a whole number",
                        (w, i) -> {
                            Tensor labels = Tensor.arange(7).add(i).mod(i < 5 ? 4 : 3);
                            w.train(new CrossEntropyLoss().forward(w.forward(i), labels));
                        }),
                row(
                        "a number of a function",
                        (w, i) ->
                                w.train(
                                        new CrossEntropyLoss()
                                                .labelSmoothing(i % 3 * 0.1)
                                                .forward(w.forward(i), y(7)))),
                row(
                        "a span",
                        (w, i) -> {
                            Tensor x = x(i, 9);
                            w.train(
                                    w.loss(
                                            w.net.forward(
                                                    x.slice(0, i % 3, i % 3 + 6), Mode.TRAIN)));
                        }),
                row(
                        "an axis",
                        (w, i) -> {
                            Tensor h = w.forward(i);
                            w.train(
                                    w.loss(h)
                                            .add(h.reshape(2, 2, 7).sum(i % 3 == 2 ? 1 : 0).max()));
                        }),
                row(
                        "the learning rate",
                        (w, i) -> {
                            if (i % 3 == 1) {
                                w.optimizer.learningRate(0.1 / (i + 1));
                            }
                            w.train(w.loss(w.forward(i)));
                        }),
                row(
                        "a rule that is no record",
                        (w, i) -> {
                            w.optimizer.zeroGrad();
                            Tensor loss = w.loss(w.forward(i));
                            loss.backward();
                            Variable.update(
                                    w.parameters,
                                    () ->
                                            w.parameters.forEach(p ->
                                                    p.set(
                                                            p.sub(
                                                                    p.grad()
                                                                            .orElseThrow()
                                                                            .mul(
                                                                                    0.1
                                                                                            / (1
                                                                                                    + i
                                                                                                            / 3))))));
                            w.see(loss);
                        }),
                row(
                        "a clip",
                        (w, i) -> {
                            w.optimizer.zeroGrad();
                            w.loss(w.forward(i)).backward();
                            Tensor g = w.w().grad().orElseThrow();
                            w.w().setGrad(g.clamp(-0.01 / (1 + i % 2), 0.01));
                            w.optimizer.step();
                        }));
    }

    static Stream<Row> leaves() {
        return Stream.of(
                row(
                        "one leaf twice, or two",
                        (w, i) -> {
                            Tensor x = x(i, 7);
                            Tensor other = i % 3 == 0 ? x : x(i + 50, 7);
                            w.train(w.loss(w.net.forward(x.mul(other), Mode.TRAIN)));
                        }),
                row(
                        "leaves that change places",
                        (w, i) -> {
                            Tensor a = x(i, 7);
                            Tensor b = x(i + 50, 7);
                            Tensor c = a.sub(b).mul(odd(i) ? a : b);
                            w.train(w.loss(w.net.forward(c, Mode.TRAIN)));
                        }),
                row(
                        "one parameter twice, or two",
                        (w, i) -> {
                            Variable v = i % 3 == 0 ? w.w() : Variable.of("v", Tensor.ones(8, 6));
                            w.train(w.loss(w.forward(i)).add(w.w().mul(v).sum()));
                            v.grad().ifPresent(w::see);
                        }),
                row(
                        "a parameter, or its value",
                        (w, i) -> {
                            Tensor p = odd(i) ? w.w() : w.w().detach().realize();
                            w.train(w.loss(w.forward(i)).add(p.square().sum()));
                        }),
                row(
                        "a variable that is not trained",
                        (w, i) -> {
                            Variable v = Variable.of("v", Tensor.ones(8, 6), odd(i));
                            w.train(w.loss(w.forward(i)).add(v.mul(w.w()).sum()));
                            v.grad().ifPresent(w::see);
                        }),
                row(
                        "a part that is frozen",
                        (w, i) -> {
                            Mlp m = (Mlp) w.net;
                            Tensor h = m.fc1().forward(x(i, 7)).relu();
                            w.train(w.loss(m.fc2().forward(i > 4 ? h.detach() : h)));
                        }),
                row(
                        "a number, or a tensor like it",
                        (w, i) -> {
                            Tensor half =
                                    odd(i) ? Tensor.of(0.5f) : Tensor.of(0.5f).add(0).realize();
                            w.train(w.loss(w.forward(i)).mul(half));
                        }));
    }

    static Stream<Row> variables() {
        return Stream.of(
                row(
                        "no zeroGrad",
                        (w, i) -> {
                            w.loss(w.forward(i)).backward();
                            w.optimizer.step();
                        }),
                row(
                        "zeroGrad now and then",
                        (w, i) -> {
                            if (i % 3 == 0) {
                                w.optimizer.zeroGrad();
                            }
                            Tensor loss = w.loss(w.forward(i));
                            loss.backward();
                            w.optimizer.step();
                            w.see(loss);
                        }),
                row(
                        "two losses",
                        (w, i) -> {
                            w.optimizer.zeroGrad();
                            w.loss(w.forward(i)).backward();
                            w.loss(w.forward(i + 20)).backward();
                            w.optimizer.step();
                        }),
                row(
                        "set before the step",
                        (w, i) -> {
                            w.optimizer.zeroGrad();
                            w.loss(w.forward(i)).backward();
                            if (i % 3 == 1) {
                                w.w().set(w.w().mul(0.5));
                            }
                            w.optimizer.step();
                        }),
                row(
                        "set between forward and backward",
                        (w, i) -> {
                            Tensor h = w.forward(i);
                            if (i % 3 == 1) {
                                w.w().set(w.w().mul(0.5));
                            }
                            w.train(w.loss(h));
                        }),
                row(
                        "set between two layers",
                        (w, i) -> {
                            Mlp m = (Mlp) w.net;
                            Tensor h = m.fc1().forward(x(i, 7));
                            if (i % 3 == 1) {
                                m.fc2().weight().set(Tensor.ones(4, 8));
                            }
                            w.train(w.loss(m.fc2().forward(h.relu())));
                        }),
                row(
                        "set after the step, and read",
                        (w, i) -> {
                            w.train(w.loss(w.forward(i)));
                            if (i % 3 == 1) {
                                w.w().set(w.w().mul(0.5));
                                w.see(w.w());
                            }
                        }),
                row(
                        "set twice",
                        (w, i) -> {
                            w.w().set(w.w().mul(0.5));
                            w.w().set(w.w().add(i > 4 ? 1 : 2));
                            w.train(w.loss(w.forward(i)));
                        }),
                row(
                        "exchanged",
                        (w, i) -> {
                            Mlp m = (Mlp) w.net;
                            w.train(w.loss(w.forward(i)));
                            Tensor bias = m.fc2().bias().orElseThrow().add(0);
                            m.fc2().bias().orElseThrow().set(w.held);
                            w.held = bias;
                        }),
                row(
                        "taken back",
                        (w, i) -> {
                            Changes c = Changes.of(List.of(), () -> w.train(w.loss(w.forward(i))));
                            if (i % 3 == 1) {
                                c.undo();
                            }
                        }),
                row(
                        "not finite now and then",
                        (w, i) -> {
                            w.optimizer.zeroGrad();
                            Tensor x = i % 3 == 1 ? x(i, 7).div(0.0) : x(i, 7);
                            Tensor loss = w.loss(w.net.forward(x.realize(), Mode.TRAIN));
                            loss.backward();
                            w.optimizer.stepIfFinite(loss);
                        }),
                new Row(
                        "modes in turn",
                        Noisy::of,
                        SGD.of(1e-2),
                        (w, i) ->
                                w.train(
                                        w.loss(
                                                w.net.forward(
                                                        x(i, 7),
                                                        odd(i) ? Mode.TRAIN : Mode.FROZEN)))),
                new Row(
                        "evaluation in between",
                        Noisy::of,
                        SGD.of(1e-2),
                        (w, i) -> {
                            w.train(w.loss(w.forward(i)));
                            w.see(w.net.forward(x(i, 7), Mode.EVAL));
                        }));
    }

    static Stream<Row> courses() {
        Function doubled = Function.of((Tensor t) -> t.mul(2));
        return Stream.of(
                row(
                        "expressions of the step before",
                        (w, i) -> {
                            Tensor h = w.forward(i);
                            Tensor loss = w.loss(h).add(w.held.square().mean());
                            w.held = odd(i) ? h : h.detach();
                            w.train(loss);
                        }),
                row(
                        "this step's expression, or the last one's",
                        (w, i) -> {
                            Tensor h = w.forward(i);
                            Tensor last = i > 2 && odd(i) ? w.held : h;
                            w.held = h;
                            w.train(w.loss(h).add(last.square().mean()));
                        }),
                row(
                        "one variable or another set to the same",
                        (w, i) -> {
                            Variable a = Variable.of("a", Tensor.zeros(40, 40));
                            Variable b =
                                    Variable.of(
                                            "b",
                                            Tensor.arange(1600).reshape(40, 40).cast(DType.F32));
                            Variable.update(
                                    List.of(a, b),
                                    () -> (i < 4 ? a : b).set(b.transpose().sub(b.mul(0.5))));
                            w.see(a);
                            w.see(b);
                        }),
                row(
                        "a state that is carried",
                        (w, i) -> {
                            w.held = w.held.mul(0.9).add(w.forward(i).detach().mean(0));
                            w.train(w.loss(w.forward(i)).add(w.held.sum()));
                        }),
                row(
                        "a value that is read late",
                        (w, i) -> {
                            Tensor h = w.forward(i);
                            w.train(w.loss(h));
                            if (i % 3 == 2) {
                                w.see(w.held);
                            }
                            w.held = h.exp();
                        }),
                row(
                        "an expression that nobody wants",
                        (w, i) -> {
                            if (i % 3 == 1) {
                                w.forward(i).exp();
                            }
                            w.train(w.loss(w.forward(i)));
                            if (i % 3 == 2) {
                                w.forward(i).neg();
                            }
                        }),
                row(
                        "an error in the middle",
                        (w, i) -> {
                            if (i % 3 == 1) {
                                Tensor h = w.forward(i);
                                assertThrows(NacreException.class, () -> h.matmul(x(i, 7)));
                                assertThrows(NacreException.class, () -> x(i, 7).add(x(i, 5)));
                            }
                            w.train(w.loss(w.forward(i)));
                        }),
                row(
                        "an operand of what was refused",
                        (w, i) -> {
                            Tensor a = x(i, 7);
                            Tensor b = x(i + 20, 7);
                            Tensor h = x(i + 40, 7).exp();
                            if (i % 3 == 2) {
                                assertThrows(NacreException.class, a::not);
                            }
                            Tensor c = h.add(b).mul(i % 3 == 2 ? a : b);
                            w.train(w.loss(w.net.forward(c, Mode.TRAIN)));
                        }),
                row(
                        "an error in the update",
                        (w, i) -> {
                            w.optimizer.zeroGrad();
                            w.loss(w.forward(i)).backward();
                            if (i % 3 == 1) {
                                assertThrows(
                                        IllegalStateException.class,
                                        () ->
                                                Variable.update(
                                                        w.parameters,
                                                        () -> {
                                                            w.w().set(w.w().mul(0));
                                                            throw new IllegalStateException();
                                                        }));
                            }
                            w.optimizer.step();
                        }),
                row(
                        "a compiled function in between",
                        (w, i) -> {
                            Tensor h = w.forward(i);
                            Tensor twice = i % 3 == 1 ? doubled.apply(h) : h.mul(2);
                            w.train(w.loss(h).add(w.loss(twice)));
                        }),
                row(
                        "a function that is traced in between",
                        (w, i) -> {
                            Tensor h = w.forward(i);
                            if (i % 4 == 3) {
                                w.see(
                                        Function.of((Tensor t) -> t.matmul(w.w().transpose()))
                                                .apply(x(i, 7)));
                            }
                            w.train(w.loss(h));
                        }),
                row(
                        "a step that is compiled in between",
                        (w, i) -> {
                            Tensor y = y(7);
                            if (i % 4 == 3) {
                                Function.of(
                                                (Tensor t) -> {
                                                    w.optimizer.zeroGrad();
                                                    Tensor loss =
                                                            new CrossEntropyLoss()
                                                                    .forward(
                                                                            w.net.forward(
                                                                                    t, Mode.TRAIN),
                                                                            y);
                                                    loss.backward();
                                                    w.optimizer.step();
                                                    return loss;
                                                })
                                        .apply(x(i, 7));
                            } else {
                                w.train(w.loss(w.forward(i)));
                            }
                        }),
                row(
                        "recomputed",
                        (w, i) -> {
                            Tensor h =
                                    i % 3 == 1
                                            ? w.forward(i)
                                            : Gradients.checkpoint(
                                                    in -> w.net.forward(in.getFirst()), x(i, 7));
                            w.train(w.loss(h));
                        }),
                row(
                        "a derivative of one's own",
                        (w, i) -> {
                            Tensor h =
                                    Gradients.custom(
                                            in -> in.getFirst().mul(2),
                                            (in, out, g) -> List.of(g.mul(i)),
                                            w.forward(i));
                            w.train(w.loss(h));
                        }),
                row(
                        "derivatives of derivatives",
                        (w, i) -> {
                            Tensor loss = w.loss(w.forward(i).mul(odd(i) ? 1.5 : 2));
                            Tensor g = Gradients.of(loss, w.w()).of(w.w());
                            w.train(loss.add(g.square().sum()));
                        }),
                row(
                        "written by another thread",
                        (w, i) -> {
                            Tensor h =
                                    i % 3 == 0
                                            ? w.forward(i)
                                            : CompletableFuture.supplyAsync(() -> w.forward(i))
                                                    .join();
                            w.train(w.loss(h));
                        }),
                row(
                        "computed by another thread",
                        (w, i) -> {
                            Tensor h = w.forward(i);
                            Tensor loss = w.loss(h);
                            if (i % 3 == 1) {
                                CompletableFuture.runAsync(() -> w.see(h.exp())).join();
                                CompletableFuture.runAsync(loss::item).join();
                            }
                            w.train(loss);
                        }),
                row(
                        "explained in between",
                        (w, i) -> {
                            Tensor loss = w.loss(w.forward(i));
                            if (i % 4 == 3) {
                                loss.explain();
                            }
                            w.train(loss);
                        }),
                row(
                        "collected in between",
                        (w, i) -> {
                            Tensor loss = w.loss(w.forward(i));
                            if (i % 4 == 3) {
                                System.gc();
                            }
                            w.train(loss);
                        }));
    }

    static Stream<Row> rows() {
        return Stream.of(plain(), numbers(), leaves(), variables(), courses()).flatMap(s -> s);
    }
}
