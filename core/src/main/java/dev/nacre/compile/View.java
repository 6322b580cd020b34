package dev.nacre.compile;

import dev.nacre.ir.Span;
import dev.nacre.ir.Window;
import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// A strided window on a buffer of a plan: element `(i₀, …, iₖ)` lies `offset + Σ iⱼ·strideⱼ` elements into the buffer. Strides may be 0 (broadcast)
/// or negative (flipped).
///
/// @param buffer number of the buffer in the plan's table of addresses
/// @param sizes extent of each axis
public record View(int buffer, DType dtype, long offset, long[] sizes, long[] strides) {
    public int rank() {
        return sizes.length;
    }

    public long count() {
        long n = 1;
        for (long s : sizes) {
            n *= s;
        }
        return n;
    }

    /// Where the first element lies if the buffers begin at these addresses.
    public long address(long[] buffers) {
        return buffers[buffer] + offset * dtype.bytes();
    }

    /// Whether the elements lie densely in row-major order.
    public boolean isDense() {
        long step = 1;
        for (int i = sizes.length - 1; i >= 0; i--) {
            if (sizes[i] != 1 && strides[i] != step) {
                return false;
            }
            step *= sizes[i];
        }
        return true;
    }

    /// Whether it is an image `[n, channels, …]` whose elements lie densely in the order `[n, …, channels]`.
    public boolean isChannelsLast() {
        if (rank() < 3 || strides[1] != 1 && sizes[1] != 1) {
            return false;
        }
        long step = sizes[1];
        for (int k = rank() - 1; k >= 1; k--) {
            int axis = k == 1 ? 0 : k;
            if (sizes[axis] != 1 && strides[axis] != step) {
                return false;
            }
            step *= sizes[axis];
        }
        return true;
    }

    /// The whole of a dense buffer.
    public static View dense(int buffer, TensorType type) {
        long[] sizes = type.shape().toArray();
        return new View(buffer, type.dtype(), 0, sizes, type.shape().rowMajorStrides());
    }

    View on(int other, long shift) {
        return new View(other, dtype, offset + shift, sizes, strides);
    }

    View permute(Axes axes) {
        long[] n = new long[rank()];
        long[] s = new long[rank()];
        for (int i = 0; i < n.length; i++) {
            n[i] = sizes[axes.get(i)];
            s[i] = strides[axes.get(i)];
        }
        return new View(buffer, dtype, offset, n, s);
    }

    View broadcast(Shape shape) {
        long[] s = strides.clone();
        for (int i = 0; i < s.length; i++) {
            if (sizes[i] != shape.size(i)) {
                s[i] = 0;
            }
        }
        return new View(buffer, dtype, offset, shape.toArray(), s);
    }

    View slice(List<Span> spans) {
        long start = offset;
        long[] n = new long[rank()];
        long[] s = new long[rank()];
        for (int i = 0; i < n.length; i++) {
            start += spans.get(i).start() * strides[i];
            n[i] = spans.get(i).size();
            s[i] = step(strides[i], spans.get(i).step(), n[i]);
        }
        return new View(buffer, dtype, start, n, s);
    }

    View windows(List<Window> windows) {
        int k = windows.size();
        int lead = rank() - k;
        long[] n = Arrays.copyOf(sizes, rank() + k);
        long[] s = Arrays.copyOf(strides, rank() + k);
        for (int i = 0; i < k; i++) {
            Window w = windows.get(i);
            n[lead + i] = w.positions(sizes[lead + i]);
            n[lead + k + i] = w.size();
            s[lead + i] = step(strides[lead + i], w.stride(), n[lead + i]);
            s[lead + k + i] = step(strides[lead + i], w.dilation(), w.size());
        }
        return new View(buffer, dtype, offset, n, s);
    }

    /// The stride of an axis that takes so many steps of another. Where there is no second element nothing is stepped over, however far it would be; else all elements lie in the buffer, and nothing
    /// overflows.
    private static long step(long stride, long times, long size) {
        return size <= 1 ? stride : Math.multiplyExact(stride, times);
    }

    /// The same elements in row-major order under another shape, if that needs no copy: every new axis must lie within a run of old axes that are evenly
    /// spaced as one.
    Optional<View> reshape(Shape shape) {
        long[] to = shape.toArray();
        if (count() == 0) {
            return Optional.of(new View(buffer, dtype, offset, to, shape.rowMajorStrides()));
        }
        long[] s = new long[to.length];
        int i = 0;
        int j = 0;
        while (i < sizes.length || j < to.length) {
            // take the shortest runs of old and new axes with equal counts
            long old = i < sizes.length ? sizes[i] : 1;
            long fresh = j < to.length ? to[j] : 1;
            int i0 = i++;
            int j0 = j++;
            while (old != fresh) {
                if (old < fresh) {
                    old *= sizes[i++];
                } else {
                    fresh *= to[j++];
                }
            }
            long step = 0;
            boolean begun = false;
            long span = 0; // distance that the axis before must step
            for (int k = Math.min(i, sizes.length) - 1; k >= i0; k--) {
                if (sizes[k] == 1) {
                    continue;
                }
                if (!begun) {
                    step = strides[k];
                    begun = true;
                } else if (strides[k] != span) {
                    return Optional.empty();
                }
                span = strides[k] * sizes[k];
            }
            for (int k = Math.min(j, to.length) - 1; k >= j0; k--) {
                s[k] = step;
                step *= to[k];
            }
        }
        return Optional.of(new View(buffer, dtype, offset, to, s));
    }

    /// Whether the last axes, whose sizes multiply to `count`, are evenly spaced as one axis.
    boolean mergesInner(long count) {
        long seen = 1;
        long expected = Long.MIN_VALUE;
        for (int i = rank() - 1; i >= 0 && seen < count; i--) {
            if (sizes[i] != 1) {
                if (expected != Long.MIN_VALUE && strides[i] != expected) {
                    return false;
                }
                expected = strides[i] * sizes[i];
                seen *= sizes[i];
            }
        }
        return seen == count;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof View v
                && v.buffer == buffer
                && v.dtype == dtype
                && v.offset == offset
                && Arrays.equals(v.sizes, sizes)
                && Arrays.equals(v.strides, strides);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * buffer + Long.hashCode(offset)) + Arrays.hashCode(strides);
    }

    @Override
    public String toString() {
        return "b"
                + buffer
                + " "
                + dtype
                + Arrays.toString(sizes)
                + (isDense() && offset == 0 ? "" : "+" + offset + Arrays.toString(strides));
    }
}
