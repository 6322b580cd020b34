package dev.nacre.compile;

import dev.nacre.compile.Kernel.Activation;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// Finds what can be done to a product's result while it is still in registers: a bias per column or channel, then another tensor, then an activation. Only values that nobody else wants
/// are absorbed. A product that is wanted transposed is the product of its transposed operands, which are read as they lie.
///
/// A product of 16-bit operands is made in f32. Where what follows is computed in f32 and is rounded again, or is a result of the graph, the kernel gives just that: its own result is
/// not rounded in between.
///
/// ```
/// before   c = matmul(a, b); d = c + broadcast(bias); e = relu(d + residual)        c = matmul(a, b) in bf16; d = cast f32 c + broadcast(bias); e = cast bf16 d
/// after    e = matmul(a, b, bias, residual, relu)                                   e = matmul(a, b, bias) in bf16
/// ```
final class Epilogues {
    /// A product and what follows it, down to the node whose value the kernel gives.
    ///
    /// @param product the core, or its transpose
    record Chain(
            Node core,
            Node product,
            Optional<Node> bias,
            Optional<Node> addend,
            Optional<Activation> activation) {
        static Chain of(Node core, Node product) {
            return new Chain(core, product, Optional.empty(), Optional.empty(), Optional.empty());
        }

        boolean isTransposed() {
            return core != product;
        }
    }

    private final Map<Node, Chain> ends = new IdentityHashMap<>();
    private final Map<Node, Boolean> absorbed = new IdentityHashMap<>();
    private final Map<Node, Integer> uses = new IdentityHashMap<>();
    private final Map<Node, Node> user = new IdentityHashMap<>();
    private final Set<Node> roots = Collections.newSetFromMap(new IdentityHashMap<>());

    private Epilogues() {}

    static Epilogues find(List<Node> roots) {
        Epilogues e = new Epilogues();
        Order order = Graph.topological(roots);
        if (!order.has(Kernel::isProduct)) {
            return e;
        }
        for (Node n : order) {
            for (int i = 0; i < n.arity(); i++) {
                e.uses.merge(n.input(i), 1, Integer::sum);
                e.user.put(n.input(i), n);
            }
        }
        roots.forEach(r -> e.uses.merge(r, 1, Integer::sum));
        e.roots.addAll(roots);
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
        return ends.getOrDefault(end, Chain.of(end, end));
    }

    private void follow(Node core) {
        boolean forward =
                core.op() instanceof Op.Convolve c && c.kind() == Op.Convolve.Kind.FORWARD;
        if (!forward && !(core.op() instanceof Op.Contract)) {
            return;
        }
        Walk walk = new Walk(core);
        walk.on(n -> !forward && n.op() instanceof Op.Permute p && swapsLast(p.axes()));
        Node product = walk.at;
        Chain chain = chain(core, product, walk, forward ? 1 : -1);
        Node end = chain == null ? product : walk.at;
        if (end != core) {
            ends.put(end, chain == null ? Chain.of(core, product) : chain);
            for (Node n = core; n != end; n = user.get(n)) {
                absorbed.put(n, true);
            }
        }
    }

    /// What follows a product, up to where the walk ends; null if that is better done elsewhere.
    private Chain chain(Node core, Node product, Walk walk, int channel) {
        DType t = core.dtype();
        if (t != DType.F32 && t != DType.BF16) {
            return null;
        }
        boolean reshaped = channel < 0 && walk.on(n -> isReshapeOfRows(n, product.size(-1)));
        boolean widened = walk.on(n -> isCast(n, t, DType.F32));
        Node result = walk.at;
        Optional<Node> bias = walk.next().flatMap(n -> bias(n, walk.at, channel));
        walk.on(_ -> bias.isPresent());
        Optional<Node> addend = walk.next().flatMap(n -> addend(n, walk.at));
        walk.on(_ -> addend.isPresent());
        Optional<Activation> activation = walk.next().flatMap(Epilogues::activation);
        walk.on(_ -> activation.isPresent());
        DType narrow = widened ? t : DType.BF16;
        boolean ofNarrow =
                widened || core.op() instanceof Op.Contract && core.input(0).dtype() == DType.BF16;
        boolean rounded = ofNarrow && walk.on(n -> isCast(n, DType.F32, narrow));
        boolean fits =
                rounded
                        ? addend.isEmpty()
                        : widened ? roots.contains(walk.at) : !reshaped || walk.at != result;
        return fits ? new Chain(core, product, bias, addend, activation) : null;
    }

    private static boolean swapsLast(Axes order) {
        int n = order.count();
        for (int i = 0; i < n - 2; i++) {
            if (order.get(i) != i) {
                return false;
            }
        }
        return n >= 2 && order.get(n - 1) == n - 2;
    }

    /// From a product on, along values that have one user.
    private final class Walk {
        private Node at;

        Walk(Node core) {
            at = core;
        }

        Optional<Node> next() {
            return uses.get(at) == 1 ? Optional.ofNullable(user.get(at)) : Optional.empty();
        }

        /// Takes a step if the next node is so.
        boolean on(Predicate<Node> rule) {
            Optional<Node> next = next().filter(rule);
            at = next.orElse(at);
            return next.isPresent();
        }
    }

    private static boolean isReshapeOfRows(Node n, long columns) {
        return n.op() instanceof Op.Reshape && n.rank() > 0 && n.size(-1) == columns;
    }

    private static boolean isCast(Node n, DType from, DType to) {
        return n.op() instanceof Op.Cast && n.input(0).dtype() == from && n.dtype() == to;
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
                    case Op.Permute _ -> other.input(0).op() instanceof Op.Contract;
                    default -> false;
                };
        return inMemory && other.number().isEmpty() && other.type().equals(n.type())
                ? Optional.of(other)
                : Optional.empty();
    }

    private static boolean isProduct(Node n) {
        return n.op() instanceof Op.Contract || n.op() instanceof Op.Leaf;
    }

    /// What a node adds to each row or channel of a product's result.
    private static Optional<Node> bias(Node n, Node product, int channel) {
        return n.op() instanceof Op.Map2 m && m.f() == Binary.ADD
                ? vector(n.input(0) == product ? n.input(1) : n.input(0), channel)
                        .filter(b -> b.size(0) == product.size(channel))
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
        return x.rank() == 1 && x.number().isEmpty() ? Optional.of(x) : Optional.empty();
    }

    private static Optional<Activation> activation(Node n) {
        return n.op() instanceof Op.Map1 m ? Activation.of(m.f()) : Optional.empty();
    }
}
