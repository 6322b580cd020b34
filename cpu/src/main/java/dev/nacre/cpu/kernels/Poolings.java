package dev.nacre.cpu.kernels;

import static dev.nacre.cpu.kernels.Products.bytes;

import dev.nacre.compile.Kernel.Call;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Pooling;
import dev.nacre.ir.Pooling.Kind;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import java.util.Arrays;
import java.util.List;

/// Pooling over the last axes and its derivative. Everything is computed in doubles and rounded once.
final class Poolings {
    /// Elements of the operand that are worth a part of their own.
    private static final long WORTH = 16_384;

    private final Kind kind;
    private final List<Window> windows;
    private final int spatial;
    /// Sizes of the operand and of the result along the pooled axes.
    private final long[] sizes;
    private final long[] positions;
    /// For each pooled axis and position, the window's elements that are not padding: the first and the end.
    private final int[][] first;
    private final int[][] end;

    private Poolings(Pooling pooling, View x, View pooled) {
        this.kind = pooling.kind();
        this.windows = pooling.windows();
        this.spatial = windows.size();
        this.sizes = tail(x.sizes());
        this.positions = tail(pooled.sizes());
        this.first = new int[spatial][];
        this.end = new int[spatial][];
        for (int axis = 0; axis < spatial; axis++) {
            var w = windows.get(axis);
            first[axis] = new int[(int) positions[axis]];
            end[axis] = new int[(int) positions[axis]];
            for (int p = 0; p < positions[axis]; p++) {
                long start = start(axis, p);
                first[axis][p] = (int) Math.clamp(Math.ceilDiv(-start, w.dilation()), 0, w.size());
                end[axis][p] = (int) Math.clamp(Math.ceilDiv(sizes[axis] - start, w.dilation()), first[axis][p], w.size());
            }
        }
    }

    static Step of(Call call) {
        var x = call.in().getFirst();
        var out = call.out().getFirst();
        return switch (call.what()) {
            case Pooling p -> new Poolings(p, x, out).forward(x, out);
            case Composite.Derivative d when d.of() instanceof Pooling p ->
                new Poolings(p, x, call.in().get(1)).backward(x, call.in().get(1), out);
            default -> throw new IllegalArgumentException("not a pooling: " + call.name());
        };
    }

    private long[] tail(long[] all) {
        return Arrays.copyOfRange(all, all.length - spatial, all.length);
    }

    /// Coordinate of the window's first element.
    private long start(int axis, long position) {
        return position * windows.get(axis).stride() - windows.get(axis).before();
    }

    private Step forward(View x, View out) {
        var planes = planes(out.sizes(), x, out);
        long outer = outerPositions();
        long rows = planes.count() * outer;
        int width = (int) positions[spatial - 1];
        if (rows * width == 0) return _ -> {};
        long chunk = Math.max(1, WORTH / Math.max(1, width * windowSize()));
        return addresses -> Team.get().run(Math.toIntExact(Math.ceilDiv(rows, chunk)), part -> {
            var line = new double[(int) sizes[spatial - 1]];
            var sums = new double[width];
            var index = new long[spatial];
            for (long row = part * chunk; row < Math.min(rows, (part + 1) * chunk); row++) {
                long plane = row / outer;
                unravel(row % outer, index);
                long from = address(addresses, x) + planes.offset(0, plane);
                long to = address(addresses, out) + planes.offset(1, plane) + offset(out, index, spatial - 1);
                row(x, from, index, line, sums);
                Memory.reals(sums, width, out.dtype(), to, step(out, spatial - 1));
            }
        });
    }

    /// One row of results: the window's rows one after another.
    private void row(View x, long from, long[] index, double[] line, double[] sums) {
        Arrays.fill(sums, kind == Kind.MAX ? Double.NEGATIVE_INFINITY : 0);
        var tap = new long[spatial];
        long rows = 1;
        for (int axis = 0; axis < spatial - 1; axis++) {
            tap[axis] = first[axis][(int) index[axis]];
            rows *= end[axis][(int) index[axis]] - tap[axis];
        }
        for (long r = 0; r < rows; r++) {
            long at = from + tapOffset(x, index, tap);
            Memory.reals(x.dtype(), at, step(x, spatial - 1), line.length, line);
            fold(line, sums);
            nextTap(index, tap, spatial - 2);
        }
        if (kind == Kind.MAX) return;
        for (int p = 0; p < sums.length; p++) sums[p] /= count(rows, p);
    }

    private void fold(double[] line, double[] sums) {
        int last = spatial - 1;
        int dilation = (int) windows.get(last).dilation();
        for (int p = 0; p < sums.length; p++) {
            int start = (int) start(last, p);
            int stop = end[last][p];
            double sum = sums[p];
            if (kind == Kind.MAX) {
                for (int w = first[last][p]; w < stop; w++) {
                    double v = line[start + w * dilation];
                    sum = v > sum || v != v ? v : sum;
                }
            } else {
                for (int w = first[last][p]; w < stop; w++) sum += line[start + w * dilation];
            }
            sums[p] = sum;
        }
    }

    /// What the mean divides by.
    private long count(long rows, int p) {
        return kind == Kind.MEAN ? rows * (end[spatial - 1][p] - first[spatial - 1][p]) : windowSize();
    }

    private Step backward(View x, View g, View out) {
        var planes = planes(g.sizes(), x, g, out);
        long count = planes.count();
        long plane = Arrays.stream(sizes).reduce(1, (a, b) -> a * b);
        if (count * plane == 0) return _ -> {};
        long chunk = Math.max(1, WORTH / plane);
        return addresses -> Team.get().run(Math.toIntExact(Math.ceilDiv(count, chunk)), part -> {
            var sums = new double[Math.toIntExact(plane)];
            var values = kind == Kind.MAX ? new double[sums.length] : sums;
            for (long i = part * chunk; i < Math.min(count, (part + 1) * chunk); i++) {
                if (kind == Kind.MAX) readPlane(x, address(addresses, x) + planes.offset(0, i), values);
                Arrays.fill(sums, 0);
                spread(g, address(addresses, g) + planes.offset(1, i), values, sums);
                writePlane(sums, out, address(addresses, out) + planes.offset(2, i));
            }
        });
    }

    /// Hands each position's gradient to the elements of its window.
    private void spread(View g, long from, double[] values, double[] sums) {
        int last = spatial - 1;
        var gradients = new double[(int) positions[last]];
        var index = new long[spatial];
        var tap = new long[spatial];
        long outer = outerPositions();
        for (long i = 0; i < outer; i++) {
            unravel(i, index);
            Memory.reals(g.dtype(), from + offset(g, index, last), step(g, last), gradients.length, gradients);
            for (int p = 0; p < gradients.length; p++) {
                index[last] = p;
                long taps = 1;
                for (int axis = 0; axis < spatial; axis++) {
                    tap[axis] = first[axis][(int) index[axis]];
                    taps *= end[axis][(int) index[axis]] - tap[axis];
                }
                if (kind == Kind.MAX) {
                    if (taps > 0) sums[largest(values, index, tap, taps)] += gradients[p];
                } else {
                    double share = gradients[p] / (kind == Kind.MEAN ? taps : windowSize());
                    for (long t = 0; t < taps; t++, nextTap(index, tap, last)) sums[place(index, tap)] += share;
                }
            }
            index[last] = 0;
        }
    }

    /// The first of the largest, or the first NaN.
    private int largest(double[] values, long[] index, long[] tap, long taps) {
        int best = place(index, tap);
        for (long t = 0; t < taps; t++, nextTap(index, tap, spatial - 1)) {
            int at = place(index, tap);
            if (values[at] > values[best] || values[at] != values[at] && values[best] == values[best]) best = at;
        }
        return best;
    }

    private int place(long[] index, long[] tap) {
        long at = 0;
        for (int axis = 0; axis < spatial; axis++)
            at = at * sizes[axis] + start(axis, index[axis]) + tap[axis] * windows.get(axis).dilation();
        return (int) at;
    }

    private long tapOffset(View x, long[] index, long[] tap) {
        long offset = 0;
        for (int axis = 0; axis < spatial - 1; axis++)
            offset += (start(axis, index[axis]) + tap[axis] * windows.get(axis).dilation()) * step(x, axis);
        return offset;
    }

    /// The next element of the window that is not padding, in row-major order over axes 0 to `last`.
    private void nextTap(long[] index, long[] tap, int last) {
        for (int axis = last; axis >= 0; axis--) {
            if (++tap[axis] < end[axis][(int) index[axis]]) return;
            tap[axis] = first[axis][(int) index[axis]];
        }
    }

    private void unravel(long i, long[] index) {
        for (int axis = spatial - 2; axis >= 0; axis--) {
            index[axis] = i % positions[axis];
            i /= positions[axis];
        }
    }

    private long outerPositions() {
        long n = 1;
        for (int axis = 0; axis < spatial - 1; axis++) n *= positions[axis];
        return n;
    }

    private long windowSize() {
        return windows.stream().mapToLong(Window::size).reduce(1, (a, b) -> a * b);
    }

    private void readPlane(View x, long from, double[] to) {
        plane(x, from, to, true);
    }

    private void writePlane(double[] from, View out, long to) {
        plane(out, to, from, false);
    }

    private void plane(View v, long at, double[] values, boolean read) {
        int inner = (int) sizes[spatial - 1];
        var line = new double[inner];
        var index = new long[spatial];
        for (int done = 0; done < values.length; done += inner) {
            long row = at + offset(v, index, spatial - 1);
            DType type = v.dtype();
            if (read) {
                Memory.reals(type, row, step(v, spatial - 1), inner, line);
                System.arraycopy(line, 0, values, done, inner);
            } else {
                System.arraycopy(values, done, line, 0, inner);
                Memory.reals(line, inner, type, row, step(v, spatial - 1));
            }
            for (int axis = spatial - 2; axis >= 0; axis--) {
                if (++index[axis] < sizes[axis]) break;
                index[axis] = 0;
            }
        }
    }

    private long offset(View v, long[] index, int axes) {
        long offset = 0;
        for (int axis = 0; axis < axes; axis++) offset += index[axis] * step(v, axis);
        return offset;
    }

    /// Bytes between neighbours along a pooled axis.
    private long step(View v, int axis) {
        return bytes(v, v.strides()[v.rank() - spatial + axis]);
    }

    private static long address(long[] addresses, View v) {
        return addresses[v.buffer()] + bytes(v, v.offset());
    }

    /// The axes that are not pooled.
    private Nest planes(long[] sizes, View... views) {
        int lead = sizes.length - spatial;
        var steps = new long[views.length][lead];
        for (int i = 0; i < views.length; i++)
            for (int axis = 0; axis < lead; axis++) steps[i][axis] = bytes(views[i], views[i].strides()[axis]);
        return Nest.of(Arrays.copyOf(sizes, lead), steps);
    }
}
