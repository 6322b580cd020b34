package dev.nacre.nn;

import dev.nacre.Tensor;

/// The mean of each window; padding counts as zeros, as in PyTorch.
///
/// Shape: `[n, c, h, w]` → `[n, c, h′, w′]` with `h′ = ⌊(h + 2·padding − size) / stride⌋ + 1`.
public record AvgPool2d(long size, long stride, long padding) implements Module {
    public AvgPool2d {
        Layers.requireAtLeast("avgPool2d", "size", size, 1);
        Layers.requireAtLeast("avgPool2d", "stride", stride, 1);
        Layers.requireAtLeast("avgPool2d", "padding", padding, 0);
    }

    /// Windows side by side.
    public static AvgPool2d of(long size) {
        return new AvgPool2d(size, size, 0);
    }

    public AvgPool2d stride(long stride) {
        return new AvgPool2d(size, stride, padding);
    }

    public AvgPool2d padding(long padding) {
        return new AvgPool2d(size, stride, padding);
    }

    @Override
    public Tensor forward(Tensor x) {
        return x.avgPool2d(size, stride, padding);
    }
}
