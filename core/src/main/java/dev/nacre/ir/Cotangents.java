package dev.nacre.ir;

import java.util.function.Supplier;

/// One step of reverse differentiation: an op reads its operands, its result and the result's gradient, and hands gradients to the operands that want one.
public interface Cotangents {
    /// The operand.
    Node in(int i);

    /// The result.
    Node out();

    /// ∂L/∂result.
    Node grad();

    /// Adds to ∂L/∂operand; the supplier is called only if that gradient is wanted.
    void give(int i, Supplier<Node> gradient);
}
