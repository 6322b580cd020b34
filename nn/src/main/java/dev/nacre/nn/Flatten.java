package dev.nacre.nn;

import dev.nacre.Tensor;

/// All axes from `from` on joined into one.
///
/// Shape: `[n, c, h, w]` → `[n, c·h·w]`.
public record Flatten(int from) implements Module {
    /// All axes but the first.
    public Flatten() {
        this(1);
    }

    @Override
    public Tensor forward(Tensor x) {
        return x.flatten(from);
    }
}
