package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.reference.Array;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// What a compiler makes of an expression is what its operations make of it one after the other, to the bit, at all edges of all types; and gradients are no worse than their steps.
class RewritesTest {
    private static final List<DType> FLOATS = List.of(DType.F64, DType.F32, DType.BF16, DType.F16);

    private static final double[] NUMBERS = {
        0,
        -0.0,
        1,
        -1,
        2,
        3,
        0.1,
        300,
        1e-7,
        65504,
        1e19,
        1e30,
        -1e30,
        1e-30,
        1e38,
        3.4e38,
        1e-38,
        1e-45,
        0x1p127,
        0x1p-126,
        0x1p-149,
        1e300,
        1e-300,
        1e308,
        4e-324,
        Double.NaN,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY
    };

    /// A number, infinite where the type cannot hold it.
    private static Tensor alike(Tensor x, double number) {
        return Tensor.of(number).cast(x.dtype()).broadcastTo(x.shape());
    }

    /// Chains of operations, one step each.
    private static Map<String, List<UnaryOperator<Tensor>>> chains(double a, double b) {
        Map<String, List<UnaryOperator<Tensor>>> c = new LinkedHashMap<>();
        c.put("+a +b", List.of(x -> x.add(a), x -> x.add(b)));
        c.put("a+ b+", List.of(x -> alike(x, a).add(x), x -> alike(x, b).add(x)));
        c.put("-a -b", List.of(x -> x.sub(a), x -> x.sub(b)));
        c.put("a- b-", List.of(x -> alike(x, a).sub(x), x -> alike(x, b).sub(x)));
        c.put("*a *b", List.of(x -> x.mul(a), x -> x.mul(b)));
        c.put("/a /b", List.of(x -> x.div(a), x -> x.div(b)));
        c.put("*a /b", List.of(x -> x.mul(a), x -> x.div(b)));
        c.put("/a *b", List.of(x -> x.div(a), x -> x.mul(b)));
        c.put("a/ b/", List.of(x -> alike(x, a).div(x), x -> alike(x, b).div(x)));
        c.put("max min", List.of(x -> x.maximum(a), x -> x.minimum(b)));
        c.put(
                "sum of equals",
                List.of(
                        x -> x.add(a),
                        x -> x.unsqueeze(1).broadcastTo(x.size(0), 7).sum(1),
                        x -> x.mul(b)));
        c.put(
                "where",
                List.of(
                        x -> x.add(a),
                        x -> x.gt(b).where(x, x),
                        x -> x.isNan().where(x.zerosLike(), x)));
        return c;
    }

    /// Without numbers.
    private static Map<String, List<UnaryOperator<Tensor>>> plain() {
        Map<String, List<UnaryOperator<Tensor>>> c = new LinkedHashMap<>();
        c.put("neg neg", List.of(Tensor::neg, Tensor::neg));
        c.put("x - -y", List.of(x -> x.sub(x.flip(0).neg())));
        c.put("x + -y", List.of(x -> x.add(x.flip(0).neg())));
        c.put("x - x", List.of(x -> x.sub(x), x -> x.mul(3)));
        c.put("x / x", List.of(x -> x.div(x), x -> x.mul(3)));
        c.put("x*0 + x", List.of(x -> x.mul(0).add(x)));
        c.put("relu relu", List.of(Tensor::relu, Tensor::relu, Tensor::neg, Tensor::relu));
        c.put("abs neg abs", List.of(Tensor::abs, Tensor::neg, Tensor::abs));
        c.put("sqrt square", List.of(Tensor::sqrt, Tensor::square, Tensor::sqrt));
        c.put("reciprocal twice", List.of(Tensor::reciprocal, Tensor::reciprocal));
        c.put("pow pow", List.of(x -> x.pow(2), x -> x.pow(0.5), x -> x.pow(3), x -> x.pow(-1)));
        c.put("log exp", List.of(Tensor::log, Tensor::exp));
        c.put("to f16 and back", List.of(x -> x.cast(DType.F16).cast(x.dtype()), x -> x.add(1)));
        c.put("to bf16 and back", List.of(x -> x.cast(DType.BF16).cast(x.dtype()), x -> x.add(1)));
        c.put("to f64 and back", List.of(x -> x.cast(DType.F64).cast(x.dtype()), x -> x.add(1)));
        c.put("to i32 and back", List.of(x -> x.cast(DType.I32).cast(x.dtype()), x -> x.add(1)));
        c.put("to i8 and back", List.of(x -> x.cast(DType.I8).cast(x.dtype()), x -> x.add(1)));
        c.put(
                "halves",
                List.of(x ->
                        x.slice(0, 0, 9)
                                .pad(0, 0, x.size(0) - 9, 0)
                                .add(x.slice(0, 9, x.size(0)).pad(0, 9, 0, 0))));
        c.put(
                "sums of one",
                List.of(
                        x -> x.unsqueeze(1).sum(1),
                        x -> x.unsqueeze(0).prod(0),
                        x -> x.unsqueeze(0).max(0)));
        c.put("max of equals", List.of(x -> x.unsqueeze(1).broadcastTo(x.size(0), 3).max(1)));
        c.put("mean of equals", List.of(x -> x.unsqueeze(1).broadcastTo(x.size(0), 4).mean(1)));
        return c;
    }

    @TestFactory
    List<DynamicTest> onePlanIsItsSteps() {
        List<DynamicTest> tests = new ArrayList<>();
        for (DType t : FLOATS) {
            Tensor x = Tensor.of(NUMBERS).cast(t).realize();
            for (double a : NUMBERS) {
                tests.add(
                        DynamicTest.dynamicTest(
                                t + " " + a,
                                () -> {
                                    for (double b : new double[] {0, -0.0, 1, 8, 0.7, a}) {
                                        compare(a + " " + b, x, chains(a, b));
                                    }
                                }));
            }
            tests.add(DynamicTest.dynamicTest(t + " plain", () -> compare("", x, plain())));
        }
        return tests;
    }

    private static void compare(
            String what, Tensor x, Map<String, List<UnaryOperator<Tensor>>> chains) {
        List<Tensor> whole = new ArrayList<>();
        List<double[]> steps = new ArrayList<>();
        for (List<UnaryOperator<Tensor>> chain : chains.values()) {
            Tensor lazy = x;
            Tensor eager = x;
            for (UnaryOperator<Tensor> f : chain) {
                lazy = f.apply(lazy);
                eager = f.apply(eager).realize();
            }
            whole.add(lazy);
            steps.add(eager.toDoubleArray());
        }
        List<Tensor> got = Function.ofMany(_ -> whole).call();
        List<Array> meant =
                Interpreter.evaluate(
                        whole.stream().map(Tensor::node).toList(),
                        _ -> Array.of(x.type(), x.toDoubleArray()));
        int k = 0;
        for (String name : chains.keySet()) {
            double[] want = steps.get(k);
            double[] have = got.get(k).toDoubleArray();
            double[] exact = meant.get(k++).toDoubles();
            for (int i = 0; i < want.length; i++) {
                String at = x.dtype() + " " + name + " " + what + " of " + NUMBERS[i];
                assertEquals(want[i], have[i], at);
                if (name.contains("equals")
                        || name.startsWith("sums")
                        || name.equals("halves")) { // sums in another order
                    double ulp = Double.isFinite(exact[i]) ? 4 * Math.ulp(exact[i]) : 1;
                    assertEquals(exact[i], have[i], ulp, at);
                } else if (!name.contains("pow") && !name.contains("exp")) {
                    assertEquals(exact[i], have[i], at);
                }
            }
        }
    }

    /// Products of numbers whose sum is a gradient.
    private static final double[][][] SUMS = {
        {{1e30, 1e30}, {2}},
        {{1e30, 1e-30}, {2}},
        {{1e-30, 1e-30}, {1e-30, 1e-31}},
        {{300, 300}, {2}},
        {{1e-30, 1e30}, {1e30, 1e-30}},
        {{1e20, 1e20}, {1e20, 1e20}},
        {{1e200, 1e200}, {2}},
        {{1e-200, 1e-200}, {1e-200, 1e-190}},
        {{3.3e38}, {3.3e38}},
        {{1e308}, {1e308}},
        {{60000}, {60000}},
        {{1e-4, 1e-4}, {1e-4, 1e-5}},
        {{2}, {3}, {1e30, 1e30, 1e-30}}
    };

    /// The gradient of `Σ x·c₁·c₂…` times g is `Σ g·c₂·c₁…`, wherever its steps are in range.
    @TestFactory
    List<DynamicTest> commonFactors() {
        List<DynamicTest> tests = new ArrayList<>();
        for (DType t : FLOATS) {
            for (double[][] sum : SUMS) {
                boolean isHeld =
                        Arrays.stream(sum)
                                .flatMapToDouble(Arrays::stream)
                                .allMatch(c -> Double.isFinite(t.arithmetic().round(c)));
                if (!isHeld) {
                    continue;
                }
                tests.add(
                        DynamicTest.dynamicTest(
                                t + " " + Arrays.deepToString(sum), () -> commonFactors(t, sum)));
            }
        }
        return tests;
    }

    private static void commonFactors(DType t, double[][] sum) {
        DType wide = t.arithmetic(); // of 16-bit types gradients are computed in f32
        double least = wide == DType.F64 ? Double.MIN_NORMAL : Float.MIN_NORMAL;
        int tried = 0;
        for (double g :
                new double[] {1, 1e-3, 1e-20, 1e-30, 1e-35, 1e30, 1e35, 1e-300, 1e-200, 1e250}) {
            double rounded = t.round(g);
            BigDecimal exact = BigDecimal.ZERO;
            boolean isInRange = Double.isFinite(rounded) && rounded >= least;
            for (double[] product : sum) {
                BigDecimal p = new BigDecimal(isInRange ? rounded : 1);
                for (int i = product.length - 1; i >= 0; i--) {
                    p = p.multiply(new BigDecimal(wide.round(product[i])));
                    isInRange &= isNormal(p, wide, least);
                }
                exact = exact.add(p);
                isInRange &= isNormal(exact, wide, least);
            }
            if (!isInRange || !Double.isFinite(t.round(exact.doubleValue()))) {
                continue;
            }
            tried++;
            Tensor given = Tensor.of(new double[] {1, 2}).cast(t).realize();
            Tensor y = given.zerosLike();
            Variable x = Variable.of("x", given);
            for (double[] product : sum) {
                Tensor p = x;
                for (double c : product) {
                    p = p.mul(c);
                }
                y = y.add(p);
            }
            double got =
                    Gradients.of(y.mul(Tensor.of(new double[] {g, g}).cast(t).realize()).sum(), x)
                            .of(x)
                            .toDoubleArray()[0];
            double want = t.round(exact.doubleValue());
            double relative = t == DType.F64 ? 1e-14 : t == DType.F32 ? 1e-6 : 1e-2;
            assertEquals(
                    want, got, Math.max(Math.abs(want) * relative, t.round(1e-45)), "times " + g);
        }
        assertTrue(tried > 0 || t != DType.F64, "some are in range");
    }

    private static boolean isNormal(BigDecimal p, DType t, double least) {
        double v = t.round(p.doubleValue());
        return Double.isFinite(v) && Math.abs(v) >= least;
    }
}
