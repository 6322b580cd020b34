package dev.nacre.compile;

import dev.nacre.ir.Composite;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import dev.nacre.ir.Pooling;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Window;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/// Looks at the pooled image where that tells the same as the whole one. The gradient of max pooling is zero but at the largest pixel of each window, whose value is the pooled one, and it has
/// each number of the pooled gradient once. So what hides pixels by their value, as the derivative of a ReLU does, may hide numbers of the smaller gradient, and sums may be taken there.
///
/// ```
/// before   where(x > 0, max_pool'(x, g), 0)                      sum(max_pool'(x, g), image)
/// after    max_pool'(x, where(max_pool(x) > 0, g, 0))            sum(g, image)
/// ```
final class Winners {
    private record Pool(Pooling what, Node of) {}

    private final Map<Node, Integer> uses = new IdentityHashMap<>();
    private final Map<Pool, Node> pooled = new HashMap<>(); // nodes are equal if they are the same

    private Winners() {}

    static List<Node> run(List<Node> roots) {
        Winners pass = new Winners();
        Order order = Graph.topological(roots);
        if (!order.has(op -> derived(op) != null)) {
            return roots;
        }
        for (Node n : order) {
            n.inputs().forEach(in -> pass.uses.merge(in, 1, Integer::sum));
        }
        roots.forEach(r -> pass.uses.merge(r, 1, Integer::sum));
        return Graph.rewrite(roots, (n, in) -> pass.rewritten(n, in));
    }

    private Node rewritten(Node n, List<Node> in) {
        return switch (n.op()) {
            case Op.Fused f when f.what() instanceof Pooling p ->
                    pooled.computeIfAbsent(new Pool(p, in.getFirst()), _ -> n.withInputs(in));
            case Op.Select _ when uses.get(n.input(1)) == 1 && isHiding(in) -> hidden(in);
            case Op.Reduce r when r.kind() == Reduction.SUM && isKeptBy(r, in.getFirst()) ->
                    n.withInputs(List.of(in.getFirst().input(1)));
            default -> n.withInputs(in);
        };
    }

    /// The pooling whose gradient to its operand a node is, if it takes the largest; else null.
    private static Pooling derived(Node n) {
        return derived(n.op());
    }

    private static Pooling derived(Op op) {
        return op instanceof Op.Fused f
                        && f.what() instanceof Composite.Derivative d
                        && d.of() instanceof Pooling p
                        && p.kind() == Pooling.Kind.MAX
                ? p
                : null;
    }

    /// Whether zeros take the place of a gradient where the pooled operand compares so with a number.
    private static boolean isHiding(List<Node> in) {
        Node condition = in.getFirst();
        return derived(in.get(1)) != null
                && in.getLast().is(0)
                && condition.op() instanceof Op.Map2 m
                && m.f().isComparison()
                && condition.input(0) == in.get(1).input(0)
                && condition.input(1).number().isPresent();
    }

    private Node hidden(List<Node> in) {
        Node condition = in.getFirst();
        Node whole = in.get(1);
        Node x = whole.input(0);
        Pooling p = derived(whole);
        Node small = pooled.computeIfAbsent(new Pool(p, x), _ -> x.maxPool(p.windows()));
        Node number = small.fullLike(condition.input(1).number().orElseThrow().value());
        Node g = whole.input(1);
        Node shown = Node.of(condition.op(), small, number).where(g, g.zerosLike());
        return whole.withInputs(List.of(x, shown));
    }

    /// Whether a sum is over all of each image, whose windows lose nothing to padding.
    private static boolean isKeptBy(Op.Reduce r, Node x) {
        Pooling p = derived(x);
        if (p == null) {
            return false;
        }
        for (int axis : p.axes(x.rank()).toArray()) {
            if (!r.axes().contains(axis)) {
                return false;
            }
        }
        return p.windows().stream().allMatch(Winners::isBare);
    }

    private static boolean isBare(Window w) {
        return w.before() == 0 && w.after() == 0;
    }
}
