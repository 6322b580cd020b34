package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Values and gradients at kinks, ends of domains and zeros: what libtorch has. Where libtorch has NaN, a number will do.
class EdgeGradientTest {
    private static final double INF = Double.POSITIVE_INFINITY;
    private static final double[] NUMBERS = {-2, -1, -0.5, -0.0, 0, 0.5, 1, 2, 1e-30, 1e4, -1e4};

    private record Row(
            String name,
            List<double[]> inputs,
            Function<List<Tensor>, Tensor> ours,
            Function<List<org.bytedeco.pytorch.Tensor>, org.bytedeco.pytorch.Tensor> theirs) {}

    private final List<Row> rows = new ArrayList<>();

    private void one(
            String name,
            UnaryOperator<Tensor> ours,
            UnaryOperator<org.bytedeco.pytorch.Tensor> theirs,
            double... x) {
        rows.add(
                new Row(
                        name,
                        List.of(x.length == 0 ? NUMBERS : x),
                        in -> ours.apply(in.getFirst()),
                        in -> theirs.apply(in.getFirst())));
    }

    /// All pairs of some numbers.
    private void pairs(
            String name,
            double[] some,
            Function<List<Tensor>, Tensor> ours,
            Function<List<org.bytedeco.pytorch.Tensor>, org.bytedeco.pytorch.Tensor> theirs) {
        double[] a = new double[some.length * some.length];
        double[] b = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            a[i] = some[i / some.length];
            b[i] = some[i % some.length];
        }
        rows.add(new Row(name, List.of(a, b), ours, theirs));
    }

    private void elementwise() {
        one("sqrt", Tensor::sqrt, torch::sqrt, 0, 1, 1e-30);
        one("rsqrt", Tensor::rsqrt, torch::rsqrt, 0, 1, INF);
        one("reciprocal", Tensor::reciprocal, torch::reciprocal, 0, 1, -2);
        one("log", Tensor::log, torch::log, 0, 1, INF);
        one("log1p", Tensor::log1p, torch::log1p, -1, 0, 1e-30, 1e30);
        one("expm1", Tensor::expm1, torch::expm1, -100, 0, 1e-30, 50);
        one("abs", Tensor::abs, torch::abs);
        one("sign", Tensor::sign, torch::sign);
        one("floor", Tensor::floor, torch::floor);
        one("relu", Tensor::relu, torch::relu);
        one("relu6", Tensor::relu6, torch::relu6, -1, 0, 3, 6, 7);
        one("hardSwish", Tensor::hardSwish, torch::hardswish, -4, -3, 0, 3, 4);
        one("hardSigmoid", Tensor::hardSigmoid, torch::hardsigmoid, -4, -2, 0, 2, 4);
        one("elu", x -> x.elu(1), torch::elu);
        one("selu", Tensor::selu, torch::selu);
        one("leakyRelu", x -> x.leakyRelu(0.01), torch::leaky_relu);
        one("softplus", Tensor::softplus, torch::softplus, -1e4, -30, 0, 19, 1e4);
        one("sigmoid", Tensor::sigmoid, torch::sigmoid, -1e4, -30, 0, 30, 1e4);
        one("logSigmoid", Tensor::logSigmoid, torch::log_sigmoid, -1e4, -30, 0, 30, 1e4);
        one("tanh", Tensor::tanh, torch::tanh, -1e4, -3, 0, 3, 1e4);
        one("gelu", Tensor::gelu, torch::gelu, -1e4, -30, 0, 30, 1e4);
        one("silu", Tensor::silu, torch::silu, -1e4, -30, 0, 30, 1e4);
        one("mish", Tensor::mish, torch::mish, -1e4, -30, 0, 15, 1e4);
        one("asin", Tensor::asin, torch::asin, -1, 0, 1);
        one("acos", Tensor::acos, torch::acos, -1, 0, 1);
        one("acosh", Tensor::acosh, torch::acosh, 1, 2);
        one("atanh", Tensor::atanh, torch::atanh, 0, 0.5);
        one(
                "hardTanh",
                x -> x.hardTanh(-1, 2),
                x -> torch.hardtanh(x, Torch.scalar(-1), Torch.scalar(2)),
                -2,
                -1,
                0,
                2,
                3);
        one(
                "clamp",
                x -> x.clamp(-1, 2),
                x ->
                        torch.clamp(
                                x,
                                new ScalarOptional(Torch.scalar(-1)),
                                new ScalarOptional(Torch.scalar(2))),
                -2,
                -1,
                0,
                2,
                3);
        for (double p : new double[] {0, 0.5, 1, 1.5, 2, 3, -1}) {
            one("pow " + p, x -> x.pow(p), x -> x.pow(Torch.scalar(p)), 0, 1, 2, 0.5);
        }
        double[] some = {-2, -1, 0, 0.5, 1, 3};
        pairs(
                "maximum",
                some,
                in -> in.get(0).maximum(in.get(1)),
                in -> torch.maximum(in.get(0), in.get(1)));
        pairs(
                "minimum",
                some,
                in -> in.get(0).minimum(in.get(1)),
                in -> torch.minimum(in.get(0), in.get(1)));
        pairs(
                "atan2",
                some,
                in -> in.get(0).atan2(in.get(1)),
                in -> torch.atan2(in.get(0), in.get(1)));
        pairs("div", some, in -> in.get(0).div(in.get(1)), in -> in.get(0).div(in.get(1)));
        pairs(
                "pow",
                new double[] {0, 1, 2, 0.5},
                in -> in.get(0).pow(in.get(1)),
                in -> in.get(0).pow(in.get(1)));
        pairs(
                "mod",
                new double[] {-2, -0.1, 0.1, 0.3, 0.7, 1, 3, 0.001, 0.003},
                in -> in.get(0).mod(in.get(1)),
                in -> torch.remainder(in.get(0), in.get(1)));
        // behind a maximum, where the derivative is infinite
        one(
                "sqrt of maximum",
                x -> x.maximum(0).sqrt(),
                x -> x.clamp_min(Torch.scalar(0)).sqrt(),
                -1,
                -2,
                1);
    }

    private void reductions() {
        double[][] operands = {
            {0, 0, 0},
            {1, 1, 1},
            {0, 3, 4},
            {-3, 0, 3},
            {5, 5, 1},
            {0, 0, 2},
            {1e-30, 0, 0},
            {1e-25, -2e-25, 3e-25},
            {1e25, -2e25, 3e25}
        };
        for (double[] x : operands) {
            String of = " of " + java.util.Arrays.toString(x);
            for (double p : new double[] {0, 0.5, 1, 1.5, 2, 2.5, 3, INF, -INF}) {
                if (p == -INF && x[0] == 1e-30 || p == 0.5 && x[0] == 1e25) {
                    continue; // no member of interest
                }
                one(
                        "norm " + p + of,
                        t -> p == 0 ? t.norm(p).add(t.mul(0).sum()) : t.norm(p), // else no gradient
                        t -> inF64(t).norm(Torch.scalar(p)),
                        x);
            }
            one("std" + of, t -> t.std(), t -> torch.std(inF64(t), true), x);
            one(
                    "std, biased" + of,
                    t -> t.std(Correction.NONE),
                    t -> torch.std(inF64(t), false),
                    x);
            if (Math.abs(x[0]) > 5 || x[0] == 1e-30) {
                continue; // the square is not in the range of f32
            }
            one("variance" + of, t -> t.variance(), t -> torch.var(t, true), x);
            one("max" + of, t -> t.max(), t -> t.amax(new long[] {0}, false), x);
            one("min" + of, t -> t.min(), t -> t.amin(new long[] {0}, false), x);
            one("prod" + of, t -> t.prod(), t -> torch.prod(t), x);
            one("cumprod" + of, t -> t.cumprod(0), t -> torch.cumprod(t, 0), x);
            one("softmax" + of, t -> t.softmax(0), t -> torch.softmax(t, 0), x);
            one("logSumExp" + of, t -> t.logSumExp(0), t -> torch.logsumexp(t, 0), x);
        }
        for (double[] x :
                new double[][] {{-INF, -INF}, {-INF, 1, 2}, {INF, 1}, {1000, -1000}, {INF, INF}}) {
            String of = " of " + java.util.Arrays.toString(x);
            one("logSumExp" + of, t -> t.logSumExp(0), t -> torch.logsumexp(t, 0), x);
            one("softmax" + of, t -> t.softmax(0), t -> torch.softmax(t, 0), x);
            one(
                    "logSoftmax" + of,
                    t -> t.logSoftmax(0).narrow(0, 1, 1),
                    t -> torch.log_softmax(t, 0).narrow(0, 1, 1),
                    x);
        }
        for (double p : new double[] {-0.5, -1, -2}) {
            one(
                    "norm " + p + " of infinities",
                    t -> t.norm(p),
                    t -> inF64(t).norm(Torch.scalar(p)),
                    INF,
                    -INF);
        }
        one("std of one", t -> t.std(Correction.NONE), t -> torch.std(t, false), 3);
    }

    /// In f32 libtorch's squares vanish or overflow.
    private static org.bytedeco.pytorch.Tensor inF64(org.bytedeco.pytorch.Tensor t) {
        return t.to(torch.ScalarType.Double);
    }

    private void losses() {
        double[] some = {0, 0.25, 1};
        pairs(
                "binaryCrossEntropy",
                some,
                in -> in.get(0).binaryCrossEntropy(in.get(1).detach()),
                in -> torch.binary_cross_entropy(in.get(0), in.get(1).detach(), Torch.none(), 0));
        pairs(
                "binaryCrossEntropyWithLogits",
                new double[] {-1e4, -30, 0, 30, 1e4},
                in -> in.get(0).binaryCrossEntropyWithLogits(in.get(1).detach().sigmoid()),
                in ->
                        torch.binary_cross_entropy_with_logits(
                                in.get(0),
                                in.get(1).detach().sigmoid(),
                                Torch.none(),
                                Torch.none(),
                                0));
        one(
                "layerNorm of equal elements",
                t -> t.layerNorm(1, 1e-5),
                t -> torch.layer_norm(t, new long[] {3}),
                2,
                2,
                2);
    }

    /// All dropped, and none: there is a gradient all the same.
    private void dropouts() {
        for (double p : new double[] {0, 1}) {
            one(
                    "dropout " + p,
                    x -> dev.nacre.Rng.seed(0).dropout(x, p),
                    x -> torch.dropout(x, p, true),
                    -1,
                    0,
                    2,
                    1e30);
            one(
                    "Dropout " + p,
                    x ->
                            dev.nacre.nn.Dropout.of(p, dev.nacre.Rng.seed(0))
                                    .forward(x, dev.nacre.nn.Mode.TRAIN),
                    x -> torch.dropout(x, p, true),
                    -1,
                    0,
                    2);
        }
    }

    @TestFactory
    List<DynamicTest> asLibtorch() {
        dropouts();
        elementwise();
        reductions();
        losses();
        return rows.stream().map(r -> DynamicTest.dynamicTest(r.name, () -> compare(r))).toList();
    }

    private static void compare(Row r) {
        for (DType t : List.of(DType.F32, DType.F64)) {
            List<Tensor> x = r.inputs.stream().map(v -> Tensor.of(v).cast(t).realize()).toList();
            List<Variable> ours = x.stream().map(v -> Variable.of("x", v)).toList();
            List<org.bytedeco.pytorch.Tensor> theirs = x.stream().map(Torch::parameter).toList();
            Tensor y = r.ours.apply(List.copyOf(ours));
            org.bytedeco.pytorch.Tensor z = r.theirs.apply(theirs);
            same(r.name + " " + t, Torch.doubles(z), y.toDoubleArray(), t);
            z.sum().backward();
            y.sum().backward();
            for (int i = 0; i < x.size(); i++) {
                org.bytedeco.pytorch.Tensor g = theirs.get(i).grad();
                if (g.defined()) {
                    same(
                            r.name + " " + t + ": gradient " + i,
                            Torch.doubles(g),
                            ours.get(i).grad().orElseThrow().toDoubleArray(),
                            t);
                }
            }
        }
    }

    private static void same(String what, double[] expected, double[] actual, DType t) {
        assertEquals(expected.length, actual.length, what);
        for (int i = 0; i < expected.length; i++) {
            double e = expected[i];
            double tolerance = (t == DType.F32 ? 1e-5 : 1e-7) * Math.max(1, Math.abs(e));
            boolean fits =
                    Double.isNaN(e)
                            || (Double.isInfinite(e)
                                    ? e == actual[i]
                                    : Math.abs(e - actual[i]) <= tolerance);
            assertEquals(
                    "",
                    fits ? "" : what + " [" + i + "]: " + actual[i] + ", but libtorch has " + e);
        }
    }
}
