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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedList;
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
    private final Node[] gradients; // by number in the order; null: none
    private final boolean[] wanted;

    /// 16-bit nodes in f32, in which gradients are computed; each is rounded once, where something else than arithmetic is made of it.
    private final Map<Node, Node> wide = new IdentityHashMap<>();

    /// Gradients that a condition hides: selections of a gradient or zeros, and which operand is the gradient.
    private final Map<Node, Integer> hidden = new IdentityHashMap<>();

    private Reverse(List<Node> outputs) {
        order = Graph.topological(outputs);
        gradients = new Node[order.size()];
        wanted = new boolean[order.size()];
    }

    /// `Σᵢ ⟨cotangents[i], ∂outputs[i]/∂wrt[j]⟩` for each j. Zeros where no gradient reaches an operand.
    ///
    /// @param outputs what is differentiated
    /// @param cotangents one per output, of its type
    /// @param wrt the nodes to differentiate by
    public static List<Node> gradients(List<Node> outputs, List<Node> cotangents, List<Node> wrt) {
        return orZeros(reaching(outputs, cotangents, wrt), wrt);
    }

    /// The same, and nothing for an operand that no gradient reaches: the outputs do not depend on it, or only behind [Op.Detach], comparisons, whole numbers and the like.
    public static List<Optional<Node>> reaching(
            List<Node> outputs, List<Node> cotangents, List<Node> wrt) {
        return new Reverse(outputs).run(cotangents, wrt);
    }

    /// Zeros in place of gradients that there are not.
    public static List<Node> orZeros(List<Optional<Node>> gradients, List<Node> wrt) {
        List<Node> all = new ArrayList<>();
        for (int i = 0; i < wrt.size(); i++) {
            all.add(gradients.get(i).orElseGet(wrt.get(i)::zerosLike));
        }
        return all;
    }

    private List<Optional<Node>> run(List<Node> cotangents, List<Node> wrt) {
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
            note(cotangents.get(i));
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
        return wrt.stream().map(this::gradient).toList();
    }

    /// Whether a gradient can pass from the node to its operand at all.
    private static boolean carries(Node n, int operand) {
        return !(n.op() instanceof Op.Detach)
                && !(n.op() instanceof Op.After && operand > 0)
                && n.type().dtype().isFloating()
                && n.input(operand).dtype().isFloating();
    }

    private Optional<Node> gradient(Node n) {
        return order.contains(n)
                ? Optional.ofNullable(gradients[order.indexOf(n)]).map(g -> g.cast(n.dtype()))
                : Optional.empty();
    }

    /// Whether no gradient is: the zeros that stand for one inside a composite or loop.
    static boolean isNone(Node gradient) {
        return gradient.is(0);
    }

    private void add(Node n, Node g) {
        int k = order.indexOf(n);
        gradients[k] = gradients[k] == null ? g : sum(unrounded(gradients[k]), unrounded(g));
    }

    private static boolean isNarrow(Node n) {
        return n.dtype().isFloating() && n.dtype().arithmetic() != n.dtype();
    }

    /// A number as an operand of arithmetic.
    private Node wide(Node n) {
        return isNarrow(n) ? wide.computeIfAbsent(n, _ -> n.cast(n.dtype().arithmetic())) : n;
    }

    /// A gradient as an operand of arithmetic: before it was rounded, if it was.
    private Node unrounded(Node g) {
        boolean rounded =
                isNarrow(g)
                        && g.op() instanceof Op.Cast
                        && g.input(0).dtype() == g.dtype().arithmetic();
        return rounded ? g.input(0) : wide(g);
    }

    private Node sum(Node a, Node b) {
        boolean alike =
                hidden.containsKey(a)
                        && hidden.get(a).equals(hidden.get(b))
                        && a.input(0) == b.input(0);
        if (!alike) {
            return factored(a, b);
        }
        int side = hidden.get(a);
        return hide(a.input(0), side, sum(a.input(side), b.input(side)));
    }

    /// Remembers that a condition hides a gradient, if it is a selection of one or zeros.
    private void note(Node g) {
        if (g.op() instanceof Op.Select) {
            if (isNone(g.input(2))) {
                hidden.put(g, 1);
            } else if (isNone(g.input(1))) {
                hidden.put(g, 2);
            }
        }
    }

    /// `gradient` where a condition is what `side` says, else zero.
    private Node hide(Node condition, int side, Node gradient) {
        Node zeros = gradient.zerosLike();
        Node out = side == 1 ? condition.where(gradient, zeros) : condition.where(zeros, gradient);
        hidden.put(out, side);
        return out;
    }

    /// `g·a + (g·b)·c` as `g·(a + b·c)`: what does not depend on the gradient can be computed in the forward pass, and is then one value to keep, not three. Only where `a + b·c` is in
    /// range whatever a, b and c are, as with sigmoids and numbers: with x for each of them, `x·x` may be infinite where `(g·x)·x` is not.
    private static Node factored(Node a, Node b) {
        List<Node> firsts = firsts(a);
        for (Node n : firsts(b)) {
            if (firsts.contains(n)) {
                List<Node> left = others(a, n);
                List<Node> right = others(b, n);
                return Range.isSafe(left, right)
                        ? n.mul(product(left).add(product(right)))
                        : a.add(b);
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

    /// The factors of a product but for its first.
    private static List<Node> others(Node product, Node first) {
        LinkedList<Node> out = new LinkedList<>();
        for (Node n = product; n != first; n = n.input(0)) {
            out.addFirst(n.input(1));
        }
        return out;
    }

    private static Node product(List<Node> factors) {
        return factors.stream().reduce(Node::mul).orElseThrow();
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
            return;
        }
        n.op().differentiate(
                        switch (n.op()) {
                            case Op.Map1 _, Op.Map2 _, Op.Cast _ -> new Pointwise(n, unrounded(g));
                            case Op.Reduce _, Op.Recurrence _, Op.Windows _, Op.Broadcast _ ->
                                    new Arithmetic(n, unrounded(g));
                            case Op.Select _ -> new Choice(n, unrounded(g));
                            default -> new Step(n, g.cast(n.dtype()));
                        });
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
                known.merge(((Op.Scan) r.op()).result(), g.cast(r.dtype()), (a, b) -> a.add(b));
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
        Node whole = g.cast(n.dtype());
        var custom = fused.what().differentiate(operands, n, whole);
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
            inputs.replaceAll(x -> Node.of(new Op.After(), x, whole));
        }
        Body forward = fused.body();
        List<Node> before = List.copyOf(inputs);
        inputs.add(whole);
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
            if (!isNone(backward.outputs().get(i))) {
                add(
                        operands.get(wantedOperands.get(i)),
                        Node.of(new Op.Fused(derivative, backward, i), inputs));
            }
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
    private class Step implements Cotangents {
        final Node node;
        final Node grad;

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

    /// An op whose derivative computes: operands and result are given to it wide.
    private class Arithmetic extends Step {
        Arithmetic(Node node, Node grad) {
            super(node, grad);
        }

        @Override
        public Node in(int i) {
            return wide(node.input(i));
        }

        @Override
        public Node out() {
            return wide(node);
        }

        @Override
        public void give(int i, Supplier<Node> gradient) {
            super.give(i, () -> noted(gradient.get()));
        }

        /// What hides a ReLU's gradient is forgotten: plans of networks keep fewer conditions so.
        final Node noted(Node d) {
            if (!(node.op() instanceof Op.Map1)) {
                note(d);
            }
            return d;
        }
    }

    /// An op on single elements. Where a condition hides the gradient of its result, it hides those of its operands too: chosen at the end, not multiplied, as the
    /// derivative there may be infinite or NaN.
    private final class Pointwise extends Arithmetic {
        private final Node whole;

        Pointwise(Node node, Node grad) {
            super(node, shown(grad));
            whole = grad;
        }

        @Override
        public void give(int i, Supplier<Node> gradient) {
            super.give(
                    i,
                    () -> {
                        Node d = noted(gradient.get());
                        return d == grad ? whole : hiddenLike(whole, d);
                    });
        }
    }

    /// A gradient without what hides it.
    private Node shown(Node g) {
        Node x = g;
        while (hidden.containsKey(x)) {
            x = x.input(hidden.get(x));
        }
        return x;
    }

    /// `d` behind the conditions that hide `g`.
    private Node hiddenLike(Node g, Node d) {
        ArrayDeque<Node> conditions = new ArrayDeque<>();
        for (Node x = g; hidden.containsKey(x); x = x.input(hidden.get(x))) {
            conditions.push(x);
        }
        Node out = d;
        for (Node x : conditions) {
            out = hide(x.input(0), hidden.get(x), out);
        }
        return out;
    }

    /// A selection.
    private final class Choice extends Step {
        Choice(Node node, Node grad) {
            super(node, grad);
        }

        @Override
        public void give(int i, Supplier<Node> gradient) {
            super.give(i, () -> hide(node.input(0), i, grad));
        }
    }
}
