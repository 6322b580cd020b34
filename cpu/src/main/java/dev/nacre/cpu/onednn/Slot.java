package dev.nacre.cpu.onednn;

import java.util.Objects;

/// One argument of a primitive: what it is for, and how its memory must look.
///
/// @param role what it is for
/// @param desc its memory; for an operand that the spec left to [any][MemoryDesc#any(DataType, long...)], the layout chosen
public record Slot(Role role, MemoryDesc desc) {
    /// What an argument is for. In the backward directions `SRC`, `WEIGHTS`, `BIAS` and `DST` may be gradients, as
    /// [Convolution] and [Pooling] say.
    public enum Role {
        SRC,
        WEIGHTS,
        BIAS,
        DST,
        /// The operand of a [PostOp.Binary].
        POST_OP,
        /// From a forward to a backward primitive.
        WORKSPACE,
        /// Memory to work in; its content means nothing before or after.
        SCRATCHPAD
    }

    public Slot {
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(desc, "desc");
    }
}
