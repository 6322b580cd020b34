package dev.nacre;

import dev.nacre.autodiff.Reverse;
import dev.nacre.compile.Stabilize;
import dev.nacre.ir.Body;
import dev.nacre.ir.Checkpoint;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import dev.nacre.ir.Symbol;
import dev.nacre.reference.Array;
import dev.nacre.reference.GradientCheck;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Derivatives of tensors by tensors. They are tensors like any other: lazy, fused with the rest, and differentiable again.
///
/// No gradient reaches what a loss does not depend on, or only through [Tensor#detach()], [Tensor#argmax], comparisons, casts to whole numbers and the like. [#find] then gives nothing,
/// [#of(Tensor)] zeros; [Tensor#backward()] leaves such a variable without a gradient, so that no optimizer touches it.
public final class Gradients {
    private final Map<Object, Tensor> byOperand = new IdentityHashMap<>(); // a tensor, or its node
    private final Map<Object, Optional<Tensor>> found = new IdentityHashMap<>();
    private final List<Tensor> all;

    private Gradients(Tensor[] wrt, List<Node> nodes, List<Optional<Node>> gradients) {
        all = Reverse.orZeros(gradients, nodes).stream().map(Tensor::new).toList();
        for (int i = 0; i < wrt.length; i++) {
            Optional<Tensor> g =
                    gradients.get(i).isPresent() ? Optional.of(all.get(i)) : Optional.empty();
            found.put(wrt[i], g);
            found.put(nodes.get(i), g);
            byOperand.put(wrt[i], all.get(i));
            byOperand.put(nodes.get(i), all.get(i));
        }
    }

    /// ∂loss/∂x for each x. Zero where the loss does not depend on x; see [#find].
    ///
    /// @param loss a single floating number
    public static Gradients of(Tensor loss, Tensor... wrt) {
        Problem p = Problem.in("gradient").operand("loss", loss.type(), loss::origin);
        p.require(
                !loss.shape().isKnown() || loss.shape().count() == 1,
                "the loss must be a single number, but is " + loss.shape());
        if (Arrays.stream(wrt).anyMatch(x -> x instanceof Variable v && v.isTrainable())) {
            Remarks.report(loss.node());
        }
        p.require(loss.dtype().isFloating(), "the loss must be floating")
                .hint("reduce it with mean() or sum(), or use vjp with a weight for each element")
                .throwShape();
        return pulled(loss, loss.onesLike(), wrt);
    }

    private static Gradients pulled(Tensor y, Tensor cotangent, Tensor... wrt) {
        List<Node> nodes = Arrays.stream(wrt).map(Tensor::node).toList();
        Node stable = Stabilize.run(List.of(y.node())).getFirst();
        boolean kept =
                stable == y.node()
                        || Graph.topological(List.of(stable))
                                .containsAll(nodes); // else one of them was rewritten itself
        requireExpression(y, nodes, wrt);
        return new Gradients(
                wrt,
                nodes,
                Reverse.reaching(
                        List.of(kept ? stable : y.node()), List.of(cotangent.node()), nodes));
    }

    /// A tensor that has been computed may be just a number, whose derivatives would be zero without warning.
    private static void requireExpression(Tensor y, List<Node> nodes, Tensor... wrt) {
        boolean number =
                !(y instanceof Variable)
                        && y.isRealized()
                        && y.node().op() instanceof Op.Leaf
                        && !nodes.contains(y.node());
        boolean byPlain =
                Arrays.stream(wrt).anyMatch(x -> !(x instanceof Variable v && v.isTrainable()));
        Problem.in("gradient")
                .require(
                        !number || !y.isSettled(),
                        "backward() has been called already, and what it was computed from is gone")
                .require(
                        !number || y.isSettled() || !byPlain,
                        "what was read before it was differentiated is a number, and depends on nothing")
                .operand("y", y.type(), y::origin)
                .hint(
                        y.isSettled()
                                ? "ask for all gradients before reading, or compute it again"
                                : "ask for the gradient before reading, or differentiate by a Variable")
                .throwShape();
    }

    /// The gradient by one of the tensors asked for; zeros where no gradient reaches it.
    public Tensor of(Tensor x) {
        return byOperand.get(asked(x));
    }

    /// The gradient by one of the tensors asked for, if any reaches it.
    public Optional<Tensor> find(Tensor x) {
        return found.get(asked(x));
    }

    private Object asked(Tensor x) {
        Object key = byOperand.containsKey(x) ? x : x.node();
        Problem.in("gradient")
                .require(byOperand.containsKey(key), "was not asked for by this tensor")
                .operand("x", x.type(), x::origin)
                .throwShape();
        return key;
    }

    /// All gradients, in the order asked for.
    public List<Tensor> all() {
        return all;
    }

    /// The types; printing computes nothing.
    @Override
    public String toString() {
        return "Gradients" + all.stream().map(Tensor::type).toList();
    }

    /// The vector–Jacobian product `Σᵢ vᵢ·∂yᵢ/∂x`, of x's type.
    public static Tensor vjp(Tensor y, Tensor x, Tensor v) {
        check("vjp", "v", v, "y", y);
        return pulled(y, v, x).all.getFirst();
    }

    /// The Jacobian–vector product `Σⱼ ∂y/∂xⱼ·vⱼ`, of y's type: the derivative of y as x moves along v. Found as the derivative of a vector–Jacobian
    /// product by its vector, in which it is linear.
    public static Tensor jvp(Tensor y, Tensor x, Tensor v) {
        check("jvp", "v", v, "x", x);
        requireExpression(y, List.of(x.node()), x);
        Node u = Symbol.node("cotangent", y.type());
        Node pulled =
                Reverse.gradients(List.of(y.node()), List.of(u), List.of(x.node())).getFirst();
        Node pushed = Reverse.gradients(List.of(pulled), List.of(v.node()), List.of(u)).getFirst();
        return new Tensor(
                Graph.substitute(List.of(pushed), List.of(u), List.of(y.zerosLike().node()))
                        .getFirst());
    }

    private static void check(String op, String vName, Tensor v, String name, Tensor like) {
        Problem.in(op)
                .require(v.type().equals(like.type()), vName + " must have the type of " + name)
                .operand(vName, v.type(), v::origin)
                .operand(name, like.type(), like::origin)
                .throwShape();
    }

    /// All derivatives `∂yᵢ/∂xⱼ`, of shape `y.shape + x.shape`. One vector–Jacobian product per element of y.
    public static Tensor jacobian(Tensor y, Tensor x) {
        long n = y.shape().count();
        List<Tensor> rows = new ArrayList<>();
        Tensor numbers = Tensor.arange(n).reshape(y.shape());
        for (long i = 0; i < n; i++) {
            rows.add(vjp(y, x, numbers.eq(i).where(y.onesLike(), y.zerosLike())));
        }
        Shape shape = y.shape().concat(x.shape());
        return rows.isEmpty()
                ? Tensor.zeros(x.dtype(), shape.toArray())
                : Tensor.stack(0, rows).reshape(shape);
    }

    /// All second derivatives of a single number, of shape `x.shape + x.shape`.
    public static Tensor hessian(Tensor y, Tensor x) {
        return jacobian(of(y, x).all.getFirst(), x);
    }

    // -------------------------------------------------------------------------------------------
    // own derivatives

    /// The gradients of a custom function's inputs from its inputs, its result and the result's gradient.
    @FunctionalInterface
    public interface Rule {
        List<Tensor> gradients(List<Tensor> inputs, Tensor result, Tensor gradient);
    }

    /// @param inputs how many of the operands are given to the rule; the others are captured
    private record Custom(
            java.util.function.Function<List<Tensor>, Tensor> forward, Rule rule, int inputs)
            implements Composite {
        @Override
        public String name() {
            return "custom";
        }

        @Override
        public boolean derivesAnew() {
            return true;
        }

        @Override
        public Optional<List<Node>> differentiate(List<Node> inputs, Node output, Node grad) {
            List<Tensor> g =
                    rule.gradients(
                            inputs.stream().limit(this.inputs).map(Tensor::new).toList(),
                            new Tensor(output),
                            new Tensor(grad));
            List<Node> all = new ArrayList<>(g.stream().map(Tensor::node).toList());
            inputs.stream().skip(this.inputs).map(Node::zerosLike).forEach(all::add);
            return Optional.of(all);
        }
    }

    /// `forward` applied to the inputs, with a derivative of its own: one gradient per input, of its type. No gradient reaches other tensors and variables that it captures.
    public static Tensor custom(
            java.util.function.Function<List<Tensor>, Tensor> forward,
            Rule rule,
            Tensor... inputs) {
        List<Node> nodes = Arrays.stream(inputs).map(Tensor::node).toList();
        Body.Closure c =
                Body.closure(
                        nodes,
                        in -> List.of(forward.apply(in.stream().map(Tensor::new).toList()).node()));
        List<Node> all = new ArrayList<>(nodes);
        c.captured().forEach(n -> all.add(n.detach()));
        Custom what = new Custom(forward, rule, nodes.size());
        return new Tensor(Node.of(new Op.Fused(what, c.body(), 0), all));
    }

    /// `forward` applied to the inputs, its intermediate values computed again for the derivative instead of kept: less memory for more time (Chen et al. 2016). Variables that it
    /// sets, such as running statistics, are set once.
    public static Tensor checkpoint(
            java.util.function.Function<List<Tensor>, Tensor> forward, Tensor... inputs) {
        List<Node> nodes = Arrays.stream(inputs).map(Tensor::node).toList();
        Trace inner = Trace.within();
        List<Node> results =
                Checkpoint.of(
                        nodes,
                        in -> {
                            List<Node> out = new ArrayList<>();
                            out.add(
                                    inner.in(() ->
                                            forward.apply(in.stream().map(Tensor::new).toList())
                                                    .node()));
                            inner.updates().forEach(u -> out.add(u.node()));
                            return out;
                        });
        int k = 1;
        for (Engine.Root update : inner.updates()) {
            update.target().orElseThrow().set(new Tensor(results.get(k++)));
        }
        return new Tensor(results.getFirst());
    }

    /// Compares the first and second derivatives of a function at the given points with finite differences, on the slow reference interpreter, and throws where they
    /// differ. For testing layers, losses and derivatives of one's own ([#custom]).
    ///
    /// ```java
    /// Gradients.check(in -> in.get(0).tanh().mul(in.get(1)), Tensor.of(new double[] {0.5, -1}), Tensor.of(new double[] {2, 3}));
    /// ```
    ///
    /// @param at floating points must be f64; others, and tensors that the function captures, stay fixed
    public static void check(
            java.util.function.Function<List<Tensor>, Tensor> function, Tensor... at) {
        GradientCheck.check(
                in -> List.of(function.apply(in.stream().map(Tensor::new).toList()).node()),
                Arrays.stream(at).map(Gradients::array).toList(),
                source ->
                        switch (source) {
                            case Stored.Ref r -> array(new Tensor(r.stored()));
                            case Variable.Current c -> array(c.variable());
                            default ->
                                    throw new NacreException(
                                            "gradient check: the "
                                                    + source.origin()
                                                    + " has no numbers");
                        });
    }

    private static Array array(Tensor t) {
        return t.dtype().isFloating()
                ? Array.of(t.type(), t.toDoubleArray())
                : Array.ofLongs(t.type(), t.toLongArray());
    }

    /// Fills the gradients of all trainable variables that a loss depends on; see [Tensor#backward()].
    static void backward(Tensor loss) {
        Problem.in("backward")
                .require(
                        !(loss.isSettled() && loss.node().op() instanceof Op.Leaf),
                        "backward() has been called already, and what it was computed from is gone")
                .operand("loss", loss.type(), loss::origin)
                .hint("compute the loss again, or add several losses before one backward()")
                .throwShape();
        Remarks.report(loss.node());
        if (Trace.current().isPresent()) {
            Order order = Graph.written(List.of(loss.node()));
            List<Node> leaves = trained(order, loss);
            reached(leaves, detached(loss, leaves), loss);
        } else {
            Derivatives.Found known =
                    Derivatives.of(
                            loss.node(),
                            order -> trained(order, loss),
                            leaves -> detached(loss, leaves));
            reached(known.by(), known.gradients(), loss);
        }
        loss.settle();
    }

    /// The leaves that are values of trainable variables.
    private static List<Node> trained(Order order, Tensor loss) {
        List<Node> leaves = new ArrayList<>();
        for (int i = 0; i < order.size(); i++) {
            Node n = order.get(i);
            if (n.op() instanceof Op.Leaf l
                    && l.source().isTrainable()
                    && n.dtype().isFloating()
                    && n.dtype() != DType.BOOL) {
                leaves.add(n);
            }
        }
        Problem.in("backward")
                .require(!leaves.isEmpty(), "the loss depends on no trainable variable")
                .operand("loss", loss.type(), loss::origin)
                .throwShape();
        return leaves;
    }

    private static void reached(List<Node> leaves, List<Optional<Node>> gradients, Tensor loss) {
        boolean any = false;
        for (int i = 0; i < leaves.size(); i++) {
            if (gradients.get(i).isPresent()) {
                any = true;
                variableOf((Op.Leaf) leaves.get(i).op())
                        .addGrad(new Tensor(gradients.get(i).get()), loss);
            }
        }
        Problem.in("backward")
                .require(any, "no gradient reaches a trainable variable")
                .operand("loss", loss.type(), loss::origin)
                .hint("what is detached, compared or a whole number has no derivative")
                .throwShape();
    }

    private static List<Optional<Node>> detached(Tensor loss, List<Node> leaves) {
        Tensor[] wrt = leaves.stream().map(Tensor::new).toArray(Tensor[]::new);
        Gradients all = of(loss, wrt);
        return Arrays.stream(wrt).map(x -> all.find(x).map(g -> g.detach().node())).toList();
    }

    /// Whether a gradient can pass from an expression to a trainable variable.
    static boolean reachesVariable(Node expression) {
        Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        ArrayDeque<Node> open = new ArrayDeque<>(List.of(expression));
        while (!open.isEmpty()) {
            Node n = open.pop();
            if (!seen.add(n)
                    || n.isSettled()
                    || !n.dtype().isFloating()
                    || n.op() instanceof Op.Detach) {
                continue;
            }
            Variable v = n.op() instanceof Op.Leaf l ? variableOf(l) : null;
            if (v != null && v.isTrainable()) {
                return true;
            }
            n.inputs().forEach(open::push);
        }
        return false;
    }

    private static Variable variableOf(Op.Leaf leaf) {
        return switch (leaf.source()) {
            case Stored.Ref r -> r.stored().owner();
            case Variable.Current c -> c.variable();
            default -> null;
        };
    }
}
