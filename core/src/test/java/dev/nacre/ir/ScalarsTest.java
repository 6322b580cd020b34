package dev.nacre.ir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.optable.Precise;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/// The special functions against series of 60 digits and against identities.
class ScalarsTest {
    private static final double EPS = 0x1p-52;

    /// Compares on random points; the error is relative to the larger of the value's magnitude and `floor`.
    private static void assertNear(
            DoubleUnaryOperator f,
            UnaryOperator<BigDecimal> exact,
            double low,
            double high,
            double ulps,
            double floor) {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 60; i++) {
            double x = i == 0 ? low : i == 1 ? high : random.nextDouble(low, high);
            BigDecimal expected = exact.apply(Precise.of(x));
            double scale = Math.max(floor, Math.abs(expected.doubleValue()));
            double error =
                    Precise.of(f.applyAsDouble(x)).subtract(expected).abs().doubleValue() / scale;
            assertTrue(
                    error <= ulps * EPS,
                    () ->
                            "at "
                                    + x
                                    + ": "
                                    + f.applyAsDouble(x)
                                    + " instead of "
                                    + expected.doubleValue()
                                    + ", "
                                    + error / EPS
                                    + " ulps");
        }
    }

    @Test
    void theOracleKnowsItsConstants() {
        assertEquals(Math.PI, Precise.PI.doubleValue());
        assertEquals(Math.E, Precise.exp(BigDecimal.ONE).doubleValue());
        assertEquals(Math.log(10), Precise.log(BigDecimal.TEN).doubleValue());
        BigDecimal back = Precise.log(Precise.exp(new BigDecimal("3.75")));
        assertTrue(
                back.subtract(new BigDecimal("3.75"))
                                .abs()
                                .compareTo(BigDecimal.ONE.movePointLeft(60))
                        < 0);
        // Γ(n) = (n−1)!, and ψ by another series than the one for γ.
        BigDecimal six = Precise.exp(Precise.lgamma(BigDecimal.valueOf(4)));
        assertTrue(
                six.subtract(BigDecimal.valueOf(6))
                                .abs()
                                .compareTo(BigDecimal.ONE.movePointLeft(60))
                        < 0);
        BigDecimal sum = Precise.polygamma(0, BigDecimal.ONE).add(Precise.euler());
        assertTrue(sum.abs().compareTo(BigDecimal.ONE.movePointLeft(50)) < 0);
    }

    @Test
    void erf() {
        assertNear(Scalars::erf, Precise::erf, -1, 1, 4, 0);
        assertNear(Scalars::erf, Precise::erf, 1, 2.6, 8, 0);
        assertNear(Scalars::erf, Precise::erf, -7, 7, 8, 0);
        assertNear(Scalars::erf, Precise::erf, 1e-300, 1e-290, 4, 0);
        assertEquals(1, Scalars.erf(Double.POSITIVE_INFINITY));
        assertEquals(-1, Scalars.erf(Double.NEGATIVE_INFINITY));
        assertEquals(Double.NaN, Scalars.erf(Double.NaN));
        assertEquals(-0.0, Scalars.erf(-0.0));
    }

    @Test
    void normalDistribution() {
        assertNear(Scalars::ndtr, Precise::ndtr, -0.6, 0.6, 4, 0);
        assertNear(Scalars::ndtr, Precise::ndtr, -2.6, -0.4, 4, 0);
        assertNear(Scalars::ndtr, Precise::ndtr, -13, 7, 4, 0);
        assertNear(Scalars::ndtr, Precise::ndtr, -15, -12, 4, 0);
        assertNear(Scalars::ndtr, Precise::ndtr, -1e-9, 1e-9, 1, 0);
        assertNear(Scalars::normalDensity, Precise::normalDensity, -37, 37, 3, 0);
        assertEquals(0.5, Scalars.ndtr(-0.0));
        assertEquals(0, Scalars.ndtr(Double.NEGATIVE_INFINITY));
        assertEquals(1, Scalars.ndtr(Double.POSITIVE_INFINITY));
        assertEquals(0, Scalars.ndtr(-1e300));
        assertEquals(Double.NaN, Scalars.ndtr(Double.NaN));
        assertEquals(0, Scalars.normalDensity(Double.NEGATIVE_INFINITY));
        assertEquals(Double.NaN, Scalars.normalDensity(Double.NaN));
    }

    @Test
    void lgamma() {
        // Relative to 1 where the logarithm passes through 0.
        assertNear(Scalars::lgamma, Precise::lgamma, 1e-10, 3, 40, 1);
        assertNear(Scalars::lgamma, Precise::lgamma, 3, 200, 10, 1);
        assertNear(Scalars::lgamma, Precise::lgamma, 1e5, 1e9, 4, 1);
        assertEquals(Double.POSITIVE_INFINITY, Scalars.lgamma(0));
        assertEquals(Double.POSITIVE_INFINITY, Scalars.lgamma(-3));
        assertEquals(Double.POSITIVE_INFINITY, Scalars.lgamma(Double.POSITIVE_INFINITY));
        assertEquals(Double.NaN, Scalars.lgamma(Double.NaN));
        assertEquals(0, Scalars.lgamma(1));
        assertEquals(0, Scalars.lgamma(2));
    }

    /// ln|Γ(x)| = ln|Γ(x+1)| − ln|x|, carried up to where the series is.
    @Test
    void lgammaOfNegativeNumbers() {
        UnaryOperator<BigDecimal> exact =
                x -> {
                    BigDecimal sum = BigDecimal.ZERO;
                    BigDecimal z = x;
                    while (z.signum() < 0) {
                        sum = sum.subtract(Precise.log(z.abs()));
                        z = z.add(BigDecimal.ONE);
                    }
                    return sum.add(Precise.lgamma(z));
                };
        assertNear(Scalars::lgamma, exact, -0.99, -0.01, 40, 1);
        assertNear(Scalars::lgamma, exact, -20.9, -20.1, 100, 1);
    }

    @Test
    void digamma() {
        assertNear(x -> Scalars.polygamma(0, x), x -> Precise.polygamma(0, x), 0.01, 3, 40, 1);
        assertNear(x -> Scalars.polygamma(0, x), x -> Precise.polygamma(0, x), 3, 300, 20, 1);
        assertEquals(-Precise.euler().doubleValue(), Scalars.polygamma(0, 1), 20 * EPS);
        assertEquals(
                -Precise.euler().doubleValue() - 2 * Math.log(2),
                Scalars.polygamma(0, 0.5),
                20 * EPS);
        assertEquals(Double.NEGATIVE_INFINITY, Scalars.polygamma(0, 0.0)); // as libtorch's
        assertEquals(Double.POSITIVE_INFINITY, Scalars.polygamma(0, -0.0));
        assertEquals(Double.NaN, Scalars.polygamma(0, -2));
        assertEquals(Double.NaN, Scalars.polygamma(0, Double.NaN));
    }

    @Test
    void polygamma() {
        for (int n = 1; n <= 6; n++) {
            int k = n;
            assertNear(x -> Scalars.polygamma(k, x), x -> Precise.polygamma(k, x), 0.1, 3, 40, 0);
            assertNear(x -> Scalars.polygamma(k, x), x -> Precise.polygamma(k, x), 3, 100, 60, 0);
        }
        assertEquals(Math.PI * Math.PI / 6, Scalars.polygamma(1, 1), 10 * EPS);
        assertEquals(Math.PI * Math.PI / 2, Scalars.polygamma(1, 0.5), 30 * EPS);
        assertEquals(-2 * Precise.zeta3().doubleValue(), Scalars.polygamma(2, 1), 20 * EPS);
        assertEquals(Math.pow(Math.PI, 4) / 15, Scalars.polygamma(3, 1), 50 * EPS);
        assertEquals(Double.POSITIVE_INFINITY, Scalars.polygamma(1, -2));
        assertEquals(Double.NaN, Scalars.polygamma(1, Double.NaN));
    }

    /// ψₙ(x) = ψₙ(x+1) − (−1)ⁿ·n!/xⁿ⁺¹.
    @Test
    void polygammaOfNegativeNumbers() {
        for (int n = 0; n <= 4; n++) {
            int k = n;
            UnaryOperator<BigDecimal> exact =
                    x -> {
                        BigDecimal sum = BigDecimal.ZERO;
                        BigDecimal z = x;
                        BigDecimal top =
                                k % 2 == 0 ? Precise.factorial(k) : Precise.factorial(k).negate();
                        while (z.signum() < 0) {
                            sum = sum.subtract(top.divide(z.pow(k + 1, Precise.MC), Precise.MC));
                            z = z.add(BigDecimal.ONE);
                        }
                        return sum.add(Precise.polygamma(k, z));
                    };
            assertNear(x -> Scalars.polygamma(k, x), exact, -0.9, -0.1, 200, 1);
            assertNear(x -> Scalars.polygamma(k, x), exact, -7.8, -7.2, 4000, 1);
        }
    }

    @Test
    void farNegativeArgumentsDoNotHang() {
        assertTimeoutPreemptively(
                Duration.ofSeconds(5),
                () -> {
                    // ψ₁(x) + ψ₁(1−x) = π²/sin²πx, and ψ₁(1−x) vanishes.
                    assertEquals(Math.PI * Math.PI, Scalars.polygamma(1, -1e9 - 0.5), 1e-6);
                    assertEquals(Math.PI * Math.PI, Scalars.polygamma(1, -0x1p51 - 0.5), 1e-6);
                    assertEquals(Double.NEGATIVE_INFINITY, Scalars.polygamma(2, -1e300));
                    assertEquals(Math.log(1e9), Scalars.polygamma(0, -1e9 - 0.5), 1e-6);
                });
    }

    @Test
    void inverseHyperbolics() {
        UnaryOperator<BigDecimal> asinh =
                x -> Precise.log(x.add(x.multiply(x).add(BigDecimal.ONE).sqrt(Precise.MC)));
        UnaryOperator<BigDecimal> acosh =
                x -> Precise.log(x.add(x.multiply(x).subtract(BigDecimal.ONE).sqrt(Precise.MC)));
        UnaryOperator<BigDecimal> atanh =
                x ->
                        Precise.log(
                                        BigDecimal.ONE
                                                .add(x)
                                                .divide(BigDecimal.ONE.subtract(x), Precise.MC))
                                .divide(BigDecimal.TWO);
        assertNear(Scalars::asinh, asinh, -3, 3, 4, 0);
        assertNear(Scalars::asinh, asinh, 1e-9, 1e-3, 4, 0);
        assertNear(Scalars::asinh, asinh, -1e9, -1e7, 4, 0);
        assertNear(Scalars::acosh, acosh, 1.0001, 3, 8, 0);
        assertNear(Scalars::acosh, acosh, 1e7, 1e9, 4, 0);
        assertNear(Scalars::atanh, atanh, -0.99, 0.99, 4, 0);
        assertNear(Scalars::atanh, atanh, 1e-9, 1e-3, 4, 0);
        for (double x :
                new double[] {
                    0.5, 0, -1, -2, -1e7, -1e8, -1e9, Double.NEGATIVE_INFINITY, Double.NaN
                }) {
            assertEquals(Double.NaN, Scalars.acosh(x), () -> "acosh " + x);
        }
        assertEquals(0, Scalars.acosh(1));
        assertEquals(-0.0, Scalars.asinh(-0.0));
        assertEquals(Double.NEGATIVE_INFINITY, Scalars.asinh(Double.NEGATIVE_INFINITY));
        assertEquals(Double.POSITIVE_INFINITY, Scalars.atanh(1));
        assertEquals(Double.NaN, Scalars.atanh(1.5));
    }

    @Test
    void sigmoid() {
        UnaryOperator<BigDecimal> exact =
                x -> BigDecimal.ONE.divide(BigDecimal.ONE.add(Precise.exp(x.negate())), Precise.MC);
        assertNear(Scalars::sigmoid, exact, -40, 40, 4, 0);
        assertEquals(0, Scalars.sigmoid(-1000));
        assertEquals(1, Scalars.sigmoid(1000));
    }

    /// Python's `%`: a − ⌊a/b⌋·b.
    @Test
    void mod() {
        SplittableRandom random = new SplittableRandom(2);
        for (int i = 0; i < 1000; i++) {
            double a = random.nextDouble(-50, 50);
            double b = random.nextDouble(0.1, 9) * (random.nextBoolean() ? 1 : -1);
            BigDecimal q = Precise.of(a).divide(Precise.of(b), 0, RoundingMode.FLOOR);
            assertEquals(
                    Precise.of(a).subtract(q.multiply(Precise.of(b))).doubleValue(),
                    Scalars.mod(a, b),
                    1e-14);
        }
        assertEquals(0, Scalars.mod(-6, 3), 0.0);
        assertEquals(Double.NaN, Scalars.mod(1, 0));
    }

    @Test
    void wholePowers() {
        for (long base = -12; base <= 12; base++) {
            for (int e = 0; e <= 70; e++) {
                assertEquals(
                        BigInteger.valueOf(base).pow(e).longValue(),
                        Scalars.pow(base, e),
                        "wraps to 64 bits");
            }
        }
        assertEquals(1, Scalars.pow(1, -5));
        assertEquals(-1, Scalars.pow(-1, -5));
        assertEquals(1, Scalars.pow(-1, -4));
        assertEquals(0, Scalars.pow(7, -1));
    }
}
