package dev.nacre.formats;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;

/// The elements of a tensor as they lie in a file.
public final class Elements {
    private Elements() {}

    /// A tensor of elements in native byte order. Truth values are true unless their byte is 0, as in NumPy; in memory they are 0 or 1.
    public static Tensor tensor(TensorType type, MemorySegment bytes) {
        return type.dtype() == DType.BOOL
                ? Tensor.of(type.withDType(DType.U8), bytes).cast(DType.BOOL).realize()
                : Tensor.of(type, bytes);
    }
}
