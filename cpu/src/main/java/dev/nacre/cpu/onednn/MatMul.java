package dev.nacre.cpu.onednn;

import java.util.Objects;
import java.util.Optional;

/// `dst[…, m, n] = Σₖ src[…, m, k] · weights[…, k, n] + bias[…, m, n]`, then the post-ops.
///
/// All operands have the same rank, 2 or more. Leading axes of size 1 in `src` or `weights`, and any axis of size 1 in the
/// bias, are broadcast. Strides are free, so a transposed operand is the same memory with two strides exchanged; but one of
/// the last two must be 1, or it is slow. Weights left to [any][MemoryDesc#any(DataType, long...)] are the caller's to pack
/// by a [Reorder], once for many runs; `src` and `dst` left to `any` are dense.
///
/// An inner axis of size 0 is refused.
///
/// Slots: src, weights, bias if there is one, dst, the operands of the post-ops, scratchpad if it takes any.
public record MatMul(
        MemoryDesc src,
        MemoryDesc weights,
        Optional<MemoryDesc> bias,
        MemoryDesc dst,
        Attributes attributes)
        implements Spec {
    public MatMul {
        Objects.requireNonNull(src, "src");
        Objects.requireNonNull(weights, "weights");
        Objects.requireNonNull(bias, "bias");
        Objects.requireNonNull(dst, "dst");
        Objects.requireNonNull(attributes, "attributes");
    }

    /// The plain product.
    public static MatMul of(MemoryDesc src, MemoryDesc weights, MemoryDesc dst) {
        return new MatMul(src, weights, Optional.empty(), dst, Attributes.NONE);
    }

    /// With a bias.
    public MatMul bias(MemoryDesc bias) {
        return new MatMul(src, weights, Optional.of(bias), dst, attributes);
    }

    /// With attributes.
    public MatMul attributes(Attributes attributes) {
        return new MatMul(src, weights, bias, dst, attributes);
    }
}
