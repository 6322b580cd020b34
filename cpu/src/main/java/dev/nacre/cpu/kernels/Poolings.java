package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel.Call;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Pooling;
import dev.nacre.ir.Pooling.Kind;
import dev.nacre.ir.Window;
import java.util.Arrays;
import java.util.List;

/// Pooling over the last axes and its derivative. A plane of the pooled axes is read as doubles, pooled along one axis
/// after the other, the innermost first, and rounded once.
final class Poolings {
    /// Elements of the operand that are worth a part of their own.
    private static final long WORTH = 16_384;

    private final Kind kind;
    private final List<Window> windows;
    private final int spatial;

    /// Sizes of the operand and of the result along the pooled axes.
    private final long[] sizes;

    private final long[] positions;
    private final Span[] spans;

    /// How the window moves along one axis.
    ///
    /// @param first for each position, the first element of the window that is not padding
    /// @param end and the first after it that is
    private record Span(Window window, int size, int positions, int[] first, int[] end) {
        static Span of(Window w, long size, long positions) {
            var first = new int[Math.toIntExact(positions)];
            var end = new int[first.length];
            for (int p = 0; p < first.length; p++) {
                long start = p * w.stride() - w.before();
                first[p] = (int) Math.clamp(Math.ceilDiv(-start, w.dilation()), 0, w.size());
                end[p] =
                        (int)
                                Math.clamp(
                                        Math.ceilDiv(size - start, w.dilation()),
                                        first[p],
                                        w.size());
            }
            return new Span(w, Math.toIntExact(size), first.length, first, end);
        }

        /// The first position at which an element of the window is not padding.
        int low(int tap) {
            return Math.clamp(Math.ceilDiv(-coordinate(0, tap), window.stride()), 0, positions);
        }

        /// The position from which on it is padding again.
        int high(int tap) {
            return Math.clamp(
                    Math.ceilDiv(size - coordinate(0, tap), window.stride()), low(tap), positions);
        }

        /// The first element of the window that is not padding at some position.
        int firstTap() {
            return Arrays.stream(first).min().orElse(0);
        }

        /// The first after those.
        int endTap() {
            return Arrays.stream(end).max().orElse(0);
        }

        /// Elements of the window that are not padding.
        int count(int position) {
            return end[position] - first[position];
        }

        long coordinate(int position, int tap) {
            return position * window.stride() + tap * window.dilation() - window.before();
        }
    }

    private Poolings(Pooling pooling, View x, View pooled) {
        this.kind = pooling.kind();
        this.windows = pooling.windows();
        this.spatial = windows.size();
        this.sizes = tail(x.sizes());
        this.positions = tail(pooled.sizes());
        this.spans = new Span[spatial];
        for (int i = 0; i < spatial; i++)
            spans[i] = Span.of(windows.get(i), sizes[i], positions[i]);
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

    private static int count(long[] sizes) {
        return Math.toIntExact(Arrays.stream(sizes).reduce(1, (a, b) -> a * b));
    }

    /// One way through the planes: each part has a range of them.
    private interface Planes {
        void run(long[] addresses, long first, long end);
    }

    private Step share(long count, Planes planes) {
        if (count * count(sizes) == 0 && count * count(positions) == 0) return _ -> {};
        long chunk = Math.max(1, WORTH / Math.max(1, count(sizes)));
        return addresses ->
                Team.get()
                        .run(
                                Math.toIntExact(Math.ceilDiv(count, chunk)),
                                part ->
                                        planes.run(
                                                addresses,
                                                part * chunk,
                                                Math.min(count, (part + 1) * chunk)));
    }

    private Step forward(View x, View out) {
        var lead = lead(out.sizes(), x, out);
        var from = plane(x);
        var to = plane(out);
        double[] divisors = divisors();
        return share(
                lead.count(),
                (addresses, first, end) -> {
                    var buffers = new double[2][largest()];
                    var pooled = buffers[spatial % 2];
                    for (long i = first; i < end; i++) {
                        read(x, x.address(addresses) + lead.offset(0, i), from, buffers[0]);
                        for (int axis = 0; axis < spatial; axis++)
                            pool(axis, buffers[axis % 2], buffers[(axis + 1) % 2]);
                        for (int p = 0; p < divisors.length; p++) pooled[p] /= divisors[p];
                        write(pooled, out, out.address(addresses) + lead.offset(1, i), to);
                    }
                });
    }

    /// Pools along one axis. Those outside of it are pooled already, so that long rows are combined first.
    private void pool(int axis, double[] from, double[] to) {
        var span = spans[axis];
        int inner = count(Arrays.copyOfRange(sizes, axis + 1, spatial));
        int outer = count(Arrays.copyOf(positions, axis));
        int stride = (int) span.window.stride();
        Arrays.fill(
                to,
                0,
                outer * span.positions * inner,
                kind == Kind.MAX ? Double.NEGATIVE_INFINITY : 0);
        for (int tap = span.firstTap(), n = span.endTap(); tap < n; tap++) {
            int low = span.low(tap);
            int count = span.high(tap) - low;
            for (int o = 0; o < outer; o++) {
                int first = (o * span.size + (int) span.coordinate(low, tap)) * inner;
                int at = (o * span.positions + low) * inner;
                if (inner == 1) combine(from, first, stride, to, at, count);
                else
                    for (int p = 0; p < count; p++, first += stride * inner, at += inner)
                        combine(from, first, 1, to, at, inner);
            }
        }
    }

    private void combine(double[] from, int first, int step, double[] to, int at, int n) {
        if (kind != Kind.MAX) for (int i = 0; i < n; i++) to[at + i] += from[first + i * step];
        else if (step == 1)
            for (int i = 0; i < n; i++) to[at + i] = Math.max(to[at + i], from[first + i]);
        else for (int i = 0; i < n; i++) to[at + i] = Math.max(to[at + i], from[first + i * step]);
    }

    private Step backward(View x, View g, View out) {
        var lead = lead(g.sizes(), x, g, out);
        var values = plane(x);
        var gradients = plane(g);
        var to = plane(out);
        double[] divisors = divisors();
        return share(
                lead.count(),
                (addresses, first, end) -> {
                    var buffers = new double[3][largest()];
                    var where = new int[2][kind == Kind.MAX ? buffers[0].length : 0];
                    for (long i = first; i < end; i++) {
                        long from = g.address(addresses) + lead.offset(1, i);
                        if (kind == Kind.MAX) {
                            read(
                                    x,
                                    x.address(addresses) + lead.offset(0, i),
                                    values,
                                    buffers[spatial % 2]);
                            locate(buffers, where);
                            read(g, from, gradients, buffers[1]);
                            scatter(where[0], buffers[1], buffers[2]);
                        } else {
                            read(g, from, gradients, buffers[spatial % 2]);
                            for (int p = 0; p < divisors.length; p++)
                                buffers[spatial % 2][p] /= divisors[p];
                            for (int axis = spatial - 1; axis >= 0; axis--)
                                spread(
                                        axis,
                                        buffers[(axis + 1) % 2],
                                        buffers[axis == 0 ? 2 : axis % 2]);
                        }
                        write(buffers[2], out, out.address(addresses) + lead.offset(2, i), to);
                    }
                });
    }

    /// The most elements that a plane has on the way, some of its axes pooled.
    private int largest() {
        int most = 0;
        for (int axis = 0; axis <= spatial; axis++) {
            int outerFirst =
                    count(Arrays.copyOf(positions, axis))
                            * count(Arrays.copyOfRange(sizes, axis, spatial));
            int innerFirst =
                    count(Arrays.copyOf(sizes, axis))
                            * count(Arrays.copyOfRange(positions, axis, spatial));
            most = Math.max(most, Math.max(outerFirst, innerFirst));
        }
        return most;
    }

    /// Finds the first largest element of each window, or the first NaN: the values are pooled with their places, the
    /// innermost axis first, so that what comes first in its row comes before what is in the next.
    private void locate(double[][] buffers, int[][] where) {
        for (int axis = spatial - 1; axis >= 0; axis--) {
            int inner = count(Arrays.copyOfRange(positions, axis + 1, spatial));
            int outer = count(Arrays.copyOf(sizes, axis));
            int from = (axis + 1) % 2;
            int to = axis % 2;
            locate(axis, outer, inner, buffers[from], where[from], buffers[to], where[to]);
        }
    }

    private void locate(
            int axis, int outer, int inner, double[] from, int[] places, double[] to, int[] where) {
        var span = spans[axis];
        boolean fresh = axis == spatial - 1;
        int step = (int) span.window.dilation() * inner;
        for (int o = 0, at = 0; o < outer; o++) {
            for (int p = 0; p < span.positions; p++) {
                int row = (o * span.size + (int) span.coordinate(p, span.first[p])) * inner;
                int count = span.count(p);
                for (int i = 0; i < inner; i++, at++) {
                    double best = Double.NEGATIVE_INFINITY;
                    int place = -1;
                    for (int t = 0, next = row + i; t < count; t++, next += step) {
                        double v = from[next];
                        int there = fresh ? next : places[next];
                        if (there >= 0 && (v > best || place < 0 || v != v && best == best)) {
                            best = v;
                            place = there;
                        }
                    }
                    to[at] = best;
                    where[at] = place;
                }
            }
        }
    }

    private void scatter(int[] where, double[] gradients, double[] to) {
        Arrays.fill(to, 0, count(sizes), 0);
        for (int p = 0, n = count(positions); p < n; p++)
            if (where[p] >= 0) to[where[p]] += gradients[p];
    }

    /// Hands each position's share to the elements of its window along one axis. Those inside of it are done already.
    private void spread(int axis, double[] from, double[] to) {
        var span = spans[axis];
        int inner = count(Arrays.copyOfRange(sizes, axis + 1, spatial));
        int outer = count(Arrays.copyOf(positions, axis));
        int stride = (int) span.window.stride();
        Arrays.fill(to, 0, outer * span.size * inner, 0);
        for (int tap = span.firstTap(), n = span.endTap(); tap < n; tap++) {
            int low = span.low(tap);
            int count = span.high(tap) - low;
            for (int o = 0; o < outer; o++) {
                int first = (o * span.size + (int) span.coordinate(low, tap)) * inner;
                int at = (o * span.positions + low) * inner;
                if (inner == 1) add(from, at, to, first, stride, count);
                else
                    for (int p = 0; p < count; p++, first += stride * inner, at += inner)
                        add(from, at, to, first, 1, inner);
            }
        }
    }

    private static void add(double[] from, int at, double[] to, int first, int step, int n) {
        if (step == 1) for (int i = 0; i < n; i++) to[first + i] += from[at + i];
        else for (int i = 0; i < n; i++) to[first + i * step] += from[at + i];
    }

    /// What the mean divides by at each position.
    private double[] divisors() {
        var divisors = new double[kind == Kind.MAX ? 0 : count(positions)];
        for (int i = 0; i < divisors.length; i++) {
            long n = 1;
            for (int axis = spatial - 1, rest = i; axis >= 0; rest /= spans[axis].positions, axis--)
                n *=
                        kind == Kind.MEAN
                                ? spans[axis].count(rest % spans[axis].positions)
                                : windows.get(axis).size();
            divisors[i] = n;
        }
        return divisors;
    }

    private static void read(View v, long at, Nest plane, double[] to) {
        for (int i = 0, n = (int) plane.count(), run; i < n; i += run) {
            run = (int) plane.run(i, n - i);
            Memory.reals(v.dtype(), at + plane.offset(0, i), plane.step(0), to, i, run);
        }
    }

    private static void write(double[] from, View v, long at, Nest plane) {
        for (int i = 0, n = (int) plane.count(), run; i < n; i += run) {
            run = (int) plane.run(i, n - i);
            Memory.reals(from, i, run, v.dtype(), at + plane.offset(0, i), plane.step(0));
        }
    }

    private Nest plane(View v) {
        return Views.axes(v, v.rank() - spatial, v.rank());
    }

    /// The axes that are not pooled.
    private Nest lead(long[] sizes, View... views) {
        int rank = sizes.length - spatial;
        var steps = new long[views.length][];
        for (int i = 0; i < views.length; i++)
            steps[i] = Arrays.copyOf(Views.steps(views[i]), rank);
        return Nest.of(Arrays.copyOf(sizes, rank), steps);
    }
}
