package dev.nacre.compile;

import dev.nacre.type.Shape;
import java.util.Optional;
import java.util.TreeSet;

/// The points a loop goes through, in row-major order, and the ways that order is divided into axes. Tensors of different shapes but equal counts can share a
/// loop if some common division into axes refines all their shapes: `[32, 64]` and `[2048]` can, `[4, 6]` and `[6, 4]` cannot.
///
/// @param count number of points
/// @param bounds the products of trailing sizes at which axes meet, ascending, without 1 and `count`
record Domain(long count, TreeSet<Long> bounds) {
    static Domain of(Shape shape) {
        return new Domain(shape.count(), bounds(shape.toArray(), 1));
    }

    /// Products of the trailing sizes times `inner`, without 1 and the total.
    private static TreeSet<Long> bounds(long[] sizes, long inner) {
        TreeSet<Long> out = new TreeSet<>();
        long n = inner;
        for (int i = sizes.length - 1; i >= 0; i--) {
            n *= sizes[i];
            out.add(n);
        }
        out.remove(n);
        out.add(inner);
        out.remove(1L);
        out.remove(n);
        return out;
    }

    /// The coarsest domain that refines this one and a shape of values that are each shared by `inner` consecutive points.
    Optional<Domain> refine(Shape shape, long inner) {
        if (Math.multiplyExact(shape.count(), inner) != count) {
            return Optional.empty();
        }
        if (isDivided(shape, inner)) {
            return Optional.of(this);
        }
        TreeSet<Long> all = new TreeSet<>(bounds);
        all.addAll(bounds(shape.toArray(), inner));
        long before = 1;
        for (long b : all) {
            if (b % before != 0) {
                return Optional.empty();
            }
            before = b;
        }
        return count % before == 0 ? Optional.of(new Domain(count, all)) : Optional.empty();
    }

    /// Whether all axes of such values, of as many points, meet where axes of this meet.
    private boolean isDivided(Shape shape, long inner) {
        long n = inner;
        boolean is = isBound(n);
        for (int i = shape.rank() - 1; is && i >= 0; i--) {
            n *= shape.size(i);
            is = isBound(n);
        }
        return is;
    }

    private boolean isBound(long n) {
        return n == 1 || n == count || bounds.contains(n);
    }

    /// Sizes of the axes, outermost first; the last is `row` points long if given (> 0) whatever bounds lie inside it. At least one axis.
    long[] extents(long row) {
        TreeSet<Long> cuts = new TreeSet<>(row > 0 ? bounds.tailSet(row) : bounds);
        if (row > 1) {
            cuts.add(row);
        }
        cuts.remove(count);
        long[] out = new long[cuts.size() + 1 + (row == 1 ? 1 : 0)];
        int i = out.length - 1;
        if (row == 1) {
            out[i--] = 1;
        }
        long before = 1;
        for (long c : cuts) {
            out[i--] = c / before;
            before = c;
        }
        out[i] = count / before;
        return out;
    }

    /// A view in the loop's axes: one stride per extent. `inner` consecutive points share an element of the view.
    static View spread(View view, long inner, long[] extents) {
        long[] strides = new long[extents.length];
        long low = 1;
        for (int e = extents.length - 1; e >= 0; e--) {
            if (extents[e] != 1) {
                strides[e] = low < inner ? 0 : strideAt(view, low / inner);
            }
            low *= extents[e];
        }
        return new View(view.buffer(), view.dtype(), view.offset(), extents, strides);
    }

    /// Distance in the buffer between row-major positions p and p + `step` of a view.
    private static long strideAt(View view, long step) {
        long product = 1;
        for (int i = view.rank() - 1; i >= 0; i--) {
            long next = product * view.sizes()[i];
            if (step < next && view.sizes()[i] != 1) {
                return view.strides()[i] * (step / product);
            }
            product = next;
        }
        return 0;
    }
}
