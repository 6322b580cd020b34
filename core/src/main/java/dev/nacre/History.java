package dev.nacre;

import dev.nacre.ir.Body;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import dev.nacre.ir.Recent;
import dev.nacre.ir.Symbol;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// How values were computed that are carried from step to step. It is kept for their derivative, and is the same in each step but for what it begins with; so it is recorded once, as a [Body], and each step
/// keeps the body applied to that.
///
/// ```
/// before   s₂ = tanh(add(mul(x₂, w), mul(s₁, v)))      seven nodes
/// after    s₂ = tanh(body(x₂, w, s₁, v))               an application and its result
/// ```
final class History {
    private static final int FORMS = 16;

    /// @param inputs what the body's inputs are among the nodes
    private record Form(Body body, int[] inputs) {}

    private final Map<List<Object>, Form> forms = new Recent<>(FORMS);

    /// Shortens what a node was computed from, if that is more than a few nodes.
    ///
    /// @param node whose numbers are known
    synchronized void shorten(Node node) {
        if (node.isApplied()) {
            return;
        }
        Order order = Graph.writtenAbove(node.inputs());
        if (order.stream().allMatch(n -> isInput(n) || order.roots().contains(n))) {
            return;
        }
        Form form = forms.computeIfAbsent(structure(order), _ -> record(order));
        List<Node> arguments = new ArrayList<>(form.inputs.length);
        for (int place : form.inputs) {
            arguments.add(order.get(place));
        }
        node.shorten(form.body.applied(arguments));
    }

    private static boolean isInput(Node n) {
        return n.known() != n || n.op() instanceof Op.Leaf;
    }

    /// All that a body depends on: for each node what it is and what it is made of.
    private static List<Object> structure(Order order) {
        List<Object> out = new ArrayList<>();
        for (Node n : order) {
            if (isInput(n)) {
                out.add(n.type());
            } else {
                out.add(n.kind());
                for (int i = 0; i < order.arity(n); i++) {
                    out.add(order.indexOf(order.input(n, i)));
                }
            }
        }
        order.roots().forEach(r -> out.add(order.indexOf(r)));
        return out;
    }

    private static Form record(Order order) {
        List<Node> inputs = order.stream().filter(History::isInput).toList();
        List<Node> stands = inputs.stream().map(n -> Symbol.node("carried", n.type())).toList();
        return new Form(
                Body.over(stands, Graph.standing(order, inputs, stands)),
                inputs.stream().mapToInt(order::indexOf).toArray());
    }
}
