package dev.nacre.cpu.attention;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.autodiff.Reverse;
import dev.nacre.compile.Backend;
import dev.nacre.compile.Kernel;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Result and gradients of attention by blocks against its body in f64, for sizes that blocks do not divide.
class FlashAttentionTest {
    /// What is asked.
    ///
    /// @param lead axes before the heads
    /// @param mask sizes of the mask; none if empty
    /// @param blocks queries and keys in a block, and parts of the backward pass
    private record Case(
            DType type,
            List<Long> lead,
            int heads,
            int group,
            int queries,
            int keys,
            int width,
            int out,
            Attention what,
            Optional<DType> mask,
            List<Long> maskSizes,
            Layout layout,
            List<Integer> blocks) {
        static Case of(int queries, int keys) {
            return new Case(
                    DType.F32,
                    List.of(2L),
                    2,
                    1,
                    queries,
                    keys,
                    8,
                    8,
                    Attention.FULL,
                    Optional.empty(),
                    List.of(),
                    Layout.DENSE,
                    List.of(8, 16, 1));
        }

        Case type(DType type) {
            return new Case(
                    type, lead, heads, group, queries, keys, width, out, what, mask, maskSizes,
                    layout, blocks);
        }

        Case under(Long... lead) {
            return new Case(
                    type,
                    List.of(lead),
                    heads,
                    group,
                    queries,
                    keys,
                    width,
                    out,
                    what,
                    mask,
                    maskSizes,
                    layout,
                    blocks);
        }

        Case grouped(int heads, int group) {
            return new Case(
                    type, lead, heads, group, queries, keys, width, out, what, mask, maskSizes,
                    layout, blocks);
        }

        Case widths(int width, int out) {
            return new Case(
                    type, lead, heads, group, queries, keys, width, out, what, mask, maskSizes,
                    layout, blocks);
        }

        Case what(Attention what) {
            return new Case(
                    type, lead, heads, group, queries, keys, width, out, what, mask, maskSizes,
                    layout, blocks);
        }

        Case mask(DType mask, Long... sizes) {
            return new Case(
                    type,
                    lead,
                    heads,
                    group,
                    queries,
                    keys,
                    width,
                    out,
                    what,
                    Optional.of(mask),
                    List.of(sizes),
                    layout,
                    blocks);
        }

        Case layout(Layout layout) {
            return new Case(
                    type, lead, heads, group, queries, keys, width, out, what, mask, maskSizes,
                    layout, blocks);
        }

        Case blocks(int rows, int columns, int parts) {
            return new Case(
                    type,
                    lead,
                    heads,
                    group,
                    queries,
                    keys,
                    width,
                    out,
                    what,
                    mask,
                    maskSizes,
                    layout,
                    List.of(rows, columns, parts));
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
        var stored = c.layout().stored(array);
        var node = Symbol.node("x" + leaves.size(), stored.type());
        leaves.put(((Op.Leaf) node.op()).source(), stored);
        return c.layout().view(node, shape);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void resultAndGradientsAreTheBodys(Case c) {
        Node q = leaf(c, c.type(), c.shape(c.heads(), c.queries(), c.width()));
        Node k = leaf(c, c.type(), c.shape(c.heads() / c.group(), c.keys(), c.width()));
        Node v = leaf(c, c.type(), c.shape(c.heads() / c.group(), c.keys(), c.out()));
        Node g = leaf(c, c.type(), c.shape(c.heads(), c.queries(), c.out()));
        Optional<Node> mask =
                c.mask()
                        .map(t ->
                                leaf(
                                        c,
                                        t,
                                        Shape.of(
                                                c.maskSizes().stream()
                                                        .mapToLong(Long::longValue)
                                                        .toArray())));
        var roots = new ArrayList<>(roots(c, List.of(q, k, v), mask, g));
        var exact = roots(c, wide(List.of(q, k, v)), mask, g.cast(DType.F64));
        roots.addAll(exact);
        var backend = new Blocked(c.blocks());
        var results = Conformance.evaluate(backend, roots, leaves);
        assertEquals(2, backend.calls.get(), "one call forward and one backward");
        int n = exact.size();
        for (int i = 0; i < n; i++) {
            double slack = c.type() == DType.F32 ? 128 : 4;
            assertEquals(
                    Optional.empty(),
                    Tolerance.difference(
                            results.get(n + i), results.get(i), Tolerance.of(c.type(), slack)),
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
                                in.get(1), in.get(2), c.what(), mask, Optional.empty());
        var roots = new ArrayList<>(List.of(out));
        roots.addAll(Reverse.gradients(List.of(out), List.of(g), in));
        return roots;
    }
}
