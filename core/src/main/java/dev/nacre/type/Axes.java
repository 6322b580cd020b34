package dev.nacre.type;

import java.util.Arrays;

/// An immutable list of axis numbers, already normalised to `0 ≤ axis < rank`.
public final class Axes {
    public static final Axes NONE = new Axes(new int[0]);

    private final int[] axes;

    private Axes(int[] axes) {
        this.axes = axes;
    }

    /// Distinct axes in the given order; negative ones count from the end.
    public static Axes of(String op, int rank, int... axes) {
        int[] out = new int[axes.length];
        for (int i = 0; i < axes.length; i++) {
            out[i] = index(op, axes[i], rank);
            for (int j = 0; j < i; j++) {
                if (out[j] == out[i]) {
                    throw new ShapeException(
                            op
                                    + ": axis "
                                    + axes[i]
                                    + " is named twice in "
                                    + Arrays.toString(axes));
                }
            }
        }
        return new Axes(out);
    }

    /// Distinct axes in ascending order; none given means all of them.
    public static Axes sortedOrAll(String op, int rank, int... axes) {
        if (axes.length == 0) {
            return range(0, rank);
        }
        Axes a = of(op, rank, axes);
        Arrays.sort(a.axes);
        return a;
    }

    /// The axes from `from` (inclusive) to `to` (exclusive).
    public static Axes range(int from, int to) {
        int[] out = new int[to - from];
        for (int i = 0; i < out.length; i++) {
            out[i] = from + i;
        }
        return new Axes(out);
    }

    /// One axis, normalised; out of range is an error that names the operation.
    public static int index(String op, int axis, int rank) {
        if (axis < -rank || axis >= rank) {
            throw new ShapeException(
                    op
                            + ": axis "
                            + axis
                            + " is out of range for "
                            + rank
                            + (rank == 1 ? " axis" : " axes"));
        }
        return axis < 0 ? axis + rank : axis;
    }

    public int count() {
        return axes.length;
    }

    public int get(int i) {
        return axes[i];
    }

    public boolean contains(int axis) {
        for (int a : axes) {
            if (a == axis) {
                return true;
            }
        }
        return false;
    }

    /// The permutation that undoes this one.
    public Axes inverse() {
        int[] out = new int[axes.length];
        for (int i = 0; i < axes.length; i++) {
            out[axes[i]] = i;
        }
        return new Axes(out);
    }

    public int[] toArray() {
        return axes.clone();
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Axes a && Arrays.equals(axes, a.axes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(axes);
    }

    @Override
    public String toString() {
        return Arrays.toString(axes);
    }
}
