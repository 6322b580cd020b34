package dev.nacre.compile.loop;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.Optional;

/// What the rows of [Unary] and [Binary] are in primitive operations. A row that is not here is called as it is defined,
/// one lane at a time, so a new row works without a change here.
public final class Formulas {
    private Formulas() {}

    /// `f(x)`.
    public static Value of(Unary f, Value x) {
        return switch (x.type) {
            case BOOL -> f == Unary.NOT ? x.not() : x.call(f);
            case I32, I64 -> ofIntegers(f, x);
            default -> ofFloats(f, x);
        };
    }

    private static Value ofIntegers(Unary f, Value x) {
        return switch (f) {
            case NEG -> x.neg();
            case ABS -> x.abs();
            case SIGN -> x.gt(0).select(x.like(1), x.lt(0).select(x.like(-1), x.like(0)));
            case FLOOR, CEIL, ROUND, TRUNC -> x;
            case RELU -> x.max(x.like(0));
            case NOT -> x.not();
            default -> x.call(f);
        };
    }

    private static Value ofFloats(Unary f, Value x) {
        return switch (f) {
            case NEG -> x.neg();
            case ABS -> x.abs();
            case SIGN ->
                    x.gt(0)
                            .select(
                                    x.like(1),
                                    x.lt(0).select(x.like(-1), x.eq(0).select(x.like(0), x)));
            case SQRT -> x.sqrt();
            case RSQRT -> x.like(1).div(x.sqrt());
            case RECIPROCAL -> x.like(1).div(x);
            case RELU -> x.le(0).select(x.like(0), x);
            case ROUND -> rint(x);
            case FLOOR -> floor(x);
            case CEIL -> floor(x.neg()).neg();
            case TRUNC -> floor(x.abs()).withSignOf(x);
            default ->
                    (x.type == DType.F32 ? Elementary.of(f, x) : Optional.<Value>empty())
                            .orElseGet(() -> x.call(f));
        };
    }

    /// The nearest integer, ties to even: where a float has a fraction at all, adding the number whose last place is 1 rounds it.
    public static Value rint(Value x) {
        double magic = x.type == DType.F32 ? 0x1p23 : 0x1p52;
        var a = x.abs();
        return a.lt(magic).select(a.add(magic).sub(magic), a).withSignOf(x);
    }

    public static Value floor(Value x) {
        var y = rint(x);
        return y.gt(x).select(y.sub(1), y).withSignOf(x);
    }

    /// `f(a, b)`.
    public static Value of(Binary f, Value a, Value b) {
        return switch (a.type) {
            case BOOL -> ofBools(f, a, b);
            default -> ofNumbers(f, a, b);
        };
    }

    private static Value ofBools(Binary f, Value a, Value b) {
        return switch (f) {
            case AND -> a.and(b);
            case OR -> a.or(b);
            case XOR, NE -> a.xor(b);
            case EQ -> a.xor(b).not();
            case LT -> a.not().and(b);
            case LE -> a.not().or(b);
            case GT -> a.and(b.not());
            case GE -> a.or(b.not());
            default -> a.call(f, b);
        };
    }

    private static Value ofNumbers(Binary f, Value a, Value b) {
        return switch (f) {
            case ADD -> a.add(b);
            case SUB -> a.sub(b);
            case MUL -> a.mul(b);
            case DIV -> a.type.isFloating() ? a.div(b) : a.call(f, b);
            case MAX -> a.max(b);
            case MIN -> a.min(b);
            case EQ -> a.eq(b);
            case NE -> a.ne(b);
            case LT -> a.lt(b);
            case LE -> a.le(b);
            case GT -> a.gt(b);
            case GE -> a.ge(b);
            case AND -> a.and(b);
            case OR -> a.or(b);
            case XOR -> a.xor(b);
            case SHL -> {
                int width = a.type.bytes() * 8;
                yield b.and(-width).eq(0).select(a.shl(b.and(width - 1)), a.like(0));
            }
            case SHR -> {
                int width = a.type.bytes() * 8;
                yield a.shr(b.and(-width).eq(0).select(b, b.like(width - 1)));
            }
            default ->
                    (a.type == DType.F32 ? Elementary.of(f, a, b) : Optional.<Value>empty())
                            .orElseGet(() -> a.call(f, b));
        };
    }

    /// A whole number as an f64, or an f64 as an f32, whose last bit is 1 unless it is exact: see [DType#toOdd].
    public static Value toOdd(Value x) {
        var near = x.cast(x.type == DType.I64 ? DType.F64 : DType.F32);
        var bits = near.bits();
        var back = near.cast(x.type);
        var above = back.gt(x);
        var negative = x.lt(0);
        var inward = above.xor(negative).select(bits.sub(1), bits.add(1));
        var exact = back.eq(x).or(bits.and(1).ne(0));
        return exact.select(bits, inward).bits();
    }

    /// The f32 with the value of a bfloat16 nearest to `x`, ties to even.
    public static Value roundToBf16(Value x) {
        var bits = x.bits();
        var odd = bits.ushr(16).and(1);
        var rounded = bits.add(odd).add(0x7FFF).and(0xFFFF_0000);
        return x.isNaN().select(bits.or(0x0040_0000), rounded).bits();
    }

    /// The f32 of equal value to the half with these bits.
    public static Value fromF16(Value half) {
        var magnitude = half.and(0x7FFF).shl(13);
        // The exponent's bias differs by 112; the product is right for subnormal halves too.
        var finite = magnitude.bits().mul(0x1p112);
        var special = magnitude.or(0x7F80_0000).bits();
        var value = magnitude.ge(0x7C00 << 13).select(special, finite);
        return value.bits().or(half.and(0x8000).shl(16)).bits();
    }

    /// The bits of the half nearest to an f32, ties to even.
    public static Value toF16(Value x) {
        var bits = x.bits();
        var magnitude = bits.and(0x7FFF_FFFF);
        var odd = magnitude.ushr(13).and(1);
        var normal =
                magnitude.add(odd).add(0xFFF - (112 << 23)).ushr(13).min(magnitude.like(0x7C00));
        // One half has the smallest subnormal half as its last place, so the addition rounds to
        // that.
        var subnormal = magnitude.bits().add(0.5).bits().sub(Float.floatToRawIntBits(0.5f));
        var finite = magnitude.lt(0x3880_0000).select(subnormal, normal);
        var half = magnitude.gt(0x7F80_0000).select(magnitude.like(0x7E00), finite);
        return half.or(bits.ushr(16).and(0x8000));
    }
}
