package dev.nacre.type;

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

    /// Bytes of the elements, densely packed.
    public long bytes() {
        return Math.multiplyExact(shape.count(), dtype.bytes());
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
