package dev.nacre.ir;

import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import dev.nacre.type.ValueException;
import java.math.BigDecimal;
import java.util.List;

/// Arithmetic, comparison and functions, element by element.
///
/// Two operands are promoted to a common type ([DType#promote], [TensorType#promote]) and broadcast as NumPy does: shapes are aligned at the last axis, sizes must be equal or 1.
///
/// @param <T> the implementing type
public interface Elementwise<T extends Algebra<T>> extends Expression<T> {

    // -------------------------------------------------------------------------------------------
    // one operand

    /// Applies one row of [Unary]. Integers are promoted to f32 where the function does not map integers to integers, bools to i32 where it does.
    default T map(Unary f) {
        DType t = dtype();
        if (f != Unary.NOT && !t.isFloating()) {
            t = !f.onIntegers() ? DType.F32 : t == DType.BOOL ? DType.I32 : t;
        }
        return emit(f.op(), List.of(self().cast(t)));
    }

    default T neg() {
        return map(Unary.NEG);
    }

    /// `|x|`; derivative 0 at 0.
    default T abs() {
        return map(Unary.ABS);
    }

    /// −1, 0 or 1.
    default T sign() {
        return map(Unary.SIGN);
    }

    default T floor() {
        return map(Unary.FLOOR);
    }

    default T ceil() {
        return map(Unary.CEIL);
    }

    /// To the nearest integer, ties to even.
    default T round() {
        return map(Unary.ROUND);
    }

    /// Towards zero.
    default T trunc() {
        return map(Unary.TRUNC);
    }

    default T sqrt() {
        return map(Unary.SQRT);
    }

    /// `1/√x`.
    default T rsqrt() {
        return map(Unary.RSQRT);
    }

    /// `1/x`.
    default T reciprocal() {
        return map(Unary.RECIPROCAL);
    }

    /// `x²`.
    default T square() {
        return self().mul(self());
    }

    default T exp() {
        return map(Unary.EXP);
    }

    /// `eˣ − 1`, accurate near 0.
    default T expm1() {
        return map(Unary.EXPM1);
    }

    /// `2ˣ`, exact for whole x.
    default T exp2() {
        return map(Unary.EXP2);
    }

    /// Natural logarithm.
    default T log() {
        return map(Unary.LOG);
    }

    /// `ln(1 + x)`, accurate near 0.
    default T log1p() {
        return map(Unary.LOG1P);
    }

    /// Logarithm to base 2, exact at powers of 2.
    default T log2() {
        return map(Unary.LOG2);
    }

    /// Logarithm to base 10, exact at powers of 10.
    default T log10() {
        return map(Unary.LOG10);
    }

    default T sin() {
        return map(Unary.SIN);
    }

    default T cos() {
        return map(Unary.COS);
    }

    default T tan() {
        return map(Unary.TAN);
    }

    default T asin() {
        return map(Unary.ASIN);
    }

    default T acos() {
        return map(Unary.ACOS);
    }

    default T atan() {
        return map(Unary.ATAN);
    }

    default T sinh() {
        return map(Unary.SINH);
    }

    default T cosh() {
        return map(Unary.COSH);
    }

    default T tanh() {
        return map(Unary.TANH);
    }

    default T asinh() {
        return map(Unary.ASINH);
    }

    default T acosh() {
        return map(Unary.ACOSH);
    }

    default T atanh() {
        return map(Unary.ATANH);
    }

    /// The error function, `2/√π ∫₀ˣ e^(−t²) dt`.
    default T erf() {
        return map(Unary.ERF);
    }

    /// The standard normal distribution, `Φ(x) = ½·(1 + erf(x/√2))`; PyTorch's `special.ndtr`. In f32 right to 5 units in the last place wherever it is a normal number.
    default T ndtr() {
        return map(Unary.NDTR);
    }

    /// The standard normal density, `φ(x) = e^(−x²/2)/√(2π)`: the derivative of [#ndtr()].
    default T normalDensity() {
        return map(Unary.NORMAL_DENSITY);
    }

    /// `ln |Γ(x)|`.
    default T lgamma() {
        return map(Unary.LGAMMA);
    }

    /// Derivative of [#lgamma()].
    default T digamma() {
        return map(Unary.DIGAMMA);
    }

    /// The n-th derivative of [#digamma()], n from 0 to 150.
    default T polygamma(int n) {
        if (n < 0 || n > 150) {
            throw new ValueException("polygamma: the order must be from 0 to 150, but is " + n);
        }
        T x = dtype().isFloating() ? self() : self().cast(DType.F32);
        return constant(n, x.dtype()).broadcastTo(shape()).polygammaAt(x);
    }

    /// The derivative of digamma whose order is this tensor, at `x`.
    default T polygammaAt(T x) {
        return emit(new Op.Map2(Binary.POLYGAMMA), List.of(self(), x));
    }

    /// Logical not of bools, bitwise complement of integers.
    default T not() {
        return map(Unary.NOT);
    }

    default T isNan() {
        return self().ne(self());
    }

    default T isInf() {
        return abs().eq(Double.POSITIVE_INFINITY);
    }

    default T isFinite() {
        return abs().lt(Double.POSITIVE_INFINITY);
    }

    /// The same values in another element type; see [Op.Cast] for the rounding.
    default T cast(DType dtype) {
        return dtype == dtype() ? self() : emit(new Op.Cast(dtype), List.of(self()));
    }

    /// The value, through which no gradient flows.
    default T detach() {
        return emit(new Op.Detach(), List.of(self()));
    }

    // ------------------------------------------------------------------------------------------
    // two operands

    /// Applies one row of [Binary] after promotion and broadcasting.
    default T combine(Binary f, T other) {
        DType t =
                f.isComparison() && !dtype().isFloating()
                        ? DType.promote(dtype(), other.dtype()) // loses nothing
                        : TensorType.promote(type(), other.type());
        if (t == DType.BOOL && !f.onBools()) {
            t = DType.I32;
        }
        if (f == Binary.DIV || f == Binary.ATAN2) {
            t = t.isFloating() ? t : DType.F32;
        }
        Shape shape =
                shape().equals(other.shape())
                        ? shape()
                        : Shape.broadcast(shape(), other.shape())
                                .orElseThrow(() -> {
                                    Problem p =
                                            Problem.in(f.symbol())
                                                    .operand("a", type(), this::origin)
                                                    .operand("b", other.type(), other::origin);
                                    mismatch(p, shape(), other.shape());
                                    p.throwShape();
                                    return new IllegalStateException();
                                });
        return emit(
                f.op(),
                List.of(self().cast(t).broadcastTo(shape), other.cast(t).broadcastTo(shape)));
    }

    private static void mismatch(Problem p, Shape a, Shape b) {
        for (int i = 1; i <= Math.min(a.rank(), b.rank()) && !p.found(); i++) {
            long x = a.size(-i);
            long y = b.size(-i);
            if (x != y && x != 1 && y != 1 && !(x < 0 && y < 0)) {
                p.rule(
                        "shapes do not broadcast: a.size(-"
                                + i
                                + ") is "
                                + Shape.text(x)
                                + " and b.size(-"
                                + i
                                + ") is "
                                + Shape.text(y));
            }
        }
    }

    /// Applies one row of [Binary] to this and a number, which takes on this tensor's type within its category. A comparison may be with any number, and is exact; else a number
    /// that an integer type cannot hold is an error. Arithmetic of 16-bit types is with the number in f32: an f16 divided by 1e-8, which f16 has not, is what it should be, and one added to 1e8 is infinite.
    default T combine(Binary f, double number) {
        DType t = dtype() == DType.BOOL ? DType.I32 : dtype();
        if (isWidened(f)) {
            return self().wide(x -> x.combine(f, number));
        }
        if (f.isComparison() && t.isFloating() && !t.holds(number)) {
            return self().cast(DType.F64).combine(f, number);
        }
        if (t.isFloating() || t.holds(number)) {
            return combine(f, constant(number, t));
        }
        if (f.isComparison()) {
            return compare(f, number);
        }
        if (isWhole(number) && !Double.isInfinite(number)) {
            misfit(f, new BigDecimal(number).toBigInteger().toString(), t);
        }
        return combine(f, constant(number, DType.F32));
    }

    /// The same with a whole number, all of whose digits count.
    default T combine(Binary f, long number) {
        DType t = dtype() == DType.BOOL ? DType.I32 : dtype();
        if (isWidened(f)) {
            return self().wide(x -> x.combine(f, number));
        }
        if (f.isComparison() && t.isFloating() && !t.holds(number)) {
            return self().cast(DType.F64).combine(f, number);
        }
        boolean holds = t.isFloating() || t.holds(number);
        if (holds || f.isComparison()) {
            return combine(f, constant(number, holds ? t : DType.I64));
        }
        misfit(f, Long.toString(number), t);
        return self();
    }

    private boolean isWidened(Binary f) {
        return dtype().isFloating()
                && dtype().arithmetic() != dtype()
                && !f.isChoice()
                && !f.isComparison();
    }

    private void misfit(Binary f, String number, DType t) {
        Problem.in(f.symbol())
                .rule(number + " does not fit into " + t)
                .operand("x", type(), this::origin)
                .hint("cast to a wider type first")
                .throwDType();
    }

    /// Compares integers with a number that is none, or none of theirs.
    private T compare(Binary f, double number) {
        if (DType.I64.holds(Math.floor(number)) && DType.I64.holds(Math.ceil(number))) {
            switch (f) {
                case LT, LE -> {
                    return combine(
                            f == Binary.LT && isWhole(number) ? f : Binary.LE,
                            (long) Math.floor(number));
                }
                case GT, GE -> {
                    return combine(
                            f == Binary.GT && isWhole(number) ? f : Binary.GE,
                            (long) Math.ceil(number));
                }
                default -> {
                    if (isWhole(number)) {
                        return combine(f, (long) number);
                    }
                }
            }
        }
        return constant((long) f.apply(0, number), DType.BOOL).broadcastTo(shape());
    }

    private static boolean isWhole(double number) {
        return number == Math.rint(number);
    }

    default T add(T b) {
        return combine(Binary.ADD, b);
    }

    default T add(double b) {
        return combine(Binary.ADD, b);
    }

    default T add(long b) {
        return combine(Binary.ADD, b);
    }

    default T sub(T b) {
        return combine(Binary.SUB, b);
    }

    default T sub(double b) {
        return combine(Binary.SUB, b);
    }

    default T sub(long b) {
        return combine(Binary.SUB, b);
    }

    default T mul(T b) {
        return combine(Binary.MUL, b);
    }

    default T mul(double b) {
        return combine(Binary.MUL, b);
    }

    default T mul(long b) {
        return combine(Binary.MUL, b);
    }

    /// True division: of integers it gives f32.
    default T div(T b) {
        return combine(Binary.DIV, b);
    }

    default T div(double b) {
        return combine(Binary.DIV, b);
    }

    default T div(long b) {
        return combine(Binary.DIV, b);
    }

    /// The integer below the exact quotient, `(a − a mod b)/b`: of f64, 1 by 0.1 is 9, for 0.1 is a little more than a tenth; as in Python and NumPy.
    default T floorDiv(T b) {
        return combine(Binary.FLOOR_DIV, b);
    }

    default T floorDiv(double b) {
        return combine(Binary.FLOOR_DIV, b);
    }

    default T floorDiv(long b) {
        return combine(Binary.FLOOR_DIV, b);
    }

    /// Remainder with the sign of the divisor.
    default T mod(T b) {
        return combine(Binary.MOD, b);
    }

    default T mod(double b) {
        return combine(Binary.MOD, b);
    }

    default T mod(long b) {
        return combine(Binary.MOD, b);
    }

    default T pow(T b) {
        return combine(Binary.POW, b);
    }

    default T pow(double b) {
        return b == 2 ? square() : b == 1 ? self() : b == 0.5 ? sqrt() : combine(Binary.POW, b);
    }

    default T pow(long b) {
        return b == 2 ? square() : b == 1 ? self() : combine(Binary.POW, b);
    }

    /// The larger; at a tie each operand gets half of the gradient.
    default T maximum(T b) {
        return combine(Binary.MAX, b);
    }

    default T maximum(double b) {
        return combine(Binary.MAX, b);
    }

    default T maximum(long b) {
        return combine(Binary.MAX, b);
    }

    /// The smaller; at a tie each operand gets half of the gradient.
    default T minimum(T b) {
        return combine(Binary.MIN, b);
    }

    default T minimum(double b) {
        return combine(Binary.MIN, b);
    }

    default T minimum(long b) {
        return combine(Binary.MIN, b);
    }

    /// Limited to `[low, high]`. Gradient 1 inside and on the limits, 0 outside, as PyTorch.
    default T clamp(double low, double high) {
        if (dtype().isInteger()) {
            T x = low <= dtype().least() ? self() : maximum(low);
            return high >= dtype().most() ? x : x.minimum(high);
        }
        T inside = ge(low).and(le(high));
        T limited = detach().maximum(low).minimum(high);
        return inside.where(self().cast(limited.dtype()), limited);
    }

    /// The same with whole limits, all of whose digits count.
    default T clamp(long low, long high) {
        if (!dtype().isInteger()) {
            return clamp((double) low, (double) high);
        }
        T x = low <= dtype().least() ? self() : maximum(low);
        return high >= dtype().most() ? x : x.minimum(high);
    }

    /// The angle of the point (x = `b`, y = this).
    default T atan2(T b) {
        return combine(Binary.ATAN2, b);
    }

    default T eq(T b) {
        return combine(Binary.EQ, b);
    }

    default T eq(double b) {
        return combine(Binary.EQ, b);
    }

    default T eq(long b) {
        return combine(Binary.EQ, b);
    }

    default T ne(T b) {
        return combine(Binary.NE, b);
    }

    default T ne(double b) {
        return combine(Binary.NE, b);
    }

    default T ne(long b) {
        return combine(Binary.NE, b);
    }

    default T lt(T b) {
        return combine(Binary.LT, b);
    }

    default T lt(double b) {
        return combine(Binary.LT, b);
    }

    default T lt(long b) {
        return combine(Binary.LT, b);
    }

    default T le(T b) {
        return combine(Binary.LE, b);
    }

    default T le(double b) {
        return combine(Binary.LE, b);
    }

    default T le(long b) {
        return combine(Binary.LE, b);
    }

    default T gt(T b) {
        return combine(Binary.GT, b);
    }

    default T gt(double b) {
        return combine(Binary.GT, b);
    }

    default T gt(long b) {
        return combine(Binary.GT, b);
    }

    default T ge(T b) {
        return combine(Binary.GE, b);
    }

    default T ge(double b) {
        return combine(Binary.GE, b);
    }

    default T ge(long b) {
        return combine(Binary.GE, b);
    }

    /// Logical on bools, bitwise on integers; so are [#or] and [#xor].
    default T and(T b) {
        return combine(Binary.AND, b);
    }

    default T or(T b) {
        return combine(Binary.OR, b);
    }

    default T xor(T b) {
        return combine(Binary.XOR, b);
    }

    /// Bits shifted left; integers only.
    default T shiftLeft(T b) {
        return combine(Binary.SHL, b);
    }

    /// Bits shifted right keeping the sign; integers only.
    default T shiftRight(T b) {
        return combine(Binary.SHR, b);
    }

    /// This bool tensor as a condition: `a` where true, `b` where false. All three are broadcast, the values promoted.
    default T where(T a, T b) {
        DType t = TensorType.promote(a.type(), b.type());
        Shape values = Shape.broadcast(a.shape(), b.shape()).orElse(null);
        Shape shape = values == null ? null : Shape.broadcast(shape(), values).orElse(null);
        if (shape == null) {
            Problem.in("where")
                    .rule("shapes do not broadcast")
                    .operand("condition", type(), this::origin)
                    .operand("a", a.type(), a::origin)
                    .operand("b", b.type(), b::origin)
                    .throwShape();
        }
        return emit(
                new Op.Select(),
                List.of(
                        self().broadcastTo(shape),
                        a.cast(t).broadcastTo(shape),
                        b.cast(t).broadcastTo(shape)));
    }

    // ------------------------------------------------------------------------------------------
    // constants alike

    /// A number in this tensor's type and shape; an error if the type cannot hold it.
    default T fullLike(double value) {
        return emit(Op.Constant.exact("fullLike", value, dtype()), List.of()).broadcastTo(shape());
    }

    /// A whole number in this tensor's type and shape; an error if the type cannot hold it.
    default T fullLike(long value) {
        return emit(Op.Constant.exact("fullLike", value, dtype()), List.of()).broadcastTo(shape());
    }

    default T zerosLike() {
        return fullLike(0);
    }

    default T onesLike() {
        return fullLike(1);
    }
}
