package dev.nacre.optable;

import static dev.nacre.optable.Precise.MC;

import dev.nacre.ir.Node;
import dev.nacre.type.DType;
import java.math.BigDecimal;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/// A function whose digits must not be lost where it or its derivatives are near zero, with what they are to sixty.
///
/// @param orders of the function, its derivative and so on
record Digits(String name, double low, double high, UnaryOperator<Node> f, List<Order> orders) {
    private static final BigDecimal ONE = BigDecimal.ONE;
    private static final BigDecimal TWO = BigDecimal.TWO;

    /// @param ulps how far a result may be off, in units in the last place of the largest term
    /// @param terms whose sum is the value
    record Order(double ulps, Function<BigDecimal, List<BigDecimal>> terms) {
        /// What is wrong with a result, in units in the last place. What is less than the smallest normal number may be zero.
        double error(double x, double result, DType dtype) {
            List<BigDecimal> parts = terms.apply(Precise.of(x));
            BigDecimal exact = parts.stream().reduce(BigDecimal.ZERO, BigDecimal::add);
            double largest = parts.stream().mapToDouble(p -> p.abs().doubleValue()).max().orElse(0);
            boolean single = dtype == DType.F32;
            double ulp = single ? Math.ulp((float) largest) : Math.ulp(largest);
            double off = Precise.of(result).subtract(exact).abs().doubleValue();
            return off <= (single ? Float.MIN_NORMAL : Double.MIN_NORMAL) ? 0 : off / ulp;
        }
    }

    private static Order order(double ulps, UnaryOperator<BigDecimal> value) {
        return new Order(ulps, x -> List.of(value.apply(x)));
    }

    /// Random points and the ends.
    double[] points(DType dtype, int n) {
        SplittableRandom random = new SplittableRandom(5);
        double[] x = random.doubles(n, low, high).map(dtype::round).toArray();
        x[0] = dtype.round(low);
        x[1] = dtype.round(high);
        return x;
    }

    private static BigDecimal times(BigDecimal... factors) {
        return Stream.of(factors).reduce(ONE, (a, b) -> a.multiply(b, MC));
    }

    private static BigDecimal sigmoid(BigDecimal x) {
        return ONE.divide(ONE.add(Precise.exp(x.negate())), MC);
    }

    private static BigDecimal softplus(BigDecimal x) {
        return Precise.log(ONE.add(Precise.exp(x)));
    }

    private static BigDecimal reciprocal(BigDecimal x) {
        return ONE.divide(x, MC);
    }

    static Stream<Digits> rows() {
        return Stream.of(
                gelu(),
                geluTanh(),
                silu(),
                mish(),
                new Digits(
                        "softplus",
                        -80,
                        80,
                        x -> x.softplus(),
                        List.of(order(2, Digits::softplus), order(3, Digits::sigmoid))),
                new Digits(
                        "logSigmoid",
                        -80,
                        80,
                        x -> x.logSigmoid(),
                        List.of(
                                order(2, x -> softplus(x.negate()).negate()),
                                order(3, x -> sigmoid(x.negate())))),
                new Digits(
                        "log1p",
                        -0.99,
                        5,
                        x -> x.log1p(),
                        List.of(
                                order(3, x -> Precise.log(ONE.add(x))),
                                order(2, x -> reciprocal(ONE.add(x))),
                                order(3, x -> reciprocal(ONE.add(x)).pow(2).negate()))),
                new Digits(
                        "expm1",
                        -30,
                        30,
                        x -> x.expm1(),
                        List.of(
                                order(2, x -> Precise.exp(x).subtract(ONE)),
                                order(2, Precise::exp),
                                order(2, Precise::exp))));
    }

    private static Digits gelu() {
        return new Digits(
                "gelu",
                -12,
                5,
                x -> x.gelu(),
                List.of(
                        order(7, x -> times(x, Precise.ndtr(x))),
                        new Order(
                                6,
                                x -> List.of(Precise.ndtr(x), times(x, Precise.normalDensity(x)))),
                        new Order(
                                4,
                                x -> {
                                    BigDecimal density = Precise.normalDensity(x);
                                    return List.of(
                                            times(TWO, density), times(x, x, density).negate());
                                })));
    }

    /// `x·σ(2u)`: what rounding u costs grows with u.
    private static Digits geluTanh() {
        UnaryOperator<BigDecimal> half =
                x -> {
                    BigDecimal cubic = times(new BigDecimal("0.044715"), x, x, x);
                    return times(TWO.divide(Precise.PI, MC).sqrt(MC), x.add(cubic));
                };
        UnaryOperator<BigDecimal> slope =
                x -> {
                    BigDecimal square = times(new BigDecimal("0.134145"), x, x);
                    return times(TWO.divide(Precise.PI, MC).sqrt(MC), ONE.add(square));
                };
        return new Digits(
                "geluTanh",
                -6,
                5,
                x -> x.geluTanh(),
                List.of(
                        order(60, x -> times(x, sigmoid(times(TWO, half.apply(x))))),
                        new Order(
                                60,
                                x -> {
                                    BigDecimal u = times(TWO, half.apply(x));
                                    BigDecimal y = sigmoid(u);
                                    BigDecimal rest = sigmoid(u.negate());
                                    return List.of(y, times(x, y, rest, TWO, slope.apply(x)));
                                })));
    }

    private static Digits silu() {
        return new Digits(
                "silu",
                -80,
                15,
                x -> x.silu(),
                List.of(
                        order(3, x -> times(x, sigmoid(x))),
                        new Order(
                                20,
                                x ->
                                        List.of(
                                                sigmoid(x),
                                                times(x, sigmoid(x), sigmoid(x.negate()))))));
    }

    /// With `w = 1 + eˣ`, `tanh ln w = (w² − 1)/(w² + 1)`.
    private static Digits mish() {
        UnaryOperator<BigDecimal> tanh =
                x -> {
                    BigDecimal e = Precise.exp(x);
                    BigDecimal w = ONE.add(e);
                    return times(e, e.add(TWO), reciprocal(times(w, w).add(ONE)));
                };
        return new Digits(
                "mish",
                -80,
                15,
                x -> x.mish(),
                List.of(
                        order(3, x -> times(x, tanh.apply(x))),
                        new Order(
                                30,
                                x -> {
                                    BigDecimal w = ONE.add(Precise.exp(x));
                                    BigDecimal root =
                                            times(TWO, w, reciprocal(times(w, w).add(ONE)));
                                    return List.of(tanh.apply(x), times(x, root, root, sigmoid(x)));
                                })));
    }

    @Override
    public String toString() {
        return name;
    }
}
