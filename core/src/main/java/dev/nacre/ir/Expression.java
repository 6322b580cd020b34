package dev.nacre.ir;

import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

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

    /// What `function` makes of this tensor, computed wide and rounded once: 16-bit types are computed in f32, whole numbers in f32 with a result in f32. Every function of more
    /// than one operation is written with this: `x.wide(t -> t.square().sum().sqrt())` neither overflows in f16 nor rounds in between.
    ///
    /// @param function whose result has the type of what it is given
    default T wide(UnaryOperator<T> function) {
        DType t = dtype().floating();
        return function.apply(self().cast(t.arithmetic())).cast(t);
    }

    /// The same for a function of two tensors, which are promoted to a common type.
    default T wide(T other, BinaryOperator<T> function) {
        DType t = DType.promote(dtype(), other.dtype()).floating();
        DType wide = t.arithmetic();
        return function.apply(self().cast(wide), other.cast(wide)).cast(t);
    }

    /// A scalar constant of rank 0.
    default T constant(double value, DType dtype) {
        return emit(Op.Constant.of(value, dtype), List.of());
    }

    /// A scalar constant of rank 0, exact where the type can hold it.
    default T constant(long value, DType dtype) {
        return emit(Op.Constant.ofLong(value, dtype), List.of());
    }

    /// `0, 1, …, n−1`.
    default T iota(long n, DType dtype) {
        return emit(new Op.Iota(n, dtype), List.of());
    }
}
