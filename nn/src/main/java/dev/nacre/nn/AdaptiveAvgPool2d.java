package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.type.Problem;

/// Means over windows so chosen that the output has the given size: window i of n elements cut into k runs from `⌊i·n/k⌋` to `⌈(i+1)·n/k⌉`.
///
/// Shape: `[n, c, h, w]` → `[n, c, height, width]`.
public record AdaptiveAvgPool2d(long height, long width) implements Module {
    public AdaptiveAvgPool2d {
        Layers.requireAtLeast("adaptiveAvgPool2d", "height", height, 1);
        Layers.requireAtLeast("adaptiveAvgPool2d", "width", width, 1);
    }

    /// A square output; 1 is the mean over each whole image.
    public static AdaptiveAvgPool2d of(long size) {
        return new AdaptiveAvgPool2d(size, size);
    }

    @Override
    public Tensor forward(Tensor x) {
        Problem.in("adaptiveAvgPool2d")
                .require(x.rank() == 4, "x must be [batch, channels, height, width]")
                .operand("x", x.type(), x::origin)
                .throwShape();
        if (height == 1 && width == 1) {
            return x.mean(2, 3).reshape(x.size(0), x.size(1), 1, 1);
        }
        return means(x.size(2), height)
                .cast(x.dtype())
                .matmul(x)
                .matmul(means(x.size(3), width).transpose().cast(x.dtype()));
    }

    /// The matrix `[k, n]` that takes the means of k windows.
    private static Tensor means(long n, long k) {
        float[] m = new float[Math.toIntExact(n * k)];
        for (int i = 0; i < k; i++) {
            int from = (int) (i * n / k);
            int to = (int) Math.ceilDiv((i + 1) * n, k);
            java.util.Arrays.fill(m, (int) (i * n) + from, (int) (i * n) + to, 1f / (to - from));
        }
        return Tensor.of(m, k, n);
    }
}
