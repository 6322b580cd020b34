package dev.nacre.ir;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The structure of a graph as a value: equal for graphs of equal ops in equal places whose leaves agree in type. The same leaf in two places equals only the same leaf
/// in both places.
public final class GraphKey {
    private final Object[] ops; // an Op, or the type of a leaf, or that of a number left out
    private final int[] edges;
    private final int hash;

    private GraphKey(Object[] ops, int[] edges, int hash) {
        this.ops = ops;
        this.edges = edges;
        this.hash = hash;
    }

    /// The key of a graph.
    public static GraphKey of(Order order) {
        return of(order, true);
    }

    /// The same, equal for graphs that differ in floating constants alone.
    public static GraphKey withoutNumbers(Order order) {
        return of(order, false);
    }

    private static GraphKey of(Order order, boolean exact) {
        List<Node> roots = order.roots();
        int count = roots.size();
        for (int i = 0; i < order.size(); i++) {
            count += order.arity(order.get(i));
        }
        Object[] ops = new Object[order.size()];
        int[] edges = new int[count];
        int e = 0;
        for (int i = 0; i < ops.length; i++) {
            Node n = order.get(i);
            ops[i] = kind(n, exact);
            for (int k = 0, arity = order.arity(n); k < arity; k++) {
                edges[e++] = order.indexOf(order.input(n, k));
            }
        }
        int hash = 1;
        for (Node r : roots) {
            edges[e++] = order.indexOf(r);
            hash = 31 * hash + r.hash();
        }
        return new GraphKey(ops, edges, hash);
    }

    private static Object kind(Node n, boolean exact) {
        if (n.op() instanceof Op.Leaf) {
            return n.type();
        }
        boolean isNumber = !exact && n.op() instanceof Op.Constant c && c.dtype().isFloating();
        return isNumber ? n.dtype() : n.kind();
    }

    /// The key of a body, its inputs first.
    static GraphKey of(Body body) {
        List<Node> all = new ArrayList<>(body.inputs());
        all.addAll(body.outputs());
        return of(Graph.topological(all));
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof GraphKey k
                && k.hash == hash
                && Arrays.equals(k.edges, edges)
                && Arrays.equals(k.ops, ops);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    /// Number of nodes.
    public int size() {
        return ops.length;
    }
}
