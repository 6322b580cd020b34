package dev.nacre.nn.parity;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.ir.Window;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// The public tensor functions that libtorch has too: values, and derivatives where both have them.
class FunctionParityTest {
    private record Row(
            String name,
            Closeness closeness,
            List<Tensor> inputs,
            Function<List<Tensor>, Tensor> ours,
            Function<List<org.bytedeco.pytorch.Tensor>, org.bytedeco.pytorch.Tensor> theirs) {}

    private static final Rng RNG = Rng.seed(21);
    private final List<Row> rows = new ArrayList<>();

    private static Tensor uniform(double low, double high, long... shape) {
        return RNG.uniform(low, high, Shape.of(shape)).realize();
    }

    private static Tensor normal(long... shape) {
        return RNG.normal(Shape.of(shape)).realize();
    }

    private void one(
            String name,
            double low,
            double high,
            UnaryOperator<Tensor> ours,
            UnaryOperator<org.bytedeco.pytorch.Tensor> theirs) {
        rows.add(
                new Row(
                        name,
                        Closeness.ELEMENTWISE,
                        List.of(uniform(low, high, 7, 13)),
                        in -> ours.apply(in.getFirst()),
                        in -> theirs.apply(in.getFirst())));
    }

    private void two(
            String name,
            double low,
            double high,
            BinaryOperator<Tensor> ours,
            BinaryOperator<org.bytedeco.pytorch.Tensor> theirs) {
        rows.add(
                new Row(
                        name,
                        Closeness.ELEMENTWISE,
                        List.of(uniform(low, high, 7, 13), uniform(low, high, 7, 13)),
                        in -> ours.apply(in.get(0), in.get(1)),
                        in -> theirs.apply(in.get(0), in.get(1))));
        rows.add(
                new Row(
                        name + ", broadcast",
                        Closeness.SUMS,
                        List.of(uniform(low, high, 5, 1, 4), uniform(low, high, 3, 4)),
                        in -> ours.apply(in.get(0), in.get(1)),
                        in -> theirs.apply(in.get(0), in.get(1))));
    }

    private void on(
            String name,
            Tensor x,
            UnaryOperator<Tensor> ours,
            UnaryOperator<org.bytedeco.pytorch.Tensor> theirs) {
        rows.add(
                new Row(
                        name,
                        Closeness.SUMS,
                        List.of(x),
                        in -> ours.apply(in.getFirst()),
                        in -> theirs.apply(in.getFirst())));
    }

    private void elementwise() {
        one("neg", -3, 3, Tensor::neg, torch::neg);
        one("abs", -3, 3, Tensor::abs, torch::abs);
        one("sqrt", 0.1, 9, Tensor::sqrt, torch::sqrt);
        one("rsqrt", 0.1, 9, Tensor::rsqrt, torch::rsqrt);
        one("reciprocal", 0.5, 3, Tensor::reciprocal, torch::reciprocal);
        one("square", -3, 3, Tensor::square, torch::square);
        one("exp", -3, 3, Tensor::exp, torch::exp);
        one("expm1", -3, 3, Tensor::expm1, torch::expm1);
        one("exp2", -3, 3, Tensor::exp2, torch::exp2);
        one("log", 0.1, 9, Tensor::log, torch::log);
        one("log1p", -0.9, 9, Tensor::log1p, torch::log1p);
        one("log2", 0.1, 9, Tensor::log2, torch::log2);
        one("log10", 0.1, 9, Tensor::log10, torch::log10);
        one("sin", -9, 9, Tensor::sin, torch::sin);
        one("cos", -9, 9, Tensor::cos, torch::cos);
        one("tan", -1.3, 1.3, Tensor::tan, torch::tan);
        one("asin", -0.9, 0.9, Tensor::asin, torch::asin);
        one("acos", -0.9, 0.9, Tensor::acos, torch::acos);
        one("atan", -9, 9, Tensor::atan, torch::atan);
        one("sinh", -3, 3, Tensor::sinh, torch::sinh);
        one("cosh", -3, 3, Tensor::cosh, torch::cosh);
        one("tanh", -5, 5, Tensor::tanh, torch::tanh);
        one("asinh", -9, 9, Tensor::asinh, torch::asinh);
        one("acosh", 1.2, 9, Tensor::acosh, torch::acosh);
        one("atanh", -0.9, 0.9, Tensor::atanh, torch::atanh);
        one("erf", -3, 3, Tensor::erf, torch::erf);
        one("ndtr", -6, 6, Tensor::ndtr, torch::special_ndtr);
        one("lgamma", 0.2, 9, Tensor::lgamma, torch::lgamma);
        one("digamma", 0.5, 9, Tensor::digamma, torch::digamma);
        one("polygamma", 0.7, 9, x -> x.polygamma(2), x -> torch.polygamma(2, x));
        one(
                "clamp",
                -3,
                3,
                x -> x.clamp(-1, 1.5),
                x -> torch.hardtanh(x, Torch.scalar(-1), Torch.scalar(1.5)));
        one("sign", -3, 3, Tensor::sign, torch::sign);
        one("floor", -3, 3, Tensor::floor, torch::floor);
        one("ceil", -3, 3, Tensor::ceil, torch::ceil);
        one("round", -3, 3, Tensor::round, torch::round);
        one("trunc", -3, 3, Tensor::trunc, torch::trunc);
        two("add", -3, 3, Tensor::add, torch::add);
        two("sub", -3, 3, Tensor::sub, torch::subtract);
        two("mul", -3, 3, Tensor::mul, torch::mul);
        two("div", 0.5, 3, Tensor::div, torch::div);
        two("pow", 0.3, 3, Tensor::pow, torch::pow);
        two("maximum", -3, 3, Tensor::maximum, torch::maximum);
        two("minimum", -3, 3, Tensor::minimum, torch::minimum);
        two("atan2", -3, 3, Tensor::atan2, torch::atan2);
        two("squaredError", -3, 3, Tensor::squaredError, (a, b) -> torch.square(a.sub(b)));
    }

    private void losses() {
        List<Tensor> in = List.of(uniform(0.01, 0.99, 7, 13), uniform(0, 1, 7, 13));
        rows.add(
                new Row(
                        "binaryCrossEntropy",
                        Closeness.ELEMENTWISE,
                        in,
                        x -> x.get(0).binaryCrossEntropy(x.get(1)),
                        x -> torch.binary_cross_entropy(x.get(0), x.get(1), Torch.none(), 0)));
        rows.add(
                new Row(
                        "binaryCrossEntropyWithLogits",
                        Closeness.ELEMENTWISE,
                        List.of(uniform(-9, 9, 7, 13), in.get(1)),
                        x -> x.get(0).binaryCrossEntropyWithLogits(x.get(1)),
                        x ->
                                torch.binary_cross_entropy_with_logits(
                                        x.get(0), x.get(1), Torch.none(), Torch.none(), 0)));
    }

    private void activations() {
        one("relu", -3, 3, Tensor::relu, torch::relu);
        one("sigmoid", -9, 9, Tensor::sigmoid, torch::sigmoid);
        one("gelu", -5, 5, Tensor::gelu, torch::gelu);
        one("geluTanh", -5, 5, Tensor::geluTanh, x -> torch.gelu(x, "tanh"));
        one("silu", -5, 5, Tensor::silu, torch::silu);
        one("softplus", -9, 9, Tensor::softplus, torch::softplus);
        one("logSigmoid", -9, 9, Tensor::logSigmoid, torch::log_sigmoid);
        one("mish", -5, 5, Tensor::mish, torch::mish);
        one("leakyRelu", -3, 3, x -> x.leakyRelu(0.1), x -> torch.leaky_relu(x, Torch.scalar(0.1)));
        one(
                "elu",
                -3,
                3,
                x -> x.elu(1.5),
                x -> torch.elu(x, Torch.scalar(1.5), Torch.scalar(1), Torch.scalar(1)));
        one("selu", -3, 3, Tensor::selu, torch::selu);
        one("relu6", -3, 9, Tensor::relu6, torch::relu6);
        one("hardSigmoid", -5, 5, Tensor::hardSigmoid, torch::hardsigmoid);
        one("hardSwish", -5, 5, Tensor::hardSwish, torch::hardswish);
        one("softsign", -5, 5, Tensor::softsign, x -> x.div(x.abs().add(Torch.scalar(1))));
        for (int axis : new int[] {0, 1, -1}) {
            on(
                    "softmax " + axis,
                    normal(4, 6, 5),
                    x -> x.softmax(axis),
                    x -> torch.softmax(x, axis));
            on(
                    "logSoftmax " + axis,
                    normal(4, 6, 5),
                    x -> x.logSoftmax(axis),
                    x -> torch.log_softmax(x, axis));
        }
        on(
                "softmax of large numbers",
                normal(4, 6).mul(1000).realize(),
                x -> x.softmax(1),
                x -> torch.softmax(x, 1));
    }

    private void reductions() {
        Tensor x = normal(5, 6, 7);
        ScalarTypeOptional same = new ScalarTypeOptional();
        on("sum", x, x0 -> x0.sum(), x0 -> torch.sum(x0));
        on("sum 0 2", x, x0 -> x0.sum(0, 2), x0 -> torch.sum(x0, new long[] {0, 2}, false, same));
        on("mean 1", x, x0 -> x0.mean(1), x0 -> torch.mean(x0, new long[] {1}, false, same));
        on("prod 2", x, x0 -> x0.prod(2), x0 -> torch.prod(x0, 2, false, same));
        on("max 1", x, x0 -> x0.max(1), x0 -> torch.amax(x0, new long[] {1}, false));
        on("min 0 1", x, x0 -> x0.min(0, 1), x0 -> torch.amin(x0, new long[] {0, 1}, false));
        on("variance 1", x, x0 -> x0.variance(1), x0 -> torch.var(x0, new long[] {1}, true, false));
        on(
                "variance 0 2, biased",
                x,
                x0 -> x0.variance(Correction.NONE, 0, 2),
                x0 -> torch.var(x0, new long[] {0, 2}, false, false));
        on("std 2", x, x0 -> x0.std(2), x0 -> torch.std(x0, new long[] {2}, true, false));
        on("norm 2", x, x0 -> x0.norm(2, 1), x0 -> x0.square().sum(1).sqrt());
        on(
                "logSumExp 1",
                x,
                x0 -> x0.logSumExp(1),
                x0 -> torch.logsumexp(x0, new long[] {1}, false));
        on("cumsum 1", x, x0 -> x0.cumsum(1), x0 -> torch.cumsum(x0, 1));
        on("cumprod 2", x, x0 -> x0.cumprod(2), x0 -> torch.cumprod(x0, 2));
        on("sort 1", x, x0 -> x0.sort(1, false), x0 -> torch.sort(x0, 1, false).get0());
        on("sort 0, descending", x, x0 -> x0.sort(0, true), x0 -> torch.sort(x0, 0, true).get0());
        on(
                "topk 2",
                x,
                x0 -> x0.topk(3, 2).values(),
                x0 -> torch.topk(x0, 3, 2, true, true).get0());
    }

    private void movement() {
        Tensor x = normal(5, 6, 7);
        on("permute", x, x0 -> x0.permute(2, 0, 1), x0 -> x0.permute(2, 0, 1));
        on("transpose", x, x0 -> x0.transpose(0, 2), x0 -> x0.transpose(0, 2));
        on("reshape", x, x0 -> x0.reshape(6, -1), x0 -> x0.reshape(6, -1));
        on("flip", x, x0 -> x0.flip(0, 2), x0 -> torch.flip(x0, 0, 2));
        on("roll", x, x0 -> x0.roll(-3, 2), x0 -> torch.roll(x0, new long[] {-3}, 2));
        on("tile", x, x0 -> x0.tile(1, 2, 3), x0 -> x0.repeat(1, 2, 3));
        on("tril", x, x0 -> x0.tril(1), x0 -> torch.tril(x0, 1));
        on("triu", x, x0 -> x0.triu(-1), x0 -> torch.triu(x0, -1));
        on("diagonal", x, Tensor::diagonal, x0 -> x0.diagonal(0, -2, -1));
        on("narrow", x, x0 -> x0.narrow(1, 2, 3), x0 -> x0.narrow(1, 2, 3));
        on("select", x, x0 -> x0.select(2, -2), x0 -> x0.select(2, -2));
        on(
                "expand",
                normal(5, 1, 7),
                x0 -> x0.broadcastTo(2, 5, 4, 7),
                x0 -> x0.expand(2, 5, 4, 7));
        Tensor index = RNG.integers(6, Shape.of(5, 6, 7)).realize();
        var theirIndex = Torch.of(index);
        on("gather", x, x0 -> x0.gather(1, index), x0 -> torch.gather(x0, 1, theirIndex));
        Tensor rows1 = RNG.integers(6, Shape.of(9)).realize();
        var theirRows = Torch.of(rows1);
        on("take", x, x0 -> x0.take(rows1, 1), x0 -> x0.index_select(1, theirRows));
        rows.add(
                new Row(
                        "scatterAdd",
                        Closeness.SUMS,
                        List.of(x, normal(5, 6, 7)),
                        in -> in.get(0).scatterAdd(1, index, in.get(1)),
                        in -> torch.scatter_add(in.get(0), 1, theirIndex, in.get(1))));
        rows.add(
                new Row(
                        "concat",
                        Closeness.ELEMENTWISE,
                        List.of(x, normal(5, 2, 7)),
                        in -> in.get(0).concat(1, in.get(1)),
                        in -> torch.cat(new TensorVector(in.get(0), in.get(1)), 1)));
        rows.add(
                new Row(
                        "stack",
                        Closeness.ELEMENTWISE,
                        List.of(x, normal(5, 6, 7)),
                        in -> Tensor.stack(1, in),
                        in -> torch.stack(new TensorVector(in.get(0), in.get(1)), 1)));
        Tensor condition = RNG.bernoulli(0.4, Shape.of(5, 1, 7)).realize();
        var theirCondition = Torch.of(condition);
        rows.add(
                new Row(
                        "where",
                        Closeness.SUMS,
                        List.of(x, normal(6, 1)),
                        in -> condition.where(in.get(0), in.get(1)),
                        in -> torch.where(theirCondition, in.get(0), in.get(1))));
    }

    private void products() {
        for (long[][] s :
                new long[][][] {
                    {{5, 7}, {7, 6}},
                    {{7}, {7, 6}},
                    {{5, 7}, {7}},
                    {{7}, {7}},
                    {{3, 5, 7}, {7, 6}},
                    {{3, 5, 7}, {3, 7, 6}},
                    {{2, 1, 5, 7}, {4, 7, 6}},
                    {{33, 65}, {65, 17}}
                }) {
            rows.add(
                    new Row(
                            "matmul " + s[0].length + " " + s[1].length + " " + s[0][0],
                            Closeness.SUMS,
                            List.of(normal(s[0]), normal(s[1])),
                            in -> in.get(0).matmul(in.get(1)),
                            in -> torch.matmul(in.get(0), in.get(1))));
        }
        for (String e :
                List.of(
                        "bij,bjk->bik",
                        "bij,bkj->bik",
                        "bij,bij->b",
                        "bij,bjk->ikb",
                        "bij,bjk->")) {
            boolean square = e.startsWith("bij,bij") || e.startsWith("bij,bkj");
            rows.add(
                    new Row(
                            "einsum " + e,
                            Closeness.SUMS,
                            List.of(normal(3, 4, 5), square ? normal(3, 4, 5) : normal(3, 5, 6)),
                            in -> in.get(0).einsum(e, in.get(1)),
                            in -> torch.einsum(e, new TensorVector(in.get(0), in.get(1)), 0, 1)));
        }
        Window w = new Window(3, 2, 1, 1, 1);
        on(
                "avgPool without padding",
                normal(2, 3, 9, 9),
                x -> x.avgPool(List.of(w, w), false),
                x ->
                        torch.avg_pool2d(
                                x,
                                new long[] {3, 3},
                                new long[] {2, 2},
                                new long[] {1, 1},
                                false,
                                false,
                                new LongOptional()));
        on(
                "maxPool 1d",
                normal(2, 3, 11),
                x -> x.maxPool(List.of(w)),
                x ->
                        torch.max_pool1d(
                                x,
                                new long[] {3},
                                new long[] {2},
                                new long[] {1},
                                new long[] {1},
                                false));
        on(
                "unfold",
                normal(4, 11),
                x -> x.windows(List.of(new Window(3, 2, 1, 0, 0))),
                x -> x.unfold(1, 3, 2));
    }

    @TestFactory
    Stream<DynamicTest> functions() {
        elementwise();
        activations();
        losses();
        reductions();
        movement();
        products();
        return rows.stream()
                .map(r ->
                        DynamicTest.dynamicTest(
                                r.name,
                                () ->
                                        Torch.compare(
                                                r.name, r.closeness, r.inputs, r.ours, r.theirs)));
    }

    /// Results without derivatives.
    @Test
    void integersAndBools() {
        Tensor a = RNG.integers(19, Shape.of(6, 7)).sub(9).realize();
        Tensor b =
                RNG.integers(5, Shape.of(6, 7))
                        .add(1)
                        .mul(RNG.integers(2, Shape.of(6, 7)).mul(2).sub(1))
                        .realize();
        var ta = Torch.of(a);
        var tb = Torch.of(b);
        Tensor x = normal(6, 7);
        Tensor y = x.round();
        var tx = Torch.of(x);
        var ty = Torch.of(y);
        Closeness c = Closeness.ELEMENTWISE;
        c.check("floorDiv", torch.floor_divide(ta, tb), a.floorDiv(b));
        c.check("mod", torch.remainder(ta, tb), a.mod(b));
        c.check("and", torch.bitwise_and(ta, tb), a.and(b));
        c.check("or", torch.bitwise_or(ta, tb), a.or(b));
        c.check("xor", torch.bitwise_xor(ta, tb), a.xor(b));
        c.check("not", torch.bitwise_not(ta), a.not());
        c.check("integer division", torch.div(ta, tb), a.div(b));
        c.check("integer sum", torch.sum(ta), a.sum());
        c.check("eq", torch.eq(ta, tb), a.eq(b));
        c.check("lt", torch.lt(tx, ty), x.lt(y));
        c.check("ge", torch.ge(tx, ty), x.ge(y));
        c.check("argmax", torch.argmax(tx, new LongOptional(1), false), x.argmax(1));
        c.check("argmin", torch.argmin(tx, new LongOptional(0), false), x.argmin(0));
        c.check("argsort", torch.argsort(tx, 1, true), x.argsort(1, true));
        c.check("topk", torch.topk(tx, 3, 1, true, true).get1(), x.topk(3, 1).indices());
        c.check("one-hot", torch.one_hot(ta.abs(), 10), a.abs().oneHot(10, DType.I64));
        c.check("floating mod", torch.remainder(tx, Torch.scalar(0.3)), x.mod(0.3));
        for (double special :
                new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
            Tensor z =
                    x.add(
                                    RNG.bernoulli(0.3, Shape.of(6, 7))
                                            .where(Tensor.full(special, DType.F32), Tensor.of(0f)))
                            .realize();
            var tz = Torch.of(z);
            c.check("isNan", torch.isnan(tz), z.isNan());
            c.check("isInf", torch.isinf(tz), z.isInf());
            c.check("max with " + special, torch.amax(tz, new long[] {1}, false), z.max(1));
            c.check("maximum with " + special, torch.maximum(tz, ty), z.maximum(y));
            c.check("relu of " + special, torch.relu(tz), z.relu());
            c.check(
                    "argmax with " + special,
                    torch.argmax(tz, new LongOptional(1), false),
                    z.argmax(1));
            c.check("sort with " + special, torch.sort(tz, 1, false).get0(), z.sort(1, false));
        }
    }
}
