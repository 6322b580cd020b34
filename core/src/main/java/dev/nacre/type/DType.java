package dev.nacre.type;

/// The element type of a tensor.
///
/// Promotion, when two tensors meet in one operation, follows PyTorch's categories: `bool < integer < floating`.
/// The higher category wins; inside a category the wider type wins. Pairs without a common type of their own width go one
/// step up: `u8` with `i8` gives `i32`, `f16` with `bf16` gives `f32`. A Java number never widens a tensor inside its category:
/// `f16 + 1.5` stays `f16`, `i32 + 1` stays `i32`, `i32 + 1.5` becomes `f32`. Nor does a tensor of rank 0 widen one of higher rank ([TensorType#promote]):
/// `x.mul(Tensor.of(0.5))` of an f32 matrix is f32, though `Tensor.of(0.5)` is f64.
public enum DType {
    BOOL(1, Kind.BOOL),
    U8(1, Kind.INTEGER),
    I8(1, Kind.INTEGER),
    I32(4, Kind.INTEGER),
    I64(8, Kind.INTEGER),
    F16(2, Kind.FLOATING),
    BF16(2, Kind.FLOATING),
    F32(4, Kind.FLOATING),
    F64(8, Kind.FLOATING);

    /// The three categories of promotion, lowest first.
    public enum Kind {
        BOOL,
        INTEGER,
        FLOATING
    }

    private final int bytes;
    private final Kind kind;

    DType(int bytes, Kind kind) {
        this.bytes = bytes;
        this.kind = kind;
    }

    /// Size of one element in bytes.
    public int bytes() {
        return bytes;
    }

    public Kind kind() {
        return kind;
    }

    public boolean isFloating() {
        return kind == Kind.FLOATING;
    }

    public boolean isInteger() {
        return kind == Kind.INTEGER;
    }

    /// The type in which arithmetic on this type is carried out before the result is rounded back.
    public DType arithmetic() {
        return switch (this) {
            case F16, BF16 -> F32;
            case U8, I8 -> I32;
            case BOOL, I32, I64, F32, F64 -> this;
        };
    }

    /// This type if it is floating, else f32: what functions that do not give whole numbers promote whole numbers to.
    public DType floating() {
        return isFloating() ? this : F32;
    }

    /// The common type of two operands; see the class comment for the rules.
    public static DType promote(DType a, DType b) {
        if (a == b) {
            return a;
        }
        if (a.kind != b.kind) {
            return a.kind.compareTo(b.kind) > 0 ? a : b;
        }
        if (a.bytes == b.bytes) {
            return a.kind == Kind.FLOATING ? F32 : I32;
        }
        return a.bytes > b.bytes ? a : b;
    }

    /// The value nearest to `value` that this type can hold, as a double. To integers numbers are converted as by [#whole].
    public double round(double value) {
        return switch (this) {
            case BOOL, U8, I8, I32, I64 -> whole(value);
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(toOdd(value)));
            case BF16 -> bf16ToFloat(floatToBf16(toOdd(value)));
            case F32 -> (float) value;
            case F64 -> value;
        };
    }

    /// The value nearest to a whole number that this floating type can hold, rounded once.
    public double nearest(long value) {
        return switch (this) {
            case F16, BF16 -> round(toOdd(value));
            case F32 -> (float) value;
            case F64 -> value;
            case BOOL, U8, I8, I32, I64 ->
                    throw new IllegalStateException(this + " is not floating");
        };
    }

    /// The f32 next to `value` whose last bit is 1, unless an f32 is exact. Rounded again to a type of at most 22 bits, it gives what `value` itself would: two roundings to nearest would not.
    public static float toOdd(double value) {
        float near = (float) value;
        int bits = Float.floatToRawIntBits(near);
        return (bits & 1) != 0 || near == value || Double.isNaN(value)
                ? near
                : Float.intBitsToFloat(Math.abs(near) > Math.abs(value) ? bits - 1 : bits + 1);
    }

    /// The same for a whole number and f64.
    private static double toOdd(long value) {
        double near = (double) value;
        long bits = Double.doubleToRawLongBits(near);
        boolean isExact = near != 0x1p63 && (long) near == value;
        if ((bits & 1) != 0 || isExact) {
            return near;
        }
        boolean above = near == 0x1p63 || (long) near > value;
        return Double.longBitsToDouble(above == value > 0 ? bits - 1 : bits + 1);
    }

    /// `value` as a number of this integer type or bool, by the one rule that every cast follows: the fraction is cut off, what is beyond the range becomes its end, NaN becomes 0. A bool is
    /// whether the value is not 0.
    public long whole(double value) {
        return switch (this) {
            case BOOL -> value != 0 ? 1 : 0;
            case U8, I8, I32 -> Math.clamp((long) value, least(), most());
            case I64 -> (long) value;
            case F16, BF16, F32, F64 -> throw new IllegalStateException(this + " is no integer");
        };
    }

    /// The least number of an integer type or bool.
    public long least() {
        return switch (this) {
            case BOOL, U8 -> 0;
            case I8 -> Byte.MIN_VALUE;
            case I32 -> Integer.MIN_VALUE;
            case I64 -> Long.MIN_VALUE;
            case F16, BF16, F32, F64 -> throw new IllegalStateException(this + " is no integer");
        };
    }

    /// The greatest number of an integer type or bool.
    public long most() {
        return switch (this) {
            case BOOL -> 1;
            case U8 -> 255;
            case I8 -> Byte.MAX_VALUE;
            case I32 -> Integer.MAX_VALUE;
            case I64 -> Long.MAX_VALUE;
            case F16, BF16, F32, F64 -> throw new IllegalStateException(this + " is no integer");
        };
    }

    /// Whether this type can hold the number: floating types can hold every one, rounded, but for finite numbers that would become infinite.
    public boolean holds(double value) {
        return isFloating()
                ? Double.isInfinite(value) || !Double.isInfinite(round(value))
                : value == Math.rint(value)
                        && value >= least()
                        && (this == I64 ? value < 0x1p63 : value <= most());
    }

    /// Whether this type can hold the whole number; see [#holds(double)].
    public boolean holds(long value) {
        return isFloating()
                ? !Double.isInfinite(nearest(value))
                : value >= least() && value <= most();
    }

    /// The greatest finite number of a floating type.
    public double greatest() {
        return switch (this) {
            case F16 -> 65504;
            case BF16 -> 0x1.FEp127;
            case F32 -> Float.MAX_VALUE;
            case F64 -> Double.MAX_VALUE;
            case BOOL, U8, I8, I32, I64 ->
                    throw new IllegalStateException(this + " is not floating");
        };
    }

    /// `value` as an integer of this type, with wrap-around.
    public long wrap(long value) {
        return switch (this) {
            case BOOL -> value != 0 ? 1 : 0;
            case U8 -> value & 0xFF;
            case I8 -> (byte) value;
            case I32 -> (int) value;
            case I64 -> value;
            case F16, BF16, F32, F64 -> throw new IllegalStateException(this + " does not wrap");
        };
    }

    /// Rounds to the nearest bfloat16, ties to even; NaN stays NaN.
    public static short floatToBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
    }

    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /// The short name used in printed types: `f32`, `bool`, …
    @Override
    public String toString() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }
}
