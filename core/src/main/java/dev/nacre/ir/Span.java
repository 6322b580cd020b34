package dev.nacre.ir;

/// A part of one axis: `size` elements from `start`, `step` apart. A negative step walks backwards.
public record Span(long start, long size, long step) {
  /// The whole of an axis of `n` elements.
  public static Span all(long n) {
    return new Span(0, n, 1);
  }

  public boolean isAll(long n) {
    return start == 0 && size == n && step == 1;
  }
}
