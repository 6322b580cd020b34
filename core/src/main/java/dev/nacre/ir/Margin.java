package dev.nacre.ir;

import dev.nacre.type.Shape;

/// What a pad adds along one axis: elements before, after, and between neighbours.
public record Margin(long before, long after, long between) {
    public static final Margin NONE = new Margin(0, 0, 0);

    /// The size of an axis of `n` elements with them; what is too large to count, the greatest number.
    public long padded(long n) {
        long inside = Shape.plus(n, Shape.times(Math.max(0, n - 1), between));
        return Shape.plus(Shape.plus(before, inside), after);
    }
}
