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

/// Finds what can be done to a product's result while it is still in registers: a bias per column or channel, then an activation. Only values that nobody else wants
/// are absorbed.
///
/// ```
/// before   c = matmul(a, b); d = c + broadcast(bias); e = relu(d)
/// after    e = matmul(a, b, bias, relu)
/// ```
final class Epilogues {
    /// A product and what follows it, down to the node whose value the kernel gives.
    record Chain(Node core, Optional<Node> bias, Optional<Activation> activation) {}

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
        return ends.getOrDefault(end, new Chain(end, Optional.empty(), Optional.empty()));
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
        if (bias.isEmpty()
                && reshaped != core
                && (next.isEmpty() || activation(next.get()).isEmpty())) {
            return;
        }
        if (next.isPresent() && activation(next.get()).isPresent()) {
            activation = activation(next.get());
            end = next.get();
        }
        if (end != core) {
            ends.put(end, new Chain(core, bias, activation));
            for (Node n = core; n != end; n = user.get(n)) {
                absorbed.put(n, true);
            }
        }
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
