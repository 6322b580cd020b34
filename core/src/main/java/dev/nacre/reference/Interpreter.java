package dev.nacre.reference;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// Computes a graph op by op, slowly and obviously: this is the definition of what each op means. Backends are tested against it.
///
/// Arithmetic is carried out in double, or in 64-bit integers, and rounded to the element type after every op. Sums of many elements (reductions, products, scatter
/// additions, recurrences) are kept in double and rounded once.
public final class Interpreter {
    private final Function<Source, Array> leaves;
    private final Map<Node, Array> values = new IdentityHashMap<>();

    private Interpreter(Function<Source, Array> leaves) {
        this.leaves = leaves;
    }

    /// The values of `roots`.
    ///
    /// @param leaves the numbers of each leaf, of the leaf's type
    public static List<Array> evaluate(List<Node> roots, Function<Source, Array> leaves) {
        Interpreter run = new Interpreter(leaves);
        for (Node n : Graph.topological(roots)) {
            run.values.put(n, run.compute(n));
        }
        return roots.stream().map(run.values::get).toList();
    }

    /// The value of a graph without leaves.
    public static Array evaluate(Node root) {
        return evaluate(
                        List.of(root),
                        source -> {
                            throw new IllegalArgumentException("no value for " + source.origin());
                        })
                .get(0);
    }

    private Array compute(Node n) {
        List<Array> in = new ArrayList<>(n.arity());
        for (int i = 0; i < n.arity(); i++) {
            in.add(values.get(n.input(i)));
        }
        Array out = apply(n.op(), n.type(), in);
        if (!out.type().equals(n.type())) {
            throw new IllegalStateException(
                    n.op().name()
                            + ": computed "
                            + out.type()
                            + " where "
                            + n.type()
                            + " was inferred");
        }
        return out;
    }

    /// One op on operands that are known. The result's type is computed from the operands' wherever the op itself does not name it.
    private Array apply(Op op, TensorType inferred, List<Array> in) {
        return switch (op) {
            case Op.Leaf o -> leaves.apply(o.source());
            case Op.Constant o -> Moves.scalar(o);
            case Op.Iota o -> Elements.iota(o);
            case Op.RandomBits o -> Elements.random(o, in.get(0));
            case Op.Extent o -> Elements.extent(o, in.get(0));
            case Op.Map1 o -> Elements.map(o.f(), in.get(0));
            case Op.Map2 o -> Elements.combine(o.f(), in.get(0), in.get(1));
            case Op.Select _ -> Elements.select(in.get(0), in.get(1), in.get(2));
            case Op.Cast o -> Elements.cast(in.get(0), o.dtype());
            case Op.Reshape o -> Moves.reshape(in.get(0), o.shape());
            case Op.Permute o -> Moves.permute(in.get(0), o.axes());
            case Op.Broadcast o -> Moves.broadcast(in.get(0), o.shape());
            case Op.Slice o -> Moves.slice(in.get(0), o.spans());
            case Op.Pad o -> Moves.pad(in.get(0), o.margins(), o.value());
            case Op.Concat o -> Moves.concat(in, o.axis());
            case Op.Windows o -> Moves.windows(in.get(0), o.windows());
            case Op.Reduce o -> Folds.reduce(o.kind(), in.get(0), o.axes());
            case Op.ArgReduce o -> Folds.argReduce(in.get(0), o.axis(), o.largest());
            case Op.Recurrence o -> Folds.recurrence(in.get(0), in.get(1), o.axis(), o.reverse());
            case Op.ArgSort o -> Folds.argSort(in.get(0), o.axis(), o.descending());
            case Op.Gather o -> Moves.gather(in.get(0), in.get(1), o.axis());
            case Op.ScatterAdd o -> Moves.scatterAdd(in.get(0), in.get(1), in.get(2), o.axis());
            case Op.Contract o -> Products.contract(in.get(0), in.get(1), o.dtype());
            case Op.Convolve o -> Products.convolve(o, in.get(0), in.get(1));
            case Op.Fused o -> fused(o, in);
            case Op.Scan o -> Loops.scan(o.loop(), in, leaves).get(o.result());
            case Op.Detach _, Op.After _ -> in.get(0);
        };
    }

    private Array fused(Op.Fused op, List<Array> in) {
        Map<Source, Array> arguments = new IdentityHashMap<>();
        for (int i = 0; i < in.size(); i++) {
            arguments.put(((Op.Leaf) op.body().inputs().get(i).op()).source(), in.get(i));
        }
        Node wanted = op.body().outputs().get(op.output());
        return evaluate(
                        List.of(wanted),
                        s -> arguments.containsKey(s) ? arguments.get(s) : leaves.apply(s))
                .get(0);
    }
}
