package dev.nacre.ir;

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
        return dilation * (size - 1) + 1;
    }

    /// Number of positions along an axis of `n` elements; 0 or less if the window does not fit.
    public long positions(long n) {
        return Math.floorDiv(n + before + after - reach(), stride) + 1;
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
