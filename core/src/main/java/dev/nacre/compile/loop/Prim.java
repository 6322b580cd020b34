package dev.nacre.compile.loop;

/// A primitive operation. Each is exact or correctly rounded, apart from the calls, which both lanes make alike.
public enum Prim {
    /// The detail is a `Long`: the bits of a float or double, else the value itself.
    CONSTANT,
    /// An element of memory as it lies there; the detail is a [Value.Place]. Narrow types come as i32: signed, unsigned,
    /// or the bits of a 16-bit float.
    LOAD,
    /// An affine position; the detail is a [Value.Place].
    RAMP,
    /// Number of points in a row, as i64.
    LENGTH,
    /// The operand combined along the row; the detail is a `Reduction`. Sums and products of f32 come as f64.
    FOLD,
    ADD,
    SUB,
    MUL,
    DIV,
    /// `a·b + c`, rounded once.
    FMA,
    /// NaN wins.
    MIN,
    /// NaN wins.
    MAX,
    /// `a < b ? a : b`: the second where one is NaN.
    LESSER,
    /// `a > b ? a : b`: the second where one is NaN.
    GREATER,
    NEG,
    ABS,
    SQRT,
    AND,
    OR,
    XOR,
    NOT,
    /// Shift left by 0 to width − 1, the second operand.
    SHL,
    /// Arithmetic shift right.
    SHR,
    /// Logical shift right.
    USHR,
    EQ,
    NE,
    LT,
    LE,
    GT,
    GE,
    /// `condition ? a : b`.
    SELECT,
    /// The same bits as another type of the same width.
    BITS,
    /// Java's cast between two of i32, i64, f32, f64.
    CAST,
    /// The meaning of a `Unary`, the detail.
    CALL1,
    /// The meaning of a `Binary`, the detail.
    CALL2,
    /// `condition ? unary(x) : y` of (x, y, condition), where the condition seldom holds; the detail is a `Unary`.
    PATCH1,
    /// `condition ? binary(a, b) : y` of (a, b, y, condition), where the condition seldom holds; the detail is a `Binary`.
    PATCH2;

    public boolean isComparison() {
        return compareTo(EQ) >= 0 && compareTo(GE) <= 0;
    }
}
