package dev.nacre.cpu.onednn;

/// What to compute. A spec is a value: equal specs are the same [Primitive].
public sealed interface Spec permits MatMul, Convolution, Pooling, Reorder, Sum {
    /// What goes with it.
    Attributes attributes();
}
