package dev.nacre.cpu.onednn;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/// The maximum or the mean under a sliding window, or its gradient. Axes are those of a [Convolution].
///
/// | direction | reads | writes |
/// |---|---|---|
/// | `INFERENCE` | src | dst |
/// | `FORWARD` | src | dst, and workspace if `MAX` |
/// | `BACKWARD_DATA` | dst (its gradient), and workspace if `MAX` | src (its gradient) |
///
/// The workspace, which says where each maximum was, passes from the forward to the backward primitive.
///
/// Slots: src, dst, workspace if there is one, the operands of the post-ops, scratchpad if it takes any.
///
/// @param kernel the window's size
/// @param window how it slides
public record Pooling(
        Direction direction,
        Mode mode,
        MemoryDesc src,
        MemoryDesc dst,
        List<Long> kernel,
        Window window,
        Attributes attributes)
        implements Spec {
    /// What is taken from under the window.
    public enum Mode {
        MAX(0x1ff),
        /// The sum over the number of taps, those in the padding included.
        MEAN_WITH_PADDING(0x2ff),
        /// The sum over the number of taps inside the image.
        MEAN(0x3ff);

        final int code;

        Mode(int code) {
            this.code = code;
        }
    }

    public Pooling {
        Objects.requireNonNull(direction, "direction");
        Objects.requireNonNull(mode, "mode");
        Objects.requireNonNull(src, "src");
        Objects.requireNonNull(dst, "dst");
        kernel = List.copyOf(kernel);
        Objects.requireNonNull(window, "window");
        Objects.requireNonNull(attributes, "attributes");
        if (direction == Direction.BACKWARD_WEIGHTS)
            throw new IllegalArgumentException("pooling has no weights");
        if (window.strides().size() != src.rank() - 2 || kernel.size() != src.rank() - 2)
            throw new IllegalArgumentException(
                    "kernel " + kernel + " and " + window + " for images " + src);
    }

    /// Without attributes.
    public static Pooling of(
            Direction direction,
            Mode mode,
            MemoryDesc src,
            MemoryDesc dst,
            Window window,
            long... kernel) {
        var sizes = Arrays.stream(kernel).boxed().toList();
        return new Pooling(direction, mode, src, dst, sizes, window, Attributes.NONE);
    }

    /// The same pooling another way.
    public Pooling direction(Direction direction) {
        return new Pooling(direction, mode, src, dst, kernel, window, attributes);
    }
}
