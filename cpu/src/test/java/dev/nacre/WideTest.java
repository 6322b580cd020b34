package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Functions of more than one operation are computed wide and rounded once: in every type they give what f64 gives, rounded.
class WideTest {
    private static Map<String, UnaryOperator<Tensor>> functions() {
        Map<String, UnaryOperator<Tensor>> f = new LinkedHashMap<>();
        for (double p :
                new double[] {
                    0, 0.5, 1, 1.5, 2, 3, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY
                }) {
            f.put("norm " + p, x -> x.norm(p));
        }
        f.put("logSumExp", x -> x.logSumExp());
        f.put("softmax", x -> x.softmax(0));
        f.put("logSoftmax", x -> x.logSoftmax(0));
        f.put("mean", x -> x.mean());
        f.put("variance", x -> x.variance(Correction.NONE));
        f.put("std", x -> x.std(Correction.NONE));
        f.put("layerNorm", x -> x.layerNorm(1, 1e-5));
        f.put("rmsNorm", x -> x.rmsNorm(1, 1e-5));
        f.put("sum", x -> x.sum());
        f.put("cumsum", x -> x.cumsum(0));
        f.put("cumprod", x -> x.div(16).cumprod(0));
        f.put("gelu", Tensor::gelu);
        f.put("geluTanh", Tensor::geluTanh);
        f.put("silu", Tensor::silu);
        f.put("mish", Tensor::mish);
        f.put("logSigmoid", Tensor::logSigmoid);
        f.put("softsign", Tensor::softsign);
        f.put("elu", x -> x.elu(1.5));
        f.put("selu", Tensor::selu);
        f.put("leakyRelu", x -> x.leakyRelu(0.01));
        f.put("hardSigmoid", Tensor::hardSigmoid);
        f.put("hardSwish", Tensor::hardSwish);
        f.put("bceWithLogits", x -> x.binaryCrossEntropyWithLogits(x.fullLike(0.25)));
        f.put("bce", x -> x.abs().minimum(1).binaryCrossEntropy(x.fullLike(0.25)));
        f.put("squaredError", x -> x.squaredError(x.fullLike(2)));
        f.put("crossEntropy", x -> x.crossEntropy(Tensor.of(1L), 0.1));
        f.put("crossEntropyWith", x -> x.crossEntropyWith(x.fullLike(0.25), 0.1));
        f.put("einsum", x -> x.einsum("i,i,i->", x, x.softmax(0)));
        f.put(
                "avgPool",
                x -> x.reshape(1, 1, -1).avgPool(List.of(dev.nacre.ir.Window.of(2)), true));
        for (double c : new double[] {0x1p-16, 1e-8, 3, 70_000}) {
            f.put("div " + c, x -> x.div(c));
            f.put("mul " + c, x -> x.mul(c));
            f.put("add " + c, x -> x.add(c));
        }
        f.put("pow 0.1", x -> x.abs().pow(0.1));
        return f;
    }

    private static List<Tensor> operands(DType t) {
        double max = t == DType.F16 ? 65504 : 0x1.fep127;
        double tiny = t == DType.F16 ? 0x1p-24 : 0x1p-133;
        return List.of(
                Tensor.of(new double[] {300, 400}),
                Tensor.of(new double[] {-100, 100}),
                Tensor.of(new double[] {0, tiny, -tiny, 1e-3, 0.3, -1, 3, -3, 17, -17, 300, -300}),
                Tensor.of(new double[] {max / 4, max / 4, max / 4}),
                Tensor.full(0, DType.F64, 65_536),
                Tensor.full(0.5, DType.F64, 70_000));
    }

    @TestFactory
    List<DynamicTest> narrowFloats() {
        List<DynamicTest> tests = new ArrayList<>();
        for (DType t : List.of(DType.F16, DType.BF16)) {
            functions()
                    .forEach((name, f) ->
                            tests.add(
                                    DynamicTest.dynamicTest(
                                            name + " of " + t,
                                            () -> operands(t).forEach(x -> check(name, f, x, t)))));
        }
        return tests;
    }

    private static void check(String name, UnaryOperator<Tensor> f, Tensor x, DType t) {
        Tensor narrow = x.cast(t).realize();
        Tensor wide = narrow.cast(DType.F64).realize();
        if (t == DType.BF16 && wide.abs().max().item() > 1e18) {
            return; // squares that f32 has not either
        }
        double[] expected = f.apply(wide).toDoubleArray();
        Tensor actual = f.apply(narrow);
        assertEquals(t, actual.dtype());
        compare(name, t, expected, actual.toDoubleArray(), 1);
    }

    /// Right to a number of units in the last place, of which half is the rounding.
    private static void compare(
            String what, DType t, double[] expected, double[] actual, int ulps) {
        assertEquals(expected.length, actual.length);
        for (int i = 0; i < expected.length; i++) {
            double e = t.round(expected[i]);
            double unit = Math.max(Math.abs(e) * (t == DType.F16 ? 0x1p-10 : 0x1p-7), tiny(t));
            boolean same =
                    Double.isFinite(e)
                            ? Math.abs(actual[i] - expected[i]) <= ulps * unit
                            : Double.compare(e, actual[i]) == 0;
            assertEquals(
                    "",
                    same
                            ? ""
                            : what
                                    + " ["
                                    + i
                                    + "] "
                                    + t
                                    + ": "
                                    + actual[i]
                                    + ", not "
                                    + expected[i]);
        }
    }

    private static double tiny(DType t) {
        return t == DType.F16 ? 0x1p-24 : 0x1p-126;
    }

    /// Whole numbers become f32, or are refused.
    @Test
    void wholeNumbers() {
        for (DType t : List.of(DType.U8, DType.I8, DType.I32, DType.I64)) {
            double most = t == DType.U8 ? 200 : t == DType.I8 ? 100 : 50_000;
            Tensor x = Tensor.of(new double[] {most, 0, 1}).cast(t).realize();
            Tensor wide = x.cast(DType.F64).realize();
            functions()
                    .forEach((name, f) -> {
                        if (List.of("softmax", "logSoftmax", "mean", "variance", "std", "einsum")
                                        .contains(name)
                                || name.matches(
                                        "(layerNorm|rmsNorm|crossEntropy|avgPool|bce.*|sum|cum|mul|add|div|pow).*")) {
                            return;
                        }
                        Tensor y = f.apply(x);
                        assertEquals(DType.F32, y.dtype(), name);
                        double[] e = f.apply(wide).toDoubleArray();
                        double[] a = y.toDoubleArray();
                        for (int i = 0; i < e.length; i++) {
                            assertEquals(
                                    e[i],
                                    a[i],
                                    1e-5 * Math.max(1, Math.abs(e[i])),
                                    name + " of " + t);
                        }
                    });
        }
    }

    @Test
    void aGradientOfManyRows() {
        Variable b = Variable.of("b", Tensor.zeros(DType.F16, 3));
        Tensor x = Tensor.zeros(DType.F16, 70_000, 3);
        x.add(b).cast(DType.F32).sum().mul(0x1p-4).backward();
        double each = 70_000 * 0x1p-4;
        assertArrayEquals(
                new double[] {each, each, each}, b.grad().orElseThrow().toDoubleArray(), 4);
        b.zeroGrad();
        Tensor ones = Tensor.full(0x1p-10, DType.F16, 70_000, 3);
        x.add(b).mul(ones).sum().backward();
        double sum = 70_000 * 0x1p-10;
        assertArrayEquals(
                new double[] {sum, sum, sum}, b.grad().orElseThrow().toDoubleArray(), 0.04);
    }

    @Test
    void commonFactorsOfGradients() {
        for (DType t : List.of(DType.F16, DType.BF16)) {
            Tensor a = Tensor.full(300, t, 2).realize();
            for (boolean number : new boolean[] {true, false}) {
                Variable x = Variable.of("x", Tensor.of(new double[] {0.5, 0}).cast(t));
                Tensor y =
                        number
                                ? x.mul(300).mul(300).add(x.mul(2))
                                : x.mul(a).mul(a).add(x.mul(a.div(150)));
                y.mul(1e-3).sum().backward();
                double e = t.round(t.round(1e-3) * 90_002);
                assertArrayEquals(
                        new double[] {e, e},
                        x.grad().orElseThrow().toDoubleArray(),
                        e * (t == DType.F16 ? 0x1p-9 : 0x1p-6));
            }
        }
    }

    /// Sums of many uses are rounded once.
    @Test
    void manyUses() {
        Variable x = Variable.of("x", Tensor.of(1f).cast(DType.F16));
        Tensor y = x.mul(0);
        for (int i = 0; i < 4096; i++) {
            y = y.cast(DType.F32).add(x.cast(DType.F32).mul(1.0));
        }
        y.cast(DType.F32).backward();
        assertEquals(4096, x.grad().orElseThrow().item());
    }

    /// What lies a little off the middle of two neighbours, and is on it in the type between.
    @Test
    void castsRoundOnce() {
        SplittableRandom random = new SplittableRandom(5);
        for (DType t : List.of(DType.F16, DType.BF16)) {
            int bits = t == DType.F16 ? 11 : 8;
            int n = 3000;
            double[] x = new double[n];
            long[] whole = new long[n];
            for (int i = 0; i < n; i++) {
                int exponent =
                        random.nextInt(t == DType.F16 ? -26 : -130, t == DType.F16 ? 16 : 127);
                double middle =
                        Math.scalb(random.nextInt(1 << bits - 1, 1 << bits) + 0.5, exponent - bits);
                double off = Math.scalb(random.nextInt(3) - 1, exponent - 40 - random.nextInt(10));
                x[i] = (random.nextBoolean() ? -1 : 1) * (middle + off);
                long m = (1L << bits) + 2L * random.nextInt(1 << bits - 1) + 1;
                int shift = random.nextInt(1, t == DType.F16 ? 5 : 62 - bits);
                whole[i] = (random.nextBoolean() ? -1 : 1) * ((m << shift) + random.nextInt(3) - 1);
            }
            double[] e = new double[n];
            double[] w = new double[n];
            for (int i = 0; i < n; i++) {
                e[i] = nearest(new BigDecimal(x[i]), t);
                w[i] = nearest(BigDecimal.valueOf(whole[i]), t);
            }
            Tensor d = Tensor.of(x);
            Tensor l = Tensor.of(whole);
            assertArrayEquals(e, d.cast(t).toDoubleArray(), "f64 to " + t);
            assertArrayEquals(e, d.add(0.0).cast(t).reshape(n, 1).transpose().toDoubleArray());
            assertArrayEquals(w, l.cast(t).toDoubleArray(), "i64 to " + t);
            for (int i = 0; i < 200; i++) {
                assertEquals(e[i], Tensor.full(x[i], t).item());
                assertEquals(w[i], Tensor.of(whole[i]).cast(t).item());
                int small = (int) (whole[i] >> 32);
                assertEquals(nearest(BigDecimal.valueOf(small), t), t.nearest(small));
            }
            int[] ints = new int[n];
            double[] v = new double[n];
            for (int i = 0; i < n; i++) {
                long m = (1L << bits) + 2L * random.nextInt(1 << bits - 1) + 1;
                ints[i] =
                        (int)
                                ((m << random.nextInt(1, t == DType.F16 ? 5 : 30 - bits))
                                        + random.nextInt(3)
                                        - 1);
                v[i] = nearest(BigDecimal.valueOf(ints[i]), t);
            }
            assertArrayEquals(v, Tensor.of(ints).cast(t).toDoubleArray(), "i32 to " + t);
        }
    }

    /// By decimal arithmetic: the multiple of the last place's unit that is nearest, the even one of two.
    private static double nearest(BigDecimal x, DType t) {
        if (x.signum() == 0) {
            return 0;
        }
        int bits = t == DType.F16 ? 11 : 8;
        int least = t == DType.F16 ? -24 : -133;
        int exponent = Math.max(Math.getExponent(x.doubleValue()) - bits + 1, least);
        BigDecimal unit = new BigDecimal(Math.scalb(1.0, exponent));
        BigDecimal steps = x.divide(unit, new MathContext(60)).setScale(0, RoundingMode.HALF_EVEN);
        double y = steps.multiply(unit).doubleValue();
        double max = t == DType.F16 ? 65504 : 0x1.fep127;
        double out = Math.abs(y) > max ? Math.copySign(Double.POSITIVE_INFINITY, y) : y;
        return out == 0 ? Math.copySign(0, x.signum()) : out;
    }
}
