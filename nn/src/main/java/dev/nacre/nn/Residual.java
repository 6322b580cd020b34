package dev.nacre.nn;

import dev.nacre.Tensor;

/// A module with a way round it: `x + body(x)` (He et al. 2016). The body keeps the shape.
public record Residual(Module body) implements Module {
    @Override
    public Tensor forward(Tensor x, Mode mode) {
        return x.add(body.forward(x, mode));
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
