package dev.nacre.ir;

import dev.nacre.type.Axes;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.List;
import java.util.function.Supplier;

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
    Body body(TensorType x, Supplier<String> origin) {
        Problem p = Problem.in(kind == Kind.MAX ? "maxPool" : "avgPool").operand("x", x, origin);
        if (!x.dtype().isFloating()) {
            p.rule("not defined on " + x.dtype()).hint("cast to f32 first").throwDType();
        }
        p.require(
                        x.shape().rank() >= windows.size(),
                        () -> "needs at least " + windows.size() + " axes")
                .throwShape();
        for (int i = 0; i < windows.size(); i++) {
            check(p, windows.get(i), x.shape().rank() - windows.size() + i, x.shape());
        }
        p.throwShape();
        return Body.of(
                this,
                List.of(x),
                in -> List.of(kind == Kind.MAX ? max(in.get(0)) : mean(in.get(0))));
    }

    /// The same on a shape that it fits, without numbers that do not matter.
    Pooling on(Shape shape) {
        int lead = shape.rank() - windows.size();
        List<Window> simple = new java.util.ArrayList<>();
        for (int i = 0; i < windows.size(); i++) {
            simple.add(windows.get(i).on(shape.size(lead + i)));
        }
        return new Pooling(kind, simple);
    }

    private static void check(Problem p, Window w, int axis, Shape shape) {
        boolean positive = w.size() > 0 && w.stride() > 0 && w.dilation() > 0;
        p.require(
                positive,
                () -> "axis " + axis + ": size, stride and dilation must be positive, not " + w);
        boolean padded =
                w.before() >= 0
                        && w.after() >= 0
                        && w.before() <= w.reach() / 2
                        && w.after() <= w.reach();
        p.require(
                !positive || padded,
                () ->
                        "axis "
                                + axis
                                + ": the padding must be between 0 and half of the window, not "
                                + w);
        if (positive && padded) {
            long n = shape.size(axis);
            p.require(n >= 0, () -> Sizes.unknown(axis));
            p.require(
                    n < 0 || w.positions(n) > 0,
                    () ->
                            "a window that reaches "
                                    + w.reach()
                                    + " does not fit axis "
                                    + axis
                                    + " of size "
                                    + n
                                    + (n == w.before() + n + w.after() ? "" : " with padding"));
        }
    }

    private Node max(Node x) {
        Node padded = x;
        for (int i = 0; i < windows.size(); i++) {
            Window w = windows.get(i);
            padded =
                    padded.pad(
                            x.rank() - windows.size() + i,
                            w.before(),
                            w.after(),
                            Double.NEGATIVE_INFINITY);
        }
        Node each = flatWindows(padded);
        return each.gather(-1, each.argmax(-1).unsqueeze(-1)).squeeze(-1);
    }

    private Node mean(Node x) {
        return x.wide(this::wideMean);
    }

    private Node wideMean(Node x) {
        Node sum = flatWindows(padded(x)).sum(-1);
        if (kind == Kind.MEAN_WITH_PADDING
                || windows.stream().allMatch(w -> w.before() == 0 && w.after() == 0)) {
            return sum.div(windows.stream().mapToLong(Window::size).reduce(1, (a, b) -> a * b));
        }
        return sum.div(flatWindows(padded(x.onesLike())).sum(-1));
    }

    private Node padded(Node x) {
        Node out = x;
        for (int i = 0; i < windows.size(); i++) {
            out =
                    out.pad(
                            x.rank() - windows.size() + i,
                            windows.get(i).before(),
                            windows.get(i).after(),
                            0);
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
