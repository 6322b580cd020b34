package dev.nacre.optable;

import static dev.nacre.optable.DTypes.ALL;

import dev.nacre.ir.Body;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Reduction;
import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Rows for ops that the math library does not build, or that deserve a row of their own.
final class StructureRows {
    private StructureRows() {}

    /// `(a·tanh b, a + tanh b)` as one composite of two outputs.
    private record Gate(boolean recomputes) implements Composite {
        @Override
        public String name() {
            return "gate";
        }

        Node output(int k, List<Node> in) {
            Body body =
                    Body.of(
                            in.stream().map(Node::type).toList(),
                            x -> {
                                Node t = x.get(1).tanh();
                                return List.of(x.get(0).mul(t), x.get(0).add(t));
                            });
            return Node.of(new Op.Fused(this, body, k), in);
        }
    }

    /// Twice the operand, with a derivative of its own.
    private record Twice() implements Composite {
        @Override
        public String name() {
            return "twice";
        }

        @Override
        public Optional<List<Node>> differentiate(List<Node> inputs, Node output, Node grad) {
            return Optional.of(List.of(grad.add(grad)));
        }

        Node of(Node x) {
            return Node.of(
                    new Op.Fused(
                            this, Body.of(List.of(x.type()), in -> List.of(in.get(0).mul(2))), 0),
                    x);
        }
    }

    static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        rows.add(
                Row.of(
                        "constant",
                        d -> List.of(d.in(-3, 3, 2, d.n())),
                        in -> in.get(0).mul(in.get(0).constant(1.5, in.get(0).dtype()))));
        rows.add(
                Row.of(
                                "iota",
                                d -> List.of(d.in(-3, 3, 2, d.n())),
                                in ->
                                        in.get(0)
                                                .add(
                                                        in.get(0)
                                                                .iota(
                                                                        in.get(0).size(1),
                                                                        in.get(0).dtype())))
                        .on(DTypes.NUMBERS));
        rows.add(
                Row.of(
                                "extent op",
                                d -> List.of(d.in(-3, 3, 2, d.n(), 3)),
                                in ->
                                        Node.of(
                                                new Op.Extent(Axes.range(1, 3), DType.F32),
                                                in.get(0)))
                        .on(ALL)
                        .flat());
        rows.add(
                Row.of(
                                "after",
                                d -> List.of(d.in(-3, 3, 2, d.n()), d.in(-3, 3, 3)),
                                in -> Node.of(new Op.After(), in.get(0), in.get(1).exp()))
                        .on(ALL));
        rows.add(
                Row.of(
                                "fused first",
                                d -> List.of(d.in(-2, 2, 2, d.n()), d.in(-2, 2, 2, d.n())),
                                in -> new Gate(false).output(0, in))
                        .slack(4));
        rows.add(
                Row.of(
                                "fused second",
                                d -> List.of(d.in(-2, 2, 2, d.n()), d.in(-2, 2, 2, d.n())),
                                in -> new Gate(false).output(1, in))
                        .slack(4));
        rows.add(
                Row.of(
                                "fused recomputing",
                                d -> List.of(d.in(-2, 2, 2, d.n()), d.in(-2, 2, 2, d.n())),
                                in -> new Gate(true).output(0, in))
                        .slack(4));
        rows.add(
                Row.of(
                                "fused twice the same",
                                d -> List.of(d.in(-2, 2, 2, d.n())),
                                in -> new Gate(false).output(0, List.of(in.get(0), in.get(0))))
                        .slack(4));
        rows.add(
                Row.of(
                                "fused with derivative",
                                d -> List.of(d.in(-2, 2, 2, d.n())),
                                in -> new Twice().of(in.get(0)).square())
                        .slack(4));
        rows.add(
                Row.of(
                                "matmul to f32",
                                d -> List.of(d.in(-1, 1, 2, d.n()), d.in(-1, 1, d.n(), 2)),
                                in -> Node.of(new Op.Contract(DType.F32), in.get(0), in.get(1)))
                        .on(List.of(DType.F16, DType.BF16, DType.F32))
                        .slack(8)
                        .flat()
                        .note("rounds to f32, too coarse for differences"));
        rows.add(
                Row.of(
                                "ties of max",
                                d -> List.of(d.in(0, 2, 3, d.n())),
                                in ->
                                        Node.of(
                                                new Op.Reduce(Reduction.MAX, Axes.range(0, 1)),
                                                in.get(0).round()))
                        .on(ALL)
                        .flat());
        return rows;
    }
}
