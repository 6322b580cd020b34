package dev.nacre.ir;

import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// Arithmetic on sizes, which is possible only where they are known: an unknown size is a name, not a number.
public final class Sizes {
    private Sizes() {}

    /// Two unknown sizes, one of which a graph takes for the other.
    public record Pair(long a, long b) {}

    /// The unknown sizes that the graph, with the bodies of its composites, takes for one another: whoever gives them numbers has to check that they are equal.
    public static List<Pair> assumed(List<Node> roots) {
        Set<Pair> found = new LinkedHashSet<>();
        Set<Body> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        ArrayDeque<List<Node>> open = new ArrayDeque<>(List.of(roots));
        while (!open.isEmpty()) {
            for (Node n : Graph.topological(open.pop())) {
                if (n.op() instanceof Op.Broadcast) {
                    Node x = n.input(0);
                    for (int i = 0; i < n.rank(); i++) {
                        if (x.size(i) < 0 && x.size(i) != n.size(i)) {
                            found.add( // the older one first
                                    new Pair(
                                            Math.max(n.size(i), x.size(i)),
                                            Math.min(n.size(i), x.size(i))));
                        }
                    }
                } else if (n.op() instanceof Op.Fused f && seen.add(f.body())) {
                    open.push(f.body().outputs());
                }
            }
        }
        return List.copyOf(found);
    }

    /// Size along an axis whose number is in range, for an operation that computes with it.
    static long known(String op, Expression<?> x, int axis) {
        long n = x.size(axis);
        Problem.in(op)
                .require(n >= 0, () -> unknown(axis))
                .operand("x", x.type(), x::origin)
                .throwShape();
        return n;
    }

    /// The rule that an operation breaks if it needs the size of an axis.
    static String unknown(int axis) {
        return "the size of axis "
                + axis
                + " must be known, but is given only when the function is called";
    }

    /// Unknown sizes taken for those that `shape` has in their place, from axis `from` to `to`: the call checks that they are equal.
    static <T extends Algebra<T>> T alike(T x, Shape shape, int from, int to) {
        Shape out = x.shape();
        for (int a = from; a < to && x.rank() == shape.rank(); a++) {
            if (x.size(a) < 0 && shape.size(a) < 0) {
                out = out.with(a, shape.size(a));
            }
        }
        return x.broadcastTo(out);
    }

    /// A shape as the user wrote it, −1 included; unknown sizes print as `?`.
    static String text(long[] sizes) {
        StringBuilder out = new StringBuilder("[");
        for (long s : sizes) {
            out.append(out.length() == 1 ? "" : ", ").append(Shape.text(s));
        }
        return out.append(']').toString();
    }
}
