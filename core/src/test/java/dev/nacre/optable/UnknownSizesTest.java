package dev.nacre.optable;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.autodiff.Reverse;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.reference.Array;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// A size that is given only at the call must either work, gradients included, or be refused while the graph is built: arithmetic on it gives nonsense.
class UnknownSizesTest {
    private static final int N = 7;

    /// Rows that compute with the size of the axis left open, or whose gradients do (running sums are shifted), and so need to know it.
    private static final List<String> NEED_THE_SIZE =
            List.of(
                    "at rows",
                    "chunk",
                    "concat",
                    "concat several",
                    "cumprod",
                    "cumsum",
                    "diagonal",
                    "einsum trace",
                    "flip",
                    "flip all",
                    "pad",
                    "pad margins",
                    "pad margins with a fraction",
                    "pad with a fraction",
                    "padEdge",
                    "prod all",
                    "prod outer",
                    "productOfOthers",
                    "recurrence",
                    "recurrence reversed",
                    "repeat",
                    "roll",
                    "shift",
                    "shift back",
                    "slice backwards",
                    "slice outside",
                    "slice with step",
                    "tile");

    @Test
    void unknownSizesWorkOrAreRefused() {
        List<String> refused = new ArrayList<>();
        for (Row row : OpTable.rows()) {
            List<Array> operands =
                    row.operands(
                            3,
                            row.dtypes().contains(DType.F64) ? DType.F64 : row.dtypes().get(0),
                            N);
            List<Node> known = operands.stream().map(x -> Symbol.node("x", x.type())).toList();
            List<Array> expected = evaluate(withGradients(row, known), known, operands);
            long unknown = Shape.unknown();
            List<Node> open =
                    operands.stream()
                            .map(x ->
                                    Symbol.node(
                                            "x", x.type().withShape(opened(x.shape(), unknown))))
                            .toList();
            List<Node> graph;
            try {
                graph = withGradients(row, open);
            } catch (NacreException e) {
                refused.add(row.name());
                continue;
            }
            List<Array> actual = evaluate(bind(graph, open, known, unknown), known, operands);
            for (int i = 0; i < expected.size(); i++) {
                assertEquals(expected.get(i).type(), actual.get(i).type(), row.name());
                assertEquals(
                        "",
                        Tolerance.difference(expected.get(i), actual.get(i), 1e-12).orElse(""),
                        row.name() + ", result " + i);
            }
        }
        assertEquals(new TreeSet<>(NEED_THE_SIZE), new TreeSet<>(refused));
    }

    private static Shape opened(Shape shape, long unknown) {
        return Shape.of(Arrays.stream(shape.toArray()).map(s -> s == N ? unknown : s).toArray());
    }

    private static List<Node> withGradients(Row row, List<Node> in) {
        Node y = row.apply(in);
        List<Node> all = new ArrayList<>(List.of(y));
        all.addAll(
                Reverse.gradients(
                        List.of(y),
                        List.of(y.onesLike()),
                        in.stream().filter(x -> x.dtype().isFloating()).toList()));
        return all;
    }

    private static List<Node> bind(List<Node> graph, List<Node> from, List<Node> to, long unknown) {
        Map<Node, Node> places = new IdentityHashMap<>();
        for (int i = 0; i < from.size(); i++) {
            places.put(from.get(i), to.get(i));
        }
        return Graph.rewrite(
                graph,
                (n, in) ->
                        places.containsKey(n)
                                ? places.get(n)
                                : Node.of(n.op().bind(s -> s == unknown ? N : s), in));
    }

    private static List<Array> evaluate(List<Node> graph, List<Node> leaves, List<Array> values) {
        Map<Source, Array> map = new IdentityHashMap<>();
        for (int i = 0; i < leaves.size(); i++) {
            map.put(((Op.Leaf) leaves.get(i).op()).source(), values.get(i));
        }
        return Interpreter.evaluate(graph, map::get);
    }
}
