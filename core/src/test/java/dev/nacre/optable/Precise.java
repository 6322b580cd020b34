package dev.nacre.optable;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/// Functions to 60 digits, from their definitions: what the special functions are tested against.
public final class Precise {
    public static final MathContext MC = new MathContext(90, RoundingMode.HALF_EVEN);
    private static final BigDecimal SMALL = BigDecimal.ONE.movePointLeft(80);
    private static final BigDecimal TWO = BigDecimal.TWO;

    public static final BigDecimal PI = pi();
    private static final BigDecimal LN2 =
            logOfRatio(BigDecimal.ONE.divide(BigDecimal.valueOf(3), MC));
    private static final List<BigDecimal> BERNOULLI = bernoulli(60);

    private Precise() {}

    public static BigDecimal of(double x) {
        return new BigDecimal(x);
    }

    /// Machin: π = 16·arctan(1/5) − 4·arctan(1/239).
    private static BigDecimal pi() {
        return arctanOfInverse(5)
                .multiply(BigDecimal.valueOf(16))
                .subtract(arctanOfInverse(239).multiply(BigDecimal.valueOf(4)), MC);
    }

    private static BigDecimal arctanOfInverse(long n) {
        BigDecimal sum = BigDecimal.ZERO;
        BigDecimal power = BigDecimal.ONE.divide(BigDecimal.valueOf(n), MC);
        BigDecimal square = BigDecimal.valueOf(n * n);
        for (int k = 0; power.compareTo(SMALL) > 0; k++) {
            BigDecimal term = power.divide(BigDecimal.valueOf(2L * k + 1), MC);
            sum = k % 2 == 0 ? sum.add(term, MC) : sum.subtract(term, MC);
            power = power.divide(square, MC);
        }
        return sum;
    }

    /// The Taylor series, after halving the argument until it is small.
    public static BigDecimal exp(BigDecimal x) {
        int halvings = Math.max(0, x.precision() - x.scale()) * 4 + 8;
        BigDecimal y = x.divide(TWO.pow(halvings), MC);
        BigDecimal sum = BigDecimal.ONE;
        BigDecimal term = BigDecimal.ONE;
        for (int k = 1; term.abs().compareTo(SMALL) > 0; k++) {
            term = term.multiply(y, MC).divide(BigDecimal.valueOf(k), MC);
            sum = sum.add(term, MC);
        }
        for (int i = 0; i < halvings; i++) {
            sum = sum.multiply(sum, MC);
        }
        return sum;
    }

    /// Halved or doubled into [⅔, 4/3], then 2·artanh((x − 1)/(x + 1)).
    public static BigDecimal log(BigDecimal x) {
        BigDecimal y = x;
        int twos = 0;
        while (y.compareTo(BigDecimal.valueOf(4).divide(BigDecimal.valueOf(3), MC)) > 0) {
            y = y.divide(TWO, MC);
            twos++;
        }
        while (y.compareTo(TWO.divide(BigDecimal.valueOf(3), MC)) < 0) {
            y = y.multiply(TWO, MC);
            twos--;
        }
        BigDecimal ratio = y.subtract(BigDecimal.ONE, MC).divide(y.add(BigDecimal.ONE, MC), MC);
        return logOfRatio(ratio)
                .add(twos == 0 ? BigDecimal.ZERO : LN2.multiply(BigDecimal.valueOf(twos), MC), MC);
    }

    /// 2·artanh(r) = ln((1 + r)/(1 − r)).
    private static BigDecimal logOfRatio(BigDecimal r) {
        BigDecimal sum = BigDecimal.ZERO;
        BigDecimal power = r;
        for (int k = 0; power.abs().compareTo(SMALL) > 0; k++) {
            sum = sum.add(power.divide(BigDecimal.valueOf(2L * k + 1), MC), MC);
            power = power.multiply(r, MC).multiply(r, MC);
        }
        return sum.multiply(TWO, MC);
    }

    /// The alternating Maclaurin series of the error function, which converges everywhere.
    public static BigDecimal erf(BigDecimal x) {
        MathContext wide = new MathContext(140);
        BigDecimal sum = BigDecimal.ZERO;
        BigDecimal power = x; // (−1)ⁿ·x²ⁿ⁺¹/n!
        for (int n = 0; n < 5 || power.abs().compareTo(SMALL) > 0; n++) {
            sum = sum.add(power.divide(BigDecimal.valueOf(2L * n + 1), wide), wide);
            power =
                    power.multiply(x, wide)
                            .multiply(x, wide)
                            .negate()
                            .divide(BigDecimal.valueOf(n + 1L), wide);
        }
        return sum.multiply(TWO, MC).divide(PI.sqrt(MC), MC);
    }

    /// The normal distribution.
    public static BigDecimal ndtr(BigDecimal x) {
        return erf(x.divide(TWO.sqrt(MC), MC)).add(BigDecimal.ONE).divide(TWO, MC);
    }

    /// The density of the normal distribution.
    public static BigDecimal normalDensity(BigDecimal x) {
        BigDecimal e = exp(x.multiply(x).divide(TWO, MC).negate());
        return e.divide(PI.multiply(TWO).sqrt(MC), MC);
    }

    /// B₀, B₂, B₄, … by the recurrence Σₖ C(n+1, k)·Bₖ = 0.
    private static List<BigDecimal> bernoulli(int count) {
        MathContext wide = new MathContext(250);
        List<BigDecimal> all = new ArrayList<>(List.of(BigDecimal.ONE));
        for (int n = 1; n < 2 * count; n++) {
            BigDecimal sum = BigDecimal.ZERO;
            BigInteger binomial = BigInteger.ONE;
            for (int k = 0; k < n; k++) {
                sum = sum.add(new BigDecimal(binomial).multiply(all.get(k), wide), wide);
                binomial =
                        binomial.multiply(BigInteger.valueOf(n + 1 - k))
                                .divide(BigInteger.valueOf(k + 1));
            }
            all.add(sum.negate().divide(BigDecimal.valueOf(n + 1L), wide));
        }
        List<BigDecimal> even = new ArrayList<>();
        for (int n = 0; n < 2 * count; n += 2) {
            even.add(all.get(n));
        }
        return even;
    }

    /// ln Γ(x) for x > 0: Stirling's series at x + 60, minus the logarithm of the factors between.
    public static BigDecimal lgamma(BigDecimal x) {
        BigDecimal product = BigDecimal.ONE;
        BigDecimal z = x;
        for (int i = 0; i < 60; i++) {
            product = product.multiply(z, MC);
            z = z.add(BigDecimal.ONE, MC);
        }
        BigDecimal half = new BigDecimal("0.5");
        BigDecimal sum =
                z.subtract(half)
                        .multiply(log(z), MC)
                        .subtract(z, MC)
                        .add(log(PI.multiply(TWO)).multiply(half), MC);
        for (int k = 1; k < BERNOULLI.size(); k++) {
            BigDecimal bottom =
                    BigDecimal.valueOf(2L * k * (2L * k - 1)).multiply(z.pow(2 * k - 1, MC), MC);
            sum = sum.add(BERNOULLI.get(k).divide(bottom, MC), MC);
        }
        return sum.subtract(log(product), MC);
    }

    /// ψₙ(x) for x > 0, from `ψₙ(x) = ψₙ(x + 60) − (−1)ⁿ·n!·Σ 1/(x + i)ⁿ⁺¹` and the derivatives of Stirling's series.
    public static BigDecimal polygamma(int n, BigDecimal x) {
        BigDecimal factorial = factorial(n);
        BigDecimal shifted = BigDecimal.ZERO;
        BigDecimal z = x;
        for (int i = 0; i < 60; i++) {
            shifted = shifted.add(factorial.divide(z.pow(n + 1, MC), MC), MC);
            z = z.add(BigDecimal.ONE, MC);
        }
        BigDecimal tail =
                n == 0
                        ? log(z).negate().add(BigDecimal.ONE.divide(z.multiply(TWO), MC), MC)
                        : factorial(n - 1)
                                .divide(z.pow(n, MC), MC)
                                .add(factorial.divide(TWO.multiply(z.pow(n + 1, MC), MC), MC), MC);
        for (int k = 1; k < BERNOULLI.size(); k++) {
            BigDecimal rising = factorial(2 * k + n - 1).divide(factorial(2 * k), MC);
            tail =
                    tail.add(
                            BERNOULLI.get(k).multiply(rising, MC).divide(z.pow(2 * k + n, MC), MC),
                            MC);
        }
        BigDecimal sum = tail.add(shifted, MC);
        return n % 2 == 0 ? sum.negate() : sum;
    }

    public static BigDecimal factorial(int n) {
        BigInteger f = BigInteger.ONE;
        for (int k = 2; k <= n; k++) {
            f = f.multiply(BigInteger.valueOf(k));
        }
        return new BigDecimal(f);
    }

    /// Euler's constant by the algorithm of Brent and McMillan (1980): `A/B − ln n` with an error below e⁻⁴ⁿ.
    public static BigDecimal euler() {
        int n = 40;
        BigDecimal a = BigDecimal.ZERO;
        BigDecimal b = BigDecimal.ZERO;
        BigDecimal term = BigDecimal.ONE; // (nᵏ/k!)²
        BigDecimal harmonic = BigDecimal.ZERO;
        for (int k = 0; k < 5 * n; k++) {
            a = a.add(term.multiply(harmonic, MC), MC);
            b = b.add(term, MC);
            BigDecimal ratio = BigDecimal.valueOf(n).divide(BigDecimal.valueOf(k + 1L), MC);
            term = term.multiply(ratio, MC).multiply(ratio, MC);
            harmonic = harmonic.add(BigDecimal.ONE.divide(BigDecimal.valueOf(k + 1L), MC), MC);
        }
        return a.divide(b, MC).subtract(log(BigDecimal.valueOf(n)), MC);
    }

    /// ζ(3) by Apéry's series `5/2·Σ (−1)ᵏ⁻¹/(k³·C(2k, k))`.
    public static BigDecimal zeta3() {
        BigDecimal sum = BigDecimal.ZERO;
        BigInteger binomial = BigInteger.ONE;
        for (int k = 1; k < 160; k++) {
            binomial =
                    binomial.multiply(BigInteger.valueOf(2L * (2L * k - 1)))
                            .divide(BigInteger.valueOf(k));
            BigDecimal term =
                    BigDecimal.ONE.divide(
                            BigDecimal.valueOf((long) k * k * k).multiply(new BigDecimal(binomial)),
                            MC);
            sum = k % 2 == 1 ? sum.add(term, MC) : sum.subtract(term, MC);
        }
        return sum.multiply(new BigDecimal("2.5"), MC);
    }
}
