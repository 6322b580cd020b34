package dev.nacre.ir;

/// The scalar functions that `java.lang.Math` lacks, to nearly full double precision.
public final class Scalars {
    /// `1/√(2π)`.
    private static final double DENSITY_AT_0 = 1 / Math.sqrt(2 * Math.PI);

    /// `Φ(−z)·e^(z²/2)` for z = 0, 1, 2.
    private static final double[] TAILS = {0.5, tailFraction(1), tailFraction(2)};

    private static final double EULER = 0.57721566490153286061;

    /// `ζ(k) − 1` for k = 2, 3, …
    private static final double[] ZETA_LESS_1 = zetaLess1(40);

    private Scalars() {}

    /// By Euler's and Maclaurin's formula from the fortieth term on.
    private static double[] zetaLess1(int count) {
        double[] zeta = new double[count];
        for (int i = 0; i < count; i++) {
            int s = i + 2;
            double n = 40;
            double term = s * Math.pow(n, -s - 1);
            double tail = Math.pow(n, 1 - s) / (s - 1) + Math.pow(n, -s) / 2 + term / 12;
            tail -= term * (s + 1) * (s + 2) / (n * n) / 720;
            tail += term * (s + 1) * (s + 2) * (s + 3) * (s + 4) / Math.pow(n, 4) / 30240;
            tail -=
                    term
                            * (s + 1)
                            * (s + 2)
                            * (s + 3)
                            * (s + 4)
                            * (s + 5)
                            * (s + 6)
                            / Math.pow(n, 6)
                            / 1209600;
            for (int k = 39; k >= 2; k--) {
                tail += Math.pow(k, -s);
            }
            zeta[i] = tail;
        }
        return zeta;
    }

    public static double sigmoid(double a) {
        if (a >= 0) {
            return 1 / (1 + Math.exp(-a));
        }
        double e = Math.exp(a);
        return e / (1 + e);
    }

    public static double softplus(double a) {
        return a > 0 ? a + Math.log1p(Math.exp(-a)) : Math.log1p(Math.exp(a));
    }

    public static double exp2(double a) {
        return a == Math.rint(a) && Math.abs(a) < 2000 ? Math.scalb(1.0, (int) a) : Math.pow(2, a);
    }

    public static double log2(double a) {
        if (!(a > 0) || a == Double.POSITIVE_INFINITY) {
            return Math.log(a);
        }
        double normal = a < Double.MIN_NORMAL ? a * 0x1p54 : a;
        int e = Math.getExponent(normal);
        double m = Math.scalb(normal, -e);
        if (m > Math.sqrt(2)) {
            m /= 2;
            e++;
        }
        return e - (normal == a ? 0 : 54) + Math.log(m) / Math.log(2);
    }

    public static double asinh(double a) {
        double x = Math.abs(a);
        return Math.copySign(
                x > 1e8
                        ? Math.log(x) + Math.log(2)
                        : Math.log1p(x + x * x / (1 + Math.sqrt(x * x + 1))),
                a);
    }

    public static double acosh(double a) {
        if (a < 1) {
            return Double.NaN;
        }
        return a > 1e8
                ? Math.log(a) + Math.log(2)
                : Math.log1p(a - 1 + Math.sqrt((a - 1) * (a + 1)));
    }

    public static double atanh(double a) {
        return 0.5 * (Math.log1p(a) - Math.log1p(-a));
    }

    /// The integer below the exact quotient, as Python and NumPy find it: with the remainder, which is exact.
    public static double floorDiv(double a, double b) {
        double quotient = a / b;
        if (b == 0 || Double.isNaN(quotient)) {
            return quotient;
        }
        double r = a % b;
        double whole = (a - r) / b;
        if (r != 0 && r < 0 != b < 0) {
            whole--;
        }
        return whole == 0 ? Math.copySign(0, quotient) : Math.rint(whole);
    }

    /// As C's `pow`: unlike Java's it takes `1ᵇ` for 1 even if b is NaN or infinite, and `(−1)^±∞` too.
    public static double pow(double a, double b) {
        return a == 1 || a == -1 && Double.isInfinite(b) ? 1 : Math.pow(a, b);
    }

    public static double mod(double a, double b) {
        double r = a % b;
        return r != 0 && r < 0 != b < 0 ? r + b : r;
    }

    /// Integer power; a negative exponent gives 0 except for bases ±1, as NumPy's integer arithmetic would round it.
    public static long pow(long base, long exponent) {
        if (exponent < 0) {
            return base == 1 ? 1 : base == -1 ? ((exponent & 1) == 0 ? 1 : -1) : 0;
        }
        long result = 1;
        for (long b = base, e = exponent; e > 0; e >>= 1, b *= b) {
            if ((e & 1) != 0) {
                result *= b;
            }
        }
        return result;
    }

    /// The error function: Maclaurin series near 0, continued fraction of erfc in the tails (Abramowitz & Stegun 7.1.6, 7.1.14).
    public static double erf(double a) {
        if (Double.isNaN(a)) {
            return a;
        }
        double x = Math.abs(a);
        if (x > 6) {
            return Math.copySign(1, a);
        }
        if (x < 2.5) {
            double term = x;
            double sum = x;
            for (int n = 1; term > sum * 1e-17; n++) {
                term *= 2 * x * x / (2 * n + 1);
                sum += term;
            }
            return Math.copySign(2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum, a);
        }
        double f = 0;
        for (int n = 60; n > 0; n--) {
            f = n / 2.0 / (x + f);
        }
        return Math.copySign(1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + f), a);
    }

    /// The normal distribution, with its digits in the tails too.
    public static double ndtr(double a) {
        double x = Math.abs(a);
        double tail = bell(a) * (x < 2.5 ? tailSeries(x) : tailFraction(x));
        return a < 0 ? tail : 1 - tail;
    }

    /// The density of the normal distribution.
    public static double normalDensity(double a) {
        return bell(a) * DENSITY_AT_0;
    }

    /// `e^(−a²/2)`. What rounding a² loses would be lost a²/2 times over.
    private static double bell(double a) {
        double square = a * a;
        double e = Math.exp(-0.5 * square);
        return e == 0 ? 0 : e - 0.5 * Math.fma(a, a, -square) * e;
    }

    /// `R(x) = Φ(−x)·e^(x²/2)` by Taylor's series about the nearest whole number z: R′ = x·R − 1/√(2π), so that its coefficients obey `(n+1)·cₙ₊₁ = z·cₙ + cₙ₋₁` (Marsaglia 2004).
    private static double tailSeries(double x) {
        int z = (int) Math.rint(x);
        double h = x - z;
        double before = TAILS[z];
        double now = z * before - DENSITY_AT_0;
        double sum = before;
        double power = h;
        for (int n = 1; Math.abs(power) > 1e-18; n++, power *= h) {
            sum += now * power;
            double next = (z * now + before) / (n + 1);
            before = now;
            now = next;
        }
        return sum;
    }

    /// The same by Laplace's continued fraction (Abramowitz & Stegun 26.2.14).
    private static double tailFraction(double x) {
        double f = 0;
        for (int n = (int) (11 + 400 / (x * x)); n > 0; n--) {
            f = n / (x + f);
        }
        return DENSITY_AT_0 / (x + f);
    }

    /// ln |Γ(x)|: Stirling's series after shifting the argument up, reflection for negative arguments. The error is relative to the larger of 1 and the result.
    public static double lgamma(double x) {
        if (Double.isNaN(x)) {
            return x;
        }
        if (Double.isInfinite(x)) {
            return Double.POSITIVE_INFINITY;
        }
        if (x <= 0) {
            if (x == Math.floor(x)) {
                return Double.POSITIVE_INFINITY;
            }
            return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * (x - Math.rint(x)))))
                    - lgamma(1 - x);
        }
        if (x > 0.5 && x < 2.5) { // without cancelling near its zeros at 1 and 2
            return x < 1.5 ? nearOne(x - 1) : Math.log1p(x - 2) + nearOne(x - 2);
        }
        double product = 1;
        double z = x;
        while (z < 8) {
            product *= z++;
        }
        double[] terms = {
            1.0 / 12,
            -1.0 / 360,
            1.0 / 1260,
            -1.0 / 1680,
            1.0 / 1188,
            -691.0 / 360360,
            1.0 / 156,
            -3617.0 / 122400
        };
        double r = 1 / (z * z);
        double series = 0;
        for (int k = terms.length - 1; k >= 0; k--) {
            series = series * r + terms[k];
        }
        series /= z;
        return (z - 0.5) * Math.log(z)
                - z
                + 0.5 * Math.log(2 * Math.PI)
                + series
                - Math.log(product);
    }

    /// `ln Γ(1 + z) = −γ·z + Σ ζ(k)·(−z)ᵏ/k` for |z| ≤ ½ (Abramowitz & Stegun 6.1.33), with ζ(k) − 1 so that most of it is `z − ln(1 + z)`.
    private static double nearOne(double z) {
        double sum = 0;
        for (int k = ZETA_LESS_1.length + 1; k >= 2; k--) {
            sum = (ZETA_LESS_1[k - 2] / k - sum) * z;
        }
        // Σ (−z)ᵏ/k from 2 on is z − ln(1 + z)
        return sum * z + (1 - EULER) * z - Math.log1p(z);
    }

    /// The n-th derivative of digamma (n = 0 is digamma itself), by recurrence upwards and the asymptotic series; negative arguments by reflection,
    /// `(−1)ⁿ·ψₙ(1−x) − ψₙ(x) = dⁿ/dxⁿ π·cot πx`.
    public static double polygamma(int n, double x) {
        if (n > 200) { // factorials are infinite by then
            return Double.NaN;
        }
        if (Double.isNaN(x) || n < 0 || x <= 0 && x == Math.floor(x)) {
            return x == 0 && n == 0
                    ? Math.copySign(Double.POSITIVE_INFINITY, -x)
                    : n <= 0 || x != x || Double.isInfinite(x) // poles all the way
                            ? Double.NaN
                            : (n & 1) == 0 ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        }
        if (x < 0) {
            return ((n & 1) == 0 ? 1 : -1) * polygamma(n, 1 - x) - cotangentDerivative(n, x);
        }
        double sign = (n & 1) == 0 ? -1 : 1;
        double factorial = 1;
        for (int k = 2; k <= n; k++) {
            factorial *= k;
        }
        double shifted = 0;
        double z = x;
        while (z < 20 + n) {
            shifted += Math.pow(z, -(n + 1));
            z++;
        }
        double[] bernoulli = {
            1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6
        };
        double asymptotic;
        if (n == 0) {
            asymptotic = Math.log(z) - 0.5 / z;
            for (int k = 1; k <= bernoulli.length; k++) {
                asymptotic -= bernoulli[k - 1] / (2 * k * Math.pow(z, 2 * k));
            }
            return asymptotic - shifted;
        }
        asymptotic = factorial / n * Math.pow(z, -n) + factorial / 2 * Math.pow(z, -n - 1);
        double rising = factorial * (n + 1); // (2k + n − 1)! / (2k)! for k = 1, times 2
        rising /= 2;
        for (int k = 1; k <= bernoulli.length; k++) {
            asymptotic += bernoulli[k - 1] * rising * Math.pow(z, -(2 * k + n));
            rising *= (2.0 * k + n) * (2.0 * k + n + 1) / ((2.0 * k + 1) * (2.0 * k + 2));
        }
        return sign * (asymptotic + factorial * shifted);
    }

    /// `dⁿ/dxⁿ π·cot πx`, as a polynomial in t = cot πx, whose derivative is −π·(1 + t²).
    private static double cotangentDerivative(int n, double x) {
        double t = 1 / Math.tan(Math.PI * (x - Math.rint(x)));
        double[] p = {0, Math.PI};
        for (int k = 0; k < n; k++) {
            double[] next = new double[p.length + 1];
            for (int i = 1; i < p.length; i++) {
                next[i - 1] -= Math.PI * i * p[i];
                next[i + 1] -= Math.PI * i * p[i];
            }
            p = next;
        }
        double sum = 0;
        for (int i = p.length - 1; i >= 0; i--) {
            sum = sum * t + p[i];
        }
        return sum;
    }
}
