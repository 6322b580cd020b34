package dev.nacre.cpu.onednn;

import java.util.Objects;
import java.util.Optional;

/// A convolution over one, two or three spatial axes, or one of its two gradients.
///
/// Axes: src and dst are `[batch, channels, spatial…]`, weights `[outputs, inputs, kernel…]`, or with groups
/// `[groups, outputs / groups, inputs / groups, kernel…]`; bias `[outputs]`. Their order in memory is a matter of strides.
///
/// Images are computed fastest when they are [channels-last][MemoryDesc#channelsLast(DataType, long...)], which is also what
/// becomes of one that is left to [any][MemoryDesc#any(DataType, long...)]. Weights that are strided are packed on every
/// run; left to `any`, they are the caller's to pack by a [Reorder], once for many runs.
///
/// | direction | reads | writes |
/// |---|---|---|
/// | `FORWARD`, `INFERENCE` | src, weights, bias | dst |
/// | `BACKWARD_DATA` | dst (its gradient), weights | src (its gradient) |
/// | `BACKWARD_WEIGHTS` | src, dst (its gradient) | weights and bias (their gradients) |
///
/// A transposed convolution is `BACKWARD_DATA` run for its own sake. Post-ops and bias are for the forward direction;
/// a bias is also for `BACKWARD_WEIGHTS`.
///
/// Slots: src, weights, bias if there is one, dst, the operands of the post-ops, scratchpad if it takes any.
public record Convolution(
        Direction direction,
        MemoryDesc src,
        MemoryDesc weights,
        Optional<MemoryDesc> bias,
        MemoryDesc dst,
        Window window,
        Attributes attributes)
        implements Spec {
    public Convolution {
        Objects.requireNonNull(direction, "direction");
        Objects.requireNonNull(src, "src");
        Objects.requireNonNull(weights, "weights");
        Objects.requireNonNull(bias, "bias");
        Objects.requireNonNull(dst, "dst");
        Objects.requireNonNull(window, "window");
        Objects.requireNonNull(attributes, "attributes");
        if (window.strides().size() != src.rank() - 2)
            throw new IllegalArgumentException(
                    "a window over " + window.strides().size() + " axes for images " + src);
    }

    /// Without bias and attributes.
    public static Convolution of(
            Direction direction,
            MemoryDesc src,
            MemoryDesc weights,
            MemoryDesc dst,
            Window window) {
        return new Convolution(
                direction, src, weights, Optional.empty(), dst, window, Attributes.NONE);
    }

    /// With a bias.
    public Convolution bias(MemoryDesc bias) {
        return new Convolution(direction, src, weights, Optional.of(bias), dst, window, attributes);
    }

    /// With images of another layout.
    public Convolution images(MemoryDesc src, MemoryDesc dst) {
        return new Convolution(direction, src, weights, bias, dst, window, attributes);
    }

    /// With weights of another layout.
    public Convolution weights(MemoryDesc weights) {
        return new Convolution(direction, src, weights, bias, dst, window, attributes);
    }

    /// With attributes.
    public Convolution attributes(Attributes attributes) {
        return new Convolution(direction, src, weights, bias, dst, window, attributes);
    }

    /// The same convolution another way.
    public Convolution direction(Direction direction) {
        return new Convolution(direction, src, weights, bias, dst, window, attributes);
    }
}
