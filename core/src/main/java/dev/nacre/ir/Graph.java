package dev.nacre.ir;

import java.util.ArrayDeque;
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
    public static List<Node> topological(List<Node> roots) {
        return topological(roots, _ -> false);
    }

    /// The same, without what lies only below nodes at which the walk `stops`.
    public static List<Node> topological(List<Node> roots, Predicate<Node> stops) {
        List<Node> order = new ArrayList<>();
        Map<Node, Boolean> seen = new IdentityHashMap<>(); // false: entered, true: in the order
        ArrayDeque<Node> stack = new ArrayDeque<>();
        for (int r = roots.size() - 1; r >= 0; r--) {
            stack.push(roots.get(r));
        }
        while (!stack.isEmpty()) {
            Node n = stack.peek();
            Boolean state = seen.get(n);
            if (state == null) {
                seen.put(n, false);
                for (int i = stops.test(n) ? -1 : n.arity() - 1; i >= 0; i--) {
                    if (!seen.containsKey(n.input(i))) {
                        stack.push(n.input(i));
                    }
                }
            } else {
                stack.pop();
                if (!state) {
                    seen.put(n, true);
                    order.add(n);
                }
            }
        }
        return order;
    }

    /// Rebuilds the graph bottom up: `rule` gets each node and its rebuilt inputs and gives the replacement.
    public static List<Node> rewrite(List<Node> roots, BiFunction<Node, List<Node>, Node> rule) {
        Map<Node, Node> done = new IdentityHashMap<>();
        for (Node n : topological(roots)) {
            List<Node> inputs = new ArrayList<>(n.arity());
            for (int i = 0; i < n.arity(); i++) {
                inputs.add(done.get(n.input(i)));
            }
            done.put(n, rule.apply(n, inputs));
        }
        return roots.stream().map(done::get).toList();
    }

    /// The roots with `to` in place of `from`, pairwise.
    public static List<Node> substitute(List<Node> roots, List<Node> from, List<Node> to) {
        Map<Node, Node> places = new IdentityHashMap<>();
        for (int i = 0; i < from.size(); i++) {
            places.put(from.get(i), to.get(i));
        }
        return rewrite(roots, (n, in) -> places.containsKey(n) ? places.get(n) : n.withInputs(in));
    }

    /// The roots with leaves in place of nodes whose numbers are known ([Node#known()]). What those were computed from is not visited.
    public static List<Node> cut(List<Node> roots) {
        Map<Node, Node> done = new IdentityHashMap<>();
        ArrayDeque<Node> stack = new ArrayDeque<>(roots);
        while (!stack.isEmpty()) {
            Node n = stack.peek();
            List<Node> inputs = new ArrayList<>(n.arity());
            int waiting = 0;
            for (int i = 0; i < n.arity() && n.known() == n && !done.containsKey(n); i++) {
                inputs.add(done.get(n.input(i)));
                if (inputs.getLast() == null) {
                    stack.push(n.input(i));
                    waiting++;
                }
            }
            if (waiting == 0) {
                stack.pop();
                done.computeIfAbsent(n, _ -> n.known() == n ? n.withInputs(inputs) : n.known());
            }
        }
        return roots.stream().map(done::get).toList();
    }

    /// The leaves that the roots depend on, in order of first use.
    public static List<Node> leaves(List<Node> roots) {
        return topological(roots).stream().filter(n -> n.op() instanceof Op.Leaf).toList();
    }
}
