package dev.nacre.cpu.onednn;

/// How far a computation over f32 may round its operands to be faster. The order is oneDNN's.
public enum MathMode {
    /// Not at all.
    STRICT,
    /// To bf16.
    BF16,
    /// To f16.
    F16,
    /// To any type.
    ANY,
    /// To tf32: the exponent of f32 with ten bits of mantissa.
    TF32
}
