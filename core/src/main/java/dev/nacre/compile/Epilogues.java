package dev.nacre.compile;

import dev.nacre.compile.Kernel.Activation;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Finds what can be done to a product's result while it is still in registers: a bias per column or channel, then another tensor, then an activation. Only values that nobody else wants
/// are absorbed.
///
/// ```
/// before   c = matmul(a, b); d = c + broadcast(bias); e = relu(d + residual)
/// after    e = matmul(a, b, bias, residual, relu)
/// ```
final class Epilogues {
    /// A product and what follows it, down to the node whose value the kernel gives.
    record Chain(
            Node core,
            Optional<Node> bias,
            Optional<Node> addend,
            Optional<Activation> activation) {
        static Chain of(Node core) {
            return new Chain(core, Optional.empty(), Optional.empty(), Optional.empty());
        }
    }

    private final Map<Node, Chain> ends = new IdentityHashMap<>();
    private final Map<Node, Boolean> absorbed = new IdentityHashMap<>();
    private final Map<Node, Integer> uses = new IdentityHashMap<>();
    private final Map<Node, Node> user = new IdentityHashMap<>();

    private Epilogues() {}

    static Epilogues find(List<Node> roots) {
        Epilogues e = new Epilogues();
        List<Node> order = Graph.topological(roots);
        for (Node n : order) {
            for (int i = 0; i < n.arity(); i++) {
                e.uses.merge(n.input(i), 1, Integer::sum);
                e.user.put(n.input(i), n);
            }
        }
        roots.forEach(r -> e.uses.merge(r, 1, Integer::sum));
        order.forEach(e::follow);
        return e;
    }

    boolean isAbsorbed(Node n) {
        return absorbed.containsKey(n);
    }

    boolean endsAt(Node n) {
        return ends.containsKey(n);
    }

    Chain chain(Node end) {
        return ends.getOrDefault(end, Chain.of(end));
    }

    private void follow(Node core) {
        boolean forward =
                core.op() instanceof Op.Convolve c && c.kind() == Op.Convolve.Kind.FORWARD;
        if (!forward && !(core.op() instanceof Op.Contract)
                || core.dtype() != DType.F32 && core.dtype() != DType.BF16) {
            return;
        }
        int channel = forward ? 1 : -1;
        Node end = core;
        Optional<Node> bias = Optional.empty();
        Optional<Activation> activation = Optional.empty();
        Optional<Node> next = onlyUser(end);
        Node reshaped = end;
        if (!forward
                && next.isPresent()
                && next.get().op() instanceof Op.Reshape
                && next.get().rank() > 0
                && next.get().size(-1) == core.size(-1)) {
            reshaped = next.get();
            next = onlyUser(reshaped);
        }
        Node before = reshaped;
        if (next.isPresent() && next.get().op() instanceof Op.Map2 m && m.f() == Binary.ADD) {
            Node other = next.get().input(0) == before ? next.get().input(1) : next.get().input(0);
            bias = vector(other, channel).filter(b -> b.size(0) == core.size(channel));
            if (bias.isPresent()) {
                end = next.get();
                next = onlyUser(end);
            }
        }
        Node sum = end == core ? before : end;
        Optional<Node> addend = next.flatMap(n -> addend(n, sum));
        if (addend.isPresent()) {
            end = next.get();
            next = onlyUser(end);
        }
        if (bias.isEmpty()
                && addend.isEmpty()
                && reshaped != core
                && (next.isEmpty() || activation(next.get()).isEmpty())) {
            return;
        }
        if (next.isPresent() && activation(next.get()).isPresent()) {
            activation = activation(next.get());
            end = next.get();
        }
        if (end != core) {
            ends.put(end, new Chain(core, bias, addend, activation));
            for (Node n = core; n != end; n = user.get(n)) {
                absorbed.put(n, true);
            }
        }
    }

    /// What a node adds to a product's result, if that is of the result's type and in memory anyway. If it is another product, the first of the two takes the other.
    private Optional<Node> addend(Node n, Node product) {
        if (!(n.op() instanceof Op.Map2 m)
                || m.f() != Binary.ADD
                || endsAt(n)
                || isAbsorbed(n)
                || n.input(0) == n.input(1)) {
            return Optional.empty();
        }
        Node other = n.input(0) == product ? n.input(1) : n.input(0);
        boolean inMemory =
                switch (other.op()) {
                    case Op.Leaf _, Op.Contract _, Op.Convolve _, Op.Fused _ -> true;
                    case Op.Map1 _, Op.Map2 _, Op.Select _, Op.Cast _ ->
                            endsAt(other) || uses.get(other) > 1;
                    case Op.Reshape _ -> isProduct(other.input(0));
                    default -> false;
                };
        return inMemory && Simplify.splat(other) == null && other.type().equals(n.type())
                ? Optional.of(other)
                : Optional.empty();
    }

    private static boolean isProduct(Node n) {
        return n.op() instanceof Op.Contract || n.op() instanceof Op.Leaf;
    }

    private Optional<Node> onlyUser(Node n) {
        return uses.get(n) == 1 && user.containsKey(n)
                ? Optional.of(user.get(n))
                : Optional.empty();
    }

    /// The vector that a node repeats along every axis but `axis`. It cannot depend on the product, whose only user is what the vector is added in; so it is there when the product is
    /// computed.
    private static Optional<Node> vector(Node n, int axis) {
        if (!(n.op() instanceof Op.Broadcast)) {
            return Optional.empty();
        }
        Node x = n.input(0);
        int a = axis < 0 ? n.rank() + axis : axis;
        for (int i = 0; i < x.rank(); i++) {
            if (i != a && x.size(i) != 1 || i == a && x.size(i) != n.size(i)) {
                return Optional.empty();
            }
        }
        while (x.op() instanceof Op.Reshape && x.rank() != 1) {
            x = x.input(0);
        }
        return x.rank() == 1 && Simplify.splat(x) == null ? Optional.of(x) : Optional.empty();
    }

    private static Optional<Activation> activation(Node n) {
        if (!(n.op() instanceof Op.Map1 m)) {
            return Optional.empty();
        }
        return m.f() == Unary.RELU
                ? Optional.of(Activation.RELU)
                : m.f() == Unary.SIGMOID
                        ? Optional.of(Activation.SIGMOID)
                        : m.f() == Unary.TANH ? Optional.of(Activation.TANH) : Optional.empty();
    }
}
