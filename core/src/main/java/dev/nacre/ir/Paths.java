package dev.nacre.ir;

import java.util.Arrays;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/// Ways from the roots of a graph, as it was written down, to some of its nodes. In any graph of the same structure they lead to the nodes in the same places.
public final class Paths {
    private final int[] roots; // those that a way begins at, by their numbers
    private final int[]
            from; // where each node on a way is reached from: the roots come first, in their order
    private final int[] input; // which input of that
    private final int[] targets;

    private Paths(int[] roots, int[] from, int[] input, int[] targets) {
        this.roots = roots;
        this.from = from;
        this.input = input;
        this.targets = targets;
    }

    /// The ways to the nodes in some places of an order of what was written down.
    public static Paths of(Order order, int[] targets) {
        int n = order.size();
        int[] from = new int[n];
        int[] input = new int[n];
        int[] roots = order.roots().stream().mapToInt(order::indexOf).toArray();
        boolean[] isRoot = new boolean[n];
        Arrays.fill(from, -1);
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
        int[] begin = IntStream.range(0, roots.length).filter(r -> wanted[roots[r]]).toArray();
        int[] number = new int[n]; // of the nodes on a way, by their places
        int count = 0;
        for (int r : begin) {
            number[roots[r]] = count++;
        }
        int[] way =
                IntStream.range(0, n)
                        .map(k -> n - 1 - k)
                        .filter(k -> wanted[k] && !isRoot[k])
                        .toArray();
        for (int k : way) {
            number[k] = count++;
        }
        return new Paths(
                begin,
                Arrays.stream(way).map(k -> number[from[k]]).toArray(),
                Arrays.stream(way).map(k -> input[k]).toArray(),
                Arrays.stream(targets).map(t -> number[t]).toArray());
    }

    /// The nodes there, from the roots of another graph.
    ///
    /// @param others the roots by their numbers; it is asked for those that a way begins at
    public Node[] follow(IntFunction<Node> others) {
        Node[] nodes = new Node[roots.length + from.length];
        for (int r = 0; r < roots.length; r++) {
            nodes[r] = others.apply(roots[r]);
        }
        for (int k = 0; k < from.length; k++) {
            nodes[roots.length + k] = nodes[from[k]].written()[input[k]];
        }
        Node[] out = new Node[targets.length];
        for (int t = 0; t < out.length; t++) {
            out[t] = nodes[targets[t]];
        }
        return out;
    }
}
