package dev.nacre.optable;

import static dev.nacre.optable.DTypes.ALL;
import static dev.nacre.optable.DTypes.INTEGER;
import static dev.nacre.optable.DTypes.NUMBERS;
import static dev.nacre.optable.DTypes.WHOLE;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Node;
import dev.nacre.ir.Unary;
import dev.nacre.reference.Array;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/// Rows for `Elementwise`.
final class ElementwiseRows {
    private ElementwiseRows() {}

    static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        arithmetic(rows);
        functions(rows);
        trigonometry(rows);
        special(rows);
        combinations(rows);
        numbers(rows);
        comparisons(rows);
        bits(rows);
        others(rows);
        return rows;
    }

    /// A function of one operand, uniform in `[low, high]`.
    private static Row one(String name, double low, double high, UnaryOperator<Node> f) {
        return Row.of(name, d -> List.of(d.in(low, high, 2, d.n())), in -> f.apply(in.get(0)))
                .on(ALL);
    }

    /// A function of one operand away from 0.
    private static Row off0(String name, double low, double high, UnaryOperator<Node> f) {
        return Row.of(name, d -> List.of(d.off0(low, high, 2, d.n())), in -> f.apply(in.get(0)))
                .on(ALL);
    }

    /// A function of one operand that jumps at whole and half numbers.
    private static Row steps(String name, UnaryOperator<Node> f) {
        return Row.of(name, d -> List.of(d.offSteps(2, d.n())), in -> f.apply(in.get(0)))
                .on(ALL)
                .note("steps are avoided");
    }

    private static void arithmetic(List<Row> rows) {
        rows.add(one("neg", -3, 3, x -> x.neg()));
        rows.add(off0("abs", 0.1, 3, x -> x.abs()).note("kink at 0"));
        rows.add(off0("sign", 0.1, 3, x -> x.sign()).note("step at 0"));
        rows.add(steps("floor", x -> x.floor()));
        rows.add(steps("ceil", x -> x.ceil()));
        rows.add(steps("round", x -> x.round()));
        rows.add(steps("trunc", x -> x.trunc()));
        rows.add(one("sqrt", 0.2, 4, x -> x.sqrt()));
        rows.add(one("rsqrt", 0.5, 4, x -> x.rsqrt()));
        rows.add(off0("reciprocal", 0.5, 3, x -> x.reciprocal()));
        rows.add(one("square", -3, 3, x -> x.square()));
        rows.add(one("map", -1, 1, x -> x.map(Unary.TANH)));
    }

    private static void functions(List<Row> rows) {
        rows.add(one("exp", -2, 2, x -> x.exp()).slack(2));
        rows.add(one("expm1", -2, 2, x -> x.expm1()).slack(2));
        rows.add(one("exp2", -2, 2, x -> x.exp2()).slack(4));
        rows.add(one("log", 0.3, 4, x -> x.log()));
        rows.add(one("log1p", -0.6, 4, x -> x.log1p()));
        rows.add(one("log2", 0.3, 4, x -> x.log2()));
        rows.add(one("log10", 0.3, 4, x -> x.log10()));
    }

    private static void trigonometry(List<Row> rows) {
        rows.add(one("sin", -4, 4, x -> x.sin()));
        rows.add(one("cos", -4, 4, x -> x.cos()));
        rows.add(one("tan", -1, 1, x -> x.tan()));
        rows.add(one("asin", -0.8, 0.8, x -> x.asin()));
        rows.add(one("acos", -0.8, 0.8, x -> x.acos()));
        rows.add(one("atan", -3, 3, x -> x.atan()));
        rows.add(one("sinh", -2, 2, x -> x.sinh()));
        rows.add(one("cosh", -2, 2, x -> x.cosh()));
        rows.add(one("tanh", -2, 2, x -> x.tanh()));
        rows.add(one("asinh", -3, 3, x -> x.asinh()));
        rows.add(one("acosh", 1.3, 4, x -> x.acosh()));
        rows.add(one("atanh", -0.7, 0.7, x -> x.atanh()));
    }

    private static void special(List<Row> rows) {
        rows.add(one("erf", -2, 2, x -> x.erf()));
        rows.add(one("erf tails", -7, 7, x -> x.erf()));
        rows.add(one("ndtr", -2, 2, x -> x.ndtr()));
        rows.add(one("ndtr tails", -7, 7, x -> x.ndtr()));
        rows.add(one("normalDensity", -4, 4, x -> x.normalDensity()));
        rows.add(one("lgamma", 0.6, 5, x -> x.lgamma()));
        rows.add(one("lgamma negative", -1.7, -1.3, x -> x.lgamma()).on(DTypes.FLOATING));
        rows.add(one("digamma", 0.6, 5, x -> x.digamma()));
        rows.add(one("digamma negative", -1.7, -1.3, x -> x.digamma()).on(DTypes.FLOATING));
        rows.add(one("polygamma 1", 0.8, 4, x -> x.polygamma(1)).on(NUMBERS));
        rows.add(one("polygamma 3", 1, 4, x -> x.polygamma(3)).on(NUMBERS));
        rows.add(
                one("polygamma negative", -1.7, -1.3, x -> x.polygamma(2))
                        .on(DTypes.FLOATING)
                        .slack(2));
        rows.add(one("polygammaAt", 0.8, 4, x -> x.onesLike().polygammaAt(x)).on(DTypes.FLOATING));
        rows.add(one("isNan", -3, 3, x -> x.sub(1).log().isNan()).flat());
        rows.add(one("isInf", 0, 2, x -> x.trunc().reciprocal().isInf()).flat());
        rows.add(one("isFinite", 0, 2, x -> x.trunc().reciprocal().isFinite()).flat());
    }

    /// A function of two operands whose shapes are broadcast: `[2, n]` with `[n]`.
    private static Row two(String name, double low, double high, BinaryOperator<Node> f) {
        return Row.of(
                        name,
                        d -> List.of(d.in(low, high, 2, d.n()), d.off0(0.5, 3, d.n())),
                        in -> f.apply(in.get(0), in.get(1)))
                .on(ALL);
    }

    private static void combinations(List<Row> rows) {
        rows.add(two("add", -3, 3, (a, b) -> a.add(b)));
        rows.add(two("sub", -3, 3, (a, b) -> a.sub(b)));
        rows.add(two("mul", -3, 3, (a, b) -> a.mul(b)));
        rows.add(two("div", -3, 3, (a, b) -> a.div(b)));
        rows.add(two("combine", -3, 3, (a, b) -> a.combine(Binary.SUB, b)));
        rows.add(two("atan2", -3, 3, (a, b) -> a.atan2(b)));
        Row quotients =
                Row.of(
                                "floorDiv",
                                d -> {
                                    // a = b·(whole + a bit): away from the jumps of the quotient.
                                    Array b = d.off0(1, 3, 2, d.n());
                                    double[] q = d.offSteps(2, d.n()).toDoubles();
                                    double[] a = b.toDoubles();
                                    for (int i = 0; i < a.length; i++) {
                                        a[i] *= q[i];
                                    }
                                    return List.of(Array.of(b.type(), a), b);
                                },
                                in -> in.get(0).floorDiv(in.get(1)))
                        .on(ALL)
                        .note("steps are avoided");
        rows.add(quotients);
        rows.add(
                new Row(
                        "mod",
                        ALL,
                        0,
                        quotients.generator(),
                        in -> in.get(0).mod(in.get(1)),
                        true,
                        4,
                        "steps are avoided"));
        rows.add(
                Row.of(
                                "pow",
                                d -> List.of(d.in(0.3, 3, 2, d.n()), d.in(-2, 2, 2, 1)),
                                in -> in.get(0).pow(in.get(1)))
                        .on(ALL)
                        .slack(8));
        rows.add(
                Row.of(
                                "pow of negative",
                                d ->
                                        List.of(
                                                d.off0(0.3, 3, 2, d.n()),
                                                d.as(DType.I32).in(-2, 3, 2, d.n())),
                                in -> in.get(0).pow(in.get(1)))
                        .slack(8)
                        .note("whole exponents"));
        rows.add(
                Row.of("maximum", d -> pair(d), in -> in.get(0).maximum(in.get(1)))
                        .on(ALL)
                        .note("ties are avoided"));
        rows.add(
                Row.of("minimum", d -> pair(d), in -> in.get(0).minimum(in.get(1)))
                        .on(ALL)
                        .note("ties are avoided"));
        rows.add(
                Row.of(
                                "add promoting",
                                d ->
                                        List.of(
                                                d.in(-3, 3, 2, d.n()),
                                                d.as(DType.I32).in(-3, 3, 2, 1)),
                                in -> in.get(0).add(in.get(1)))
                        .on(ALL));
    }

    /// Two operands `[2, n]` without equal elements.
    private static List<Array> pair(Draw d) {
        Array both = d.distinct(2, 2, d.n());
        double[] x = both.toDoubles();
        int half = x.length / 2;
        var type = both.type().withShape(both.shape().range(1, 3));
        return List.of(
                Array.of(type, Arrays.copyOf(x, half)),
                Array.of(type, Arrays.copyOfRange(x, half, 2 * half)));
    }

    private static void numbers(List<Row> rows) {
        rows.add(one("add number", -3, 3, x -> x.add(2)));
        rows.add(one("add fraction", -3, 3, x -> x.add(0.75)));
        rows.add(one("sub number", -3, 3, x -> x.sub(2)));
        rows.add(one("sub fraction", -3, 3, x -> x.sub(0.25)));
        rows.add(one("div fraction", -3, 3, x -> x.div(0.75)));
        rows.add(steps("floorDiv fraction", x -> x.floorDiv(1.0)));
        rows.add(steps("mod fraction", x -> x.mod(2.0)).slack(2));
        rows.add(off0("maximum fraction", 0.1, 3, x -> x.maximum(-0.05)).note("kink"));
        rows.add(off0("minimum fraction", 0.1, 3, x -> x.minimum(0.05)).note("kink"));
        rows.add(one("eq fraction", -3, 3, x -> x.eq(0.5)).flat());
        rows.add(one("ne fraction", -3, 3, x -> x.ne(0.5)).flat());
        rows.add(one("le whole", -3, 3, x -> x.le(1)).flat());
        rows.add(one("gt fraction", -3, 3, x -> x.gt(0.5)).flat());
        rows.add(one("ge fraction", -3, 3, x -> x.ge(0.5)).flat());
        rows.add(one("combine fraction", -3, 3, x -> x.combine(Binary.LT, 0.5)).flat());
        rows.add(one("mul number", -3, 3, x -> x.mul(2)));
        rows.add(one("mul fraction", -3, 3, x -> x.mul(0.3)));
        rows.add(one("div number", -3, 3, x -> x.div(3)));
        rows.add(steps("floorDiv number", x -> x.floorDiv(1)));
        rows.add(steps("mod number", x -> x.mod(2)).slack(2));
        rows.add(one("pow 3", -2, 2, x -> x.pow(3)).slack(4));
        rows.add(one("pow 2", -2, 2, x -> x.pow(2)));
        rows.add(one("pow 1", -2, 2, x -> x.pow(1)));
        rows.add(one("pow 0", -2, 2, x -> x.pow(0)));
        rows.add(one("pow half", 0.3, 2, x -> x.pow(0.5)));
        rows.add(one("pow fraction", 0.3, 2, x -> x.pow(-1.3)).slack(4));
        rows.add(off0("maximum number", 0.1, 3, x -> x.maximum(0)).note("kink at 0"));
        rows.add(off0("minimum number", 0.1, 3, x -> x.minimum(0)).note("kink at 0"));
        rows.add(
                off0("clamp", 0.1, 3, x -> x.add(1).clamp(1, 2.05))
                        .on(DTypes.FLOATING)
                        .note("kinks at the limits")
                        .slack(4));
        rows.add(one("clamp whole", -3, 3, x -> x.clamp(-1, 2)).on(WHOLE).flat());
    }

    private static void comparisons(List<Row> rows) {
        rows.add(compared("eq", (a, b) -> a.eq(b)));
        rows.add(compared("ne", (a, b) -> a.ne(b)));
        rows.add(compared("lt", (a, b) -> a.lt(b)));
        rows.add(compared("le", (a, b) -> a.le(b)));
        rows.add(compared("gt", (a, b) -> a.gt(b)));
        rows.add(compared("ge", (a, b) -> a.ge(b)));
        rows.add(one("eq number", -3, 3, x -> x.eq(1)).flat());
        rows.add(one("ne number", -3, 3, x -> x.ne(1)).flat());
        rows.add(one("lt number", -3, 3, x -> x.lt(1)).flat());
        rows.add(one("le number", -3, 3, x -> x.le(0.5)).flat());
        rows.add(one("gt number", -3, 3, x -> x.gt(1)).flat());
        rows.add(one("ge number", -3, 3, x -> x.ge(1)).flat());
        rows.add(one("combine number", -3, 3, x -> x.combine(Binary.LT, 1)).flat());
    }

    private static Row compared(String name, BinaryOperator<Node> f) {
        return Row.of(
                        name,
                        d -> List.of(d.in(-2, 2, 2, d.n()), d.in(-2, 2, 2, 1)),
                        in -> f.apply(in.get(0).round(), in.get(1).round()))
                .on(ALL)
                .flat();
    }

    private static void bits(List<Row> rows) {
        rows.add(one("not", -5, 5, x -> x.not()).on(WHOLE).flat());
        rows.add(two("and", -100, 100, (a, b) -> a.and(b)).on(WHOLE).flat());
        rows.add(two("or", -100, 100, (a, b) -> a.or(b)).on(WHOLE).flat());
        rows.add(two("xor", -100, 100, (a, b) -> a.xor(b)).on(WHOLE).flat());
        rows.add(
                Row.of(
                                "shiftLeft",
                                d -> List.of(d.in(-100, 100, 2, d.n()), d.in(0, 7, d.n())),
                                in -> in.get(0).shiftLeft(in.get(1)))
                        .on(INTEGER)
                        .flat());
        rows.add(
                Row.of(
                                "shiftRight",
                                d -> List.of(d.in(-100, 100, 2, d.n()), d.in(0, 70, d.n())),
                                in -> in.get(0).shiftRight(in.get(1)))
                        .on(INTEGER)
                        .flat());
    }

    private static void others(List<Row> rows) {
        for (DType t : DType.values()) {
            rows.add(
                    Row.of(
                                    "cast to " + t,
                                    d -> List.of(d.off0(1, 100, 2, d.n())),
                                    in -> in.get(0).cast(t).cast(DType.F64))
                            .on(ALL)
                            .flat()
                            .note("the gradient is that of the identity, not of the rounding"));
        }
        rows.add(
                one("cast there and back", -3, 3, x -> x.cast(DType.F64).square().cast(x.dtype()))
                        .on(DTypes.FLOATING));
        rows.add(one("detach", -3, 3, x -> x.detach()).flat().note("stops the gradient"));
        rows.add(
                one("detach of a factor", -3, 3, x -> x.detach().add(x.mul(0)).mul(0).add(x))
                        .note("what is not detached passes"));
        rows.add(
                Row.of(
                                "where",
                                d -> List.of(d.truth(2, 1), d.in(-3, 3, d.n()), d.in(-3, 3, 1, 1)),
                                in -> in.get(0).where(in.get(1), in.get(2)))
                        .on(ALL));
        rows.add(one("fullLike whole", -3, 3, x -> x.fullLike(1).add(x)));
        rows.add(one("fullLike", -3, 3, x -> x.fullLike(0.5).add(x)).on(DTypes.FLOATING));
        rows.add(one("zerosLike", -3, 3, x -> x.zerosLike()));
        rows.add(one("onesLike", -3, 3, x -> x.onesLike()));
    }
}
