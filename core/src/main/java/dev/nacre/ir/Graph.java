package dev.nacre.ir;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Predicate;

/// Walks over graphs. All use an explicit stack: depth is bounded by memory, not by the call stack.
public final class Graph {
    private Graph() {}

    /// Every node that the roots depend on, each once, inputs before their users. The order depends on the structure alone.
    public static Order topological(List<Node> roots) {
        return (roots instanceof Roots r ? r : new Roots(roots)).order();
    }

    /// The same, without what lies only below nodes at which the walk `stops`.
    public static Order topological(List<Node> roots, Predicate<Node> stops) {
        return Order.of(roots, stops);
    }

    /// Rebuilds the graph bottom up: `rule` gets each node and its rebuilt inputs and gives the replacement. These very roots if nothing has changed.
    public static List<Node> rewrite(List<Node> roots, BiFunction<Node, List<Node>, Node> rule) {
        return rewrite(topological(roots), rule);
    }

    private static List<Node> rewrite(Order order, BiFunction<Node, List<Node>, Node> rule) {
        Node[] done = new Node[order.size()];
        for (int k = 0; k < done.length; k++) {
            Node n = order.get(k);
            Node[] inputs = new Node[n.arity()];
            for (int i = 0; i < inputs.length; i++) {
                int number = order.indexOf(n.input(i));
                Node rebuilt = number < 0 ? null : done[number];
                inputs[i] = rebuilt == null ? n.input(i) : rebuilt; // null: the walk stopped at n
            }
            List<Node> in = List.of(inputs);
            done[k] =
                    Places.areKept()
                            ? Places.inPlaceOf(n, () -> rule.apply(n, in))
                            : rule.apply(n, in);
        }
        List<Node> roots = order.roots();
        List<Node> rebuilt = new ArrayList<>(roots.size());
        boolean changed = false;
        for (Node r : roots) {
            rebuilt.add(done[order.indexOf(r)]);
            changed |= rebuilt.getLast() != r;
        }
        return changed ? new Roots(rebuilt) : roots;
    }

    /// The roots with `to` in place of `from`, pairwise.
    public static List<Node> substitute(List<Node> roots, List<Node> from, List<Node> to) {
        Map<Node, Node> places = new IdentityHashMap<>();
        for (int i = 0; i < from.size(); i++) {
            places.put(from.get(i), to.get(i));
        }
        return rewrite(roots, (n, in) -> places.containsKey(n) ? places.get(n) : n.withInputs(in));
    }

    /// Every node that the roots depend on as the graph was written down: what was applied as a whole ([Body#applied]) is not looked into.
    public static Order written(List<Node> roots) {
        return Order.written(roots, _ -> false);
    }

    /// A graph as it was written down, and with leaves in place of nodes whose numbers are known ([Node#known()]). What those were computed from is in neither.
    ///
    /// @param places of the nodes written down among the others; null: the same
    public record Cut(Order written, Order order, int[] places) {
        /// Where the k-th node written down is in the graph with leaves.
        public int place(int k) {
            return places == null ? k : places[k];
        }
    }

    /// Cuts a graph off where its numbers are known.
    public static Cut cutting(List<Node> roots) {
        Order order = Order.written(roots, n -> n.known() != n);
        for (int i = 0; i < order.size(); i++) {
            if (order.get(i).known() != order.get(i)) {
                return known(order);
            }
        }
        return new Cut(order, order, null);
    }

    /// The graph as it was written down, with leaves in place of nodes whose numbers are known.
    public static Order cut(List<Node> roots) {
        return cutting(roots).order();
    }

    private static Cut known(Order order) {
        Node[] done = new Node[order.size()];
        for (int k = 0; k < done.length; k++) {
            Node n = order.get(k);
            if (n.known() != n) {
                done[k] = n.known();
                continue;
            }
            Node[] made = new Node[order.arity(n)];
            for (int i = 0; i < made.length; i++) {
                made[i] = done[order.indexOf(order.input(n, i))];
            }
            done[k] = n.rewritten(made);
        }
        Order cut = written(order.roots().stream().map(r -> done[order.indexOf(r)]).toList());
        int[] places = new int[done.length];
        for (int k = 0; k < places.length; k++) {
            places[k] = cut.indexOf(done[k]);
        }
        return new Cut(order, cut, places);
    }

    /// Where those leaves' values come from, each once.
    public static List<Source> sources(List<Node> roots) {
        return leaves(roots).stream().map(n -> ((Op.Leaf) n.op()).source()).distinct().toList();
    }

    /// The leaves that the roots depend on, in order of first use.
    public static List<Node> leaves(List<Node> roots) {
        return topological(roots).stream().filter(n -> n.op() instanceof Op.Leaf).toList();
    }
}
