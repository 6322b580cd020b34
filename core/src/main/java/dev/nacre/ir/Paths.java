package dev.nacre.ir;

import java.util.List;

/// Ways from the roots of a graph, as it was written down, to some of its nodes. In any graph of the same structure they lead to the nodes in the same places.
public final class Paths {
    private final int[] from; // the place before, for those on a way to a target; −1: not on one
    private final int[] input; // which input of that
    private final int[] roots;
    private final int[] targets;

    private Paths(int[] from, int[] input, int[] roots, int[] targets) {
        this.from = from;
        this.input = input;
        this.roots = roots;
        this.targets = targets;
    }

    /// The ways to the nodes in some places of an order of what was written down.
    public static Paths of(Order order, int[] targets) {
        int n = order.size();
        int[] from = new int[n];
        int[] input = new int[n];
        int[] roots = order.roots().stream().mapToInt(order::indexOf).toArray();
        boolean[] isRoot = new boolean[n];
        java.util.Arrays.fill(from, -1);
        for (int r : roots) {
            isRoot[r] = true;
        }
        for (int k = n - 1; k >= 0; k--) {
            Node user = order.get(k);
            for (int i = 0; i < order.arity(user); i++) {
                int place = order.indexOf(order.input(user, i));
                if (from[place] < 0 && !isRoot[place]) {
                    from[place] = k;
                    input[place] = i;
                }
            }
        }
        boolean[] wanted = new boolean[n];
        for (int t : targets) {
            for (int k = t; k >= 0 && !wanted[k]; k = from[k]) {
                wanted[k] = true;
            }
        }
        for (int k = 0; k < n; k++) {
            from[k] = wanted[k] ? from[k] : -1;
        }
        return new Paths(from, input, roots, targets.clone());
    }

    /// The nodes there, from the roots of another graph.
    public Node[] follow(List<Node> others) {
        Node[] nodes = new Node[from.length];
        for (int r = 0; r < roots.length; r++) {
            nodes[roots[r]] = others.get(r);
        }
        for (int k = from.length - 1; k >= 0; k--) {
            if (from[k] >= 0) {
                nodes[k] = nodes[from[k]].written()[input[k]];
            }
        }
        Node[] out = new Node[targets.length];
        for (int t = 0; t < out.length; t++) {
            out[t] = nodes[targets[t]];
        }
        return out;
    }
}
