package dev.nacre.ir;

import dev.nacre.type.Shape;

/// How a window slides along one axis: its size, the step between positions, the spacing of its elements, and the padding on both sides.
///
/// Output size: `(n + before + after − dilation·(size−1) − 1) / stride + 1`, rounded down.
public record Window(long size, long stride, long dilation, long before, long after) {
    public static Window of(long size) {
        return new Window(size, 1, 1, 0, 0);
    }

    public Window stride(long stride) {
        return new Window(size, stride, dilation, before, after);
    }

    public Window dilation(long dilation) {
        return new Window(size, stride, dilation, before, after);
    }

    public Window padding(long before, long after) {
        return new Window(size, stride, dilation, before, after);
    }

    /// Number of elements from the first to the last that the window touches.
    public long reach() {
        return size < 1 ? 0 : Shape.plus(Shape.times(dilation, size - 1), 1);
    }

    /// Number of positions along an axis of `n` elements; 0 or less if the window does not fit.
    public long positions(long n) {
        return Math.floorDiv(Shape.plus(Shape.plus(n, before), after) - reach(), stride) + 1;
    }

    /// The most padding of a convolution, on each side of an axis.
    static final long MOST_PADDING = 1 << 24;

    /// The most windows, or places in a window, that are added up one by one.
    static final long MOST_TERMS = 1 << 20;

    /// The same window on an axis of `n` elements, without numbers that do not matter: a stride past the end, the spacing of a single element. So numbers are bounded by the sizes of operands
    /// before anybody computes with them.
    Window on(long n) {
        long most = Math.max(1, Shape.plus(Shape.plus(n, before), after));
        return new Window(size, Math.min(stride, most), size == 1 ? 1 : dilation, before, after);
    }

    @Override
    public String toString() {
        StringBuilder s = new StringBuilder().append(size);
        if (stride != 1) {
            s.append(" stride ").append(stride);
        }
        if (dilation != 1) {
            s.append(" dilation ").append(dilation);
        }
        if (before != 0 || after != 0) {
            s.append(" pad ").append(before).append('+').append(after);
        }
        return s.toString();
    }
}
