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

    public boolean isAll(long n) {
        return start == 0 && size == n && step == 1;
    }
}
