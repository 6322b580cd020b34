package dev.nacre.cpu.onednn;

import java.util.Objects;

/// Copies `src` to `dst`, which has the same axes but may have another layout and another type.
///
/// Slots: src, dst, the operands of the post-ops, scratchpad if it takes any.
public record Reorder(MemoryDesc src, MemoryDesc dst, Attributes attributes) implements Spec {
    public Reorder {
        Objects.requireNonNull(src, "src");
        Objects.requireNonNull(dst, "dst");
        Objects.requireNonNull(attributes, "attributes");
    }

    /// The plain copy.
    public static Reorder of(MemoryDesc src, MemoryDesc dst) {
        return new Reorder(src, dst, Attributes.NONE);
    }
}
