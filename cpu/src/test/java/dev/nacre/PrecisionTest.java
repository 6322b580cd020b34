package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Plan;
import dev.nacre.ir.Attention;
import dev.nacre.type.DType;
import dev.nacre.type.Precision;
import dev.nacre.type.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.function.BinaryOperator;
import org.junit.jupiter.api.Test;

/// Products in bf16 within a scope, and everything else as it was.
class PrecisionTest {
    private final Rng rng = Rng.seed(9);
    private final Tensor a = rng.normal(5, 7).realize();
    private final Tensor b = rng.normal(7, 4).realize();

    private static Tensor in16(BinaryOperator<Tensor> f, Tensor a, Tensor b) {
        return Precision.BF16.in(() -> f.apply(a, b));
    }

    /// The same as casting by hand.
    private static void assertCasts(BinaryOperator<Tensor> f, Tensor a, Tensor b) {
        Tensor expected = f.apply(a.cast(DType.BF16), b.cast(DType.BF16)).cast(DType.F32);
        Tensor actual = in16(f, a, b);
        assertEquals(DType.F32, actual.dtype());
        assertArrayEquals(expected.toFloatArray(), actual.toFloatArray());
        assertFalse(Arrays.equals(f.apply(a, b).toFloatArray(), actual.toFloatArray()));
    }

    @Test
    void productsAreRounded() {
        assertCasts((x, y) -> x.matmul(y), a, b);
        Tensor image = rng.normal(Shape.of(2, 3, 6, 6)).realize();
        Tensor kernel = rng.normal(Shape.of(4, 3, 3, 3)).realize();
        assertCasts((x, k) -> x.conv2d(k, 1, 1, 1, 1), image, kernel);
        assertCasts(
                (x, k) -> x.convTranspose2d(k, 2, 1, 1, 1),
                rng.normal(Shape.of(2, 4, 3, 3)).realize(),
                kernel);
        Tensor q = rng.normal(Shape.of(2, 3, 8)).realize();
        assertCasts((x, y) -> x.scaledDotProductAttention(y, y, Attention.CAUSAL), q, q);
    }

    @Test
    void theRestIsNot() {
        for (BinaryOperator<Tensor> f :
                List.<BinaryOperator<Tensor>>of(
                        (x, y) -> x.softmax(-1),
                        (x, y) -> x.exp().sum(0).log(),
                        (x, y) -> x.layerNorm(1, 1e-5).mul(2),
                        (x, y) -> x.cast(DType.F64).matmul(y.cast(DType.F64)).cast(DType.F32))) {
            assertArrayEquals(f.apply(a, b).toFloatArray(), in16(f, a, b).toFloatArray());
        }
        assertEquals(Precision.F32, Precision.current());
        Precision.BF16.in(() -> {
            assertEquals(Precision.BF16, Precision.current());
            Tensor exact = Precision.F32.in(() -> a.matmul(b));
            assertArrayEquals(a.matmul(b).realize().shape().toArray(), exact.shape().toArray());
            return null;
        });
        assertArrayEquals(
                a.matmul(b).toFloatArray(),
                Precision.BF16.in(() -> Precision.F32.in(() -> a.matmul(b))).toFloatArray());
    }

    /// All three products of a layer, and nothing but products.
    @Test
    void derivativesAreProductsInBf16Too() {
        Variable w = Variable.of("w", b);
        Variable x = Variable.of("x", a);
        Tensor loss = Precision.BF16.in(() -> x.matmul(w)).tanh().sum();
        Gradients g = Gradients.of(loss, x, w);
        Plan plan = Engine.planOf(List.of(loss.node(), g.of(x).node(), g.of(w).node()));
        long narrow =
                plan.kernels().stream()
                        .filter(k ->
                                k instanceof Kernel.Contraction c && c.a().dtype() == DType.BF16)
                        .count();
        long all = plan.kernels().stream().filter(Kernel.Contraction.class::isInstance).count();
        assertEquals(3, narrow, plan.explain());
        assertEquals(3, all, plan.explain());
        Gradients exact = Gradients.of(x.matmul(w).tanh().sum(), x, w);
        for (Variable v : List.of(x, w)) {
            assertEquals(DType.F32, g.of(v).dtype());
            double off = g.of(v).sub(exact.of(v)).square().sum().sqrt().item();
            double size = exact.of(v).square().sum().sqrt().item();
            assertTrue(off < 0.02 * size && off > 0, off / size + " of the gradient");
        }
    }

    /// A function is recorded anew in another precision, and finds each again.
    @Test
    void functionsKnowThePrecisionOfTheCall() {
        Function f = Function.of((Tensor x, Tensor y) -> x.matmul(y));
        float[] exact = f.apply(a, b).toFloatArray();
        float[] rounded = Precision.BF16.in(() -> f.apply(a, b)).toFloatArray();
        assertFalse(Arrays.equals(exact, rounded));
        assertArrayEquals(exact, f.apply(a, b).toFloatArray());
        assertArrayEquals(rounded, Precision.BF16.in(() -> f.apply(a, b)).toFloatArray());
        assertArrayEquals(a.matmul(b).toFloatArray(), exact, 1e-5f);
    }

    /// Weights are rounded once, not at every call.
    @Test
    void inferenceKeepsRoundedWeights() {
        Variable w = Variable.of("w", b);
        Function f = Function.of((Tensor x) -> Precision.BF16.in(() -> x.matmul(w)));
        String plan = f.explain(a);
        assertTrue(plan.startsWith("when a variable has changed:"), plan);
        w.set(w.mul(2));
        assertArrayEquals(
                Precision.BF16.in(() -> a.matmul(w)).toFloatArray(), f.apply(a).toFloatArray());
    }

    private static List<Kernel.Contraction> products(Plan plan) {
        return plan.kernels().stream()
                .filter(Kernel.Contraction.class::isInstance)
                .map(Kernel.Contraction.class::cast)
                .toList();
    }

    private static long loops(Plan plan) {
        return plan.kernels().stream().filter(Loop.class::isInstance).count();
    }

    /// What lies between two products is done to the first one's result in f32, and rounded once; the result of the last is never rounded.
    @Test
    void epilogues() {
        Tensor x = rng.normal(6, 16).realize();
        Tensor w = rng.normal(16, 8).realize();
        Tensor bias = rng.normal(8).realize();
        Tensor v = rng.normal(8, 4).realize();
        Tensor out =
                Precision.BF16.in(() -> x.matmul(w).reshape(2, 3, 8).add(bias).relu().matmul(v));
        Plan plan = Engine.planOf(List.of(out.node()));
        Kernel.Contraction first = products(plan).getFirst();
        assertEquals(DType.BF16, first.out().dtype(), plan.explain());
        assertTrue(
                first.epilogue().bias().isPresent() && first.epilogue().activation().isPresent(),
                plan.explain());
        assertEquals(DType.F32, products(plan).getLast().out().dtype(), plan.explain());
        Tensor hidden = rounded(rounded(x).matmul(rounded(w)).add(bias).relu());
        assertArrayEquals(hidden.matmul(rounded(v)).toFloatArray(), out.toFloatArray(), 0.05f);
    }

    private static Tensor rounded(Tensor x) {
        return x.cast(DType.BF16).cast(DType.F32).realize();
    }

    /// Weights are rounded as they lie, once for value and gradient, and a gradient comes out as its weights lie, in f32.
    @Test
    void movesCarryTheNarrowType() {
        Variable w = Variable.of("w", rng.normal(4, 7).realize());
        Variable x = Variable.of("x", a);
        Tensor y = Precision.BF16.in(() -> x.matmul(w.transpose()));
        Gradients g = Gradients.of(y.mul(y.detach()).sum(), x, w);
        Plan plan = Engine.planOf(List.of(g.of(x).node(), g.of(w).node()));
        Kernel.Contraction weights = products(plan).getLast();
        assertEquals(DType.F32, weights.out().dtype(), plan.explain());
        assertArrayEquals(new long[] {4, 7}, weights.out().sizes(), plan.explain());
        assertEquals(3, products(plan).size(), plan.explain());
        assertEquals(1, loops(plan), plan.explain()); // rounds x and w
    }

    /// The parts of one projection are rounded together, by the product that gives it.
    @Test
    void partsOfOneProjection() {
        Tensor x = rng.normal(Shape.of(2, 64, 32)).realize();
        Tensor w = rng.normal(32, 96).realize();
        Tensor bias = rng.normal(96).realize();
        Tensor out =
                Precision.BF16.in(() -> {
                    List<Tensor> p =
                            x.matmul(w).add(bias).chunk(3, -1).stream()
                                    .map(t -> t.reshape(2, 64, 2, 16).permute(0, 2, 1, 3))
                                    .toList();
                    return p.get(0).scaledDotProductAttention(p.get(1), p.get(2), Attention.FULL);
                });
        Plan plan = Engine.planOf(List.of(out.node()));
        assertEquals(DType.BF16, products(plan).getFirst().out().dtype(), plan.explain());
        assertTrue(products(plan).getFirst().epilogue().bias().isPresent(), plan.explain());
    }
}
