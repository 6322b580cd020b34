package dev.nacre.ir;

import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.List;

/// What the math library needs from a thing it computes with. [Node] and the user's tensor are both such things.
///
/// @param <T> the implementing type
public interface Expression<T extends Algebra<T>> {
    TensorType type();

    T self();

    /// The result of `op` on `inputs`.
    T emit(Op op, List<T> inputs);

    /// Where the value comes from, for error messages.
    String origin();

    default DType dtype() {
        return type().dtype();
    }

    default Shape shape() {
        return type().shape();
    }

    default int rank() {
        return shape().rank();
    }

    /// Size along `axis`; negative axes count from the end.
    default long size(int axis) {
        return shape().size(axis);
    }

    /// A scalar constant of rank 0.
    default T constant(double value, DType dtype) {
        return emit(Op.Constant.of(value, dtype), List.of());
    }

    /// `0, 1, …, n−1`.
    default T iota(long n, DType dtype) {
        return emit(new Op.Iota(n, dtype), List.of());
    }
}
