package dev.nacre.compile.loop;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// The elementary functions on f32 as formulas without branches, right to 2 units in the last place (`erf`: 3, `pow`: 4, `ndtr`: 5) over the
/// whole range, subnormal numbers, zeros of either sign, infinities and NaN included.
///
/// The coefficients are minimax fits of this project (Remez exchange, rounded to f32 with their neighbours tuned); the
/// comment of each gives the interval and the error of approximation. Rounding adds about one unit in the last place.
final class Elementary {
    private static final double INFINITY = Double.POSITIVE_INFINITY;
    private static final double LOG2_E = 1 / Math.log(2);

    /// ln 2 = LN2 + LN2_LOW far beyond f32.
    private static final double LN2 = (float) Math.log(2);

    private static final double LN2_LOW = -1.9046542121259336e-9;

    /// ln 2 = LN2_SHORT + LN2_REST. The first has 16 bits, so that its products with small integers are exact.
    private static final double LN2_SHORT = Math.rint(Math.log(2) * 0x1p16) * 0x1p-16;

    private static final double LN2_REST = Math.log(2) - LN2_SHORT;

    /// π/2 = HALF_PI + HALF_PI_LOW + HALF_PI_LOWEST.
    private static final double HALF_PI = (float) (Math.PI / 2);

    private static final double HALF_PI_LOW = -4.371138828673793e-8;
    private static final double HALF_PI_LOWEST = -1.7151245100058819e-15;

    /// Adding it to a small f32 rounds that to an integer, which then is in the low bits.
    private static final double MAGIC = 0x1.8p23;

    /// The same for an exponent: shifted to its place among the bits of an f32, the sum is that power of two. 127 is the bias of exponents.
    private static final double POWER = MAGIC + 127;

    /// Bits of the f32 1.
    private static final int ONE = Float.floatToRawIntBits(1);

    /// Bits of the f32 below √½: from there to √2 is where a mantissa is put.
    private static final int ROOT_HALF = 0x3F3504F3;

    private static final Map<Unary, UnaryOperator<Value>> UNARY =
            new EnumMap<>(
                    Map.ofEntries(
                            Map.entry(Unary.EXP, Elementary::exp),
                            Map.entry(Unary.EXPM1, Elementary::expm1),
                            Map.entry(Unary.EXP2, x -> exp2(x.like(1), x, x.like(0))),
                            Map.entry(Unary.LOG, Elementary::log),
                            Map.entry(Unary.LOG2, Elementary::log2),
                            Map.entry(Unary.LOG10, Elementary::log10),
                            Map.entry(Unary.LOG1P, Elementary::log1p),
                            Map.entry(Unary.SIGMOID, Elementary::sigmoid),
                            Map.entry(Unary.SOFTPLUS, Elementary::softplus),
                            Map.entry(Unary.TANH, Elementary::tanh),
                            Map.entry(Unary.ERF, Elementary::erf),
                            Map.entry(Unary.NDTR, Elementary::ndtr),
                            Map.entry(Unary.NORMAL_DENSITY, Elementary::normalDensity),
                            Map.entry(Unary.SIN, x -> sine(x, Unary.SIN)),
                            Map.entry(Unary.COS, x -> sine(x, Unary.COS)),
                            Map.entry(Unary.TAN, Elementary::tan),
                            Map.entry(Unary.ASIN, Elementary::asin),
                            Map.entry(Unary.ACOS, Elementary::acos),
                            Map.entry(Unary.ATAN, Elementary::atan),
                            Map.entry(Unary.SINH, Elementary::sinh),
                            Map.entry(Unary.COSH, Elementary::cosh),
                            Map.entry(Unary.ASINH, Elementary::asinh),
                            Map.entry(Unary.ACOSH, Elementary::acosh),
                            Map.entry(Unary.ATANH, Elementary::atanh)));

    private Elementary() {}

    /// The formula of a function of one f32.
    static Optional<Value> of(Unary f, Value x) {
        return Optional.ofNullable(UNARY.get(f)).map(formula -> formula.apply(x));
    }

    /// The formula of a function of two f32.
    static Optional<Value> of(Binary f, Value a, Value b) {
        return switch (f) {
            case POW -> Optional.of(pow(a, b));
            case ATAN2 -> Optional.of(atan2(a, b));
            case MOD -> Optional.of(mod(a, b));
            case FLOOR_DIV -> Optional.of(floorDiv(a, b));
            default -> Optional.empty();
        };
    }

    // -------------------------------------------------------------------------- exponential
    // functions

    /// `eˣ = eʳ·2ʰ·2ʰ` with an integer h and |r| ≤ ln 2.
    ///
    /// @param r the rest
    /// @param root 2ʰ, always a normal number, while its square may be none
    private record Reduced(Value r, Value root) {}

    /// For x from −105 to 90.
    private static Reduced reduce(Value x) {
        var shifted = x.fma(LOG2_E / 2, x.like(POWER));
        var h = shifted.sub(POWER);
        var r = h.fma(-2 * LN2_LOW, h.fma(-2 * LN2, x));
        return new Reduced(r, power(shifted));
    }

    /// 2ⁿ, given n + POWER.
    private static Value power(Value shifted) {
        return shifted.bits().shl(23).bits();
    }

    /// Beyond these bounds powers of e are infinite and zero. NaN passes.
    private static Value bound(Value x) {
        return x.within(-105, 90);
    }

    /// `eʳ` for |r| ≤ ln 2, to 1.3e-9.
    private static Value expOfRest(Value r) {
        return r.polynomial(
                1,
                1,
                5e-1,
                1.6666679e-1,
                4.1666754e-2,
                8.332197e-3,
                1.3883135e-3,
                2.0156841e-4,
                2.5760268e-5);
    }

    static Value exp(Value x) {
        var reduced = reduce(bound(x));
        return expOfRest(reduced.r).mul(reduced.root).mul(reduced.root);
    }

    /// `eˣ/2`, which overflows later than eˣ.
    private static Value halfExp(Value x) {
        var reduced = reduce(bound(x));
        return expOfRest(reduced.r).mul(reduced.root.mul(0.5)).mul(reduced.root);
    }

    /// `eʳ − 1` for |r| ≤ ln 2, to 2e-9 of itself.
    private static Value expm1OfRest(Value r) {
        var q =
                r.polynomial(
                        5e-1,
                        1.6666675e-1,
                        4.1666698e-2,
                        8.332445e-3,
                        1.3886368e-3,
                        2.012479e-4,
                        2.5324513e-5);
        return r.square().fma(q, r);
    }

    static Value expm1(Value x) {
        var reduced = reduce(bound(x));
        var rest = expm1OfRest(reduced.r);
        var scale = reduced.root.square();
        var y = rest.fma(scale, scale.sub(1));
        var large = rest.add(1).mul(reduced.root).mul(reduced.root);
        return x.gt(40).select(large, y).withSignOf(x);
    }

    /// `e^(f·x) = e^(f·r)·2ⁿ` with |f·r| ≤ ½·ln 2, where that power is a normal number.
    ///
    /// @param power 2ⁿ
    private record Normal(Value r, Value power) {}

    /// For f·x from −87 to 88; to 89.4 if the power may be infinite. f is ± a power of two.
    private static Normal reduceToNormal(Value x, double f) {
        var shifted = x.fma(f * LOG2_E, x.like(POWER));
        var n = shifted.sub(POWER);
        return new Normal(n.fma(-LN2_LOW / f, n.fma(-LN2 / f, x)), power(shifted));
    }

    /// `eˣ − 1` for x from −87 to 88. The polynomial is (eʳ − 1 − r)/r² to 1.3e-8 in what it does to the result.
    private static Value expm1OfNormal(Value x) {
        var reduced = reduceToNormal(x, 1);
        var r = reduced.r;
        var q = r.polynomial(0.5, 1.6666543e-1, 4.16672e-2, 8.3665475e-3, 1.3882516e-3);
        return r.square().fma(q, r).fma(reduced.power, reduced.power.sub(1));
    }

    /// `c = r·coth(f·r/2)` for |f·r| ≤ ½·ln 2, where f is a power of two. It is even and nearly constant, and makes two exponentials at once: `e^(f·r) = (c + r)/(c − r)`, to 5.5e-10.
    private static Value coth(Value r, double f) {
        return r.square().polynomial(2 / f, 1.6666616e-1 * f, -2.7658718e-3 * f * f * f);
    }

    /// `1/(1 + e⁻ˣ)`, above and below times 2⁻²⁴, so that e⁻ˣ does not overflow where the result is subnormal.
    static Value sigmoid(Value x) {
        var bounded = x.within(-104, 40);
        var shifted = bounded.fma(-LOG2_E, x.like(POWER - 24));
        var n = shifted.sub(POWER - 24);
        var r = n.fma(LN2_LOW, n.fma(LN2, bounded));
        var c = coth(r, 1);
        var above = c.add(r).mul(0x1p-24);
        return above.div(c.sub(r).fma(power(shifted), above));
    }

    /// `(1 − e⁻²ˣ) / (1 + e⁻²ˣ)`, the numerator without cancellation.
    static Value tanh(Value x) {
        var e = reduceToNormal(x.like(9.02).lesser(x.abs()), -2);
        var c = coth(e.r, 2);
        var less = x.like(1).sub(e.power);
        var more = e.power.add(1);
        var y = c.fma(less, e.r.mul(more)).div(c.fma(more, e.r.mul(less)));
        return y.withSignOf(x);
    }

    /// `1 − e^(−x·h)`, without cancellation where x is small. From 3.94 on it is 1.
    static Value erf(Value x) {
        var a = x.like(3.94).lesser(x.abs());
        // ln(1 − erf a)/a, to 4e-9 in what it does to the result
        var h =
                a.polynomial(
                        -1.1283792,
                        -6.366194e-1,
                        -1.0277783e-1,
                        1.9153064e-2,
                        1.6039637e-4,
                        -1.6670278e-3,
                        6.3283704e-4,
                        -1.1764132e-4,
                        9.256271e-6);
        return expm1OfNormal(h.mul(a)).withSignOf(x);
    }

    /// Beyond it e^(−a²/2) is zero. NaN passes.
    private static Value inBell(Value x) {
        return x.like(14.5).lesser(x.abs());
    }

    /// `2⁶⁴·e^(−a²/2) = above/below` for a to 14.5, where `above` always is a normal number. What rounding a² loses would be lost a²/2 times over, so only the number of powers is found
    /// with a rounded one.
    ///
    /// @param below NaN if a is, unlike `above`
    private record Bell(Value above, Value below) {
        static Bell of(Value a) {
            var shifted = a.square().fma(-0.5 * LOG2_E, a.like(MAGIC + 64));
            var n = shifted.sub(MAGIC + 64);
            // The product of n is exact, that of a in the sum too.
            var r = n.fma(2 * LN2_REST, a.fma(a, n.mul(2 * LN2_SHORT)));
            var below = coth(r, 0.5).add(r);
            // c − r, but what rounding has done to c + r is in both and nearly cancels.
            var above = below.sub(r.add(r));
            return new Bell(above.bits().add(shifted.bits().shl(23)).bits(), below);
        }
    }

    static Value normalDensity(Value x) {
        var bell = Bell.of(inBell(x));
        return bell.above.div(bell.below).mul(0x1p-64 / Math.sqrt(2 * Math.PI));
    }

    /// `Φ(−a) = e^(−a²/2)·p(a)/q(a)`, and 1 minus that on the other side.
    static Value ndtr(Value x) {
        var a = inBell(x);
        // p/q to 9.4e-9 of itself; p is less by the power of two that the bell is greater by
        var p =
                a.polynomial(
                        0.5 * 0x1p-64,
                        4.382949e-1 * 0x1p-64,
                        1.8323508e-1 * 0x1p-64,
                        4.0633205e-2 * 0x1p-64,
                        4.116304e-3 * 0x1p-64);
        var q = a.polynomial(1, 1.6744747, 1.202503, 4.6947044e-1, 1.01858795e-1, 1.0317924e-2);
        var bell = Bell.of(a);
        var tail = bell.above.mul(p).div(bell.below.mul(q));
        // 1 − tail or 0 − (−tail). A comparison would cost as much as a product.
        var sign = x.bits().and(Integer.MIN_VALUE);
        var one = x.like(0.5).bits().or(sign).bits().add(0.5);
        return one.sub(tail.bits().or(sign).bits());
    }

    static Value sinh(Value x) {
        var a = x.abs();
        var e = halfExp(a);
        var z = x.square();
        // (sinh(√z) − √z)/√z³ to 5e-9 for z ≤ 1.
        var small =
                z.mul(a)
                        .fma(
                                z.polynomial(1.6666667e-1, 8.333346e-3, 1.9836154e-4, 2.8169504e-6),
                                a);
        return a.lt(1).select(small, e.sub(x.like(0.25).div(e))).withSignOf(x);
    }

    static Value cosh(Value x) {
        var e = halfExp(x.abs());
        return e.add(x.like(0.25).div(e));
    }

    // -------------------------------------------------------------------------------------
    // logarithms

    /// `x = 2ᵉ·m` with m from √½ to √2, for positive finite x.
    private record Split(Value e, Value m) {}

    private static Split split(Value x) {
        var subnormal = x.lt(0x1p-126);
        var bits = subnormal.select(x.mul(0x1p23), x).bits();
        var e = bits.sub(ROOT_HALF).shr(23);
        var m = bits.sub(e.shl(23)).bits();
        return new Split(e.cast(DType.F32).sub(subnormal.select(x.like(23), x.like(0))), m);
    }

    /// `ln(2ᵉ·(1 + f))`.
    private static Value log(Value e, Value f) {
        // (ln(1+f) − f + f²/2)/f³ to 6e-9.
        var p =
                f.polynomial(
                        3.333333e-1,
                        -2.500082e-1,
                        2.0001228e-1,
                        -1.6623366e-1,
                        1.4201742e-1,
                        -1.3160145e-1,
                        1.2761684e-1,
                        -7.634708e-2);
        var z = f.square();
        var low = z.mul(f).fma(p, e.mul(LN2_LOW));
        return e.fma(LN2, z.fma(-0.5, low).add(f));
    }

    static Value log(Value x) {
        var split = split(x);
        var y = log(split.e, split.m.sub(1));
        return logDomain(x, x, y);
    }

    /// Corrects the logarithm of what is zero, negative, infinite or NaN.
    private static Value logDomain(Value x, Value argument, Value y) {
        var finite = argument.lt(INFINITY).select(y, argument);
        var edge = argument.eq(0).select(x.like(-INFINITY), x.like(Double.NaN));
        return argument.gt(0).select(finite, edge);
    }

    static Value log1p(Value x) {
        var u = x.add(1);
        var split = split(u);
        // What the addition lost, of the greater operand's side.
        var lost = x.abs().gt(1).select(x.sub(u).add(1), x.sub(u.sub(1)));
        // Where the exponent is great, 1 does not matter, nor what was lost of it.
        var scale =
                split.e
                        .cast(DType.I32)
                        .min(x.graph.constant(DType.I32, 100))
                        .shl(23)
                        .neg()
                        .add(ONE)
                        .bits();
        var y = log(split.e, lost.fma(scale, split.m.sub(1)));
        var z = logDomain(x, u, y);
        return x.abs().lt(0x1p-13).select(x.fma(x.mul(-0.5), x), z);
    }

    /// `max(x, 0) + ln(1 + e^−|x|)`.
    static Value softplus(Value x) {
        return x.lt(0).select(x.like(0), x).add(log1p(exp(x.abs().neg())));
    }

    static Value asinh(Value x) {
        var a = x.abs();
        var large = a.gt(1e10);
        var z = a.square().div(a.square().add(1).sqrt().add(1)).add(a);
        var y = log1p(large.select(a, z));
        return large.select(y.add(Math.log(2)), y).withSignOf(x);
    }

    static Value acosh(Value x) {
        var large = x.gt(1e10);
        var t = x.sub(1);
        var z = t.fma(t, t.add(t)).sqrt().add(t);
        var y = log1p(large.select(x, z));
        return x.lt(1).select(x.like(Double.NaN), large.select(y.add(Math.log(2)), y));
    }

    static Value atanh(Value x) {
        var a = x.abs();
        return log1p(a.add(a).div(a.neg().add(1))).mul(0.5).withSignOf(x);
    }

    // ----------------------------------------------------------------------------------
    // trigonometry

    /// `x = r + quarter·π/2` with |r| ≤ π/4. Only the last bits of `quarter` matter. Where x is `far`, both are wrong.
    private record Angle(Value r, Value quarter, Value far) {}

    private static Angle angle(Value x) {
        var shifted = x.fma(2 / Math.PI, x.like(MAGIC));
        var n = shifted.sub(MAGIC);
        // The first difference is exact.
        var r = n.fma(-HALF_PI_LOWEST, n.fma(-HALF_PI_LOW, n.fma(-HALF_PI, x)));
        return new Angle(r, shifted.bits(), x.abs().le(1e5).not());
    }

    private static Value sine(Value x, Unary f) {
        var angle = angle(x);
        var z = angle.r.square();
        // Both for |r| ≤ 1.01·π/4, to 4e-9 and 1e-9.
        var sin =
                z.mul(angle.r)
                        .fma(z.polynomial(-1.6666654e-1, 8.332111e-3, -1.9508738e-4), angle.r);
        var cos =
                z.square()
                        .fma(
                                z.polynomial(4.1666646e-2, -1.3887256e-3, 2.4425673e-5),
                                z.fma(-0.5, x.like(1)));
        var quarter = f == Unary.COS ? angle.quarter.add(1) : angle.quarter;
        var y = quarter.and(1).eq(0).select(sin, cos);
        y = y.bits().xor(quarter.and(2).shl(30)).bits();
        if (f == Unary.SIN) y = x.eq(0).select(x, y);
        return y.patch(angle.far, f, x);
    }

    private static Value tan(Value x) {
        var angle = angle(x);
        var z = angle.r.square();
        // (tan(√z) − √z)/√z³ for √z ≤ π/4, to 2.6e-9
        var p =
                z.polynomial(
                        3.3333352e-1,
                        1.3332611e-1,
                        5.4065786e-2,
                        2.1250995e-2,
                        1.09188e-2,
                        -1.8254226e-5,
                        4.430659e-3);
        var t = z.mul(angle.r).fma(p, angle.r);
        var y = angle.quarter.and(1).eq(0).select(t, x.like(-1).div(t));
        return x.eq(0).select(x, y).patch(angle.far, Unary.TAN, x);
    }

    /// `atan` from 0 to 1, to 1.8e-8.
    private static Value atanOfRatio(Value z) {
        var s = z.square();
        var p =
                s.polynomial(
                        -3.3333153e-1,
                        1.9993773e-1,
                        -1.4211056e-1,
                        1.0666002e-1,
                        -7.552209e-2,
                        4.3211795e-2,
                        -1.6367886e-2,
                        2.9206814e-3);
        return s.mul(z).fma(p, z);
    }

    static Value atan(Value x) {
        var a = x.abs();
        var steep = a.gt(1);
        var y = atanOfRatio(steep.select(x.like(1).div(a), a));
        return steep.select(y.sub(HALF_PI_LOW).neg().add(HALF_PI), y).withSignOf(x);
    }

    static Value atan2(Value y, Value x) {
        var a = y.abs();
        var b = x.abs();
        var steep = a.gt(b);
        var ratio = steep.select(b, a).div(steep.select(a, b));
        // 0/0 and ∞/∞
        ratio = a.eq(b).select(a.eq(0).select(a, a.like(1)), ratio);
        var angle = atanOfRatio(ratio);
        angle = steep.select(angle.sub(HALF_PI_LOW).neg().add(HALF_PI), angle);
        angle = x.bits().lt(0).select(angle.sub(2 * HALF_PI_LOW).neg().add(2 * HALF_PI), angle);
        return a.add(b).isNaN().select(a.add(b), angle).withSignOf(y);
    }

    /// `(asin(√z) − √z)/√z³` for z ≤ ¼, to 5e-9.
    private static Value asinRest(Value z) {
        return z.polynomial(1.6666752e-1, 7.495299e-2, 4.5470413e-2, 2.4179427e-2, 4.2166475e-2);
    }

    static Value asin(Value x) {
        var a = x.abs();
        var near = a.gt(0.5);
        var z = near.select(a.neg().add(1).mul(0.5), a.square());
        var s = near.select(z.sqrt(), a);
        var y = z.mul(s).fma(asinRest(z), s);
        return near.select(y.fma(-2, x.like(HALF_PI)).add(HALF_PI_LOW), y).withSignOf(x);
    }

    static Value acos(Value x) {
        var a = x.abs();
        var near = a.gt(0.5);
        var z = near.select(a.neg().add(1).mul(0.5), a.square());
        var s = near.select(z.sqrt(), x);
        var y = z.mul(s).fma(asinRest(z), s);
        var right = y.add(y);
        var left = right.sub(2 * HALF_PI_LOW).neg().add(2 * HALF_PI);
        var middle = y.sub(HALF_PI_LOW).neg().add(HALF_PI);
        return near.select(x.lt(0).select(left, right), middle);
    }

    /// A logarithm as a sum of two f32.
    private record Logarithm(Value high, Value low) {}

    /// `log₂ x` to 2⁻³² of itself, for positive finite x.
    private static Logarithm log2Of(Value x) {
        var split = split(x);
        // m = (1+s)/(1−s), s as a sum too
        var f = split.m.sub(1);
        var d = split.m.add(1);
        var lostOfD = split.m.sub(d.sub(1));
        var inverse = x.like(1).div(d);
        var s = f.mul(inverse);
        var sLow = s.neg().fma(lostOfD, s.neg().fma(d, f)).mul(inverse);
        // log₂ m = 2/ln 2·atanh s
        double c = 2.885390043258667;
        double cLow = 3.851926067000022e-8;
        var z = s.square();
        var series =
                z.mul(s).mul(z.polynomial(9.617967e-1, 5.770827e-1, 4.1170183e-1, 3.4030688e-1));
        var high = s.mul(c);
        var low = s.fma(c, high.neg()).add(s.fma(cLow, sLow.fma(c, series)));
        var sum = split.e.add(high);
        var rest = high.sub(sum.sub(split.e)).add(low);
        var log = sum.add(rest);
        return new Logarithm(log, rest.sub(log.sub(sum)));
    }

    static Value log2(Value x) {
        return logDomain(x, x, log2Of(x).high);
    }

    /// `log₂ x·log₁₀ 2`, rounded nearly once: so it is exact at powers of 10.
    static Value log10(Value x) {
        var log = log2Of(x);
        double c = (float) Math.log10(2);
        double cLow = Math.log10(2) - c;
        var high = log.high.mul(c);
        var low = log.high.fma(c, high.neg()).add(log.high.fma(cLow, log.low.mul(c)));
        return logDomain(x, x, high.add(low));
    }

    // ------------------------------------------------------------------------- functions of two
    // operands

    /// `2^(b·log₂|a|)`, the logarithm as a sum of two f32; the sign follows from b's parity.
    static Value pow(Value a, Value b) {
        var magnitude = a.abs();
        var log = log2Of(magnitude);
        var y = exp2(b, log.high, log.low);
        // Signs, zeros, and what is left to the definition.
        var whole = Formulas.rint(b).eq(b);
        var half = b.mul(0.5);
        var odd = whole.and(Formulas.rint(half).ne(half));
        y =
                a.eq(0)
                        .select(
                                b.gt(0)
                                        .select(
                                                a.like(0),
                                                b.lt(0).select(a.like(INFINITY), a.like(1))),
                                y);
        var negative = a.bits().lt(0);
        y = negative.and(odd).select(y.neg(), y);
        y = a.lt(0).and(whole.not()).select(a.like(Double.NaN), y);
        var usual = magnitude.lt(INFINITY).and(b.abs().lt(INFINITY));
        return y.patch(usual.not(), Binary.POW, a, b);
    }

    /// `2^(b·(high + low))`.
    private static Value exp2(Value b, Value high, Value low) {
        var t = b.mul(high);
        var tLow = b.fma(high, t.neg()).add(b.mul(low));
        var over = t.gt(200);
        var under = t.lt(-200);
        t = over.select(t.like(200), under.select(t.like(-200), t));
        tLow = over.or(under).select(t.like(0), tLow);
        var shifted = t.add(MAGIC);
        var n = shifted.sub(MAGIC);
        var r = t.sub(n).add(tLow);
        // 2ʳ for |r| ≤ 0.51, to 1.2e-8
        var p =
                r.polynomial(
                        1,
                        6.931472e-1,
                        2.4022646e-1,
                        5.5503275e-2,
                        9.618462e-3,
                        1.3401483e-3,
                        1.5351264e-4);
        var whole = shifted.bits().sub(Float.floatToRawIntBits((float) MAGIC));
        var half = whole.shr(1);
        return scale(scale(p, half), whole.sub(half));
    }

    private static Value scale(Value x, Value exponent) {
        return x.mul(exponent.shl(23).add(ONE).bits());
    }

    /// The remainder with the divisor's sign. Exact: the quotient is at most one off, and the remainder representable.
    static Value mod(Value a, Value b) {
        var x = a.abs();
        var y = b.abs();
        var quotient = x.div(y);
        var r = Formulas.floor(quotient).neg().fma(y, x);
        r = r.lt(0).select(r.add(y), r);
        r = r.ge(y).select(r.sub(y), r);
        r = r.withSignOf(a);
        var result = r.ne(0).and(r.lt(0).xor(b.lt(0))).select(r.add(b), r);
        var usual = quotient.lt(0x1p22).and(y.lt(INFINITY));
        return result.patch(usual.not(), Binary.MOD, a, b);
    }

    /// The integer below the exact quotient: a rounded quotient may have come up to that above.
    static Value floorDiv(Value a, Value b) {
        var q = Formulas.floor(a.div(b));
        var r = q.neg().fma(b, a);
        var above = r.lt(0).and(b.gt(0)).or(r.gt(0).and(b.lt(0)));
        var usual = q.abs().lt(0x1p24).and(b.abs().lt(INFINITY));
        return above.select(q.sub(1), q).patch(usual.not(), Binary.FLOOR_DIV, a, b);
    }
}
