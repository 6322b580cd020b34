package dev.nacre.reference;

import dev.nacre.ir.Margin;
import dev.nacre.ir.Op;
import dev.nacre.ir.Span;
import dev.nacre.ir.Window;
import dev.nacre.type.Axes;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import dev.nacre.type.ValueException;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/// What only moves elements: shapes, slices, joins, windows, indexing.
final class Moves {
    private Moves() {}

    static Array reshape(Array x, Shape shape) {
        int[] same = new int[x.count()];
        Arrays.setAll(same, i -> i);
        return x.pick(shape, same);
    }

    static Array permute(Array x, Axes axes) {
        long[] sizes = new long[axes.count()];
        Arrays.setAll(sizes, i -> x.shape().size(axes.get(i)));
        Shape out = Shape.of(sizes);
        return x.pick(
                out,
                Places.map(
                        out,
                        x.shape(),
                        at -> {
                            long[] from = new long[at.length];
                            for (int i = 0; i < at.length; i++) {
                                from[axes.get(i)] = at[i];
                            }
                            return from;
                        }));
    }

    static Array broadcast(Array x, Shape shape) {
        return x.pick(
                shape,
                Places.map(
                        shape,
                        x.shape(),
                        at -> {
                            long[] from = at.clone();
                            Arrays.setAll(from, i -> x.shape().size(i) == 1 ? 0 : at[i]);
                            return from;
                        }));
    }

    static Array slice(Array x, List<Span> spans) {
        Shape out = Shape.of(spans.stream().mapToLong(Span::size).toArray());
        return x.pick(
                out,
                Places.map(
                        out,
                        x.shape(),
                        at -> {
                            long[] from = at.clone();
                            Arrays.setAll(
                                    from, i -> spans.get(i).start() + at[i] * spans.get(i).step());
                            return from;
                        }));
    }

    static Array scalar(Op.Constant c) {
        TensorType t = TensorType.of(c.dtype());
        return c.dtype().isFloating() ? Array.of(t, c.value()) : Array.ofLongs(t, c.bits());
    }

    static Array pad(Array x, List<Margin> margins, Op.Constant value) {
        long[] sizes = new long[margins.size()];
        Arrays.setAll(sizes, i -> margins.get(i).padded(x.shape().size(i)));
        TensorType t = x.type().withShape(Shape.of(sizes));
        Array constant = broadcast(reshape(scalar(value), ones(sizes.length)), t.shape());
        return place(
                constant,
                x,
                at -> {
                    long[] to = at.clone();
                    Arrays.setAll(
                            to,
                            i -> margins.get(i).before() + at[i] * (1 + margins.get(i).between()));
                    return to;
                });
    }

    private static Shape ones(int rank) {
        long[] sizes = new long[rank];
        Arrays.fill(sizes, 1);
        return Shape.of(sizes);
    }

    static Array concat(List<Array> parts, int axis) {
        Shape first = parts.get(0).shape();
        long total = parts.stream().mapToLong(p -> p.shape().size(axis)).sum();
        Array out =
                Array.of(
                        parts.get(0).type().withShape(first.with(axis, total)),
                        new double[Math.toIntExact(first.with(axis, total).count())]);
        long start = 0;
        for (Array part : parts) {
            long offset = start;
            out = place(out, part, at -> Places.with(at, axis, at[axis] + offset));
            start += part.shape().size(axis);
        }
        return out;
    }

    /// `base` with the elements of `x` written over it at the positions `target` names.
    private static Array place(Array base, Array x, UnaryOperator<long[]> target) {
        int[] places = Places.map(x.shape(), base.shape(), target);
        if (base.dtype().isFloating()) {
            double[] out = base.toDoubles();
            for (int i = 0; i < places.length; i++) {
                out[places[i]] = x.number(i);
            }
            return Array.of(base.type(), out);
        }
        long[] out = base.toLongs();
        for (int i = 0; i < places.length; i++) {
            out[places[i]] = x.whole(i);
        }
        return Array.ofLongs(base.type(), out);
    }

    static Array windows(Array x, List<Window> windows) {
        int k = windows.size();
        int lead = x.shape().rank() - k;
        long[] sizes = Arrays.copyOf(x.shape().toArray(), lead + 2 * k);
        for (int i = 0; i < k; i++) {
            Window w = windows.get(i);
            sizes[lead + i] = w.positions(x.shape().size(lead + i));
            sizes[lead + k + i] = w.size();
        }
        Shape out = Shape.of(sizes);
        return x.pick(
                out,
                Places.map(
                        out,
                        x.shape(),
                        at -> {
                            long[] from = Arrays.copyOf(at, lead + k);
                            for (int i = 0; i < k; i++) {
                                from[lead + i] =
                                        at[lead + i] * windows.get(i).stride()
                                                + at[lead + k + i] * windows.get(i).dilation();
                            }
                            return from;
                        }));
    }

    static Array gather(Array x, Array index, int axis) {
        int[] places = new int[index.count()];
        for (int i = 0; i < places.length; i++) {
            long[] at = Places.at(index.shape(), i);
            places[i] =
                    Places.flat(
                            x.shape(),
                            Places.with(
                                    at, axis, checked("gather", index.whole(i), axis, x.shape())));
        }
        return x.pick(index.shape(), places);
    }

    static Array scatterAdd(Array base, Array index, Array source, int axis) {
        int[] places = new int[index.count()];
        for (int i = 0; i < places.length; i++) {
            long[] at = Places.at(index.shape(), i);
            places[i] =
                    Places.flat(
                            base.shape(),
                            Places.with(
                                    at,
                                    axis,
                                    checked("scatter_add", index.whole(i), axis, base.shape())));
        }
        if (base.dtype().isFloating()) {
            double[] out = base.toDoubles();
            for (int i = 0; i < places.length; i++) {
                out[places[i]] += source.number(i);
            }
            return Array.of(base.type(), out);
        }
        long[] out = base.toLongs();
        for (int i = 0; i < places.length; i++) {
            out[places[i]] += source.whole(i);
        }
        return Array.ofLongs(base.type(), out);
    }

    private static long checked(String op, long index, int axis, Shape shape) {
        if (index < 0 || index >= shape.size(axis)) {
            throw new ValueException(
                    op
                            + ": index "
                            + index
                            + " is out of range for axis "
                            + axis
                            + " of size "
                            + shape.size(axis));
        }
        return index;
    }
}
