package dev.nacre.type;

import java.util.Arrays;
import java.util.stream.LongStream;

/// What is known of a tensor before its numbers are: element type and shape. Prints as `f32[128, 784]`.
public record TensorType(DType dtype, Shape shape) {
    public static TensorType of(DType dtype, long... sizes) {
        return new TensorType(dtype, Shape.of(sizes));
    }

    public TensorType withShape(Shape shape) {
        return new TensorType(dtype, shape);
    }

    public TensorType withDType(DType dtype) {
        return new TensorType(dtype, shape);
    }

    /// The element type of what two operands give together: that of [DType#promote], but an operand of rank 0 never widens one of higher rank in its category, as in PyTorch: `f32[3]` with `f64[]`
    /// gives f32, `u8[3]` with `i64[]` u8, and `i32[3]` with `f64[]`, of a higher category, f64.
    public static DType promote(TensorType a, TensorType b) {
        boolean weak = a.shape.rank() == 0 != (b.shape.rank() == 0);
        TensorType strong = a.shape.rank() == 0 ? b : a;
        return weak && a.dtype.kind() == b.dtype.kind()
                ? strong.dtype
                : DType.promote(a.dtype, b.dtype);
    }

    /// Throws if there can be no such tensor, for it would be too large.
    public TensorType addressable(String op) {
        if (!shape.isAddressable(dtype.bytes())) {
            long[] sizes = shape.toArray();
            throw new ShapeException(
                    op
                            + ": "
                            + (LongStream.of(sizes).anyMatch(s -> s < 0 && !Shape.isUnknown(s))
                                    ? "sizes must not be negative, but are "
                                            + Arrays.toString(sizes)
                                    : this + " has more than 2⁶⁰ bytes"));
        }
        return this;
    }

    /// Bytes of the elements, densely packed.
    public long bytes() {
        return shape.count() * addressable("bytes").dtype.bytes();
    }

    @Override
    public boolean equals(Object o) { // in every step of an eager loop, some hundred times
        return o == this || o instanceof TensorType t && t.dtype == dtype && t.shape.equals(shape);
    }

    @Override
    public int hashCode() {
        return 31 * dtype.ordinal() + shape.hashCode();
    }

    @Override
    public String toString() {
        return dtype.toString() + shape;
    }
}
