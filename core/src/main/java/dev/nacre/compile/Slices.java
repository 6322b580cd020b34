package dev.nacre.compile;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/// Takes parts before computing element by element, where nothing but parts of the result is wanted: the parts are computed where they are used, and the whole is never
/// written to memory.
///
/// ```
/// before   g = x + y; sigmoid(g[0:4]) · tanh(g[4:8])
/// after    sigmoid(x[0:4] + y[0:4]) · tanh(x[4:8] + y[4:8])
/// ```
final class Slices {
    private record Part(Node whole, Op.Slice slice) {}

    private final Map<Node, Boolean> onlyParts = new IdentityHashMap<>();
    private final Map<Part, Node> parts = new HashMap<>();

    private Slices() {}

    static List<Node> run(List<Node> roots) {
        Slices pass = new Slices();
        Order order = Graph.topological(roots);
        if (!order.has(op -> op instanceof Op.Slice)) {
            return roots;
        }
        for (Node n : order) {
            boolean part = n.op() instanceof Op.Slice;
            n.inputs().forEach(in -> pass.onlyParts.merge(in, part, Boolean::logicalAnd));
        }
        roots.forEach(r -> pass.onlyParts.put(r, false));
        return Graph.rewrite(
                roots,
                (n, in) ->
                        n.op() instanceof Op.Slice s && pass.onlyParts.get(n.input(0))
                                ? pass.part(in.get(0), s)
                                : n.withInputs(in));
    }

    /// A part of sums and products of two whole tensors: of anything else the whole may well be the better choice.
    private Node part(Node whole, Op.Slice slice) {
        return parts.computeIfAbsent(
                new Part(whole, slice),
                _ -> {
                    boolean apart =
                            whole.op() instanceof Op.Map2
                                    && whole.inputs().stream().allMatch(Slices::isThere);
                    if (!apart) {
                        return Node.of(slice, whole);
                    }
                    List<Node> in = new ArrayList<>();
                    whole.inputs().forEach(x -> in.add(Node.of(slice, x)));
                    return Node.of(whole.op(), in);
                });
    }

    /// Whether a node is in memory anyway. A vector that is repeated is not among those: a product adds it for nothing.
    private static boolean isThere(Node n) {
        return n.op() instanceof Op.Leaf || n.op() instanceof Op.Contract;
    }
}
