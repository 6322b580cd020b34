package dev.nacre.optable;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.autodiff.Reverse;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Symbol;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every function of the math library, whatever it is composed of, rounds a 16-bit number once: no number on the way from an operand to the result has been through a 16-bit type twice. The
/// table has a row for each function, which [OpTableTest] checks.
class RoundingTest {
    /// The rows of single functions; the other rows are programs.
    static Stream<Row> rows() {
        return Stream.of(
                        ElementwiseRows.rows(),
                        MovementRows.rows(),
                        ReductionRows.rows(),
                        LinearRows.rows(),
                        NeuralRows.rows())
                .flatMap(List::stream)
                .filter(r -> r.dtypes().contains(DType.F16) && !r.name().equals(PROGRAM));
    }

    private static final String PROGRAM = "detach of a factor"; // of four functions

    @ParameterizedTest
    @MethodSource("rows")
    void oncePerFunction(Row row) {
        for (DType t : List.of(DType.F16, DType.BF16)) {
            if (row.dtypes().contains(t)) {
                Node root = row.apply(leaves(row, t));
                assertRounded(allowed(row, t, false), root);
            }
        }
    }

    /// A result that is kept for the derivative has been rounded before.
    @ParameterizedTest
    @MethodSource("rows")
    void onceMoreInGradients(Row row) {
        List<Node> leaves = leaves(row, DType.F16);
        Node root = row.apply(leaves);
        if (!root.dtype().isFloating()) {
            return;
        }
        List<Node> by = leaves.stream().filter(x -> x.dtype().isFloating()).toList();
        Node g = Symbol.node("g", root.type());
        for (Node d : Reverse.gradients(List.of(root), List.of(g), by)) {
            assertRounded(allowed(row, DType.F16, true) + 1, d);
        }
    }

    /// Rows whose operand is made by another function.
    private static final Set<String> COMPOSED =
            Set.of(
                    "isNan",
                    "isInf",
                    "isFinite",
                    "clamp",
                    "logSumExp all",
                    "norm max",
                    "relu6",
                    "hardSigmoid",
                    "hardSwish",
                    "softmax first");

    private static int allowed(Row row, DType t, boolean gradient) {
        // The operands of attention's second product are rounded: its weights in bf16, and what its
        // derivative multiplies.
        boolean weights = (t == DType.BF16 || gradient) && row.name().contains("ttention");
        return COMPOSED.contains(row.name()) || weights ? 2 : 1;
    }

    private static void assertRounded(int times, Node root) {
        assertEquals("", roundings(root) > times ? path(root) : "", times + " times at most");
    }

    private static List<Node> leaves(Row row, DType t) {
        return row.operands(7, t).stream().map(x -> Symbol.node("x", x.type())).toList();
    }

    private static int roundings(Node root) {
        return counts(root).get(root);
    }

    private static Map<Node, Integer> counts(Node root) {
        Map<Node, Integer> counts = new IdentityHashMap<>();
        for (Node n : Graph.topological(List.of(inlined(root)))) {
            int before = n.inputs().stream().mapToInt(counts::get).max().orElse(0);
            counts.put(n, before + (isRounding(n) ? 1 : 0));
        }
        counts.put(root, counts.get(inlined(root)));
        return counts;
    }

    private static final Map<Node, Node> INLINED = new IdentityHashMap<>();

    /// With the bodies of composites in their places.
    private static Node inlined(Node root) {
        return INLINED.computeIfAbsent(
                root,
                r ->
                        Graph.rewrite(
                                        List.of(r),
                                        (n, in) ->
                                                n.op() instanceof Op.Fused f
                                                        ? inlined(
                                                                f.body().inline(in).get(f.output()))
                                                        : n.withInputs(in))
                                .getFirst());
    }

    private static boolean isRounding(Node n) {
        if (!n.dtype().isFloating() || n.dtype().arithmetic() == n.dtype()) {
            return false;
        }
        return switch (n.op()) {
            case Op.Map1 m ->
                    switch (m.f()) {
                        case NEG, ABS, SIGN, FLOOR, CEIL, ROUND, TRUNC, RELU -> false;
                        default -> true;
                    };
            case Op.Map2 m ->
                    switch (m.f()) {
                        case MAX, MIN, FLOOR_DIV -> false;
                        default -> true;
                    };
            case Op.Cast _ -> n.input(0).dtype().isFloating();
            case Op.Reduce r -> r.kind() == Reduction.SUM || r.kind() == Reduction.PROD;
            case Op.Recurrence _, Op.ScatterAdd _, Op.Contract _, Op.Convolve _ -> true;
            default -> false;
        };
    }

    private static String path(Node root) {
        Map<Node, Integer> counts = counts(root);
        List<String> names = new ArrayList<>();
        for (Node n : Graph.topological(List.of(inlined(root)))) {
            names.add(n + ": " + counts.get(n));
        }
        return String.join("\n", names);
    }
}
