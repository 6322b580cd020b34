package dev.nacre.ir;

import java.util.function.DoubleUnaryOperator;

/// The elementwise functions of one operand. A row is a whole op: name, meaning on a scalar, derivative.
///
/// The scalar meaning defines the op: the reference interpreter and the constant folder call it, and a backend without a vector form calls it per lane.
/// It is evaluated in double and rounded to the element type. The derivative maps (x, y = f(x), g = ∂L/∂y) to ∂L/∂x.
public enum Unary {
    NEG("neg", a -> -a, (x, y, g) -> g.neg()),
    /// Derivative 0 at 0, the mean of both sides, as PyTorch.
    ABS("abs", Math::abs, (x, y, g) -> g.mul(x.sign())),
    SIGN("sign", a -> Double.isNaN(a) ? a : a == 0 ? 0 : Math.signum(a), Unary::flat),
    FLOOR("floor", Math::floor, Unary::flat),
    CEIL("ceil", Math::ceil, Unary::flat),
    /// To the nearest integer, ties to even.
    ROUND("round", Math::rint, Unary::flat),
    TRUNC("trunc", a -> a < 0 ? Math.ceil(a) : Math.floor(a), Unary::flat),
    SQRT("sqrt", Math::sqrt, (x, y, g) -> g.div(y.mul(2))),
    RSQRT("rsqrt", a -> 1 / Math.sqrt(a), (x, y, g) -> g.mul(y.div(x)).mul(-0.5)),
    RECIPROCAL("reciprocal", a -> 1 / a, (x, y, g) -> g.mul(y.square()).neg()),
    EXP("exp", Math::exp, (x, y, g) -> g.mul(y)),
    /// The derivative is not written with the result: `y + 1` has lost all digits where eˣ is small.
    EXPM1("expm1", Math::expm1, (x, y, g) -> g.mul(x.exp())),
    /// `2ˣ`, exact for whole x.
    EXP2("exp2", Scalars::exp2, (x, y, g) -> g.mul(y.mul(Math.log(2)))),
    LOG("log", Math::log, (x, y, g) -> g.div(x)),
    /// Exact at powers of 2.
    LOG2("log2", Scalars::log2, (x, y, g) -> g.div(x.mul(Math.log(2)))),
    /// Exact at powers of 10.
    LOG10("log10", Math::log10, (x, y, g) -> g.div(x.mul(Math.log(10)))),
    LOG1P("log1p", Math::log1p, (x, y, g) -> g.div(x.add(1))),
    SIN("sin", Math::sin, (x, y, g) -> g.mul(x.cos())),
    COS("cos", Math::cos, (x, y, g) -> g.mul(x.sin()).neg()),
    TAN("tan", Math::tan, (x, y, g) -> g.mul(y.square().add(1))),
    ASIN("asin", Math::asin, (x, y, g) -> g.mul(x.square().neg().add(1).rsqrt())),
    ACOS("acos", Math::acos, (x, y, g) -> g.mul(x.square().neg().add(1).rsqrt()).neg()),
    ATAN("atan", Math::atan, (x, y, g) -> g.div(x.square().add(1))),
    SINH("sinh", Math::sinh, (x, y, g) -> g.mul(x.cosh())),
    COSH("cosh", Math::cosh, (x, y, g) -> g.mul(x.sinh())),
    /// The derivative is written with the result, so that the operand need not be kept; far out, where y² is near 1, it has lost its digits, as PyTorch's.
    TANH("tanh", Math::tanh, (x, y, g) -> g.mul(y.square().neg().add(1))),
    ASINH("asinh", Scalars::asinh, (x, y, g) -> g.mul(x.square().add(1).rsqrt())),
    ACOSH("acosh", Scalars::acosh, (x, y, g) -> g.mul(x.square().sub(1).rsqrt())),
    ATANH("atanh", Scalars::atanh, (x, y, g) -> g.div(x.square().neg().add(1))),
    /// `2/√π ∫₀ˣ e^(−t²) dt`.
    ERF(
            "erf",
            Scalars::erf,
            (x, y, g) -> g.mul(x.square().neg().exp().mul(2 / Math.sqrt(Math.PI)))),
    /// Area under the standard normal density up to x, `Φ(x) = ½·(1 + erf(x/√2))`, with all its digits to the left too.
    NDTR("ndtr", Scalars::ndtr, (x, y, g) -> g.mul(x.normalDensity())),
    /// `φ(x) = e^(−x²/2)/√(2π)`, without what rounding x² would lose.
    NORMAL_DENSITY("normal_density", Scalars::normalDensity, (x, y, g) -> g.mul(x.mul(y)).neg()),
    /// Derivative 0 at 0 and 1 at NaN, as PyTorch. Written with the result, so that the operand need not be kept; it is never below 0.
    RELU(
            "relu",
            a -> a > 0 || Double.isNaN(a) ? a : 0,
            (x, y, g) -> y.ne(0).where(g, g.zerosLike())),
    /// The derivative is written with the result, so that the operand need not be kept; far to the right, where y is near 1, it has lost its digits, as PyTorch's. So have the
    /// second derivatives of `softplus`, `silu` and `mish` there.
    SIGMOID("sigmoid", Scalars::sigmoid, (x, y, g) -> g.mul(y.mul(y.neg().add(1)))),
    /// `ln(1 + eˣ)` without overflow.
    SOFTPLUS("softplus", Scalars::softplus, (x, y, g) -> g.mul(x.sigmoid())),
    /// Natural logarithm of |Γ(x)|.
    LGAMMA("lgamma", Scalars::lgamma, (x, y, g) -> g.mul(x.digamma())),
    /// Derivative of `lgamma`.
    DIGAMMA("digamma", a -> Scalars.polygamma(0, a), (x, y, g) -> g.mul(x.polygamma(1))),
    /// Logical not of a bool, bitwise complement of an integer.
    NOT("not", a -> a == 0 ? 1 : 0, Unary::flat);

    /// `(x, y, g) → ∂L/∂x`.
    @FunctionalInterface
    interface Derivative {
        Node of(Node x, Node y, Node g);
    }

    private final String symbol;
    private final DoubleUnaryOperator meaning;
    private final Derivative derivative;
    private final Op op = new Op.Map1(this);

    Unary(String symbol, DoubleUnaryOperator meaning, Derivative derivative) {
        this.symbol = symbol;
        this.meaning = meaning;
        this.derivative = derivative;
    }

    public String symbol() {
        return symbol;
    }

    /// The function as an op, one object for all nodes.
    Op op() {
        return op;
    }

    /// The defining scalar function.
    public double apply(double a) {
        return meaning.applyAsDouble(a);
    }

    /// The function on integers, exact in 64 bits. Only the rows that [#onIntegers()] names have one.
    public long apply(long a) {
        return switch (this) {
            case NEG -> -a;
            case ABS -> Math.abs(a);
            case SIGN -> Long.signum(a);
            case FLOOR, CEIL, ROUND, TRUNC -> a;
            case RELU -> Math.max(a, 0);
            case NOT -> ~a;
            default -> throw new IllegalStateException(symbol + " is not defined on integers");
        };
    }

    /// Whether the function maps integers to integers; the others promote integers to f32 first.
    public boolean onIntegers() {
        return switch (this) {
            case NEG, ABS, SIGN, FLOOR, CEIL, ROUND, TRUNC, RELU, NOT -> true;
            default -> false;
        };
    }

    /// Whether its result is the right number, rounded, however it is computed; of the others it may differ in the last digit.
    public boolean isExact() {
        return onIntegers() || this == SQRT || this == RECIPROCAL;
    }

    Node differentiate(Node x, Node y, Node g) {
        return derivative.of(x, y, g);
    }

    private static Node flat(Node x, Node y, Node g) {
        return g.zerosLike();
    }
}
