package dev.nacre.cpu.kernels;

import static dev.nacre.cpu.kernels.Memory.ALL;

import dev.nacre.compile.Kernel.Call;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Pooling;
import dev.nacre.ir.Pooling.Kind;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.stream.Stream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Pooling and its derivative on images of floats whose channels are neighbours in memory: a vector is so many channels of one pixel. The derivative of the maximum
/// finds the places of the maxima again, which takes less memory traffic than keeping them.
final class ImagePoolings {
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final VectorSpecies<Float> FLOATS =
            VectorSpecies.of(float.class, FloatRows.SHAPE);
    private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FloatRows.SHAPE);
    private static final int LANES = FLOATS.length();

    /// Elements of the operand that are worth a part of their own.
    private static final long WORTH = 16_384;

    /// Channels that share a part at least, when an image is divided.
    private static final int CHANNELS = 64;

    /// Up to three axes are pooled; missing ones are of size 1.
    private static final int AXES = 3;

    private final boolean max;
    private final Axis[] axes = new Axis[AXES];
    private final int batch;
    private final int channels;
    private final boolean countsPadding;
    private final int taps;

    /// How the window moves along one axis.
    private record Axis(Window window, int size, int positions) {
        long start(int position) {
            return position * window.stride() - window.before();
        }

        /// The first tap that is not padding.
        int first(int position) {
            return (int)
                    Math.clamp(Math.ceilDiv(-start(position), window.dilation()), 0, window.size());
        }

        /// The first tap after it that is.
        int end(int position) {
            long end = Math.ceilDiv(size - start(position), window.dilation());
            return (int) Math.clamp(end, first(position), window.size());
        }

        boolean isDisjoint() {
            return window.dilation() == 1 && window.stride() >= window.size();
        }
    }

    /// Bytes from one image, and along each axis, to the next.
    private record Steps(View view, long batch, long[] axes) {
        static Steps of(View v) {
            long[] steps = new long[AXES];
            for (int i = 0; i < v.rank() - 2; i++) {
                steps[AXES - 1 - i] = Views.step(v, v.rank() - 1 - i);
            }
            return new Steps(v, Views.step(v, 0), steps);
        }

        long at(long[] addresses, int image, long a, long b, long c) {
            return Views.address(addresses, view)
                    + image * batch
                    + a * axes[0]
                    + b * axes[1]
                    + c * axes[2];
        }
    }

    private ImagePoolings(Pooling pooling, View x, View pooled) {
        this.max = pooling.kind() == Kind.MAX;
        this.countsPadding = pooling.kind() == Kind.MEAN_WITH_PADDING;
        this.batch = Math.toIntExact(x.sizes()[0]);
        this.channels = Math.toIntExact(x.sizes()[1]);
        int spatial = pooling.windows().size();
        int count = 1;
        for (int i = 0; i < AXES; i++) {
            int axis = i - (AXES - spatial);
            Window w = axis < 0 ? Window.of(1) : pooling.windows().get(axis);
            axes[i] =
                    axis < 0
                            ? new Axis(w, 1, 1)
                            : new Axis(
                                    w,
                                    Math.toIntExact(x.sizes()[2 + axis]),
                                    Math.toIntExact(pooled.sizes()[2 + axis]));
            count *= Math.toIntExact(w.size());
        }
        this.taps = count;
    }

    /// The call made ready, if it is one of these.
    static Optional<Step> of(Call call) {
        boolean fits =
                Stream.concat(call.in().stream(), call.out().stream())
                        .allMatch(ImagePoolings::takes);
        View x = call.in().getFirst();
        View out = call.out().getFirst();
        return switch (call.what()) {
            case Pooling p when fits && isWhole(p, x) ->
                    Optional.of(new ImagePoolings(p, x, out).forward(x, out));
            case Composite.Derivative d when fits && d.of() instanceof Pooling p && isWhole(p, x) ->
                    Optional.of(
                            new ImagePoolings(p, x, call.in().get(1))
                                    .backward(x, call.in().get(1), out));
            default -> Optional.empty();
        };
    }

    private static boolean isWhole(Pooling p, View x) {
        return p.windows().size() == x.rank() - 2 && p.windows().size() <= AXES;
    }

    private static boolean takes(View v) {
        return v.dtype() == DType.F32
                && v.rank() >= 3
                && v.strides()[1] == 1
                && v.sizes()[1] >= LANES
                && v.count() > 0;
    }

    // ------------------------------------------------------------------------------------------
    // forward

    private Step forward(View x, View out) {
        Steps from = Steps.of(x);
        Steps to = Steps.of(out);
        int rows = batch * axes[0].positions * axes[1].positions;
        long work = Math.max(1, (long) axes[2].positions * channels * taps);
        int chunk = (int) Math.max(1, WORTH / work);
        return addresses ->
                Team.get()
                        .run(
                                Math.ceilDiv(rows, chunk),
                                part -> {
                                    int end = Math.min(rows, (part + 1) * chunk);
                                    for (int row = part * chunk; row < end; row++) {
                                        row(addresses, row, from, to);
                                    }
                                });
    }

    private void row(long[] addresses, int row, Steps from, Steps to) {
        int b = row % axes[1].positions;
        int a = row / axes[1].positions % axes[0].positions;
        int image = row / axes[1].positions / axes[0].positions;
        Taps t = new Taps(from);
        t.place(0, a);
        t.place(1, b);
        for (int c = 0; c < axes[2].positions; c++) {
            t.place(2, c);
            long x =
                    from.at(addresses, image, axes[0].start(a), axes[1].start(b), axes[2].start(c));
            long y = to.at(addresses, image, a, b, c);
            if (max) {
                largest(x, t, y);
            } else {
                mean(x, t, y);
            }
        }
    }

    /// Which taps of the window at a position are not padding, and how far they are from each other.
    private final class Taps {
        final int[] first = new int[AXES];
        final int[] end = new int[AXES];
        final long[] step = new long[AXES];

        Taps(Steps x) {
            for (int i = 0; i < AXES; i++) {
                step[i] = x.axes[i] * axes[i].window.dilation();
            }
        }

        void place(int axis, int position) {
            first[axis] = axes[axis].first(position);
            end[axis] = axes[axis].end(position);
        }

        float divisor() {
            return countsPadding
                    ? taps
                    : (end[0] - first[0]) * (end[1] - first[1]) * (end[2] - first[2]);
        }
    }

    private static FloatVector load(long at, VectorMask<Float> some) {
        return FloatVector.fromMemorySegment(FLOATS, ALL, at, ORDER, some);
    }

    private static void store(FloatVector x, long at, VectorMask<Float> some) {
        x.intoMemorySegment(ALL, at, ORDER, some);
    }

    private void largest(long x, Taps t, long y) {
        for (int c = 0; c < channels; c += LANES) {
            VectorMask<Float> some = FLOATS.indexInRange(c, channels);
            FloatVector best = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
            for (int i = t.first[0]; i < t.end[0]; i++) {
                for (int j = t.first[1]; j < t.end[1]; j++) {
                    long at = x + i * t.step[0] + j * t.step[1] + 4L * c;
                    for (int k = t.first[2]; k < t.end[2]; k++) {
                        best = best.max(load(at + k * t.step[2], some));
                    }
                }
            }
            store(best, y + 4L * c, some);
        }
    }

    private void mean(long x, Taps t, long y) {
        float divisor = t.divisor();
        for (int c = 0; c < channels; c += LANES) {
            VectorMask<Float> some = FLOATS.indexInRange(c, channels);
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = t.first[0]; i < t.end[0]; i++) {
                for (int j = t.first[1]; j < t.end[1]; j++) {
                    long at = x + i * t.step[0] + j * t.step[1] + 4L * c;
                    for (int k = t.first[2]; k < t.end[2]; k++) {
                        sum = sum.add(load(at + k * t.step[2], some));
                    }
                }
            }
            store(sum.div(divisor), y + 4L * c, some);
        }
    }

    // -----------------------------------------------------------------------------------------
    // backward

    /// Parts have images, or channels of an image, to themselves: windows that overlap add to the same pixels.
    private Step backward(View x, View g, View out) {
        Steps values = Steps.of(x);
        Steps gradients = Steps.of(g);
        Steps to = Steps.of(out);
        long pixels = (long) axes[0].size * axes[1].size * axes[2].size;
        int few = Math.max(LANES, CHANNELS / LANES * LANES);
        int width =
                pixels * channels > WORTH
                        ? Math.clamp(WORTH / pixels / few * few, few, channels)
                        : channels;
        int cuts = Math.ceilDiv(channels, width);
        int images = (int) Math.max(1, cuts > 1 ? 1 : WORTH / (pixels * channels));
        int groups = Math.ceilDiv(batch, images);
        return addresses ->
                Team.get()
                        .run(
                                groups * cuts,
                                part -> {
                                    int from = part % cuts * width;
                                    int end = Math.min(channels, from + width);
                                    int last = Math.min(batch, (part / cuts + 1) * images);
                                    for (int n = part / cuts * images; n < last; n++) {
                                        image(addresses, n, from, end, values, gradients, to);
                                    }
                                });
    }

    private void image(
            long[] addresses, int n, int from, int end, Steps values, Steps gradients, Steps to) {
        boolean adds = !isDisjoint();
        if (adds || !isCovered()) {
            clear(to.at(addresses, n, 0, 0, 0) + 4L * from, end - from, to);
        }
        Taps tx = new Taps(values);
        Taps to1 = new Taps(to);
        for (int a = 0; a < axes[0].positions; a++) {
            place(tx, to1, 0, a);
            for (int b = 0; b < axes[1].positions; b++) {
                place(tx, to1, 1, b);
                for (int c = 0; c < axes[2].positions; c++) {
                    place(tx, to1, 2, c);
                    long i = axes[0].start(a);
                    long j = axes[1].start(b);
                    long k = axes[2].start(c);
                    long x = values.at(addresses, n, i, j, k);
                    long y = gradients.at(addresses, n, a, b, c);
                    long dx = to.at(addresses, n, i, j, k);
                    if (max) {
                        toLargest(x, tx, y, dx, to1, from, end, adds);
                    } else {
                        toAll(y, dx, to1, from, end, adds);
                    }
                }
            }
        }
    }

    private static void place(Taps x, Taps to, int axis, int position) {
        x.place(axis, position);
        to.place(axis, position);
    }

    private boolean isDisjoint() {
        return Stream.of(axes).allMatch(Axis::isDisjoint);
    }

    /// Whether windows that do not overlap leave no pixel out.
    private boolean isCovered() {
        return Stream.of(axes)
                .allMatch(a ->
                        a.window.stride() == a.window.size() && a.start(a.positions) >= a.size);
    }

    private void clear(long at, int count, Steps to) {
        for (int i = 0; i < axes[0].size; i++) {
            for (int j = 0; j < axes[1].size; j++) {
                long row = at + i * to.axes[0] + j * to.axes[1];
                for (int k = 0; k < axes[2].size; k++) {
                    ALL.asSlice(row + k * to.axes[2], 4L * count).fill((byte) 0);
                }
            }
        }
    }

    /// Gives each channel's gradient to the first largest element of the window, or the first NaN.
    private static void toLargest(
            long x, Taps tx, long g, long dx, Taps to, int from, int end, boolean adds) {
        for (int c = from; c < end; c += LANES) {
            VectorMask<Float> some = FLOATS.indexInRange(c, end);
            FloatVector best = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
            IntVector where = IntVector.broadcast(INTS, -1);
            int tap = 0;
            for (int i = tx.first[0]; i < tx.end[0]; i++) {
                for (int j = tx.first[1]; j < tx.end[1]; j++) {
                    long at = x + i * tx.step[0] + j * tx.step[1] + 4L * c;
                    for (int k = tx.first[2]; k < tx.end[2]; k++, tap++) {
                        FloatVector v = load(at + k * tx.step[2], some);
                        VectorMask<Float> better =
                                tap == 0
                                        ? some
                                        : v.compare(VectorOperators.LE, best)
                                                .not()
                                                .and(best.compare(VectorOperators.EQ, best));
                        best = best.blend(v, better);
                        where = where.blend(tap, better.cast(INTS));
                    }
                }
            }
            FloatVector gradient = load(g + 4L * c, some);
            FloatVector zero = FloatVector.zero(FLOATS);
            tap = 0;
            for (int i = to.first[0]; i < to.end[0]; i++) {
                for (int j = to.first[1]; j < to.end[1]; j++) {
                    long at = dx + i * to.step[0] + j * to.step[1] + 4L * c;
                    for (int k = to.first[2]; k < to.end[2]; k++, tap++) {
                        VectorMask<Float> here =
                                where.compare(VectorOperators.EQ, tap).cast(FLOATS);
                        FloatVector share = zero.blend(gradient, here);
                        long place = at + k * to.step[2];
                        store(adds ? load(place, some).add(share) : share, place, some);
                    }
                }
            }
        }
    }

    private static void toAll(long g, long dx, Taps to, int from, int end, boolean adds) {
        float divisor = to.divisor();
        for (int c = from; c < end; c += LANES) {
            VectorMask<Float> some = FLOATS.indexInRange(c, end);
            FloatVector share = load(g + 4L * c, some).div(divisor);
            for (int i = to.first[0]; i < to.end[0]; i++) {
                for (int j = to.first[1]; j < to.end[1]; j++) {
                    long at = dx + i * to.step[0] + j * to.step[1] + 4L * c;
                    for (int k = to.first[2]; k < to.end[2]; k++) {
                        long place = at + k * to.step[2];
                        store(adds ? load(place, some).add(share) : share, place, some);
                    }
                }
            }
        }
    }
}
