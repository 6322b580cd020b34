package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import java.util.Arrays;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Functions at the edges of their domains, and at the numbers of IEEE 754 that are none: what libtorch gives, computed and folded. It computes in f64 for f32 too, for some of its functions on f32 are
/// wrong by thousands of units in the last place (`erf` near 0) or NaN (`remainder` by subnormal numbers).
class EdgeParityTest {
    private record One(
            String name,
            double ulps,
            UnaryOperator<Tensor> ours,
            UnaryOperator<org.bytedeco.pytorch.Tensor> theirs) {}

    private record Two(
            String name,
            double ulps,
            BinaryOperator<Tensor> ours,
            BinaryOperator<org.bytedeco.pytorch.Tensor> theirs) {}

    private static final double[] EDGES = {
        0.0,
        -0.0,
        1,
        -1,
        0.5,
        -0.5,
        1.5,
        -1.5,
        2,
        -2,
        2.5,
        -2.5,
        3,
        -3,
        10,
        -10,
        100,
        -100,
        1000,
        -88,
        88,
        0.99999994,
        1.0000001,
        -0.99999994,
        1e-3,
        1e-7,
        -1e-7,
        1e-20,
        1e-30,
        1e-38,
        1e-45,
        -1e-45,
        1e10,
        -1e10,
        1e20,
        3.4e38,
        -3.4e38,
        Float.MIN_NORMAL,
        Math.PI,
        Math.PI / 2,
        Double.NaN,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY
    };

    private static List<One> unary() {
        return List.of(
                new One("neg", 0, Tensor::neg, torch::neg),
                new One("abs", 0, Tensor::abs, torch::abs),
                new One("sign", 0, x -> x.isNan().where(x.zerosLike(), x.sign()), torch::sgn),
                new One("floor", 0, Tensor::floor, torch::floor),
                new One("ceil", 0, Tensor::ceil, torch::ceil),
                new One("round", 0, Tensor::round, torch::round),
                new One("trunc", 0, Tensor::trunc, torch::trunc),
                new One("sqrt", 0.5, Tensor::sqrt, torch::sqrt),
                new One("rsqrt", 2, Tensor::rsqrt, torch::rsqrt),
                new One("reciprocal", 0.5, Tensor::reciprocal, torch::reciprocal),
                new One("square", 0.5, Tensor::square, torch::square),
                new One("exp", 3, Tensor::exp, torch::exp),
                new One("exp2", 3, Tensor::exp2, torch::exp2),
                new One("expm1", 3, Tensor::expm1, torch::expm1),
                new One("log", 3, Tensor::log, torch::log),
                new One("log2", 3, Tensor::log2, torch::log2),
                new One("log10", 3, Tensor::log10, torch::log10),
                new One("log1p", 3, Tensor::log1p, torch::log1p),
                new One("asin", 4, Tensor::asin, torch::asin),
                new One("acos", 4, Tensor::acos, torch::acos),
                new One("atan", 4, Tensor::atan, torch::atan),
                new One("sinh", 4, Tensor::sinh, torch::sinh),
                new One("cosh", 4, Tensor::cosh, torch::cosh),
                new One("tanh", 4, Tensor::tanh, torch::tanh),
                new One("asinh", 4, Tensor::asinh, torch::asinh),
                new One("acosh", 4, Tensor::acosh, torch::acosh),
                new One("atanh", 4, Tensor::atanh, torch::atanh),
                new One("erf", 6, Tensor::erf, torch::erf),
                new One("relu", 0, Tensor::relu, torch::relu),
                new One("isNan", 0, x -> x.isNan().cast(x.dtype()), torch::isnan),
                new One("isInf", 0, x -> x.isInf().cast(x.dtype()), torch::isinf),
                new One("isFinite", 0, x -> x.isFinite().cast(x.dtype()), torch::isfinite));
    }

    private static List<Two> binary() {
        return List.of(
                new Two("add", 0.5, Tensor::add, torch::add),
                new Two("sub", 0.5, Tensor::sub, torch::subtract),
                new Two("mul", 0.5, Tensor::mul, torch::mul),
                new Two("div", 0.5, Tensor::div, torch::div),
                new Two("pow", 4, Tensor::pow, torch::pow),
                new Two("maximum", 0, Tensor::maximum, torch::maximum),
                new Two("minimum", 0, Tensor::minimum, torch::minimum),
                new Two("atan2", 4, Tensor::atan2, torch::atan2),
                new Two("mod", 1, Tensor::mod, torch::remainder),
                new Two("floorDiv", 1, Tensor::floorDiv, torch::floor_divide),
                new Two("eq", 0, (a, b) -> a.eq(b).cast(a.dtype()), torch::eq),
                new Two("ne", 0, (a, b) -> a.ne(b).cast(a.dtype()), torch::ne),
                new Two("lt", 0, (a, b) -> a.lt(b).cast(a.dtype()), torch::lt),
                new Two("le", 0, (a, b) -> a.le(b).cast(a.dtype()), torch::le));
    }

    @TestFactory
    Stream<DynamicTest> ofOne() {
        return Stream.of(DType.F32, DType.F64)
                .flatMap(t ->
                        unary().stream()
                                .map(f ->
                                        DynamicTest.dynamicTest(
                                                f.name + " " + t,
                                                () -> {
                                                    Tensor x = Tensor.of(EDGES).cast(t).realize();
                                                    double[] want =
                                                            wide(
                                                                    f.theirs.apply(
                                                                            Torch.of(
                                                                                    x.cast(
                                                                                            DType
                                                                                                    .F64))),
                                                                    t);
                                                    double[] got = f.ours.apply(x).toDoubleArray();
                                                    double[] at = x.toDoubleArray();
                                                    for (int i = 0; i < at.length; i++) {
                                                        String what = f.name + " " + at[i];
                                                        close(what, t, f.ulps, want[i], got[i]);
                                                        double folded =
                                                                f.ours.apply(Tensor.full(at[i], t))
                                                                        .item();
                                                        close(
                                                                "folded " + what,
                                                                t,
                                                                f.ulps,
                                                                want[i],
                                                                folded);
                                                    }
                                                })));
    }

    @TestFactory
    Stream<DynamicTest> ofTwo() {
        return Stream.of(DType.F32, DType.F64)
                .flatMap(t ->
                        binary().stream()
                                .map(f ->
                                        DynamicTest.dynamicTest(
                                                f.name + " " + t, () -> pairs(f, t))));
    }

    private static void pairs(Two f, DType t) {
        int n = EDGES.length;
        Tensor x = Tensor.of(EDGES).cast(t).unsqueeze(1).broadcastTo(n, n).realize();
        Tensor y = Tensor.of(EDGES).cast(t).unsqueeze(0).broadcastTo(n, n).realize();
        double[] want =
                wide(f.theirs.apply(Torch.of(x.cast(DType.F64)), Torch.of(y.cast(DType.F64))), t);
        double[] got = f.ours.apply(x, y).toDoubleArray();
        double[] a = x.toDoubleArray();
        double[] b = y.toDoubleArray();
        for (int i = 0; i < a.length; i++) {
            String what = f.name + " " + a[i] + ", " + b[i];
            close(what, t, f.ulps, want[i], got[i]);
            if (i % 5 == 0) {
                double folded = f.ours.apply(Tensor.full(a[i], t), Tensor.full(b[i], t)).item();
                close("folded " + what, t, f.ulps, want[i], folded);
            }
        }
    }

    private static double[] wide(org.bytedeco.pytorch.Tensor x, DType t) {
        return Arrays.stream(Torch.doubles(x)).map(t::round).toArray();
    }

    /// Zeros may differ in sign where a maximum or remainder chooses between them.
    private static void close(String what, DType t, double ulps, double want, double got) {
        if (want == 0 && got == 0) {
            boolean chooses =
                    what.contains("maximum")
                            || what.contains("minimum")
                            || what.contains("mod")
                            || what.contains("floorDiv")
                            || what.contains("relu")
                            || what.contains("sign")
                            || what.contains("pow");
            assertTrue(chooses || 1 / want == 1 / got, what + ": " + got + ", not " + want);
        } else if (Double.isNaN(want) || Double.isInfinite(want)) {
            assertEquals(want, got, what);
        } else {
            double ulp = t == DType.F64 ? Math.ulp(want) : Math.ulp((float) want);
            assertEquals(want, got, ulps * ulp, what);
        }
    }
}
