package dev.nacre.cpu.attention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.Gradients;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.autodiff.Reverse;
import dev.nacre.compile.Backend;
import dev.nacre.compile.Kernel;
import dev.nacre.compile.Plan;
import dev.nacre.cpu.CpuBackend;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.ir.Attention;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.optable.Conformance;
import dev.nacre.optable.Layout;
import dev.nacre.optable.Tolerance;
import dev.nacre.reference.Array;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Result and gradients of attention by blocks against its body in f64, for sizes that blocks do not divide.
class FlashAttentionTest {
    /// What is asked.
    private static final class Case implements Cloneable {
        DType type = DType.F32;

        /// Axes before the heads.
        List<Long> lead = List.of(2L);

        int heads = 2;
        int group = 1;
        int queries;
        int keys;
        int width = 8;
        int out = 8;
        Attention what = Attention.FULL;
        Optional<TensorType> mask = Optional.empty();
        Layout layout = Layout.DENSE;

        /// Queries and keys in a block, and parts of the backward pass.
        List<Integer> blocks = List.of(8, 16, 1);

        static Case of(int queries, int keys) {
            Case c = new Case();
            c.queries = queries;
            c.keys = keys;
            return c;
        }

        private Case with(Consumer<Case> change) {
            try {
                Case c = (Case) clone();
                change.accept(c);
                return c;
            } catch (CloneNotSupportedException e) {
                throw new AssertionError(e);
            }
        }

        Case type(DType type) {
            return with(c -> c.type = type);
        }

        Case under(Long... lead) {
            return with(c -> c.lead = List.of(lead));
        }

        Case grouped(int heads, int group) {
            return with(c -> {
                c.heads = heads;
                c.group = group;
            });
        }

        Case widths(int width, int out) {
            return with(c -> {
                c.width = width;
                c.out = out;
            });
        }

        Case what(Attention what) {
            return with(c -> c.what = what);
        }

        Case mask(DType mask, long... sizes) {
            return with(c -> c.mask = Optional.of(TensorType.of(mask, sizes)));
        }

        Case layout(Layout layout) {
            return with(c -> c.layout = layout);
        }

        Case blocks(int rows, int columns, int parts) {
            return with(c -> c.blocks = List.of(rows, columns, parts));
        }

        @Override
        public String toString() {
            return "%s %s, %d heads in %s by %d, %d queries of %d, %d keys to %d, mask %s, %s, blocks %s"
                    .formatted(
                            type, what, heads, lead, group, queries, width, keys, out, mask, layout,
                            blocks);
        }

        Shape shape(long heads, long rows, long columns) {
            var all = new ArrayList<>(lead);
            all.addAll(List.of(heads, rows, columns));
            return Shape.of(all.stream().mapToLong(Long::longValue).toArray());
        }
    }

    static Stream<Case> cases() {
        var causal = Attention.CAUSAL;
        var all = new ArrayList<Case>();
        for (int t : new int[] {1, 7, 8, 9, 16, 17, 31, 33, 50}) {
            all.add(Case.of(t, t));
            all.add(Case.of(t, t).what(causal));
            all.add(Case.of(t, t).what(causal).blocks(5, 7, 9));
            all.add(Case.of(t, 20).what(causal.scale(0.3)).under());
            all.add(Case.of(20, t).what(causal).grouped(4, 2).blocks(8, 8, 12));
            all.add(Case.of(t, 2 * t).grouped(6, 3).under(1L, 2L).blocks(16, 8, 12));
            all.add(Case.of(t, 33).mask(DType.F32, 2L, 1L, (long) t, 33L));
            all.add(Case.of(t, 33).mask(DType.BOOL, 2L, 1L, 1L, 33L).grouped(4, 2));
            all.add(Case.of(33, t).mask(DType.BOOL, 33L, 1L).what(causal));
            all.add(Case.of(t, t).type(DType.BF16).widths(16, 16));
            all.add(Case.of(t, t).type(DType.BF16).what(causal).widths(16, 24).blocks(7, 5, 9));
        }
        for (var layout : Layout.values()) {
            all.add(Case.of(19, 21).layout(layout).what(causal));
            all.add(Case.of(19, 21).layout(layout).mask(DType.F32, 2L, 2L, 19L, 21L));
            all.add(Case.of(19, 21).layout(layout).type(DType.BF16).grouped(4, 2));
        }
        for (int d : new int[] {1, 2, 3, 13, 64, 80})
            all.add(Case.of(21, 37).widths(d, d == 80 ? 1 : d + 1).what(causal));
        all.add(Case.of(130, 300).blocks(64, 256, 16).widths(64, 64).under(1L));
        all.add(Case.of(300, 300).blocks(64, 256, 16).widths(64, 64).under(1L).what(causal));
        all.add(Case.of(300, 300).blocks(64, 256, 16).widths(64, 64).type(DType.BF16).what(causal));
        return all.stream();
    }

    /// The CPU backend with blocks of any size, for attention of any size.
    private static final class Blocked implements Backend {
        private final List<Integer> blocks;
        private final CpuBackend cpu = new CpuBackend();
        private final AtomicInteger calls = new AtomicInteger();

        Blocked(List<Integer> blocks) {
            this.blocks = blocks;
        }

        @Override
        public String name() {
            return "blocked";
        }

        @Override
        public int priority() {
            return 0;
        }

        @Override
        public boolean claims(Op.Fused op, List<TensorType> operands) {
            return FlashAttention.takes(op, operands);
        }

        @Override
        public Executable prepare(List<Kernel> kernels) {
            var executables = kernels.stream().map(this::prepare).toList();
            return () -> {
                var frames = executables.stream().map(Executable::newFrame).toList();
                return frame(addresses -> frames.forEach(f -> f.run(addresses)));
            };
        }

        private Executable prepare(Kernel kernel) {
            if (!(kernel instanceof Kernel.Call call)) return cpu.prepare(List.of(kernel));
            calls.incrementAndGet();
            return () ->
                    frame(
                            FlashAttention.of(call, blocks.get(0), blocks.get(1), blocks.get(2))
                                    ::run);
        }

        private static Frame frame(Consumer<long[]> work) {
            return new Frame() {
                @Override
                public void run(long[] addresses) {
                    work.accept(addresses);
                }

                @Override
                public void run(long[] addresses, long[] nanos) {
                    throw new AssertionError("nobody asks for times");
                }
            };
        }
    }

    @BeforeEach
    void needsOneDnn() {
        assumeTrue(OneDnn.get().isPresent());
    }

    private final SplittableRandom random = new SplittableRandom(7);
    private final Map<Source, Array> leaves = new IdentityHashMap<>();

    private Node leaf(Case c, DType type, Shape shape) {
        double[] x = new double[Math.toIntExact(shape.count())];
        Arrays.setAll(x, _ -> type == DType.BOOL ? random.nextInt(2) : random.nextDouble(-2, 2));
        var array = Array.of(new TensorType(type, shape), x);
        var stored = c.layout.stored(array);
        var node = Symbol.node("x" + leaves.size(), stored.type());
        leaves.put(((Op.Leaf) node.op()).source(), stored);
        return c.layout.view(node, shape);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void resultAndGradientsAreTheBodys(Case c) {
        Node q = leaf(c, c.type, c.shape(c.heads, c.queries, c.width));
        Node k = leaf(c, c.type, c.shape(c.heads / c.group, c.keys, c.width));
        Node v = leaf(c, c.type, c.shape(c.heads / c.group, c.keys, c.out));
        Node g = leaf(c, c.type, c.shape(c.heads, c.queries, c.out));
        Optional<Node> mask = c.mask.map(t -> leaf(c, t.dtype(), t.shape()));
        var roots = new ArrayList<>(roots(c, List.of(q, k, v), mask, g));
        var exact = roots(c, wide(List.of(q, k, v)), mask, g.cast(DType.F64));
        roots.addAll(exact);
        var backend = new Blocked(c.blocks);
        var results = Conformance.evaluate(backend, roots, leaves);
        assertEquals(2, backend.calls.get(), "one call forward and one backward");
        int n = exact.size();
        for (int i = 0; i < n; i++) {
            double slack = c.type == DType.F32 ? 128 : 4;
            assertEquals(
                    Optional.empty(),
                    Tolerance.difference(
                            results.get(n + i), results.get(i), Tolerance.of(c.type, slack)),
                    List.of("result", "query", "key", "value").get(i));
        }
        assertTrue(results.getFirst().count() > 0);
    }

    private static List<Node> wide(List<Node> in) {
        return in.stream().map(x -> x.cast(DType.F64)).toList();
    }

    private static List<Node> roots(Case c, List<Node> in, Optional<Node> mask, Node g) {
        Node out =
                in.get(0)
                        .scaledDotProductAttention(
                                in.get(1), in.get(2), c.what, mask, Optional.empty());
        var roots = new ArrayList<>(List.of(out));
        roots.addAll(Reverse.gradients(List.of(out), List.of(g), in));
        return roots;
    }

    // ------------------------------------------------------------------------------------- the
    // whole backend

    /// The plan of result and gradients, by a backend that claims attention or does not.
    private static Plan plan(boolean claims, List<Node> roots) {
        var cpu = new CpuBackend();
        Backend backend =
                claims
                        ? cpu
                        : new Backend() {
                            @Override
                            public String name() {
                                return "naive";
                            }

                            @Override
                            public int priority() {
                                return 0;
                            }

                            @Override
                            public boolean claims(Op.Fused op, List<TensorType> operands) {
                                return !FlashAttention.isAttention(op.what())
                                        && cpu.claims(op, operands);
                            }

                            @Override
                            public Executable prepare(List<Kernel> kernels) {
                                return () -> {
                                    throw new IllegalStateException("not to be run");
                                };
                            }
                        };
        return Conformance.compile(backend, roots);
    }

    private static List<Node> longRoots(Attention what) {
        var type = TensorType.of(DType.F32, 1, 8, 4096, 64);
        var in = Stream.of("q", "k", "v").map(n -> Symbol.node(n, type)).toList();
        Node out = in.get(0).scaledDotProductAttention(in.get(1), in.get(2), what);
        var roots = new ArrayList<>(List.of(out));
        roots.addAll(Reverse.gradients(List.of(out), List.of(Symbol.node("g", type)), in));
        return roots;
    }

    /// For 4096 positions, 8 heads of 64: the plan's memory and what the kernels take besides.
    @Test
    void takesUnderATenthOfTheNaiveFormsMemory() {
        for (var what : List.of(Attention.FULL, Attention.CAUSAL)) {
            long naive = plan(false, longRoots(what)).arenaBytes();
            Plan plan = plan(true, longRoots(what));
            long own = 0;
            for (Kernel k : plan.kernels())
                own +=
                        switch (FlashAttention.of((Kernel.Call) k)) {
                            case Forward f -> f.bytes();
                            case Backward b -> b.bytes();
                            default -> throw new AssertionError(k.name());
                        };
            assertTrue(naive > 8L * 4096 * 4096 * 4, "scores exist: " + naive);
            assertTrue(own > 1 << 20, "own memory is counted: " + own);
            assertTrue(
                    10 * (plan.arenaBytes() + own) < naive,
                    plan.arenaBytes() + " + " + own + " of " + naive);
        }
    }

    /// What the kernel does not do, the body does; and small sizes are the body's too.
    @Test
    void whatIsNotTakenIsTheBodys() {
        var type = TensorType.of(DType.F32, 2, 256, 16);
        var in = Stream.of("q", "k", "v").map(n -> Symbol.node(n, type)).toList();
        var bias = Symbol.node("bias", TensorType.of(DType.F32, 256, 256));
        Node out =
                in.get(0)
                        .scaledDotProductAttention(
                                in.get(1),
                                in.get(2),
                                Attention.FULL,
                                Optional.of(bias),
                                Optional.empty());
        assertEquals(1, calls(List.of(out)));
        var some = Reverse.gradients(List.of(out), List.of(Symbol.node("g", type)), in);
        assertEquals(2, calls(some), "gradients of all but the mask");
        var of = Reverse.gradients(List.of(out), List.of(Symbol.node("g", type)), List.of(bias));
        assertEquals(0, calls(of), "the gradient of the mask");
        var key = Symbol.node("key", TensorType.of(DType.I64, 2));
        Node dropped =
                in.get(0)
                        .scaledDotProductAttention(
                                in.get(1),
                                in.get(2),
                                Attention.FULL.dropout(0.1),
                                Optional.empty(),
                                Optional.of(key));
        assertEquals(0, calls(List.of(dropped)), "dropout");
        var few = in.stream().map(x -> x.narrow(1, 0, 40)).toList();
        assertEquals(
                0,
                calls(
                        List.of(
                                few.get(0)
                                        .scaledDotProductAttention(
                                                few.get(1), few.get(2), Attention.CAUSAL))));
    }

    private static long calls(List<Node> roots) {
        return plan(true, roots).kernels().stream().filter(k -> k instanceof Kernel.Call).count();
    }

    /// The gradient along a random direction, by differences.
    @Test
    void theGradientIsASlope() {
        var rng = Rng.seed(3);
        List<Variable> in =
                Stream.of("q", "k", "v")
                        .map(n -> Variable.of(n, rng.normal(Shape.of(1, 2, 200, 16))))
                        .toList();
        var along = in.stream().map(_ -> rng.normal(Shape.of(1, 2, 200, 16)).realize()).toList();
        var weights = rng.normal(Shape.of(1, 2, 200, 16)).realize();
        double h = 1e-2;
        var gradients = Gradients.of(loss(List.copyOf(in), weights), in.toArray(Variable[]::new));
        double slope = 0;
        var up = new ArrayList<Tensor>();
        var down = new ArrayList<Tensor>();
        for (int i = 0; i < 3; i++) {
            slope += gradients.of(in.get(i)).mul(along.get(i)).sum().item();
            up.add(in.get(i).add(along.get(i).mul(h)));
            down.add(in.get(i).sub(along.get(i).mul(h)));
        }
        double difference = (loss(up, weights).item() - loss(down, weights).item()) / (2 * h);
        assertEquals(difference, slope, 0.01 * Math.abs(slope) + 0.05);
        assertTrue(Math.abs(slope) > 1, "a slope to speak of: " + slope);
    }

    private static Tensor loss(List<Tensor> in, Tensor weights) {
        return in.get(0)
                .scaledDotProductAttention(in.get(1), in.get(2), Attention.CAUSAL)
                .mul(weights)
                .sum();
    }

    /// The second derivative goes through the body, whatever computes the first.
    @Test
    void differentiatesAgain() {
        var type = TensorType.of(DType.F32, 2, 200, 8);
        var in = new ArrayList<Node>();
        var c = Case.of(200, 200);
        for (int i = 0; i < 4; i++) in.add(leaf(c, DType.F32, type.shape()));
        var roots = new ArrayList<>(second(in));
        roots.addAll(second(wide(in)));
        var results = Conformance.evaluate(new CpuBackend(), roots, leaves);
        for (int i = 0; i < 3; i++)
            assertEquals(
                    Optional.empty(),
                    Tolerance.difference(
                            results.get(3 + i), results.get(i), Tolerance.of(DType.F32, 1024)));
    }

    private static List<Node> second(List<Node> in) {
        var operands = in.subList(0, 3);
        Node out = in.get(0).scaledDotProductAttention(in.get(1), in.get(2), Attention.CAUSAL);
        Node first = Reverse.gradients(List.of(out), List.of(in.get(3)), operands).get(1);
        return Reverse.gradients(List.of(first), List.of(first), operands);
    }
}
