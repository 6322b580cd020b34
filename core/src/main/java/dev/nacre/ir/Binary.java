package dev.nacre.ir;

import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;

/// The elementwise functions of two operands of one type and shape. A row is a whole op: name, meaning on floating scalars, meaning on integers,
/// and the two derivatives, which map (a, b, y, g) to ∂L/∂a and ∂L/∂b. Comparisons give bool.
public enum Binary {
    ADD("add", Double::sum, Long::sum, (a, b, y, g) -> g, (a, b, y, g) -> g),
    SUB("sub", (a, b) -> a - b, (a, b) -> a - b, (a, b, y, g) -> g, (a, b, y, g) -> g.neg()),
    MUL(
            "mul",
            (a, b) -> a * b,
            (a, b) -> a * b,
            (a, b, y, g) -> g.mul(b),
            (a, b, y, g) -> g.mul(a)),
    /// True division; integers are promoted to f32 first.
    DIV(
            "div",
            (a, b) -> a / b,
            (a, b) -> b == 0 ? 0 : a / b,
            (a, b, y, g) -> g.div(b),
            (a, b, y, g) -> g.mul(y).div(b).neg()),
    /// Remainder with the sign of the divisor, as Python's `%`. An integer remainder by zero is 0.
    MOD(
            "mod",
            Scalars::mod,
            (a, b) -> b == 0 ? 0 : Math.floorMod(a, b),
            (a, b, y, g) -> g,
            (a, b, y, g) -> g.mul(a.floorDiv(b)).neg()),
    /// The integer below the exact quotient. Integer division by zero is 0.
    FLOOR_DIV(
            "floor_div",
            Scalars::floorDiv,
            (a, b) -> b == 0 ? 0 : Math.floorDiv(a, b),
            Binary::flat,
            Binary::flat),
    /// `1ᵇ` and `a⁰` are 1 for all, NaN too, as in C. Derivative by the exponent is 0 where the base is 0, as PyTorch.
    POW(
            "pow",
            Scalars::pow,
            Scalars::pow,
            (a, b, y, g) -> b.eq(0).where(g.zerosLike(), g.mul(b.mul(a.pow(b.sub(1))))),
            (a, b, y, g) -> a.eq(0).and(b.ge(0)).where(g.zerosLike(), g.mul(y.mul(a.log())))),
    /// At a tie each operand gets half of the gradient, as PyTorch. NaN wins.
    MAX(
            "max",
            Math::max,
            Math::max,
            (a, b, y, g) -> share(g, b.gt(a), a.eq(b)),
            (a, b, y, g) -> share(g, a.gt(b), a.eq(b))),
    /// At a tie each operand gets half of the gradient, as PyTorch. NaN wins.
    MIN(
            "min",
            Math::min,
            Math::min,
            (a, b, y, g) -> share(g, b.lt(a), a.eq(b)),
            (a, b, y, g) -> share(g, a.lt(b), a.eq(b))),
    /// Derivatives 0 at the origin, as PyTorch.
    ATAN2(
            "atan2",
            Math::atan2,
            null,
            (a, b, y, g) -> overSquare(g, b, a),
            (a, b, y, g) -> overSquare(g, a, b).neg()),
    /// The a-th derivative of digamma at b, a a whole number.
    POLYGAMMA(
            "polygamma",
            (a, b) -> Scalars.polygamma((int) a, b),
            null,
            Binary::flat,
            (a, b, y, g) -> g.mul(a.add(1).polygammaAt(b))),
    EQ("eq", (a, b) -> a == b ? 1 : 0, (a, b) -> a == b ? 1 : 0),
    NE("ne", (a, b) -> a != b ? 1 : 0, (a, b) -> a != b ? 1 : 0),
    LT("lt", (a, b) -> a < b ? 1 : 0, (a, b) -> a < b ? 1 : 0),
    LE("le", (a, b) -> a <= b ? 1 : 0, (a, b) -> a <= b ? 1 : 0),
    GT("gt", (a, b) -> a > b ? 1 : 0, (a, b) -> a > b ? 1 : 0),
    GE("ge", (a, b) -> a >= b ? 1 : 0, (a, b) -> a >= b ? 1 : 0),
    /// Logical on bool, bitwise on integers; so are `or` and `xor`.
    AND("and", null, (a, b) -> a & b),
    OR("or", null, (a, b) -> a | b),
    XOR("xor", null, (a, b) -> a ^ b),
    /// Shift left; distances outside the width give 0.
    SHL("shl", null, (a, b) -> b < 0 || b > 63 ? 0 : a << b),
    /// Arithmetic shift right; distances outside the width give the sign.
    SHR("shr", null, (a, b) -> a >> (b < 0 || b > 63 ? 63 : b));

    /// `(a, b, y, g) → ∂L/∂operand`.
    @FunctionalInterface
    interface Derivative {
        Node of(Node a, Node b, Node y, Node g);
    }

    private final String symbol;
    private final DoubleBinaryOperator onDoubles;
    private final LongBinaryOperator onLongs;
    private final Derivative left;
    private final Derivative right;
    private final Op op = new Op.Map2(this);

    Binary(String symbol, DoubleBinaryOperator onDoubles, LongBinaryOperator onLongs) {
        this(symbol, onDoubles, onLongs, Binary::flat, Binary::flat);
    }

    Binary(
            String symbol,
            DoubleBinaryOperator onDoubles,
            LongBinaryOperator onLongs,
            Derivative left,
            Derivative right) {
        this.symbol = symbol;
        this.onDoubles = onDoubles;
        this.onLongs = onLongs;
        this.left = left;
        this.right = right;
    }

    public String symbol() {
        return symbol;
    }

    /// The function as an op, one object for all nodes.
    Op op() {
        return op;
    }

    public double apply(double a, double b) {
        return onDoubles.applyAsDouble(a, b);
    }

    public long apply(long a, long b) {
        return onLongs.applyAsLong(a, b);
    }

    public boolean onFloats() {
        return onDoubles != null;
    }

    public boolean onIntegers() {
        return onLongs != null && this != DIV;
    }

    /// Whether bool operands are combined as they are; arithmetic promotes them first.
    public boolean onBools() {
        return this == AND || this == OR || this == XOR || isComparison();
    }

    /// Whether its result is the right number, rounded, however it is computed; of the others it may differ in the last digit.
    public boolean isExact() {
        return switch (this) {
            case MOD, FLOOR_DIV, POW, ATAN2, POLYGAMMA -> false;
            default -> true;
        };
    }

    public boolean isComparison() {
        return switch (this) {
            case EQ, NE, LT, LE, GT, GE -> true;
            default -> false;
        };
    }

    /// Whether the result is one of the operands.
    boolean isChoice() {
        return this == MAX || this == MIN;
    }

    Node differentiate(int operand, Node a, Node b, Node y, Node g) {
        return (operand == 0 ? left : right).of(a, b, y, g);
    }

    private static Node flat(Node a, Node b, Node y, Node g) {
        return g.zerosLike();
    }

    /// `g·a/(a² + b²)`, 0 where both are 0.
    private static Node overSquare(Node g, Node a, Node b) {
        Node square = a.square().add(b.square());
        return square.eq(0).where(g.zerosLike(), g.mul(a).div(square));
    }

    /// 0 where the other operand wins, half of the gradient at a tie, else all of it. Chosen, not multiplied: where the other wins, the gradient may be infinite.
    private static Node share(Node g, Node loses, Node tie) {
        return loses.where(g.zerosLike(), tie.where(g.mul(0.5), g));
    }
}
