package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.ir.Attention;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.Mode;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Values and gradients at kinks, ends of domains, zeros, infinities and NaN: what libtorch has, NaN where it has NaN, but for what [#DIFFERENT] lists (docs/decisions/073).
class EdgeGradientTest {
    private static final double INF = Double.POSITIVE_INFINITY;
    private static final double[] NUMBERS = {-2, -1, -0.5, -0.0, 0, 0.5, 1, 2, 1e-30, 1e4, -1e4};

    private static final double NAN = Double.NaN;

    /// What is no number, infinite, zero, on kinks and in between.
    private static final double[] EDGES = {
        NAN, INF, -INF, 0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 6, 1e4, -1e4
    };

    private static final List<DType> WIDE = List.of(DType.F32, DType.F64);
    private static final List<DType> ALL = List.of(DType.F32, DType.F64, DType.F16, DType.BF16);

    /// Rows that differ, and why. Each one must.
    private static final Map<String, String> DIFFERENT =
            Map.ofEntries(
                    Map.entry("sign|abs", "the sign of NaN is NaN, as in NumPy; libtorch has 0"),
                    Map.entry(
                            "norm (1.0|Infinity|-Infinity)",
                            "the sign of NaN is NaN, as in NumPy; libtorch has 0"),
                    Map.entry("norm 0.5", "0 at 0 whatever the rest is"),
                    Map.entry(
                            "rsqrt|pow 0.5",
                            "at -0 it is what it is at 0; libtorch has infinity with either sign"),
                    Map.entry("pow 1.5", "(-inf)^0.5 is infinite as in C; libtorch has NaN"),
                    Map.entry(
                            "elu|selu|relu6|hardTanh|hardSwish",
                            "of NaN libtorch has 1, 0 or NaN, as the type may be"),
                    Map.entry(
                            "max as amax|min as amin",
                            "NaNs share the gradient, as in torch.max; torch.amax has NaN for all"),
                    Map.entry(
                            "prod|prod along|cumprod",
                            "the product of the others; libtorch divides, or has 0 of NaN"),
                    Map.entry(
                            "variance",
                            "NaN as the value; libtorch has infinities where elements are finite"),
                    Map.entry("maxPool2d", "of several NaNs the first; libtorch has the last"),
                    Map.entry(
                            "digamma|polygamma .",
                            "infinite at the poles, 0 at infinity; libtorch is near that, or NaN"));

    private static final Set<String> DIFFERED = ConcurrentHashMap.newKeySet();

    private record Row(
            String name,
            List<DType> types,
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
                        WIDE,
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
        rows.add(new Row(name, WIDE, List.of(a, b), ours, theirs));
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

    private void edge(
            String name,
            UnaryOperator<Tensor> ours,
            UnaryOperator<org.bytedeco.pytorch.Tensor> theirs,
            double... x) {
        one(name, ours, theirs, x.length == 0 ? EDGES : x);
        Row r = rows.removeLast();
        rows.add(new Row(r.name, ALL, r.inputs, r.ours, r.theirs));
    }

    private void edges(
            String name,
            BinaryOperator<Tensor> ours,
            BinaryOperator<org.bytedeco.pytorch.Tensor> theirs) {
        pairs(
                name,
                new double[] {NAN, INF, -INF, 0.0, -0.0, 1, -1, 2, 0.5},
                in -> ours.apply(in.get(0), in.get(1)),
                in -> theirs.apply(in.get(0), in.get(1)));
        Row r = rows.removeLast();
        rows.add(new Row(r.name, ALL, r.inputs, r.ours, r.theirs));
    }

    private void edgesOfFunctions() {
        edge("neg", Tensor::neg, torch::neg);
        edge("abs", Tensor::abs, torch::abs);
        edge("floor", Tensor::floor, torch::floor);
        edge("ceil", Tensor::ceil, torch::ceil);
        edge("round", Tensor::round, torch::round);
        edge("trunc", Tensor::trunc, torch::trunc);
        edge("sqrt", Tensor::sqrt, torch::sqrt);
        edge("rsqrt", Tensor::rsqrt, torch::rsqrt);
        edge("reciprocal", Tensor::reciprocal, torch::reciprocal);
        edge("square", Tensor::square, torch::square);
        edge("exp", Tensor::exp, torch::exp);
        edge("expm1", Tensor::expm1, torch::expm1);
        edge("exp2", Tensor::exp2, torch::exp2);
        edge("log", Tensor::log, torch::log);
        edge("log2", Tensor::log2, torch::log2);
        edge("log10", Tensor::log10, torch::log10);
        edge("log1p", Tensor::log1p, torch::log1p);
        edge("sin", Tensor::sin, torch::sin);
        edge("cos", Tensor::cos, torch::cos);
        edge("tan", Tensor::tan, torch::tan);
        edge("asin", Tensor::asin, torch::asin);
        edge("acos", Tensor::acos, torch::acos);
        edge("atan", Tensor::atan, torch::atan);
        edge("sinh", Tensor::sinh, torch::sinh);
        edge("cosh", Tensor::cosh, torch::cosh);
        edge("tanh", Tensor::tanh, torch::tanh);
        edge("asinh", Tensor::asinh, torch::asinh);
        edge("acosh", Tensor::acosh, torch::acosh);
        edge("atanh", Tensor::atanh, torch::atanh);
        edge("erf", Tensor::erf, torch::erf);
        edge("lgamma", Tensor::lgamma, torch::lgamma);
        edge("digamma", Tensor::digamma, torch::digamma);
        edge("relu", Tensor::relu, torch::relu);
        edge("relu6", Tensor::relu6, torch::relu6);
        edge("sigmoid", Tensor::sigmoid, torch::sigmoid);
        edge("softplus", Tensor::softplus, torch::softplus);
        edge("gelu", Tensor::gelu, torch::gelu);
        edge("silu", Tensor::silu, torch::silu);
        edge("mish", Tensor::mish, torch::mish);
        edge("selu", Tensor::selu, torch::selu);
        edge("softsign", Tensor::softsign, torch::softsign);
        for (int n : new int[] {1, 2}) {
            edge("polygamma " + n, x -> x.polygamma(n), x -> torch.polygamma(n, x));
        }
        edge("sign", Tensor::sign, torch::sign);
        edge("ndtr", Tensor::ndtr, torch::special_ndtr);
        edge("logSigmoid", Tensor::logSigmoid, torch::log_sigmoid);
        edge("geluTanh", Tensor::geluTanh, x -> torch.gelu(x, new BytePointer("tanh")));
        edge("elu", x -> x.elu(1), torch::elu);
        edge("leakyRelu", x -> x.leakyRelu(0.01), torch::leaky_relu);
        edge("hardSwish", Tensor::hardSwish, torch::hardswish);
        edge("hardSigmoid", Tensor::hardSigmoid, torch::hardsigmoid);
        edge(
                "hardTanh",
                x -> x.hardTanh(-1, 2),
                x -> torch.hardtanh(x, Torch.scalar(-1), Torch.scalar(2)));
        edge(
                "clamp",
                x -> x.clamp(-1, 2),
                x ->
                        torch.clamp(
                                x,
                                new ScalarOptional(Torch.scalar(-1)),
                                new ScalarOptional(Torch.scalar(2))));
        for (double p : new double[] {0, 0.5, 1, 2, 3, -1, 1.5}) {
            edge("pow " + p, x -> x.pow(p), x -> x.pow(Torch.scalar(p)));
        }
        for (double p : new double[] {0, 1}) {
            edge(
                    "dropout " + p,
                    x -> Rng.seed(0).dropout(x, p),
                    x -> torch.dropout(x, p, true),
                    -1,
                    0,
                    2,
                    1e4);
            Dropout layer = Dropout.of(p, Rng.seed(0));
            edge(
                    "Dropout " + p,
                    x -> layer.forward(x, Mode.TRAIN),
                    x -> torch.dropout(x, p, true),
                    -1,
                    0,
                    2);
        }
        // keys and values of a query are the operand, too
        edge(
                "attention dropout 1",
                x -> {
                    Tensor q = x.reshape(1, 2, 2);
                    Attention how = Attention.FULL.dropout(1);
                    return q.scaledDotProductAttention(
                            q, q, how, Optional.empty(), Optional.of(Rng.seed(0).key()));
                },
                x -> {
                    var q = x.reshape(1, 2, 2);
                    return torch.dropout(q.matmul(q.transpose(1, 2)).softmax(2), 1, true).matmul(q);
                },
                1,
                -2,
                0.5,
                3);
        edges("add", Tensor::add, org.bytedeco.pytorch.Tensor::add);
        edges("sub", Tensor::sub, org.bytedeco.pytorch.Tensor::sub);
        edges("mul", Tensor::mul, org.bytedeco.pytorch.Tensor::mul);
        edges("div", Tensor::div, org.bytedeco.pytorch.Tensor::div);
        edges("maximum", Tensor::maximum, torch::maximum);
        edges("minimum", Tensor::minimum, torch::minimum);
        edges("atan2", Tensor::atan2, torch::atan2);
        edges("pow", Tensor::pow, org.bytedeco.pytorch.Tensor::pow);
        edges("mod", Tensor::mod, torch::remainder);
        edges(
                "where",
                (a, b) -> a.gt(0).where(a, b),
                (a, b) -> torch.where(a.gt(Torch.scalar(0)), a, b));
        edges("squaredError", Tensor::squaredError, (a, b) -> torch.mse_loss(a, b, 0));
    }

    /// Rows of three for reductions.
    private static final double[] ROWS = {
        NAN, 1, 2, 1, NAN, NAN, NAN, 0, 2, NAN, 0, 0, INF, 0, 2, INF, 1, 2, INF, INF, 1, INF, -INF,
        1, -INF, 1, 2, -INF, -INF, -INF, NAN, INF, 0, 0.0, -0.0, 0, 1, 1, 1, -0.0, -0.0, 1, 10, 5,
        10
    };

    /// A function along the last axis, and libtorch's of each row.
    private void along(
            String name,
            UnaryOperator<Tensor> ours,
            UnaryOperator<org.bytedeco.pytorch.Tensor> theirs) {
        edge(
                name,
                x -> ours.apply(x.reshape(-1, 3)),
                x -> {
                    TensorVector out = new TensorVector();
                    for (long k = 0; k < ROWS.length / 3; k++) {
                        out.push_back(theirs.apply(x.narrow(0, 3 * k, 3)).reshape(-1));
                    }
                    return torch.cat(out);
                },
                ROWS);
    }

    private void edgesOfReductions() {
        along("sum", t -> t.sum(1), torch::sum);
        along("mean", t -> t.mean(1), torch::mean);
        along("max", t -> t.max(1), torch::max);
        along("min", t -> t.min(1), torch::min);
        along("max as amax", t -> t.max(1), t -> t.amax(new long[] {0}, false));
        along("min as amin", t -> t.min(1), t -> t.amin(new long[] {0}, false));
        along("prod", t -> t.prod(1), torch::prod);
        along("prod along", t -> t.prod(1), t -> torch.prod(t, 0));
        along("cumsum", t -> t.cumsum(1), t -> torch.cumsum(t, 0));
        along("cumprod", t -> t.cumprod(1), t -> torch.cumprod(t, 0));
        along(
                "softmax",
                t -> t.softmax(1).narrow(1, 0, 1),
                t -> torch.softmax(t, 0).narrow(0, 0, 1));
        along("logSoftmax", t -> t.logSoftmax(1), t -> torch.log_softmax(t, 0));
        along("logSumExp", t -> t.logSumExp(1), t -> torch.logsumexp(t, 0));
        along(
                "sort",
                t -> t.sort(1, false).narrow(1, 2, 1),
                t -> torch.sort(t, 0, false).get0().narrow(0, 2, 1));
        along("topk", t -> t.topk(2, 1).values(), t -> torch.topk(t, 2, 0, true, true).get0());
        along("variance", t -> t.variance(1), t -> torch.var(t, true));
        along("std", t -> t.std(1), t -> torch.std(t, true));
        for (double p : new double[] {1, 2, 3, INF, -INF, 0.5}) {
            along("norm " + p, t -> t.norm(p, 1), t -> inF64(t).norm(Torch.scalar(p)));
        }
        along("layerNorm", t -> t.layerNorm(1, 1e-5), t -> torch.layer_norm(t, new long[] {3}));
        along(
                "rmsNorm",
                t -> t.rmsNorm(1, 1e-5),
                t -> torch.rms_norm(t, new long[] {3}, Torch.none(), new DoubleOptional(1e-5)));
        Tensor shares = Tensor.of(new double[] {0.25, 0.5, 0.25});
        along(
                "crossEntropyWith",
                t -> t.crossEntropyWith(shares.broadcastTo(t.shape()), 0),
                t ->
                        torch.cross_entropy_loss(
                                t.reshape(1, 3),
                                Torch.of(shares).reshape(1, 3).to(t.scalar_type())));
        Tensor weights = Tensor.of(new double[] {2, -1, 0}).reshape(3, 1);
        along(
                "matmul",
                t -> t.matmul(weights.cast(t.dtype())),
                t -> t.reshape(1, 3).matmul(Torch.of(weights).to(t.scalar_type())));
        Tensor labels = Tensor.of(new long[ROWS.length / 3]);
        along(
                "crossEntropy",
                t -> t.crossEntropy(labels, 0),
                t -> torch.cross_entropy_loss(t.reshape(1, 3), Torch.of(Tensor.of(new long[1]))));
        along(
                "maxPool2d",
                t -> t.reshape(-1, 1, 1, 3).pad(2, 0, 2, -INF).maxPool2d(3, 3, 0),
                t ->
                        torch.max_pool2d(
                                torch.constant_pad_nd(
                                        t.reshape(1, 1, 1, 3),
                                        new long[] {0, 0, 0, 2},
                                        Torch.scalar(-INF)),
                                3,
                                3));
        along(
                "avgPool2d",
                t -> t.reshape(-1, 1, 1, 3).pad(2, 0, 2, 0).avgPool2d(3, 3, 0),
                t ->
                        torch.avg_pool2d(
                                torch.constant_pad_nd(
                                        t.reshape(1, 1, 1, 3),
                                        new long[] {0, 0, 0, 2},
                                        Torch.scalar(0)),
                                3,
                                3));
    }

    @TestFactory
    List<DynamicTest> asLibtorch() {
        edgesOfFunctions();
        edgesOfReductions();
        elementwise();
        reductions();
        losses();
        List<DynamicTest> tests = new ArrayList<>();
        rows.forEach(r -> tests.add(DynamicTest.dynamicTest(r.name, () -> compare(r))));
        tests.add(
                DynamicTest.dynamicTest(
                        "what is listed as different differs",
                        () -> assertEquals(DIFFERENT.keySet(), DIFFERED)));
        return tests;
    }

    /// Functions of floating numbers whose derivatives are these functions', or move numbers only, or that have none.
    private static final Set<String> OTHERS =
            Set.of(
                    ("at atEdge broadcastTo concat expandAlong flatten flip gather moveAxis narrow pad padEdge padReflect"
                                    + " permute repeat reshape roll select shift slice squeeze stack stackWith take tile"
                                    + " transpose tril triu unpad unslice unsqueeze diagonal windows overlapAdd scatterAdd"
                                    + " split chunk sumTo cast detach realize self remarked symbol"
                                    // integers, bools, numbers without operands
                                    + " and any all arange argmax argmin argsort eq eye floorDiv full fullLike ge gt iota isFinite isInf isNan le lt"
                                    + " linspace ne not of ofMapped ofUnsigned oneHot ones onesLike or randomBits shiftLeft shiftRight xor zeros zerosLike"
                                    + " constant extent"
                                    // made of the others
                                    + " combine emit map reduce wide recurrence productOfOthers polygammaAt normalDensity"
                                    // tables of their own: LossEdgeParityTest,
                                    // HiddenKeysParityTest, products and convolutions
                                    + " binaryCrossEntropy binaryCrossEntropyWithLogits "
                                    + " attention scaledDotProductAttention linear dot outer einsum conv conv1d conv2d conv3d"
                                    + " convolve convolveData convolveKernel convTranspose convTranspose2d maxPool avgPool fused rearrange")
                            .split(" "));

    @Test
    void everyFunctionIsInTheTable() {
        edgesOfFunctions();
        edgesOfReductions();
        Set<String> known = new TreeSet<>(OTHERS);
        rows.forEach(r -> known.add(r.name.split(" ")[0]));
        Set<String> missing = new TreeSet<>();
        for (Method m : Tensor.class.getMethods()) {
            if (m.getReturnType().isAssignableFrom(Tensor.class)
                    && !m.getReturnType().equals(Object.class)
                    && !known.contains(m.getName())) {
                missing.add(m.getName());
            }
        }
        assertEquals(Set.of(), missing);
    }

    private static void compare(Row r) {
        List<String> wrong = new ArrayList<>();
        for (DType t : r.types) {
            List<Tensor> x = r.inputs.stream().map(v -> Tensor.of(v).cast(t).realize()).toList();
            List<Variable> ours = x.stream().map(v -> Variable.of("x", v)).toList();
            List<org.bytedeco.pytorch.Tensor> theirs =
                    x.stream().map(EdgeGradientTest::parameter).toList();
            Tensor y = r.ours.apply(List.copyOf(ours));
            org.bytedeco.pytorch.Tensor z = r.theirs.apply(theirs);
            compare(t + "", Torch.doubles(z), y.toDoubleArray(), t, wrong);
            z.sum().backward();
            y.sum().backward();
            for (int i = 0; i < x.size(); i++) {
                org.bytedeco.pytorch.Tensor g = theirs.get(i).grad();
                if (g.defined()) {
                    compare(
                            t + " gradient " + i,
                            Torch.doubles(g),
                            ours.get(i).grad().orElseThrow().toDoubleArray(),
                            t,
                            wrong);
                }
            }
        }
        if (wrong.isEmpty()) {
            return;
        }
        DIFFERENT.keySet().stream().filter(r.name::matches).forEach(DIFFERED::add);
        assertTrue(
                r.types == ALL && DIFFERENT.keySet().stream().anyMatch(r.name::matches),
                () -> r.name + ":\n" + String.join("\n", wrong));
    }

    private static org.bytedeco.pytorch.Tensor parameter(Tensor x) {
        if (x.dtype().bytes() > 2) {
            return Torch.parameter(x);
        }
        org.bytedeco.pytorch.Tensor t =
                Torch.of(x.cast(DType.F32))
                        .to(
                                x.dtype() == DType.F16
                                        ? torch.ScalarType.Half
                                        : torch.ScalarType.BFloat16)
                        .detach();
        t.requires_grad_(true);
        return t;
    }

    private static double tolerance(DType t) {
        return switch (t) {
            case F64 -> 1e-7;
            case F32 -> 1e-5;
            case F16 -> 4e-3; // it rounds in between
            default -> 3e-2;
        };
    }

    private static void compare(
            String what, double[] expected, double[] actual, DType t, List<String> wrong) {
        assertEquals(expected.length, actual.length, what);
        for (int i = 0; i < expected.length; i++) {
            double e = expected[i];
            boolean fits =
                    Double.isNaN(e) || Double.isInfinite(e)
                            ? Double.compare(e, actual[i]) == 0
                            : Math.abs(e - actual[i]) <= tolerance(t) * Math.max(1, Math.abs(e));
            if (!fits) {
                wrong.add(what + " [" + i + "]: " + actual[i] + ", but libtorch has " + e);
            }
        }
    }
}
