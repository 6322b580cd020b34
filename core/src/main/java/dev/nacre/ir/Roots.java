package dev.nacre.ir;

import java.util.AbstractList;
import java.util.List;
import java.util.RandomAccess;

/// The roots of a graph, with the order of its nodes once somebody has asked for it: the passes of a compilation ask one after the other, and a graph never changes.
final class Roots extends AbstractList<Node> implements RandomAccess {
    private final Node[] nodes;
    private volatile Order order; // null: not asked for

    Roots(List<Node> nodes) {
        this.nodes = nodes.toArray(Node[]::new);
    }

    Order order() {
        Order known = order;
        if (known == null) {
            known = Order.of(this, _ -> false);
            order = known;
        }
        return known;
    }

    @Override
    public Node get(int i) {
        return nodes[i];
    }

    @Override
    public int size() {
        return nodes.length;
    }
}
