package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// Means over windows so chosen that the output has the given size: window i of n elements cut into k runs from `⌊i·n/k⌋` to `⌈(i+1)·n/k⌉`.
///
/// Shape: `[n, c, h, w]` → `[n, c, height, width]`.
public record AdaptiveAvgPool2d(long height, long width) implements Module {
    /// The most windows along an axis, and the most pixels where windows are not of one size: their places are written down.
    private static final long MOST = 1 << 24;

    public AdaptiveAvgPool2d {
        Layers.requireAtLeast("adaptiveAvgPool2d", "height", height, 1);
        Layers.requireAtLeast("adaptiveAvgPool2d", "width", width, 1);
        Problem.in("adaptiveAvgPool2d")
                .require(
                        height <= MOST && width <= MOST,
                        "height and width must be at most "
                                + MOST
                                + ", but are "
                                + height
                                + " and "
                                + width)
                .throwValue();
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
        Problem.in("adaptiveAvgPool2d")
                .require(x.dtype().isFloating(), "not defined on " + x.dtype())
                .operand("x", x.type(), x::origin)
                .hint("cast to f32 first")
                .throwDType();
        if (height == 1 && width == 1) {
            return x.mean(2, 3).reshape(x.size(0), x.size(1), 1, 1);
        }
        return x.wide(v -> means(means(v, 2, height), 3, width));
    }

    /// The means of k windows along an axis. Where all windows have one size they lie side by side; else a window is as many elements as the largest needs, of which those behind its end
    /// do not count.
    private static Tensor means(Tensor x, int axis, long k) {
        long n = x.size(axis);
        Problem.in("adaptiveAvgPool2d")
                .require(n >= 0, "the size of axis " + axis + " must be known")
                .operand("x", x.type(), x::origin)
                .throwShape();
        if (n % k == 0) {
            return x.reshape(x.shape().with(axis, k).insert(axis + 1, n / k)).mean(axis + 1);
        }
        Problem.in("adaptiveAvgPool2d")
                .require(
                        n <= MOST,
                        "an axis that is not a multiple of the windows must have at most "
                                + MOST
                                + " elements")
                .operand("x", x.type(), x::origin)
                .throwShape();
        int longest = 0;
        for (int i = 0; i < k; i++) {
            longest = Math.max(longest, Math.toIntExact(end(i, n, k) - i * n / k));
        }
        long[] places = new long[Math.toIntExact(k * longest)];
        boolean[] counts = new boolean[places.length];
        float[] sizes = new float[Math.toIntExact(k)];
        for (int i = 0; i < k; i++) {
            long from = i * n / k;
            sizes[i] = end(i, n, k) - from;
            for (int j = 0; j < longest; j++) {
                counts[i * longest + j] = j < sizes[i];
                places[i * longest + j] = Math.min(from + j, n - 1);
            }
        }
        long[] after = new long[x.rank() - axis - 1];
        java.util.Arrays.fill(after, 1);
        Shape rest = Shape.of(after);
        Tensor each = x.take(Tensor.of(places, k, longest), axis);
        Tensor counted = Tensor.of(counts).reshape(Shape.of(k, longest).concat(rest));
        return counted.where(each, each.zerosLike())
                .sum(axis + 1)
                .div(Tensor.of(sizes).reshape(Shape.of(k).concat(rest)).cast(x.dtype()));
    }

    private static long end(long i, long n, long k) {
        return Math.ceilDiv((i + 1) * n, k);
    }
}
