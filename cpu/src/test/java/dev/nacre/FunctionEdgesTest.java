package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.DType;
import dev.nacre.type.ShapeException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Functions where their exact values are known.
class FunctionEdgesTest {
    private static double[] powersOf2(DType t) {
        int least = t == DType.F64 ? -1074 : t == DType.F16 ? -24 : t == DType.BF16 ? -133 : -149;
        int most = t == DType.F64 ? 1023 : t == DType.F16 ? 15 : 127;
        return IntStream.rangeClosed(least, most).mapToDouble(i -> i).toArray();
    }

    @ParameterizedTest
    @EnumSource(names = {"F64", "F32", "F16", "BF16"})
    void powersAndLogarithmsOf2(DType t) {
        double[] exponents = powersOf2(t);
        double[] powers = Arrays.stream(exponents).map(e -> Math.scalb(1.0, (int) e)).toArray();
        assertArrayEquals(powers, Tensor.of(exponents).cast(t).realize().exp2().toDoubleArray());
        double[] rounded = Arrays.stream(exponents).map(t::round).toArray();
        assertArrayEquals(rounded, Tensor.of(powers).cast(t).realize().log2().toDoubleArray());
        for (int i = 0; i < exponents.length; i += 7) { // folded, too
            assertEquals(powers[i], Tensor.full(exponents[i], t).exp2().item());
            assertEquals(rounded[i], Tensor.full(powers[i], t).log2().item());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F64", "F32", "F16", "BF16"})
    void logarithmsOfPowersOf10(DType t) {
        int least = t == DType.F64 ? -307 : t == DType.F16 ? -4 : -37;
        int most = t == DType.F64 ? 308 : t == DType.F16 ? 4 : 38;
        double[] powers =
                IntStream.rangeClosed(least, most)
                        .mapToDouble(i -> Double.parseDouble("1e" + i))
                        .map(t::round)
                        .toArray();
        double[] want = Arrays.stream(powers).map(p -> t.round(Math.log10(p))).toArray();
        assertArrayEquals(want, Tensor.of(powers).cast(t).realize().log10().toDoubleArray());
        if (t != DType.BF16 && t != DType.F16) {
            for (int i = 0; i <= (t == DType.F64 ? 22 : 10); i++) { // exact powers
                assertEquals(i, Tensor.full(Math.pow(10, i), t).log10().item());
            }
        }
    }

    private static final double[] PARTS = {
        0.1, -0.1, 0.3, 1, -1, 2, 3, -3, 7, 0.7, 1e-3, 10, 1e10, -1e10, 123.456, 1e-300, 5e-324, 6
    };

    /// The quotient below the exact one, and the remainder that goes with it.
    @ParameterizedTest
    @EnumSource(names = {"F64", "F32"})
    void quotientsAndRemainders(DType t) {
        double[] parts = Arrays.stream(PARTS).map(t::round).filter(v -> v != 0).toArray();
        for (double a : parts) {
            for (double b : parts) {
                BigDecimal exact =
                        new BigDecimal(a)
                                .divide(new BigDecimal(b), 700, RoundingMode.FLOOR)
                                .setScale(0, RoundingMode.FLOOR);
                double want = t.round(exact.doubleValue());
                Tensor x = Tensor.of(new double[] {a, a, a}).cast(t).realize();
                Tensor y = Tensor.of(new double[] {b, b, b}).cast(t).realize();
                double got = x.floorDiv(y).toDoubleArray()[1];
                double ulp = t == DType.F64 ? Math.ulp(want) : Math.ulp((float) want);
                // one off only where numbers are farther apart than 1
                assertEquals(want, got, ulp > 1 ? ulp : 0, a + " by " + b);
                double rest = x.mod(y).toDoubleArray()[2];
                double wantRest =
                        t.round(
                                new BigDecimal(a)
                                        .subtract(exact.multiply(new BigDecimal(b)))
                                        .doubleValue());
                assertEquals(wantRest, rest + 0.0, a + " mod " + b);
                assertEquals(got, Tensor.full(a, t).floorDiv(Tensor.full(b, t)).item(), "folded");
            }
        }
        assertEquals(9, Tensor.of(1.0).floorDiv(0.1).item());
        assertEquals(-1, Tensor.of(-1.0).floorDiv(Double.POSITIVE_INFINITY).item());
        assertEquals(
                Double.NaN, Tensor.of(Double.POSITIVE_INFINITY).floorDiv(2.0).item(), "infinite");
    }

    @ParameterizedTest
    @ValueSource(longs = {2, 3, 4, 5, 7, 10, 50, 100, 1000, 1001, 4097, 100_003})
    void linspaceEndsAtItsEnds(long n) {
        double[][] ends = {
            {0, 1},
            {-3e38, 3e38},
            {3e38, -3e38},
            {0.1, 0.3},
            {-5, 5},
            {1, 1},
            {1e-40, 2e-40},
            {16_777_216, 16_777_219},
            {1e10, -1e-10}
        };
        for (double[] e : ends) {
            double[] got = Tensor.linspace(e[0], e[1], n).toDoubleArray();
            assertEquals(n, got.length);
            for (int i = 0; i < n; i += i < 9 || i > n - 400 ? 1 : 1 + (int) (n / 300)) {
                BigDecimal exact =
                        new BigDecimal(e[1])
                                .subtract(new BigDecimal(e[0]))
                                .multiply(new BigDecimal(i))
                                .divide(new BigDecimal(n - 1), 80, RoundingMode.HALF_EVEN)
                                .add(new BigDecimal(e[0]));
                float want = exact.floatValue();
                boolean end = i == 0 || i == n - 1;
                double allowed =
                        end ? 0 : Math.ulp(want) + 1e-15 * Math.max(Math.abs(e[0]), Math.abs(e[1]));
                assertEquals(want, got[i], allowed, n + " from " + e[0] + ": " + i);
            }
        }
    }

    @Test
    void arangeIsRoundedOnce() {
        double[] got = Tensor.arange(0, 1, 0.1).toDoubleArray();
        assertEquals(10, got.length);
        for (int i = 0; i < 10; i++) {
            assertEquals((float) (i * 0.1), got[i]);
        }
    }

    /// What is below the smallest normal number is no zero.
    @Test
    void sigmoidKeepsSubnormals() {
        double[] x =
                DoubleStream.iterate(-80, v -> v > -107, v -> v - 0.37)
                        .map(v -> (float) v)
                        .toArray();
        double[] got = Tensor.of(x).cast(DType.F32).realize().sigmoid().toDoubleArray();
        for (int i = 0; i < x.length; i++) {
            double want = 1 / (1 + Math.exp(-x[i]));
            assertEquals(want, got[i], 2 * Math.ulp((float) want), "sigmoid " + x[i]);
        }
        double[] wide =
                Tensor.of(new double[] {-745, -740, -710}).realize().sigmoid().toDoubleArray();
        assertArrayEquals(new double[] {Math.exp(-745), Math.exp(-740), Math.exp(-710)}, wide, 0);
    }

    /// Of no elements there is what PyTorch says there is.
    @ParameterizedTest
    @EnumSource(names = {"F64", "F32", "F16", "BF16"})
    void emptyAxes(DType t) {
        Tensor x = Tensor.zeros(t, 3, 0);
        List<UnaryOperator<Tensor>> empty =
                List.of(
                        y -> y.softmax(1),
                        y -> y.logSoftmax(1),
                        y -> y.softmax(0),
                        y -> y.sort(1, false),
                        y -> y.argsort(1, true),
                        y -> y.cumsum(1),
                        y -> y.cumprod(1),
                        y -> y.max(0),
                        y -> y.argmax(0),
                        y -> y.layerNorm(1, 1e-5).reshape(0));
        for (UnaryOperator<Tensor> f : empty) {
            assertEquals(0, f.apply(x).toDoubleArray().length);
        }
        double inf = Double.POSITIVE_INFINITY;
        assertAll(x.sum(1), 0);
        assertAll(x.prod(1), 1);
        assertAll(x.mean(1), Double.NaN);
        assertAll(x.logSumExp(1), -inf);
        assertAll(x.norm(2, 1), 0);
        assertAll(x.norm(1, 1), 0);
        assertAll(x.variance(1), Double.NaN);
        assertAll(x.any(1), 0);
        assertAll(x.all(1), 1);
        for (UnaryOperator<Tensor> f :
                List.<UnaryOperator<Tensor>>of(
                        y -> y.max(1), y -> y.min(1), y -> y.argmax(1), y -> y.argmin(1))) {
            String message = assertThrows(ShapeException.class, () -> f.apply(x)).getMessage();
            assertTrue(message.contains("no elements"), message);
        }
        Variable v = Variable.of("v", x);
        assertEquals(0, Gradients.of(v.softmax(1).sum(), v).of(v).toDoubleArray().length);
        assertEquals(0, Gradients.of(v.logSumExp(1).sum(), v).of(v).toDoubleArray().length);
    }

    private static void assertAll(Tensor x, double want) {
        double[] expected = new double[3];
        Arrays.fill(expected, want);
        assertArrayEquals(expected, x.toDoubleArray());
    }
}
