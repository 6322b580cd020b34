package dev.nacre.autodiff;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Body;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Cotangents;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Iteration;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import dev.nacre.ir.Places;
import dev.nacre.type.Problem;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Reverse-mode differentiation from graph to graph. The result is made of ordinary nodes, so it can be fused with the forward computation and differentiated
/// again.
public final class Reverse {
    /// How far into a product one looks for a factor that another has too.
    private static final int FACTORS = 4;

    private final Order order;
    private final Node[] gradients; // by number in the order; null: zero
    private final boolean[] wanted;

    private Reverse(List<Node> outputs) {
        order = Graph.topological(outputs);
        gradients = new Node[order.size()];
        wanted = new boolean[order.size()];
    }

    /// `Σᵢ ⟨cotangents[i], ∂outputs[i]/∂wrt[j]⟩` for each j. Zero where an output does not depend on the operand.
    ///
    /// @param outputs what is differentiated
    /// @param cotangents one per output, of its type
    /// @param wrt the nodes to differentiate by
    public static List<Node> gradients(List<Node> outputs, List<Node> cotangents, List<Node> wrt) {
        return new Reverse(outputs).run(cotangents, wrt);
    }

    private List<Node> run(List<Node> cotangents, List<Node> wrt) {
        for (Node w : wrt) {
            if (order.contains(w)) {
                wanted[order.indexOf(w)] = true;
            }
        }
        for (int k = 0; k < order.size(); k++) {
            Node n = order.get(k);
            for (int i = 0; i < n.arity() && !wanted[k]; i++) {
                wanted[k] = carries(n, i) && wanted[order.indexOf(n.input(i))];
            }
        }
        for (int i = 0; i < cotangents.size(); i++) {
            add(order.roots().get(i), cotangents.get(i));
        }
        Map<Loop, List<Node>> loops = new HashMap<>();
        order.stream()
                .filter(n -> n.op() instanceof Op.Scan)
                .forEach(n -> loops.computeIfAbsent(Loop.of(n), _ -> new ArrayList<>()).add(n));
        for (int i = order.size() - 1; i >= 0; i--) {
            Node n = order.get(i);
            Node g = gradients[i];
            if (n.op() instanceof Op.Scan) {
                List<Node> results = loops.get(Loop.of(n));
                if (results.getFirst() == n) { // all that uses any of them lies behind
                    Places.deriving(n, () -> propagate(Loop.of(n), results));
                }
            } else if (g != null && n.arity() > 0 && wanted[i]) {
                propagate(n, g);
            }
        }
        return wrt.stream().map(w -> gradient(w).orElseGet(w::zerosLike)).toList();
    }

    /// Whether a gradient can pass from the node to its operand at all.
    private static boolean carries(Node n, int operand) {
        return !(n.op() instanceof Op.Detach)
                && n.type().dtype().isFloating()
                && n.input(operand).dtype().isFloating();
    }

    private Optional<Node> gradient(Node n) {
        return order.contains(n)
                ? Optional.ofNullable(gradients[order.indexOf(n)])
                : Optional.empty();
    }

    private void add(Node n, Node g) {
        int k = order.indexOf(n);
        gradients[k] = gradients[k] == null ? g : sum(gradients[k], g);
    }

    /// `g·a + (g·b)·c` as `g·(a + b·c)`: what does not depend on the gradient can be computed in the forward pass, and is then one value to keep, not three.
    private static Node sum(Node a, Node b) {
        List<Node> firsts = firsts(a);
        for (Node n : firsts(b)) {
            if (firsts.contains(n)) {
                return n.mul(rest(a, n).add(rest(b, n)));
            }
        }
        return a.add(b);
    }

    /// The first factors of a product, of its first factor, and so on. Only some, as gradients of long chains are long products.
    private static List<Node> firsts(Node n) {
        List<Node> firsts = new ArrayList<>();
        while (firsts.size() < FACTORS && n.op() instanceof Op.Map2 m && m.f() == Binary.MUL) {
            n = n.input(0);
            firsts.add(n);
        }
        return firsts;
    }

    /// A product without its first factor.
    private static Node rest(Node product, Node first) {
        Node before = product.input(0);
        Node last = product.input(1);
        return before == first ? last : rest(before, first).mul(last);
    }

    private void propagate(Node n, Node g) {
        if (Places.areKept()) {
            Places.deriving(n, () -> derive(n, g));
        } else {
            derive(n, g);
        }
    }

    private void derive(Node n, Node g) {
        if (n.op() instanceof Op.Fused fused) {
            propagate(n, fused, g);
        } else {
            n.op().differentiate(new Step(n, g));
        }
    }

    /// A loop on its operands, of which several nodes are results.
    private record Loop(Iteration what, List<Node> operands) {
        static Loop of(Node n) {
            return new Loop(((Op.Scan) n.op()).loop(), n.inputs());
        }
    }

    private void propagate(Loop loop, List<Node> results) {
        Map<Integer, Node> known = new LinkedHashMap<>();
        for (Node r : results) {
            Node g = isWanted(r) ? gradients[order.indexOf(r)] : null;
            if (g != null) {
                known.merge(((Op.Scan) r.op()).result(), g, (a, b) -> a.add(b));
            }
        }
        if (!known.isEmpty()) {
            ScanGradient.of(loop.what, loop.operands, known, i -> isWanted(loop.operands.get(i)))
                    .forEach((i, g) -> add(loop.operands.get(i), g));
        }
    }

    private boolean isWanted(Node operand) {
        return wanted[order.indexOf(operand)] && operand.dtype().isFloating();
    }

    /// The gradient of a composite is a composite too, named after it, with the derivative of the body as its body.
    private void propagate(Node n, Op.Fused fused, Node g) {
        List<Node> operands = n.inputs();
        var custom = fused.what().differentiate(operands, n, g);
        List<Integer> wantedOperands = new ArrayList<>();
        for (int i = 0; i < operands.size(); i++) {
            if (isWanted(operands.get(i))) {
                wantedOperands.add(i);
            }
        }
        if (custom.isPresent()) {
            wantedOperands.forEach(
                    i -> add(operands.get(i), checked(fused, operands.get(i), i, custom.get())));
            return;
        }
        List<Node> inputs = new ArrayList<>(operands);
        if (fused.what().recomputes()) {
            inputs.replaceAll(x -> Node.of(new Op.After(), x, g));
        }
        Body forward = fused.body();
        List<Node> before = List.copyOf(inputs);
        inputs.add(g);
        for (int k : fused.what().saved()) {
            Node kept =
                    k == fused.output() && !fused.what().recomputes()
                            ? n
                            : Node.of(new Op.Fused(fused.what(), forward, k), before);
            inputs.add(Node.of(new Op.Detach(), kept));
        }
        Composite derivative =
                new Composite.Derivative(fused.what(), fused.output(), List.copyOf(wantedOperands));
        Body backward =
                forward.derivative(
                        derivative,
                        inputs.stream().map(Node::type).toList(),
                        in -> {
                            List<Node> args = in.subList(0, operands.size());
                            Node out = forward.inline(args).get(fused.output());
                            return gradients(
                                    List.of(out),
                                    List.of(in.get(operands.size())),
                                    wantedOperands.stream().map(args::get).toList());
                        });
        for (int i = 0; i < wantedOperands.size(); i++) {
            add(
                    operands.get(wantedOperands.get(i)),
                    Node.of(new Op.Fused(derivative, backward, i), inputs));
        }
    }

    /// One gradient of a derivative that somebody else has written.
    private static Node checked(Op.Fused fused, Node operand, int i, List<Node> gradients) {
        Problem p =
                Problem.in("gradient of " + fused.name())
                        .operand("operand " + i, operand.type(), operand::origin);
        p.require(
                        i < gradients.size(),
                        "one gradient per operand is needed, but there are " + gradients.size())
                .throwShape();
        Node g = gradients.get(i);
        p.operand("gradient", g.type(), g::origin);
        p.require(g.type().equals(operand.type()), "the gradient must have the operand's type")
                .throwShape();
        return g;
    }

    /// One op's view of the walk.
    private final class Step implements Cotangents {
        private final Node node;
        private final Node grad;

        Step(Node node, Node grad) {
            this.node = node;
            this.grad = grad;
        }

        @Override
        public Node in(int i) {
            return node.input(i);
        }

        @Override
        public Node out() {
            return node;
        }

        @Override
        public Node grad() {
            return grad;
        }

        @Override
        public void give(int i, Supplier<Node> gradient) {
            if (isWanted(node.input(i))) {
                add(node.input(i), gradient.get());
            }
        }
    }
}
