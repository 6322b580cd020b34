package dev.nacre.reference;

import dev.nacre.type.Shape;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/// Positions in row-major arrays: one number per axis, or one number in all.
final class Places {
    private Places() {}

    /// The position of element number `flat`.
    static long[] at(Shape shape, long flat) {
        long[] at = new long[shape.rank()];
        long rest = flat;
        for (int i = at.length - 1; i >= 0; i--) {
            at[i] = rest % shape.size(i);
            rest /= shape.size(i);
        }
        return at;
    }

    /// The number of the element at a position.
    static int flat(Shape shape, long[] at) {
        long flat = 0;
        for (int i = 0; i < at.length; i++) {
            if (at[i] < 0 || at[i] >= shape.size(i)) {
                throw new IndexOutOfBoundsException(Arrays.toString(at) + " is not in " + shape);
            }
            flat = flat * shape.size(i) + at[i];
        }
        return Math.toIntExact(flat);
    }

    /// For each element of `out`, the number of the element of `in` that `source` names.
    static int[] map(Shape out, Shape in, UnaryOperator<long[]> source) {
        int[] places = new int[Math.toIntExact(out.count())];
        Arrays.setAll(places, i -> flat(in, source.apply(at(out, i))));
        return places;
    }

    /// A position with another number on one axis.
    static long[] with(long[] at, int axis, long value) {
        long[] out = at.clone();
        out[axis] = value;
        return out;
    }
}
