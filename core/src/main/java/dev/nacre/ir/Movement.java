package dev.nacre.ir;

import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/// Shapes, slices, joins and indexing. Negative axes and positions count from the end.
///
/// @param <T> the implementing type
public interface Movement<T extends Algebra<T>> extends Expression<T> {

    // ------------------------------------------------------------------------------------------------- shapes

    /// The same elements in row-major order under another shape. One size may be −1: it follows from the others.
    default T reshape(long... sizes) {
        int open = -1;
        for (int i = 0; i < sizes.length; i++) {
            if (sizes[i] == -1) {
                if (open >= 0) {
                    throw new ShapeException(
                            "reshape: only one size may be -1, not " + Sizes.text(sizes));
                }
                open = i;
            }
        }
        if (open < 0) {
            return reshape(Shape.of(sizes));
        }
        long[] out = sizes.clone();
        out[open] = inferred(sizes);
        return reshape(Shape.of(out));
    }

    /// The size that −1 stands for: what is left of this shape's sizes after the given ones, where unknown sizes cancel each other.
    private long inferred(long[] sizes) {
        List<Long> unknown = new ArrayList<>();
        long count = 1;
        for (long s : shape().toArray()) {
            long[] factors = Shape.isUnknown(s) ? Shape.factors(s) : new long[] {s};
            count *= factors[factors.length - 1];
            Arrays.stream(factors, 0, factors.length - 1).forEach(unknown::add);
        }
        long known = 1;
        boolean fits = true;
        for (long s : sizes) {
            long[] factors = Shape.isUnknown(s) ? Shape.factors(s) : new long[] {s};
            known = s == -1 ? known : Shape.times(known, factors[factors.length - 1]);
            for (int i = 0; i < factors.length - 1; i++) {
                fits &= unknown.remove(Long.valueOf(factors[i]));
            }
        }
        if (fits && known != 0 && count % known == 0) {
            unknown.add(count / known);
            return Shape.product(unknown.stream().mapToLong(s -> s).toArray());
        } else {
            Problem.in("reshape")
                    .rule(shape() + " does not divide into " + Sizes.text(sizes))
                    .operand("x", type(), this::origin)
                    .throwShape();
        }
        return count / known;
    }

    default T reshape(Shape shape) {
        return shape.equals(shape()) ? self() : emit(new Op.Reshape(shape), List.of(self()));
    }

    /// Axes `from` to the last joined into one: `[n, c, h, w].flatten(1)` is `[n, c·h·w]`.
    default T flatten(int from) {
        int a = rank() == 0 ? 0 : Axes.index("flatten", from, rank());
        return reshape(shape().range(0, a).concat(Shape.of(shape().range(a, rank()).product())));
    }

    /// An axis of size 1 put in at `axis` of the result.
    default T unsqueeze(int axis) {
        return reshape(shape().insert(Axes.index("unsqueeze", axis, rank() + 1), 1));
    }

    /// The given axes of size 1 removed; none given means all such axes.
    default T squeeze(int... axes) {
        if (axes.length == 0) {
            return reshape(
                    Shape.of(Arrays.stream(shape().toArray()).filter(s -> s != 1).toArray()));
        }
        Axes a = Axes.of("squeeze", rank(), axes);
        for (int i = 0; i < a.count(); i++) {
            Problem.in("squeeze")
                    .require(
                            size(a.get(i)) == 1,
                            "axis " + a.get(i) + " has size " + size(a.get(i)) + ", not 1")
                    .operand("x", type(), this::origin)
                    .throwShape();
        }
        return reshape(shape().without(a));
    }

    /// Axes reordered: axis i of the result is axis `axes[i]` of this.
    default T permute(int... axes) {
        Axes a = Axes.of("permute", rank(), axes);
        if (a.count() != rank()) {
            throw new ShapeException("permute: needs " + rank() + " axes, not " + a);
        }
        return a.equals(Axes.range(0, rank())) ? self() : emit(new Op.Permute(a), List.of(self()));
    }

    /// Two axes exchanged.
    default T transpose(int axisA, int axisB) {
        int[] order = Axes.range(0, rank()).toArray();
        int a = Axes.index("transpose", axisA, rank());
        int b = Axes.index("transpose", axisB, rank());
        order[a] = b;
        order[b] = a;
        return permute(order);
    }

    /// The last two axes exchanged.
    default T transpose() {
        return transpose(-2, -1);
    }

    /// An axis moved to another place, the others keeping their order.
    default T moveAxis(int from, int to) {
        List<Integer> order = new ArrayList<>();
        int a = Axes.index("moveAxis", from, rank());
        for (int i = 0; i < rank(); i++) {
            if (i != a) {
                order.add(i);
            }
        }
        order.add(Axes.index("moveAxis", to, rank()), a);
        return permute(order.stream().mapToInt(i -> i).toArray());
    }

    /// Broadcast to `shape` as NumPy does: aligned at the last axis, sizes of 1 and missing axes repeat.
    default T broadcastTo(Shape shape) {
        if (shape.equals(shape())) {
            return self();
        }
        if (rank() > shape.rank()
                || !Shape.broadcast(shape, shape()).filter(shape::equals).isPresent()) {
            Problem.in("broadcast")
                    .rule(shape() + " does not broadcast to " + shape)
                    .operand("x", type(), this::origin)
                    .throwShape();
        }
        T aligned =
                rank() == shape.rank()
                        ? self()
                        : reshape(Shape.of(ones(shape.rank() - rank())).concat(shape()));
        return aligned.shape().equals(shape)
                ? aligned
                : emit(new Op.Broadcast(shape), List.of(aligned));
    }

    default T broadcastTo(long... sizes) {
        return broadcastTo(Shape.of(sizes));
    }

    private static long[] ones(int n) {
        long[] out = new long[n];
        Arrays.fill(out, 1);
        return out;
    }

    /// The removed `axes` put back with size 1 and broadcast to `shape`: undoes a reduction's shape.
    default T expandAlong(Axes axes, Shape shape) {
        Shape kept = shape;
        for (int i = 0; i < axes.count(); i++) {
            kept = kept.with(axes.get(i), 1);
        }
        return reshape(kept).broadcastTo(shape);
    }

    /// Repeated whole along each axis: `[2, 3].tile(2, 1)` is `[4, 3]`.
    default T tile(long... times) {
        if (times.length != rank()) {
            throw new ShapeException(
                    "tile: needs one count per axis, "
                            + rank()
                            + " for "
                            + type()
                            + ", not "
                            + times.length);
        }
        long[] split = new long[2 * rank()];
        long[] grown = new long[2 * rank()];
        long[] out = new long[rank()];
        for (int i = 0; i < rank(); i++) {
            if (times[i] < 0) {
                throw new ShapeException(
                        "tile: counts must not be negative, but are " + Arrays.toString(times));
            }
            split[2 * i] = 1;
            grown[2 * i] = times[i];
            split[2 * i + 1] = grown[2 * i + 1] = size(i);
            out[i] = times[i] == 1 ? size(i) : Shape.times(times[i], Sizes.known("tile", this, i));
        }
        type().withShape(Shape.of(out)).addressable("tile");
        return reshape(Shape.of(split)).broadcastTo(Shape.of(grown)).reshape(Shape.of(out));
    }

    /// Each element repeated in place along an axis: `[a, b]` twice is `[a, a, b, b]`.
    default T repeat(long times, int axis) {
        int a = Axes.index("repeat", axis, rank());
        if (times < 0) {
            throw new ShapeException("repeat: the count must not be negative, but is " + times);
        }
        Shape wide = shape().insert(a + 1, times);
        Shape out = shape().with(a, Shape.times(Sizes.known("repeat", this, a), times));
        type().withShape(out).addressable("repeat");
        return unsqueeze(a + 1).broadcastTo(wide).reshape(out);
    }

    // ------------------------------------------------------------------------------------------------- slices

    /// A regular part of each axis.
    default T slice(List<Span> spans) {
        boolean whole = spans.size() == rank();
        for (int i = 0; whole && i < rank(); i++) {
            whole = spans.get(i).isAll(size(i));
        }
        return whole
                ? self()
                : emit(new Op.Slice(spans.stream().map(Span::simple).toList()), List.of(self()));
    }

    /// One axis restricted as by Python's `start:stop:step`: negative positions count from the end, positions outside are moved to the edge.
    default T slice(int axis, long start, long stop, long step) {
        int a = Axes.index("slice", axis, rank());
        if (step == 0) {
            throw new ShapeException("slice: the step must not be 0");
        }
        return slice(spans(a, Span.range(start, stop, step, Sizes.known("slice", this, a))));
    }

    default T slice(int axis, long start, long stop) {
        return slice(axis, start, stop, 1);
    }

    /// `size` elements of an axis from `start`.
    default T narrow(int axis, long start, long size) {
        return slice(spans(Axes.index("narrow", axis, rank()), new Span(start, size, 1)));
    }

    /// One position of an axis, which is removed.
    default T select(int axis, long position) {
        int a = Axes.index("select", axis, rank());
        long n = Sizes.known("select", this, a);
        if (position < -n || position >= n) {
            Problem.in("select")
                    .rule(
                            "position "
                                    + position
                                    + " is out of range for axis "
                                    + a
                                    + " of size "
                                    + n)
                    .operand("x", type(), this::origin)
                    .throwShape();
        }
        return narrow(a, position < 0 ? position + n : position, 1)
                .reshape(shape().without(Axes.range(a, a + 1)));
    }

    /// A part named as NumPy does between brackets: `x.at("1:3, ::2, -1, ..., None")`. Items belong to the axes in turn.
    ///
    /// - a position removes its axis; negative ones count from the end
    /// - `start:stop:step` keeps a range; parts left out run to the end, a negative step walks backwards, positions outside are moved to the edge
    /// - `...` stands for as many whole axes as are left over; without it they are at the end
    /// - `None` or `newaxis` is a new axis of size 1
    ///
    /// Shape: of `f32[4, 6, 5]` the part `"1:3, ::2, -1"` is `f32[2, 3]`. Gradient: put back in place, zero elsewhere. For positions that are numbers of the program,
    /// [#select], [#slice] and [#narrow] do the same without text; for positions that are data, see [#take] and [#gather].
    default T at(String index) {
        return Index.apply(Index.parse(index), self());
    }

    private List<Span> spans(int axis, Span span) {
        List<Span> spans = new ArrayList<>();
        for (int i = 0; i < rank(); i++) {
            spans.add(i == axis ? span : Span.all(size(i)));
        }
        return spans;
    }

    /// The order along the given axes reversed; none given means all.
    default T flip(int... axes) {
        Axes a = Axes.sortedOrAll("flip", rank(), axes);
        List<Span> spans = new ArrayList<>();
        for (int i = 0; i < rank(); i++) {
            boolean flips = a.contains(i) && Sizes.known("flip", this, i) > 0;
            spans.add(flips ? new Span(size(i) - 1, size(i), -1) : Span.all(size(i)));
        }
        return slice(spans);
    }

    /// Elements moved along an axis by `shift`, those that leave one end entering at the other.
    default T roll(long shift, int axis) {
        int a = Axes.index("roll", axis, rank());
        long n = Sizes.known("roll", this, a);
        long k = n == 0 ? 0 : Math.floorMod(shift, n);
        return k == 0 ? self() : narrow(a, n - k, k).concat(a, narrow(a, 0, n - k));
    }

    /// Elements moved along an axis by `distance`, zeros entering, the shape kept.
    default T shift(int axis, long distance) {
        int a = Axes.index("shift", axis, rank());
        long n = Sizes.known("shift", this, a);
        long k = Math.abs(Math.clamp(distance, -n, n));
        T kept = distance >= 0 ? narrow(a, 0, n - k) : narrow(a, k, n - k);
        return kept.pad(a, distance >= 0 ? k : 0, distance >= 0 ? 0 : k, 0);
    }

    /// The adjoint of a slice: these elements put back into zeros of `shape`.
    default T unslice(List<Span> spans, Shape shape) {
        T x = self();
        requireRank("unslice", spans.size(), shape);
        List<Margin> margins = new ArrayList<>();
        int[] flipped = new int[rank()];
        int flips = 0;
        for (int i = 0; i < rank(); i++) {
            Span s = spans.get(i);
            long n = shape.size(i);
            if (s.isAll(n)) {
                margins.add(Margin.NONE);
                continue;
            }
            if (s.size() == 0) {
                margins.add(new Margin(n, 0, 0));
                continue;
            }
            long last = s.start() + (s.size() - 1) * s.step();
            margins.add(
                    new Margin(
                            Math.min(s.start(), last),
                            n - 1 - Math.max(s.start(), last),
                            Math.abs(s.step()) - 1));
            if (s.step() < 0) {
                flipped[flips++] = i;
            }
        }
        x = flips == 0 ? x : x.flip(Arrays.copyOf(flipped, flips));
        return x.pad(margins, 0);
    }

    private void requireRank(String op, int given, Shape shape) {
        if (given != rank() || shape.rank() != rank()) {
            throw new ShapeException(
                    op
                            + ": needs one entry per axis of "
                            + type()
                            + ", but has "
                            + given
                            + " for shape "
                            + shape);
        }
    }

    // --------------------------------------------------------------------------------------------------- pads

    /// A number put around and between the elements; an error if the type cannot hold it.
    default T pad(List<Margin> margins, double value) {
        return padWith(margins, Op.Constant.exact("pad", value, dtype()));
    }

    /// A whole number put around and between the elements; an error if the type cannot hold it.
    default T pad(List<Margin> margins, long value) {
        return padWith(margins, Op.Constant.exact("pad", value, dtype()));
    }

    private T padWith(List<Margin> margins, Op.Constant value) {
        return margins.stream().allMatch(Margin.NONE::equals)
                ? self()
                : emit(new Op.Pad(List.copyOf(margins), value), List.of(self()));
    }

    /// A number put before and after the elements of one axis; negative counts cut off.
    default T pad(int axis, long before, long after, double value) {
        return padWith(axis, before, after, Op.Constant.exact("pad", value, dtype()));
    }

    /// A whole number put before and after the elements of one axis; negative counts cut off.
    default T pad(int axis, long before, long after, long value) {
        return padWith(axis, before, after, Op.Constant.exact("pad", value, dtype()));
    }

    private T padWith(int axis, long before, long after, Op.Constant value) {
        int a = Axes.index("pad", axis, rank());
        T x = self();
        if (before < 0 || after < 0) {
            long n = Sizes.known("pad", this, a);
            long from = Math.min(n, Math.max(0, -Math.max(before, -n)));
            long cut = Math.min(n, Math.max(0, -Math.max(after, -n)));
            x = narrow(a, from, Math.max(0, n - from - cut));
        }
        List<Margin> margins = new ArrayList<>(Collections.nCopies(rank(), Margin.NONE));
        margins.set(a, new Margin(Math.max(0, before), Math.max(0, after), 0));
        Movement<T> kept = x;
        return kept.padWith(margins, value);
    }

    /// One axis continued by its mirror image, without repeating the edge element. Fewer elements than the axis has can be added.
    default T padReflect(int axis, long before, long after) {
        int a = Axes.index("padReflect", axis, rank());
        long n = Sizes.known("padReflect", this, a);
        if (before < 0 || after < 0 || before >= n || after >= n) {
            Problem.in("padReflect")
                    .rule(
                            "axis "
                                    + a
                                    + " of size "
                                    + n
                                    + " can be continued by 0 to "
                                    + Math.max(0, n - 1)
                                    + " mirrored elements, not by "
                                    + before
                                    + " and "
                                    + after)
                    .operand("x", type(), this::origin)
                    .throwShape();
        }
        List<T> parts = new ArrayList<>();
        if (before > 0) {
            parts.add(narrow(a, 1, before).flip(a));
        }
        parts.add(self());
        if (after > 0) {
            parts.add(narrow(a, n - 1 - after, after).flip(a));
        }
        return joined(parts, a);
    }

    /// One axis continued by its first and last element.
    default T padEdge(int axis, long before, long after) {
        int a = Axes.index("padEdge", axis, rank());
        long n = Sizes.known("padEdge", this, a);
        if (before < 0 || after < 0 || n == 0) {
            Problem.in("padEdge")
                    .rule("padding must be at least 0 and axis " + a + " not empty")
                    .operand("x", type(), this::origin)
                    .throwShape();
        }
        List<T> parts = new ArrayList<>();
        if (before > 0) {
            parts.add(narrow(a, 0, 1).broadcastTo(shape().with(a, before)));
        }
        parts.add(self());
        if (after > 0) {
            parts.add(narrow(a, n - 1, 1).broadcastTo(shape().with(a, after)));
        }
        return joined(parts, a);
    }

    /// The adjoint of a pad: the elements that were padded.
    default T unpad(List<Margin> margins, Shape shape) {
        requireRank("unpad", margins.size(), shape);
        List<Span> spans = new ArrayList<>();
        for (int i = 0; i < rank(); i++) {
            spans.add(
                    new Span(margins.get(i).before(), shape.size(i), margins.get(i).between() + 1));
        }
        return slice(spans);
    }

    // -------------------------------------------------------------------------------------------------- joins

    /// This and others of one dtype joined along an axis.
    default T concat(int axis, List<T> others) {
        List<T> all = new ArrayList<>();
        all.add(self());
        all.addAll(others);
        return joined(all, Axes.index("concat", axis, rank()));
    }

    default T concat(int axis, T other) {
        return concat(axis, List.of(other));
    }

    private T joined(List<T> parts, int axis) {
        DType t = parts.stream().map(Expression::dtype).reduce(DType::promote).orElseThrow();
        List<T> cast = parts.stream().map(p -> p.cast(t)).toList();
        return cast.size() == 1 ? cast.get(0) : emit(new Op.Concat(axis), cast);
    }

    /// This and others of one shape joined along a new axis.
    default T stackWith(int axis, List<T> others) {
        int a = Axes.index("stack", axis, rank() + 1);
        Problem p = Problem.in("stack").operand("0", type(), this::origin);
        for (int i = 0; i < others.size(); i++) {
            T x = others.get(i);
            p.operand(Integer.toString(i + 1), x.type(), x::origin);
            p.require(
                    x.shape().equals(shape()),
                    "operand " + (i + 1) + " must have the shape of operand 0");
        }
        p.throwShape();
        return unsqueeze(a).concat(a, others.stream().map(o -> o.unsqueeze(a)).toList());
    }

    /// Parts of the given sizes along an axis.
    default List<T> split(int axis, long... sizes) {
        int a = Axes.index("split", axis, rank());
        boolean negative = Arrays.stream(sizes).anyMatch(s -> s < 0);
        long sum = Arrays.stream(sizes).reduce(0, Shape::plus);
        if (negative || sum != Sizes.known("split", this, a)) {
            Problem.in("split")
                    .rule(
                            "sizes "
                                    + Arrays.toString(sizes)
                                    + " do not add up to "
                                    + size(a)
                                    + " of axis "
                                    + a)
                    .operand("x", type(), this::origin)
                    .throwShape();
        }
        List<T> parts = new ArrayList<>();
        long start = 0;
        for (long s : sizes) {
            parts.add(narrow(a, start, s));
            start += s;
        }
        return parts;
    }

    /// `parts` pieces along an axis, the last one smaller if the size does not divide, as torch.chunk.
    default List<T> chunk(int parts, int axis) {
        if (parts < 1) {
            throw new ShapeException("chunk: needs at least one part, not " + parts);
        }
        long n = Sizes.known("chunk", this, Axes.index("chunk", axis, rank()));
        long each = Math.ceilDiv(n, parts);
        List<Long> sizes = new ArrayList<>();
        for (long start = 0; start < n; start += each) {
            sizes.add(Math.min(each, n - start));
        }
        return n == 0 ? List.of(self()) : split(axis, sizes.stream().mapToLong(s -> s).toArray());
    }

    // ------------------------------------------------------------------------------------------------ windows

    /// All positions of sliding windows over the last axes; see [Op.Windows]. Padding is by zeros.
    default T windows(List<Window> windows) {
        T x = self();
        List<Window> bare = new ArrayList<>();
        Problem.in("windows")
                .require(rank() >= windows.size(), "needs at least " + windows.size() + " axes")
                .operand("x", type(), this::origin)
                .throwShape();
        for (int i = 0; i < windows.size(); i++) {
            Window w = windows.get(i);
            x = x.pad(rank() - windows.size() + i, w.before(), w.after(), 0);
            long n = x.size(rank() - windows.size() + i);
            boolean fits = w.size() > 0 && w.stride() > 0 && w.dilation() > 0 && n >= 0;
            Window alone = w.padding(0, 0);
            bare.add(fits ? alone.on(n) : alone);
        }
        return emit(new Op.Windows(bare), List.of(x));
    }

    /// The adjoint of [#windows]: window elements added up where they overlap, `[…, p₁…pₖ, w₁…wₖ] → shape`. What falls on padding is left out.
    default T overlapAdd(List<Window> windows, Shape shape) {
        int k = windows.size();
        int lead = rank() - 2 * k;
        Problem p = Problem.in("overlapAdd").operand("x", type(), this::origin);
        p.require(
                        lead >= 0
                                && shape.rank() == lead + k
                                && shape.range(0, lead).equals(shape().range(0, lead)),
                        () ->
                                "windows along "
                                        + k
                                        + " axes of "
                                        + shape
                                        + " have other axes than "
                                        + shape())
                .throwShape();
        Shape padded = shape;
        for (int i = 0; i < k; i++) {
            Window w = windows.get(i);
            int axis = lead + i;
            long n = shape.size(axis);
            boolean fits =
                    w.size() == size(axis + k)
                            && w.size() > 0
                            && w.stride() > 0
                            && w.dilation() > 0
                            && (n < 0 || w.positions(n) == size(axis));
            p.require(
                    fits,
                    () ->
                            "axis "
                                    + axis
                                    + " of "
                                    + shape
                                    + " has not "
                                    + size(axis)
                                    + " windows of "
                                    + size(axis + k)
                                    + " elements as "
                                    + w);
            padded = n < 0 ? padded : padded.with(axis, n + w.before() + w.after());
        }
        p.throwShape();
        Shape whole = padded;
        return self().wide(x -> {
            T sum = overlapped(x, windows, whole);
            for (int i = 0; i < k; i++) {
                Window w = windows.get(i);
                sum = sum.pad(lead + i, -w.before(), -w.after(), 0);
            }
            return sum;
        });
    }

    /// The sum over the places within a window of what all windows have there, or over the windows, of which there may be fewer.
    private static <T extends Algebra<T>> T overlapped(T x, List<Window> windows, Shape shape) {
        int k = windows.size();
        int lead = x.rank() - 2 * k;
        long positions = x.shape().range(lead, lead + k).product();
        long places = x.shape().range(lead + k, lead + 2 * k).product();
        boolean byPlace = positions < 0 || places <= positions;
        if ((byPlace ? places : positions) > Window.MOST_TERMS) {
            throw new ShapeException(
                    "overlapAdd: "
                            + positions
                            + " windows of "
                            + places
                            + " elements are too many to add up");
        }
        if (positions == 0) {
            return x.constant(0, x.dtype()).broadcastTo(shape);
        }
        long[] counts =
                x.shape().range(byPlace ? lead + k : lead, lead + (byPlace ? 2 : 1) * k).toArray();
        T sum = null;
        long[] at = new long[k];
        do {
            T part = x;
            List<Margin> margins = new ArrayList<>(Collections.nCopies(lead, Margin.NONE));
            for (int i = k - 1; i >= 0; i--) {
                part = part.select(byPlace ? lead + k + i : lead + i, at[i]);
            }
            for (int i = 0; i < k; i++) {
                Window w = windows.get(i);
                long before = at[i] * (byPlace ? w.dilation() : w.stride());
                long step = byPlace ? w.stride() : w.dilation();
                long span = (part.size(lead + i) - 1) * step + 1;
                margins.add(new Margin(before, shape.size(lead + i) - before - span, step - 1));
            }
            T placed = part.pad(margins, 0);
            sum = sum == null ? placed : sum.add(placed);
        } while (next(at, counts));
        return sum;
    }

    private static boolean next(long[] at, long[] counts) {
        for (int i = at.length - 1; i >= 0; i--) {
            if (++at[i] < counts[i]) {
                return true;
            }
            at[i] = 0;
        }
        return false;
    }

    // ----------------------------------------------------------------------------------------------- indexing

    /// Elements along an axis picked by an index tensor of this rank: `out[…, i, …] = x[…, index[…, i, …], …]`, as torch.gather. The other sizes of
    /// the index must be equal to this tensor's.
    default T gather(int axis, T index) {
        return emit(new Op.Gather(Axes.index("gather", axis, rank())), List.of(self(), index));
    }

    /// Whole slices along an axis picked by an index tensor of any shape, which takes that axis' place, as NumPy's take.
    default T take(T index, int axis) {
        int a = Axes.index("take", axis, rank());
        boolean whole = index.dtype() == DType.I64 || index.dtype() == DType.I32;
        Problem.in("take")
                .require(whole, "the index must be i64 or i32")
                .operand("x", type(), this::origin)
                .operand("index", index.type(), index::origin)
                .throwDType();
        Shape head = shape().range(0, a);
        Shape tail = shape().range(a + 1, rank());
        long n = index.shape().product();
        Shape aligned = Shape.of(ones(a)).concat(Shape.of(n)).concat(Shape.of(ones(tail.rank())));
        T spread = index.reshape(aligned).broadcastTo(head.concat(Shape.of(n)).concat(tail));
        return gather(a, spread).reshape(head.concat(index.shape()).concat(tail));
    }

    /// `source` added at the places an index of the same shape names along an axis, as torch.scatter_add.
    default T scatterAdd(int axis, T index, T source) {
        return emit(
                new Op.ScatterAdd(Axes.index("scatterAdd", axis, rank())),
                List.of(self(), index, source));
    }

    /// These class indices as vectors of `classes` elements: 1 at the number, else 0, along a new last axis. A number below 0 or from `classes` on gives 0 only, as in Keras and JAX, where
    /// PyTorch refuses it.
    default T oneHot(long classes, DType dtype) {
        Problem.in("oneHot")
                .require(dtype().isInteger(), "class numbers must be integers, not " + dtype())
                .operand("x", type(), this::origin)
                .throwDType();
        if (classes < 0) {
            throw new ShapeException(
                    "oneHot: the number of classes must not be negative, but is " + classes);
        }
        T x = self().unsqueeze(rank());
        return iota(classes, dtype().bytes() < 4 ? DType.I32 : dtype()).eq(x).cast(dtype);
    }

    /// The lower triangle of the last two axes, up to `diagonal` above the main one; the rest is 0.
    default T tril(long diagonal) {
        return triangle(diagonal, true);
    }

    /// The upper triangle of the last two axes, from `diagonal` above the main one; the rest is 0.
    default T triu(long diagonal) {
        return triangle(diagonal, false);
    }

    private T triangle(long diagonal, boolean lower) {
        matrix(lower ? "tril" : "triu");
        long most = 1L << 60; // more than any axis has
        T row = iota(size(-2), DType.I64).unsqueeze(1).add(Math.clamp(diagonal, -most, most));
        T column = iota(size(-1), DType.I64).unsqueeze(0);
        return (lower ? column.le(row) : column.ge(row)).where(self(), constant(0, dtype()));
    }

    private void matrix(String op) {
        Problem.in(op)
                .require(rank() >= 2, "needs at least 2 axes")
                .operand("x", type(), this::origin)
                .throwShape();
    }

    /// The diagonal of the last two axes.
    default T diagonal() {
        matrix("diagonal");
        long n =
                Math.min(
                        Sizes.known("diagonal", this, rank() - 1),
                        Sizes.known("diagonal", this, rank() - 2));
        T square = narrow(-2, 0, n).narrow(-1, 0, n);
        T index = iota(n, DType.I64).unsqueeze(1).broadcastTo(square.shape().with(-1, 1));
        return square.gather(-1, index).squeeze(-1);
    }
}
