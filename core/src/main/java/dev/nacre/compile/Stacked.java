package dev.nacre.compile;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Margin;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Span;
import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// Nodes of a loop's body computed for all steps at once, outside the loop: every value has one more axis, the steps, in front. What does not depend on the step is
/// computed once.
///
/// ```
/// in the body    y = x·w        x [32, 128], w a constant
/// outside        y = reshape(reshape(x, [64·32, 128])·w, [64, 32, 1024])
/// ```
final class Stacked {
    private final long length;
    private final Map<Node, Node> once = new IdentityHashMap<>();
    private final Map<Node, Node> stacked = new IdentityHashMap<>();

    Stacked(long length) {
        this.length = length;
    }

    /// Says what a node of the body is outside, the same for all steps.
    void fix(Node inner, Node outer) {
        once.put(inner, outer);
    }

    /// Says what a node of the body is at all steps.
    void stack(Node inner, Node outer) {
        stacked.put(inner, outer);
    }

    private boolean isKnown(Node n) {
        return once.containsKey(n) || stacked.containsKey(n);
    }

    /// Whether an op has a form for all steps at once.
    static boolean supports(Op op) {
        return op instanceof Op.Map1
                || op instanceof Op.Map2
                || op instanceof Op.Select
                || op instanceof Op.Cast
                || op instanceof Op.Contract
                || op instanceof Op.Reduce
                || op instanceof Op.Pad
                || op instanceof Op.Concat
                || isMove(op);
    }

    static boolean isMove(Op op) {
        return op instanceof Op.Reshape
                || op instanceof Op.Permute
                || op instanceof Op.Broadcast
                || op instanceof Op.Slice;
    }

    /// A node that is the same at all steps.
    Node once(Node n) {
        compute(n);
        return once.get(n);
    }

    /// A node at all steps.
    Node all(Node n) {
        compute(n);
        return wide(n);
    }

    private void compute(Node root) {
        for (Node n : Graph.topological(List.of(root), this::isKnown)) {
            if (isKnown(n)) {
                continue;
            }
            if (n.inputs().stream().allMatch(once::containsKey)) {
                once.put(n, n.withInputs(n.inputs().stream().map(once::get).toList()));
            } else {
                stacked.put(n, batched(n));
            }
        }
    }

    private Node wide(Node n) {
        Node x = stacked.get(n);
        if (x == null) {
            Node one = once.get(n);
            while (one.op() instanceof Op.Broadcast) {
                one = one.input(0);
            }
            x = one.reshape(lead(1, one.shape())).broadcastTo(lead(length, n.shape()));
            stacked.put(n, x);
        }
        return x;
    }

    private static Shape lead(long size, Shape shape) {
        return Shape.of(size).concat(shape);
    }

    private static Axes behind(Axes axes, int rank) {
        return Axes.of("scan", rank, IntStream.of(axes.toArray()).map(a -> a + 1).toArray());
    }

    private Node batched(Node n) {
        List<Node> in = new ArrayList<>();
        if (n.op() instanceof Op.Contract c
                && n.rank() == 2
                && !once.containsKey(n.input(0))
                && once.containsKey(n.input(1))) {
            return flat(c, n);
        }
        n.inputs().forEach(x -> in.add(wide(x)));
        Op op =
                switch (n.op()) {
                    case Op.Reshape r -> new Op.Reshape(lead(length, r.shape()));
                    case Op.Broadcast b -> new Op.Broadcast(lead(length, b.shape()));
                    case Op.Permute p -> {
                        int[] order = new int[p.axes().count() + 1];
                        for (int i = 1; i < order.length; i++) {
                            order[i] = p.axes().get(i - 1) + 1;
                        }
                        yield new Op.Permute(Axes.of("scan", order.length, order));
                    }
                    case Op.Slice s -> {
                        List<Span> spans = new ArrayList<>(List.of(Span.all(length)));
                        spans.addAll(s.spans());
                        yield new Op.Slice(spans);
                    }
                    case Op.Pad p -> {
                        List<Margin> margins = new ArrayList<>(List.of(Margin.NONE));
                        margins.addAll(p.margins());
                        yield new Op.Pad(margins, p.value());
                    }
                    case Op.Concat c -> new Op.Concat(c.axis() + 1);
                    case Op.Reduce r ->
                            new Op.Reduce(r.kind(), behind(r.axes(), n.input(0).rank() + 1));
                    default -> n.op();
                };
        return Node.of(op, in);
    }

    /// A product with one matrix for all steps: one large product.
    private Node flat(Op.Contract c, Node n) {
        Node a = wide(n.input(0));
        long rows = a.size(0) * a.size(1);
        return Node.of(c, a.reshape(rows, a.size(2)), once.get(n.input(1)))
                .reshape(a.size(0), a.size(1), n.size(-1));
    }

    /// The sum of a product over all steps: one product whose inner axis is steps and inner axis together.
    ///
    /// ```
    /// Σₜ aₜ·bₜ     aₜ [1024, 32], bₜ [32, 256]   →   [1024, 64·32] · [64·32, 256]
    /// ```
    ///
    /// @param dtype of the sum
    Node total(Node product, DType dtype) {
        compute(product.input(0));
        compute(product.input(1));
        int r = product.rank();
        Node a = wide(product.input(0));
        Node b = wide(product.input(1));
        int[] columns = new int[r + 1];
        int[] rows = new int[r + 1];
        for (int i = 0; i < r - 2; i++) {
            columns[i] = i + 1;
            rows[i] = i + 1;
        }
        columns[r - 2] = r - 1;
        columns[r - 1] = 0;
        columns[r] = r;
        rows[r - 2] = 0;
        rows[r - 1] = r - 1;
        rows[r] = r;
        long inner = length * a.size(-1);
        return Node.of(
                new Op.Contract(dtype),
                a.permute(columns).reshape(product.input(0).shape().with(-1, inner)),
                b.permute(rows).reshape(product.input(1).shape().with(-2, inner)));
    }

    /// The sum of a reduction over all steps.
    Node totalSum(Node sum) {
        Op.Reduce r = (Op.Reduce) sum.op();
        Node x = all(sum.input(0));
        int[] axes = new int[r.axes().count() + 1];
        for (int i = 1; i < axes.length; i++) {
            axes[i] = r.axes().get(i - 1) + 1;
        }
        return Node.of(new Op.Reduce(r.kind(), Axes.of("scan", x.rank(), axes)), x);
    }
}
