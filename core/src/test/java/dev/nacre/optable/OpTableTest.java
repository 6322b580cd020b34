package dev.nacre.optable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.autodiff.Reverse;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Elementwise;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Linear;
import dev.nacre.ir.Movement;
import dev.nacre.ir.Neural;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Reductions;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.ir.Unary;
import dev.nacre.reference.Array;
import dev.nacre.reference.GradientCheck;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class OpTableTest {
    private static final int SEED = 7;

    static List<Row> rows() {
        return OpTable.rows();
    }

    static Stream<Row> differentiableRows() {
        return rows().stream().filter(Row::differentiable);
    }

    // ------------------------------------------------------------------------------------------
    // completeness

    @Test
    void namesAreUnique() {
        assertEquals(rows().size(), rows().stream().map(Row::name).distinct().count());
    }

    /// Everything that occurs in the graphs the rows build.
    private static Set<Object> used() {
        Set<Object> used = new HashSet<>();
        for (Row row : rows()) {
            for (DType t : row.dtypes()) {
                collect(List.of(graph(row.operands(SEED, t)).apply(row)), used);
            }
        }
        return used;
    }

    private static void collect(List<Node> roots, Set<Object> used) {
        for (Node n : Graph.topological(roots)) {
            used.add(n.op().getClass());
            switch (n.op()) {
                case Op.Map1 o -> used.add(o.f());
                case Op.Map2 o -> used.add(o.f());
                case Op.Reduce o -> used.add(o.kind());
                case Op.Convolve o -> used.add(o.kind());
                case Op.Fused o -> collect(o.body().outputs(), used);
                case Op.Scan o -> collect(o.loop().body().outputs(), used);
                default -> {}
            }
        }
    }

    @Test
    void everyOpAndEveryTableRowOccurs() {
        Set<Object> used = used();
        List<Object> all = new ArrayList<>(List.of(Op.class.getPermittedSubclasses()));
        all.addAll(List.of(Unary.values()));
        all.addAll(List.of(Binary.values()));
        all.addAll(List.of(Reduction.values()));
        all.addAll(List.of(Op.Convolve.Kind.values()));
        all.removeAll(used);
        assertEquals(List.of(), all, "without a row");
    }

    /// Every public function of the math library is called by the classes that make the rows, which is read off their constant pools.
    @Test
    void everyFunctionIsCalled() throws IOException {
        Set<String> called = new HashSet<>();
        for (Class<?> c :
                List.of(
                        ElementwiseRows.class,
                        MovementRows.class,
                        ReductionRows.class,
                        LinearRows.class,
                        NeuralRows.class,
                        StructureRows.class,
                        ScanRows.class)) {
            try (InputStream in = c.getResourceAsStream(c.getSimpleName() + ".class")) {
                for (var entry : ClassFile.of().parse(in.readAllBytes()).constantPool()) {
                    if (entry instanceof MemberRefEntry m
                            && m.owner().asInternalName().startsWith("dev/nacre/ir/")) {
                        called.add(m.name().stringValue() + m.type().stringValue());
                    }
                }
            }
        }
        List<Class<?>> families =
                List.of(
                        Elementwise.class,
                        Movement.class,
                        Reductions.class,
                        Linear.class,
                        Neural.class);
        List<String> missing =
                families.stream()
                        .flatMap(family -> Arrays.stream(family.getDeclaredMethods()))
                        .filter(m ->
                                Modifier.isPublic(m.getModifiers())
                                        && !Modifier.isStatic(m.getModifiers())
                                        && !m.isSynthetic())
                        .filter(m -> !called.contains(m.getName() + descriptor(m)))
                        .map(Method::toGenericString)
                        .sorted()
                        .toList();
        assertEquals(List.of(), missing, "without a row");
    }

    private static String descriptor(Method m) {
        return java.lang.invoke.MethodType.methodType(m.getReturnType(), m.getParameterTypes())
                .descriptorString();
    }

    // ------------------------------------------------------------------------------------------------ values

    /// Leaves with values.
    private record Operands(List<Node> leaves, Map<Source, Array> values) {
        Node apply(Row row) {
            return row.apply(leaves);
        }

        Array evaluate(Node root) {
            return Interpreter.evaluate(List.of(root), values::get).get(0);
        }
    }

    private static Operands graph(List<Array> arrays) {
        List<Node> leaves = arrays.stream().map(x -> Symbol.node("x", x.type())).toList();
        Map<Source, Array> values = new IdentityHashMap<>();
        for (int i = 0; i < arrays.size(); i++) {
            values.put(((Op.Leaf) leaves.get(i).op()).source(), arrays.get(i));
        }
        return new Operands(leaves, values);
    }

    private static Array evaluate(Row row, List<Array> operands) {
        Operands g = graph(operands);
        return g.evaluate(g.apply(row));
    }

    /// The interpreter computes types from the operands and compares them with the inferred ones at every node; operands are drawn deterministically.
    @ParameterizedTest
    @MethodSource("rows")
    void computedTypeIsInferredType(Row row) {
        for (DType t : row.dtypes()) {
            for (int n : row.sizes()) {
                Operands g = graph(row.operands(SEED, t, n));
                Node root = g.apply(row);
                assertEquals(root.type(), g.evaluate(root).type(), () -> t + ", n = " + n);
                assertEquals(
                        row.operands(SEED, t, n), row.operands(SEED, t, n), "draws must repeat");
                assertEquals(
                        root.hash(),
                        graph(row.operands(SEED + 1, t, n)).apply(row).hash(),
                        "equal structure must hash equally");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("rows")
    void layoutDoesNotMatter(Row row) {
        for (DType t : row.dtypes()) {
            for (int n : row.sizes()) {
                List<Array> operands = row.operands(SEED, t, n);
                Array expected = evaluate(row, operands);
                for (Layout layout :
                        List.of(Layout.DENSE, Layout.PERMUTED, Layout.SLICED, Layout.FLIPPED)) {
                    Operands stored = graph(operands.stream().map(layout::stored).toList());
                    List<Node> views = new ArrayList<>();
                    for (int i = 0; i < operands.size(); i++) {
                        views.add(layout.view(stored.leaves.get(i), operands.get(i).shape()));
                    }
                    assertEquals(
                            expected,
                            stored.evaluate(row.apply(views)),
                            () -> layout + ", " + t + ", n = " + n);
                }
            }
        }
    }

    /// A result in a narrow type is near the result of the same operands in f64: rounding is all that differs.
    @ParameterizedTest
    @MethodSource("rows")
    void narrowTypesApproximateF64(Row row) {
        for (DType t :
                row.dtypes().stream()
                        .filter(t ->
                                t.isFloating()
                                        && t != DType.F64
                                        && row.dtypes().contains(DType.F64))
                        .toList()) {
            for (int n : row.sizes()) {
                List<Array> narrow = row.operands(SEED, t, n);
                Array actual = evaluate(row, narrow);
                Array expected =
                        evaluate(
                                row,
                                narrow.stream()
                                        .map(x ->
                                                x.dtype() == t
                                                        ? Array.of(
                                                                x.type().withDType(DType.F64),
                                                                x.toDoubles())
                                                        : x)
                                        .toList());
                double tolerance = Tolerance.of(t, row.slack());
                assertEquals(
                        "",
                        Tolerance.difference(expected, actual, tolerance).orElse(""),
                        () -> t + ", n = " + n);
            }
        }
    }

    // ---------------------------------------------------------------------------------------------
    // gradients

    @ParameterizedTest
    @MethodSource("differentiableRows")
    void gradientsAreFiniteDifferences(Row row) {
        for (int n : row.sizes()) {
            List<Array> operands = row.operands(SEED, DType.F64, n);
            List<GradientCheck.Mismatch> wrong =
                    GradientCheck.mismatches(in -> List.of(row.apply(in)), operands, 2);
            assertEquals(List.of(), wrong, () -> "n = " + n);
        }
    }

    /// Gradients have the operands' types, in every element type, and the interpreter can compute them.
    @ParameterizedTest
    @MethodSource("rows")
    void gradientsHaveTheOperandsTypes(Row row) {
        for (DType t : row.dtypes()) {
            Operands g = graph(row.operands(SEED, t));
            Node root = g.apply(row);
            List<Node> floating = g.leaves.stream().filter(x -> x.dtype().isFloating()).toList();
            List<Node> gradients =
                    Reverse.gradients(List.of(root), List.of(root.onesLike()), floating);
            assertEquals(
                    floating.stream().map(Node::type).toList(),
                    gradients.stream().map(Node::type).toList(),
                    t::toString);
            List<Array> values = Interpreter.evaluate(gradients, g.values::get);
            assertEquals(floating.size(), values.size());
        }
    }

    /// Gradients in narrow types are near those in f64.
    @ParameterizedTest
    @MethodSource("differentiableRows")
    void narrowGradientsApproximateF64(Row row) {
        for (DType t :
                row.dtypes().stream()
                        .filter(t ->
                                t.isFloating()
                                        && t != DType.F64
                                        && row.dtypes().contains(DType.F64))
                        .toList()) {
            List<Array> narrow = row.operands(SEED, t);
            List<Array> wide =
                    narrow.stream()
                            .map(x ->
                                    x.dtype() == t
                                            ? Array.of(x.type().withDType(DType.F64), x.toDoubles())
                                            : x)
                            .toList();
            List<Array> actual = gradients(row, narrow);
            List<Array> expected = gradients(row, wide);
            for (int i = 0; i < actual.size(); i++) {
                assertEquals(
                        "",
                        Tolerance.difference(
                                        expected.get(i),
                                        actual.get(i),
                                        Tolerance.of(t, 16 * row.slack()))
                                .orElse(""),
                        t + ", operand " + i);
            }
        }
    }

    private static List<Array> gradients(Row row, List<Array> operands) {
        Operands g = graph(operands);
        Node root = g.apply(row);
        List<Node> floating = g.leaves.stream().filter(x -> x.dtype().isFloating()).toList();
        return Interpreter.evaluate(
                Reverse.gradients(List.of(root), List.of(root.onesLike()), floating),
                g.values::get);
    }

    @Test
    void theTableHasBothKindsOfRows() {
        assertTrue(differentiableRows().count() > 100);
        assertFalse(rows().stream().allMatch(Row::differentiable));
        Collection<String> twice =
                rows().stream()
                        .filter(r -> r.dtypes().isEmpty())
                        .map(Row::name)
                        .collect(Collectors.toSet());
        assertEquals(Set.of(), twice, "rows without a dtype");
    }
}
