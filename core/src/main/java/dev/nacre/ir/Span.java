package dev.nacre.ir;

/// A part of one axis: `size` elements from `start`, `step` apart. A negative step walks backwards.
public record Span(long start, long size, long step) {
    /// The whole of an axis of `n` elements.
    public static Span all(long n) {
        return new Span(0, n, 1);
    }

    /// Python's `start:stop:step` on an axis of `n` elements: negative positions count from the end, positions outside are moved to the edge. A stop of
    /// `Long.MIN_VALUE` is before the first element.
    static Span range(long start, long stop, long step, long n) {
        long low = step > 0 ? 0 : -1;
        long from = Math.clamp(start < 0 ? start + n : start, low, n + low);
        long to =
                stop == Long.MIN_VALUE ? -1 : Math.clamp(stop < 0 ? stop + n : stop, low, n + low);
        long size =
                Math.max(
                        0,
                        step > 0
                                ? Math.ceilDiv(to - from, step)
                                : Math.ceilDiv(from - to, -Math.max(step, -Long.MAX_VALUE)));
        return new Span(size == 0 ? 0 : from, size, size == 0 ? 1 : step);
    }

    /// Whether all of its elements, one at least, are on an axis of `n`.
    boolean isInside(long n) {
        if (start < 0 || start >= n || size > n) {
            return false;
        }
        long room = step > 0 ? n - 1 - start : start;
        return size == 1
                || step != Long.MIN_VALUE && step != 0 && size - 1 <= room / Math.abs(step);
    }

    /// Which elements, for an error.
    String text() {
        java.math.BigInteger last =
                java.math.BigInteger.valueOf(size - 1)
                        .multiply(java.math.BigInteger.valueOf(step))
                        .add(java.math.BigInteger.valueOf(start));
        return "elements " + start + " to " + last;
    }

    /// The same elements: the step of a single one does not matter.
    Span simple() {
        return size == 1 && step != 1 ? new Span(start, 1, 1) : this;
    }

    public boolean isAll(long n) {
        return start == 0 && size == n && step == 1;
    }
}
