package dev.nacre.compile;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/// Moves factors of a convolution's output channels, or of a product's columns, into the weights, and what is added to them into one bias, which becomes an epilogue. Batch
/// normalisation by running statistics is such a chain.
///
/// ```
/// before   (conv(x, w) − m)·s + b        m, s, b: a number per channel; conv's result has no other user
/// after    conv(x, w·s) + (b − m·s)
/// ```
///
/// The result has one pass over the output less and one over the weights more. Hence it is done where the weights are the smaller, or where they cost nothing because
/// they are computed once and kept (see `dev.nacre.Steady`). In training, where s depends on conv's result, that has other users.
public final class Folding {
    /// A product and what is done to its channels, up to the node `end`.
    private record Chain(Node core, Node end, Node scale, Optional<Node> shift) {}

    private final Map<Node, Node> user = new IdentityHashMap<>();
    private final Map<Node, Integer> uses = new IdentityHashMap<>();
    private final Map<Node, Chain> ends = new IdentityHashMap<>();

    private Folding() {}

    /// @param kept whether a node is computed once and kept
    public static List<Node> run(List<Node> roots, Predicate<Node> kept) {
        Folding f = new Folding();
        Order order = Graph.topological(roots);
        if (!order.has(Kernel::isProduct)) {
            return roots;
        }
        for (Node n : order) {
            for (Node in : n.inputs()) {
                f.uses.merge(in, 1, Integer::sum);
                f.user.put(in, n);
            }
        }
        roots.forEach(r -> f.uses.merge(r, 1, Integer::sum));
        order.forEach(n -> f.follow(n, kept));
        if (f.ends.isEmpty()) {
            return roots;
        }
        return f.rewritten(roots);
    }

    private List<Node> rewritten(List<Node> roots) {
        Map<Node, Node> done = new IdentityHashMap<>();
        return Graph.rewrite(
                roots,
                (n, in) -> {
                    Node out = ends.containsKey(n) ? folded(ends.get(n), done) : n.withInputs(in);
                    done.put(n, out);
                    return out;
                });
    }

    private static Node folded(Chain c, Map<Node, Node> done) {
        Node w = done.get(c.core.input(1));
        boolean columns = c.core.op() instanceof Op.Contract;
        Node weights = w.mul(columns ? c.scale : along(c.scale, 0, w.rank()));
        Node out = Node.of(c.core.op(), done.get(c.core.input(0)), weights).reshape(c.end.shape());
        int axis = columns ? out.rank() - 1 : 1;
        return c.shift.map(t -> out.add(along(t, axis, out.rank()))).orElse(out);
    }

    /// A vector laid along one axis.
    private static Node along(Node vector, int axis, int rank) {
        long[] sizes = new long[rank];
        java.util.Arrays.fill(sizes, 1);
        sizes[axis] = vector.size(0);
        return vector.reshape(sizes);
    }

    private void follow(Node core, Predicate<Node> kept) {
        boolean convolution =
                core.op() instanceof Op.Convolve c && c.kind() == Op.Convolve.Kind.FORWARD;
        if (!convolution && !(core.op() instanceof Op.Contract)
                || core.dtype().arithmetic() != core.dtype()
                || core.dtype() != core.input(1).dtype()
                || !core.shape().isKnown()) {
            return;
        }
        long channels = core.size(convolution ? 1 : -1);
        Optional<Node> scale = Optional.empty();
        Optional<Node> shift = Optional.empty();
        boolean free = kept.test(core.input(1));
        Node end = core;
        for (Node next = onlyUser(end); next != null; next = onlyUser(end)) {
            if (!convolution && isReshapeOfRows(next, channels)) {
                end = next;
                continue;
            }
            boolean left = next.op() instanceof Op.Map2 && next.input(0) == end;
            Optional<Node> vector =
                    next.op() instanceof Op.Map2
                            ? vector(next.input(left ? 1 : 0), convolution ? 1 : -1, channels)
                            : Optional.empty();
            if (vector.isEmpty()) {
                break;
            }
            Node v = vector.get();
            free &= kept.test(v);
            Binary f = ((Op.Map2) next.op()).f();
            if (f == Binary.ADD) {
                shift = Optional.of(shift.map(t -> t.add(v)).orElse(v));
            } else if (f == Binary.SUB && left) {
                shift = Optional.of(shift.map(t -> t.sub(v)).orElseGet(v::neg));
            } else if (f == Binary.MUL) {
                scale = Optional.of(scale.map(s -> s.mul(v)).orElse(v));
                shift = shift.map(t -> t.mul(v));
            } else if (f == Binary.DIV && left) {
                scale = Optional.of(scale.map(s -> s.div(v)).orElseGet(v::reciprocal));
                shift = shift.map(t -> t.div(v));
            } else {
                break;
            }
            end = next;
        }
        Node w = core.input(1);
        if (scale.isPresent() && (free || 2 * w.shape().count() <= core.shape().count())) {
            ends.put(end, new Chain(core, end, scale.get(), shift));
        }
    }

    private Node onlyUser(Node n) {
        return uses.getOrDefault(n, 0) == 1 ? user.get(n) : null;
    }

    private static boolean isReshapeOfRows(Node n, long columns) {
        return n.op() instanceof Op.Reshape && n.rank() > 0 && n.size(-1) == columns;
    }

    /// The vector that a node repeats along every axis but `axis`; not one number.
    private static Optional<Node> vector(Node n, int axis, long channels) {
        Node x = n;
        if (x.op() instanceof Op.Broadcast) {
            x = x.input(0);
        }
        int a = axis < 0 ? n.rank() + axis : axis;
        for (int i = 0; i < x.rank(); i++) {
            if (x.size(i) != (i == a ? channels : 1)) {
                return Optional.empty();
            }
        }
        while (x.op() instanceof Op.Reshape) {
            x = x.input(0);
        }
        return x.rank() == 1 && channels > 1 && x.number().isEmpty()
                ? Optional.of(x)
                : Optional.empty();
    }
}
