package dev.nacre.nn;

import dev.nacre.Tensor;

/// The largest element of each window; padding never wins, and the gradient goes to the first of equals.
///
/// Shape: `[n, c, h, w]` → `[n, c, h′, w′]` with `h′ = ⌊(h + 2·padding − size) / stride⌋ + 1`.
public record MaxPool2d(long size, long stride, long padding) implements Module {
    public MaxPool2d {
        Layers.requireAtLeast("maxPool2d", "size", size, 1);
        Layers.requireAtLeast("maxPool2d", "stride", stride, 1);
        Layers.requireAtLeast("maxPool2d", "padding", padding, 0);
    }

    /// Windows side by side.
    public static MaxPool2d of(long size) {
        return new MaxPool2d(size, size, 0);
    }

    public MaxPool2d stride(long stride) {
        return new MaxPool2d(size, stride, padding);
    }

    public MaxPool2d padding(long padding) {
        return new MaxPool2d(size, stride, padding);
    }

    @Override
    public Tensor forward(Tensor x) {
        return x.maxPool2d(size, stride, padding);
    }
}
