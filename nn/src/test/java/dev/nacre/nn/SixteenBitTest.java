package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.loss.BCEWithLogitsLoss;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.HalfMSELoss;
import dev.nacre.nn.loss.HuberLoss;
import dev.nacre.nn.loss.KLDivLoss;
import dev.nacre.nn.loss.L1Loss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.loss.NLLLoss;
import dev.nacre.nn.loss.SmoothL1Loss;
import dev.nacre.nn.metric.MeanError;
import dev.nacre.nn.optim.Accumulator;
import dev.nacre.nn.optim.Adagrad;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Clip;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.RMSprop;
import dev.nacre.nn.optim.Rule;
import dev.nacre.nn.optim.SGD;
import dev.nacre.type.DType;
import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Layers, losses and optimizers of 16-bit parameters compute wide and round once: they give what f64 gives.
class SixteenBitTest {
    private static final double[] LARGE = {300, -300, 260, -250, 299, 10, -7, 0};

    /// Builds a layer of variables that `v` makes of a shape, and applies it to x.
    private record Layer(String name, long[] input, Function<Maker, Module> of) {}

    /// Variables of one type, each a function of its number and shape.
    private static final class Maker {
        private final DType t;
        private int number;

        Maker(DType t) {
            this.t = t;
        }

        Variable of(long... sizes) {
            Tensor x = Rng.seed(77 + number++).uniform(-1.0, 1.0, sizes);
            return Variable.of("v", x.cast(DType.BF16).cast(DType.F16).cast(t));
        }

        Variable ones(long n) {
            return Variable.of("ones", Tensor.ones(t, n), false);
        }

        Variable count() {
            return Variable.of("count", Tensor.zeros(DType.I64), false);
        }
    }

    private static List<Layer> layers() {
        Rng rng = Rng.seed(3);
        return List.of(
                new Layer(
                        "batchNorm1d",
                        new long[] {4, 2},
                        v ->
                                new BatchNorm1d(
                                        v.of(2), v.of(2), v.ones(2), v.ones(2), v.count(), 0.1,
                                        1e-5)),
                new Layer(
                        "batchNorm2d",
                        new long[] {2, 2, 2, 1},
                        v ->
                                new BatchNorm2d(
                                        v.of(2), v.of(2), v.ones(2), v.ones(2), v.count(), 0.1,
                                        1e-5)),
                new Layer(
                        "layerNorm", new long[] {2, 4}, v -> new LayerNorm(v.of(4), v.of(4), 1e-5)),
                new Layer("rmsNorm", new long[] {2, 4}, v -> new RMSNorm(v.of(4), 1e-5)),
                new Layer(
                        "groupNorm",
                        new long[] {1, 4, 2},
                        v -> new GroupNorm(v.of(4), v.of(4), 2, 1e-5)),
                new Layer(
                        "linear",
                        new long[] {2, 4},
                        v -> new Linear(v.of(3, 4), Optional.of(v.of(3)))),
                new Layer(
                        "conv2d",
                        new long[] {1, 2, 2, 2},
                        v -> new Conv2d(v.of(3, 2, 2, 2), Optional.of(v.of(3)), 1, 1, 1, 1)),
                new Layer(
                        "convTranspose2d",
                        new long[] {1, 2, 2, 2},
                        v ->
                                new ConvTranspose2d(
                                        v.of(2, 3, 2, 2), Optional.of(v.of(3)), 1, 0, 0, 1)),
                new Layer("lstmCell", new long[] {2, 4}, v -> new LSTMCell(weights(v, 4))),
                new Layer("gruCell", new long[] {2, 4}, v -> new GRUCell(weights(v, 3))),
                new Layer(
                        "rnnCell",
                        new long[] {2, 4},
                        v -> new RNNCell(weights(v, 1), Recurrent.Cell.RNN_RELU)),
                new Layer("adaptive", new long[] {1, 1, 2, 4}, v -> new AdaptiveAvgPool2d(2, 3)),
                new Layer("avgPool", new long[] {1, 1, 2, 4}, v -> AvgPool2d.of(2)));
    }

    private static Recurrent.Weights weights(Maker v, int gates) {
        return new Recurrent.Weights(
                v.of(gates * 3, 4),
                v.of(gates * 3, 3),
                Optional.of(v.of(gates * 3)),
                Optional.of(v.of(gates * 3)));
    }

    @TestFactory
    List<DynamicTest> layersRoundOnce() {
        List<DynamicTest> tests = new ArrayList<>();
        for (DType t : List.of(DType.F16, DType.BF16)) {
            for (Layer l : layers()) {
                tests.add(DynamicTest.dynamicTest(l.name + " of " + t, () -> check(l, t)));
            }
        }
        return tests;
    }

    private static void check(Layer l, DType t) {
        Tensor x = Tensor.of(LARGE, l.input).cast(DType.BF16);
        Module narrow = l.of.apply(new Maker(t));
        Module wide = l.of.apply(new Maker(DType.F64));
        Tensor y = narrow.forward(x.cast(t), Mode.TRAIN);
        Tensor z = wide.forward(x.cast(DType.F64), Mode.TRAIN);
        assertEquals(t, y.dtype());
        same(l.name, t, z, y);
        List<Variable> a = new ArrayList<>(Tree.of(narrow).variables().values());
        List<Variable> b = new ArrayList<>(Tree.of(wide).variables().values());
        for (int i = 0; i < a.size(); i++) { // running statistics
            same(l.name + ": variable " + i, t, b.get(i), a.get(i));
        }
    }

    private static void same(String what, DType t, Tensor expected, Tensor actual) {
        double[] e = expected.toDoubleArray();
        double[] a = actual.toDoubleArray();
        for (int i = 0; i < e.length; i++) {
            double unit = t == DType.F16 ? 0x1p-10 : 0x1p-7;
            double tolerance = Math.max(Math.abs(e[i]), 1e-2) * unit;
            boolean fits =
                    Double.isFinite(t.round(e[i]))
                            ? Math.abs(e[i] - a[i]) <= tolerance
                            : t.round(e[i]) == a[i];
            assertEquals(
                    "", fits ? "" : what + " of " + t + " [" + i + "]: " + a[i] + ", not " + e[i]);
        }
    }

    private static Map<Loss, Tensor> losses() {
        Tensor values = Tensor.of(new double[] {0, 1, 0.5, -200, 1, 1, 0.25, 0});
        Tensor labels = Tensor.of(new int[] {1, 0});
        Map<Loss, Tensor> out = new LinkedHashMap<>();
        for (Loss.Reduction r : List.of(Loss.Reduction.MEAN, Loss.Reduction.NONE)) {
            for (Loss l :
                    List.of(
                            new MSELoss(r),
                            new L1Loss(r),
                            new HuberLoss(1, r),
                            new SmoothL1Loss(1, r),
                            new BCEWithLogitsLoss(r))) {
                out.put(l, values.reshape(2, 4));
            }
            out.put(new KLDivLoss(r, false), values.abs().minimum(1).reshape(2, 4));
            out.put(new CrossEntropyLoss().reduction(r), labels);
            out.put(new CrossEntropyLoss().reduction(r).labelSmoothing(0.1).ignoreIndex(0), labels);
            out.put(
                    new CrossEntropyLoss().reduction(r).weight(Tensor.of(new float[] {1, 2, 3, 4})),
                    labels);
            out.put(new CrossEntropyLoss().reduction(r), values.softmax(0).reshape(2, 4));
            out.put(new NLLLoss(r), labels);
        }
        out.put(new HalfMSELoss(), values.reshape(2, 4));
        return out;
    }

    @Test
    void lossesRoundOnce() {
        Tensor x = Tensor.of(LARGE, 2, 4).cast(DType.BF16);
        for (DType t : List.of(DType.F16, DType.BF16)) {
            losses().forEach((l, target) -> {
                Tensor given = target.dtype().isFloating() ? target.cast(t) : target;
                Tensor wide = given.dtype().isFloating() ? given.cast(DType.F64) : given;
                Tensor y = l.forward(x.cast(t), given);
                assertEquals(t, y.dtype(), l.toString());
                same(l.toString(), t, l.forward(x.cast(DType.F64), wide), y);
            });
            Tensor far = x.cast(t).mul(2);
            Tensor e = new MeanError(true).of(far, far.zerosLike());
            assertEquals(DType.F32, e.dtype());
            assertEquals(far.cast(DType.F64).square().mean().item(), e.item(), 1);
        }
    }

    /// Every loss is in the table.
    @Test
    void allLosses() throws Exception {
        File folder =
                new File(Loss.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        List<String> missing = new ArrayList<>();
        for (File f : new File(folder, "dev/nacre/nn/loss").listFiles()) {
            String name = f.getName();
            if (name.endsWith("Loss.class") && !name.equals("Loss.class")) {
                Class<?> c = Class.forName("dev.nacre.nn.loss." + name.replace(".class", ""));
                if (losses().keySet().stream().noneMatch(c::isInstance)) {
                    missing.add(name);
                }
            }
        }
        assertEquals(List.of(), missing);
    }

    private static List<Rule> rules() {
        return List.of(
                SGD.of(0.01).momentum(0.9).weightDecay(0.01),
                Adam.of(0.01),
                Adam.of(0.01).withAmsgrad().weightDecay(0.1),
                AdamW.of(0.01),
                Adagrad.of(0.01),
                RMSprop.of(0.01),
                RMSprop.of(0.01).momentum(0.9).weightDecay(0.01));
    }

    /// Gradients of 0, tiny and large: as f64 does, to the parameter's last place.
    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F16", "BF16"})
    void optimizers(DType t) {
        double[] start = {1, -2, 0.5, 0, 100};
        double[] gradient = {0, 1e-4, 300, -3e-6, -1000};
        for (Rule r : rules()) {
            Variable w = Variable.of("w", Tensor.of(start).cast(t));
            Variable v = Variable.of("w", Tensor.of(start));
            Optimizer o = r.over(List.of(w));
            Optimizer p = r.over(List.of(v));
            Tensor g = Tensor.of(gradient).cast(t).realize();
            for (int i = 0; i < 3; i++) {
                w.setGrad(g);
                o.step();
                v.set(w.cast(DType.F64)); // the same start for each step, so that roundings
                // do not add up
                v.realize();
                w.setGrad(g);
                v.setGrad(g.cast(DType.F64));
                o.step();
                p.step();
                if (i == 0) {
                    p = r.over(List.of(v));
                }
            }
            for (double x : w.toDoubleArray()) {
                assertTrue(Double.isFinite(x), r + " of " + t);
            }
            o.state()
                    .forEach((key, s) -> {
                        assertTrue(s.dtype() == DType.F32 || s.dtype() == DType.F64, key);
                        for (double x : s.toDoubleArray()) {
                            assertTrue(Double.isFinite(x), r + ": " + key);
                        }
                    });
        }
    }

    /// One step from the same start.
    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F16", "BF16"})
    void oneStep(DType t) {
        double[] start = {1, -2, 0.5, 0, 100};
        double[] gradient = {0, 1e-4, 300, -3e-6, -1000};
        for (Rule r : rules()) {
            Variable w = Variable.of("w", Tensor.of(start).cast(t));
            Variable v = Variable.of("w", w.cast(DType.F64));
            Tensor g = Tensor.of(gradient).cast(t).realize();
            w.setGrad(g);
            v.setGrad(g.cast(DType.F64));
            r.over(List.of(w)).step();
            r.over(List.of(v)).step();
            same(r.toString(), t, v, w);
        }
    }

    @Test
    void limitsAndSumsOfGradients() {
        Variable w = Variable.of("w", Tensor.zeros(DType.F16, 2));
        w.setGrad(Tensor.of(new double[] {300, 400}).cast(DType.F16));
        assertEquals(500, Clip.byNorm(List.of(w), 1).item(), 1e-3);
        same("clip", DType.F16, Tensor.of(new double[] {0.6, 0.8}), w.grad().orElseThrow());
        Accumulator sum = Accumulator.of(List.of(w));
        for (int i = 0; i < 3000; i++) {
            w.setGrad(Tensor.ones(DType.F16, 2));
            sum.add(1.0 / 3000);
        }
        sum.give();
        same("sum", DType.F16, Tensor.of(new double[] {1, 1}), w.grad().orElseThrow());
    }
}
