package dev.nacre.type;

import java.util.function.Supplier;

/// In which element type matrix products and convolutions of f32 tensors are computed: the one switch of mixed-precision training (Micikevicius et al. 2018).
///
/// ```java
/// Tensor loss = Precision.BF16.in(() -> criterion.forward(net.forward(x), y));
/// ```
///
/// It is a scope, read when an operation is written down: within it `matmul`, `conv` and attention on f32 operands round those to the narrow type, add up in f32, round the
/// result at most once and give it back as f32: what a product kernel does to its result, adding a bias say, and a result that is wanted in f32 are not rounded before. Their derivatives are made the same way, wherever they are asked for. Everything else is untouched: parameters,
/// gradients and optimizers, softmax, normalisation, losses, `exp`, `log` and sums stay in f32. The casts are part of the graph and melt into the loops before and
/// after; memory between two products holds the narrow type. bf16 has f32's range, so no loss scaling is needed.
///
/// Operands of other types are left as they are. See docs/decisions/011.
public enum Precision {
    /// As written.
    F32,
    /// Products in bf16: 8 bits of precision, at several times the speed where the processor has AMX or AVX512-BF16; emulated elsewhere, with a warning.
    BF16;

    private static final ScopedValue<Precision> CURRENT = ScopedValue.newInstance();

    /// The precision of the innermost scope on this thread; [#F32] outside.
    public static Precision current() {
        return CURRENT.isBound() ? CURRENT.get() : F32;
    }

    /// Runs code in this precision.
    public <R> R in(Supplier<R> code) {
        return ScopedValue.where(CURRENT, this).call(code::get);
    }

    /// The type in which a product of operands of one type is computed here.
    public static DType ofProducts(DType operands) {
        return operands == DType.F32 && current() == BF16 ? DType.BF16 : operands;
    }
}
