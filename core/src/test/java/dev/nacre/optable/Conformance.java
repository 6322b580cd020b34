package dev.nacre.optable;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.autodiff.Reverse;
import dev.nacre.compile.Backend;
import dev.nacre.compile.Compiler;
import dev.nacre.compile.Memory;
import dev.nacre.compile.Plan;
import dev.nacre.compile.Stabilize;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.reference.Array;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What every backend must pass: compiled graphs give what the reference interpreter gives. A backend's tests extend this class.
public abstract class Conformance {
    private static final int SEED = 11;

    private final Backend backend;

    protected Conformance(Backend backend) {
        this.backend = backend;
    }

    static Stream<Row> rows() {
        return OpTable.rows().stream();
    }

    static Stream<Row> differentiableRows() {
        return rows().filter(Row::differentiable);
    }

    /// Each row on each element type, size and layout.
    @ParameterizedTest
    @MethodSource("rows")
    protected void computesTheRow(Row row) {
        List<String> wrong = new ArrayList<>();
        for (DType t : row.dtypes()) {
            for (int size : row.sizes()) {
                for (Layout layout : Layout.values()) {
                    if (t == row.dtypes().getFirst() || layout == Layout.DENSE) {
                        check(row, t, size, layout).ifPresent(wrong::add);
                    }
                }
            }
        }
        assertEquals(List.of(), wrong, row.name());
    }

    private Optional<String> check(Row row, DType t, int size, Layout layout) {
        Map<Source, Array> leaves = new IdentityHashMap<>();
        List<Node> operands = new ArrayList<>();
        for (Array a : row.operands(SEED, t, size)) {
            Array stored = layout.stored(a);
            operands.add(layout.view(leaf(stored, leaves), a.shape()));
        }
        return difference(
                List.of(row.apply(operands)),
                leaves,
                row.slack(),
                t + ", size " + size + ", " + layout);
    }

    /// The gradients of each differentiable row, compiled together with its value.
    @ParameterizedTest
    @MethodSource("differentiableRows")
    protected void computesTheGradient(Row row) {
        Map<Source, Array> leaves = new IdentityHashMap<>();
        List<Node> operands = new ArrayList<>();
        for (Array a : row.operands(SEED, DType.F64)) {
            operands.add(leaf(a, leaves));
        }
        Node out = row.apply(operands);
        if (!out.dtype().isFloating()) {
            return;
        }
        List<Node> wrt = operands.stream().filter(n -> n.dtype().isFloating()).toList();
        List<Node> roots =
                new ArrayList<>(Reverse.gradients(List.of(out), List.of(out.cos()), wrt));
        roots.add(out);
        assertEquals(
                Optional.empty(), difference(roots, leaves, 64 * row.slack(), row + ", gradient"));
    }

    static Stream<Digits> digits() {
        return Digits.rows();
    }

    /// Functions and their derivatives against sixty digits.
    @ParameterizedTest
    @MethodSource("digits")
    protected void keepsDigits(Digits row) {
        for (DType t : List.of(DType.F32, DType.F64)) {
            double[] points = row.points(t, 200);
            Map<Source, Array> leaves = new IdentityHashMap<>();
            Node x = leaf(Array.of(TensorType.of(t, points.length), points), leaves);
            List<Node> orders = new ArrayList<>(List.of(row.f().apply(x)));
            while (orders.size() < row.orders().size()) {
                Node y = orders.getLast();
                orders.addAll(Reverse.gradients(List.of(y), List.of(y.onesLike()), List.of(x)));
            }
            List<Array> results = evaluate(backend, Stabilize.run(orders), leaves);
            for (int k = 0; k < results.size(); k++) {
                for (int i = 0; i < points.length; i++) {
                    double y = results.get(k).number(i);
                    double error = row.orders().get(k).error(points[i], y, t);
                    String where = row + " " + t + ", order " + k + " at " + points[i] + ": ";
                    assertTrue(
                            error <= row.orders().get(k).ulps(),
                            () -> where + y + ", off " + error);
                }
            }
        }
    }

    static Stream<Row> imageRows() {
        return ImageRows.rows().stream();
    }

    /// Networks of convolutions, with their gradients.
    @ParameterizedTest
    @MethodSource("imageRows")
    protected void computesImages(Row row) {
        List<String> wrong = new ArrayList<>();
        for (DType t : row.dtypes()) {
            for (int size : List.of(1, 6)) {
                Map<Source, Array> leaves = new IdentityHashMap<>();
                List<Node> operands = new ArrayList<>();
                row.operands(SEED, t, size).forEach(a -> operands.add(leaf(a, leaves)));
                Node out = row.apply(operands);
                List<Node> roots = new ArrayList<>();
                if (t != DType.BF16) { // roundings on the way add up
                    roots.addAll(Reverse.gradients(List.of(out), List.of(out.cos()), operands));
                }
                roots.add(out);
                difference(roots, leaves, row.slack(), t + ", size " + size).ifPresent(wrong::add);
            }
        }
        assertEquals(List.of(), wrong, row.name());
    }

    static Stream<Integer> seeds() {
        return Stream.iterate(0, i -> i + 1).limit(300);
    }

    /// Random graphs.
    @ParameterizedTest
    @MethodSource("seeds")
    protected void computesRandomGraphs(int seed) {
        RandomGraph g = new RandomGraph(seed);
        assertEquals(
                Optional.empty(),
                difference(g.roots(), g.leaves(), 4096, "seed " + seed + "\n" + g));
    }

    static Node leaf(Array a, Map<Source, Array> leaves) {
        Node n = Symbol.node("x" + leaves.size(), a.type());
        leaves.put(((Op.Leaf) n.op()).source(), a);
        return n;
    }

    private Optional<String> difference(
            List<Node> roots, Map<Source, Array> leaves, double slack, String where) {
        List<Array> expected = Interpreter.evaluate(roots, leaves::get);
        List<Array> actual;
        try {
            actual = evaluate(backend, roots, leaves);
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError(roots.getFirst() + ", " + where, e);
        }
        for (int i = 0; i < roots.size(); i++) {
            double tolerance = tolerance(roots.get(i), slack);
            Optional<String> d = Tolerance.difference(expected.get(i), actual.get(i), tolerance);
            if (d.isPresent()) {
                return Optional.of(where + ", root " + i + ": " + d.get());
            }
        }
        return Optional.empty();
    }

    /// That of the coarsest type on the way.
    private static double tolerance(Node root, double slack) {
        return root.dtype().isFloating()
                ? Graph.topological(List.of(root)).stream()
                        .mapToDouble(n -> Tolerance.of(n.dtype(), slack))
                        .max()
                        .orElse(0)
                : 0;
    }

    private static List<Source> sources(List<Node> roots) {
        return Graph.leaves(roots).stream()
                .map(n -> ((Op.Leaf) n.op()).source())
                .distinct()
                .toList();
    }

    /// The plan of a graph whose leaves are inputs.
    public static Plan compile(Backend backend, List<Node> roots) {
        return Compiler.compile(
                roots,
                sources(roots),
                roots.stream().map(_ -> Optional.<Source>empty()).toList(),
                backend);
    }

    /// Compiles and runs a graph.
    public static List<Array> evaluate(
            Backend backend, List<Node> roots, Map<Source, Array> leaves) {
        List<Source> sources = sources(roots);
        Plan plan = compile(backend, roots);
        List<MemorySegment> in = sources.stream().map(s -> write(leaves.get(s))).toList();
        List<MemorySegment> out =
                roots.stream().map(r -> Memory.cleared(r.type().bytes())).toList();
        Plan.Call call = plan.begin();
        for (int i = 0; i < sources.size(); i++) {
            call.input(i, Memory.address(in.get(i)));
        }
        for (int k = 0; k < roots.size(); k++) {
            call.output(k, Memory.address(out.get(k)));
        }
        call.run();
        call.run(); // nothing may depend on what a call has left behind
        plan.end(call);
        Reference.reachabilityFence(in);
        List<Array> results = new ArrayList<>();
        for (int k = 0; k < roots.size(); k++) {
            results.add(read(roots.get(k).type(), out.get(k)));
        }
        return results;
    }

    private static MemorySegment write(Array a) {
        MemorySegment m = Memory.cleared(a.type().bytes());
        for (int i = 0; i < a.count(); i++) {
            switch (a.dtype()) {
                case BOOL, U8, I8 -> m.set(ValueLayout.JAVA_BYTE, i, (byte) a.whole(i));
                case I32 -> m.setAtIndex(ValueLayout.JAVA_INT, i, (int) a.whole(i));
                case I64 -> m.setAtIndex(ValueLayout.JAVA_LONG, i, a.whole(i));
                case F16 ->
                        m.setAtIndex(
                                ValueLayout.JAVA_SHORT,
                                i,
                                Float.floatToFloat16((float) a.number(i)));
                case BF16 ->
                        m.setAtIndex(
                                ValueLayout.JAVA_SHORT, i, DType.floatToBf16((float) a.number(i)));
                case F32 -> m.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) a.number(i));
                case F64 -> m.setAtIndex(ValueLayout.JAVA_DOUBLE, i, a.number(i));
            }
        }
        return m;
    }

    private static Array read(TensorType type, MemorySegment m) {
        int n = Math.toIntExact(type.shape().count());
        double[] d = new double[n];
        long[] l = new long[n];
        for (int i = 0; i < n; i++) {
            switch (type.dtype()) {
                case BOOL, I8 -> l[i] = m.get(ValueLayout.JAVA_BYTE, i);
                case U8 -> l[i] = m.get(ValueLayout.JAVA_BYTE, i) & 0xFF;
                case I32 -> l[i] = m.getAtIndex(ValueLayout.JAVA_INT, i);
                case I64 -> l[i] = m.getAtIndex(ValueLayout.JAVA_LONG, i);
                case F16 -> d[i] = Float.float16ToFloat(m.getAtIndex(ValueLayout.JAVA_SHORT, i));
                case BF16 -> d[i] = DType.bf16ToFloat(m.getAtIndex(ValueLayout.JAVA_SHORT, i));
                case F32 -> d[i] = m.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                case F64 -> d[i] = m.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
            }
        }
        if (type.dtype() == DType.BOOL) {
            for (long b : l) {
                assertTrue(b == 0 || b == 1, "a bool is stored as " + b);
            }
        }
        return type.dtype().isFloating() ? Array.of(type, d) : Array.ofLongs(type, l);
    }
}
