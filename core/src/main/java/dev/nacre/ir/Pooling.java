package dev.nacre.ir;

import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.TensorType;
import java.util.List;

/// Pooling over the last axes: one value per window position.
public record Pooling(Kind kind, List<Window> windows) implements Composite {
  /// How a window's elements become one.
  public enum Kind {
    /// The largest; padding never wins.
    MAX,
    /// The mean of the elements that are not padding.
    MEAN,
    /// The mean, padding counting as zeros.
    MEAN_WITH_PADDING
  }

  public Pooling {
    windows = List.copyOf(windows);
  }

  @Override
  public String name() {
    return kind == Kind.MAX ? "max_pool" : "avg_pool";
  }

  /// What the pooling means, in primitives.
  Body body(List<TensorType> types) {
    TensorType x = types.get(0);
    Problem p = Problem.in(name()).operand("x", x, "");
    p.require(x.dtype().isFloating(), "not defined on " + x.dtype()).throwDType();
    p.require(x.shape().rank() >= windows.size(), "needs at least " + windows.size() + " axes").throwShape();
    for (Window w : windows) {
      p.require(w.stride() > 0 && w.size() > 0, "sizes and strides must be positive");
      p.require(w.before() <= w.reach() / 2 && w.after() <= w.reach(), "padding " + w.before() + " is more than half of the window " + w.size());
    }
    p.throwShape();
    return Body.of(types, in -> List.of(kind == Kind.MAX ? max(in.get(0)) : mean(in.get(0))));
  }

  private Node max(Node x) {
    Node padded = x;
    for (int i = 0; i < windows.size(); i++) {
      Window w = windows.get(i);
      padded = padded.pad(x.rank() - windows.size() + i, w.before(), w.after(), Double.NEGATIVE_INFINITY);
    }
    Node each = flatWindows(padded);
    return each.gather(-1, each.argmax(-1).unsqueeze(-1)).squeeze(-1);
  }

  private Node mean(Node x) {
    Node sum = flatWindows(padded(x)).sum(-1);
    if (kind == Kind.MEAN_WITH_PADDING || windows.stream().allMatch(w -> w.before() == 0 && w.after() == 0)) {
      return sum.div(windows.stream().mapToLong(Window::size).reduce(1, (a, b) -> a * b));
    }
    return sum.div(flatWindows(padded(x.onesLike())).sum(-1));
  }

  private Node padded(Node x) {
    Node out = x;
    for (int i = 0; i < windows.size(); i++) {
      out = out.pad(x.rank() - windows.size() + i, windows.get(i).before(), windows.get(i).after(), 0);
    }
    return out;
  }

  /// `[…, p₁…pₖ, w₁·…·wₖ]`.
  private Node flatWindows(Node padded) {
    List<Window> bare = windows.stream().map(w -> w.padding(0, 0)).toList();
    return padded.windows(bare).flatten(padded.rank());
  }

  /// The pooled axes of an operand of the given rank.
  public Axes axes(int rank) {
    return Axes.range(rank - windows.size(), rank);
  }

}
