package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Plan;
import dev.nacre.type.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Normalisation folded into the weights of the convolution or product before it, computed once per change of a variable.
class FoldingTest {
    private final Rng rng = Rng.seed(3);
    private final Variable w = Variable.of("w", rng.normal(Shape.of(6, 4, 3, 3)));
    private final Variable mean = Variable.of("mean", rng.normal(6), false);
    private final Variable variance =
            Variable.of("variance", rng.uniform(0.5, 2.0, Shape.of(6)), false);
    private final Variable gamma = Variable.of("gamma", rng.normal(6));
    private final Variable beta = Variable.of("beta", rng.normal(6));
    private final Tensor x = rng.normal(Shape.of(1, 4, 5, 5)).realize();

    private Tensor along(Tensor v) {
        return v.reshape(6, 1, 1);
    }

    private Tensor normalised(Tensor y) {
        Tensor scale = variance.add(1e-5).rsqrt().mul(gamma);
        return y.sub(along(mean)).mul(along(scale)).add(along(beta));
    }

    private Tensor network(Tensor in) {
        return normalised(in.conv2d(w, 1, 1, 1, 1)).relu();
    }

    /// With the convolution's result put in memory in between, so that nothing can be folded.
    private float[] stepByStep(Tensor in) {
        return normalised(in.conv2d(w, 1, 1, 1, 1).detach().realize().add(0)).relu().toFloatArray();
    }

    private static long loops(Plan p) {
        return p.kernels().stream().filter(Loop.class::isInstance).count();
    }

    private static Kernel.Product product(Kernel k) {
        return k instanceof Kernel.Packed p ? p.product() : (Kernel.Product) k;
    }

    @Test
    void inferenceIsOneConvolutionWithEpilogue() {
        Function f = Function.of(this::network);
        assertArrayEquals(stepByStep(x), f.apply(x).toFloatArray(), 1e-4f);
        Plan plan = f.plan(x);
        assertEquals(1, plan.kernels().size(), plan.explain());
        Kernel.Product c = product(plan.kernels().getFirst());
        assertTrue(c.epilogue().bias().isPresent(), plan.explain());
        assertTrue(c.epilogue().activation().isPresent(), plan.explain());
        assertTrue(f.explain(x).startsWith("when a variable has changed:"), f.explain(x));
    }

    @Test
    void productsFoldToo() {
        Variable m = Variable.of("m", rng.normal(6, 9));
        Tensor rows = rng.normal(7, 9).realize();
        Function f =
                Function.of((Tensor in) -> {
                    Tensor scale = variance.add(1e-5).rsqrt().mul(gamma);
                    return in.matmul(m.transpose()).sub(mean).mul(scale).add(beta);
                });
        float[] expected =
                rows.matmul(m.transpose())
                        .detach()
                        .realize()
                        .sub(mean)
                        .mul(variance.add(1e-5).rsqrt().mul(gamma))
                        .add(beta)
                        .toFloatArray();
        assertArrayEquals(expected, f.apply(rows).toFloatArray(), 1e-4f);
        assertEquals(1, f.plan(rows).kernels().size(), f.explain(rows));
    }

    @Test
    void aChangedVariableCounts() {
        Function f = Function.of(this::network);
        float[] before = f.apply(x).toFloatArray();
        for (Variable v : List.of(w, mean, variance, gamma, beta)) {
            v.set(v.mul(1.5));
            float[] after = f.apply(x).toFloatArray();
            assertArrayEquals(stepByStep(x), after, 1e-4f);
            assertTrue(!java.util.Arrays.equals(before, after), v.name() + " is not noticed");
            before = after;
        }
        Function train =
                Function.of((Tensor t) -> {
                    gamma.set(gamma.add(t));
                    return t;
                });
        train.apply(Tensor.of(1f));
        assertArrayEquals(stepByStep(x), f.apply(x).toFloatArray(), 1e-4f);
    }

    @Test
    void whatIsKeptIsComputedOncePerChange() {
        Recorded g = new Recorded();
        Steady s = g.compiled().steady().orElseThrow();
        List<Stored> first = s.values();
        assertSame(first, s.values());
        gamma.set(gamma.mul(2));
        assertNotSame(first, s.values());
        List<Stored> second = s.values();
        gamma.toFloatArray();
        assertSame(second, s.values());
    }

    /// The graph of the network as a function records it.
    private final class Recorded {
        Steady.Compiled compiled() {
            Tensor in = Tensor.symbol("x", dev.nacre.type.DType.F32, 1, 4, 5, 5);
            return Steady.compile(Variable.symbolic(List.of(network(in).node())));
        }
    }

    /// Batch statistics depend on the convolution's result, which must stay.
    @Test
    void trainingIsNotFolded() {
        Function f =
                Function.of((Tensor in) -> {
                    Tensor y = in.conv2d(w, 1, 1, 1, 1);
                    Tensor mu = y.mean(0, 2, 3);
                    Tensor scale = y.sub(along(mu)).square().mean(0, 2, 3).rsqrt().mul(gamma);
                    return y.sub(along(mu)).mul(along(scale)).add(along(beta));
                });
        Tensor y = x.conv2d(w, 1, 1, 1, 1).detach().realize();
        Tensor mu = y.mean(0, 2, 3);
        Tensor scale = y.sub(along(mu)).square().mean(0, 2, 3).rsqrt().mul(gamma);
        assertArrayEquals(
                y.sub(along(mu)).mul(along(scale)).add(along(beta)).toFloatArray(),
                f.apply(x).toFloatArray(),
                1e-4f);
        assertTrue(loops(f.plan(x)) > 0, f.explain(x));
    }

    /// Outside a function weights are folded at every call, so only where they are the smaller.
    @Test
    void expressionsFoldWhereWeightsAreTheSmaller() {
        Tensor large = rng.normal(Shape.of(8, 4, 16, 16)).realize();
        Plan folds = Engine.planOf(List.of(network(large).node()));
        Kernel last = folds.kernels().getLast();
        assertTrue(
                last instanceof Kernel.Convolution c && c.epilogue().bias().isPresent(),
                folds.explain());
        assertArrayEquals(stepByStep(large), network(large).toFloatArray(), 1e-4f);
        Plan small = Engine.planOf(List.of(network(x).node()));
        assertTrue(small.kernels().getLast() instanceof Loop, small.explain());
    }

    /// A result that is also wanted itself is not changed.
    @Test
    void resultsWithOtherUsersStay() {
        Function f =
                Function.ofMany(in -> {
                    Tensor y = in.getFirst().conv2d(w, 1, 1, 1, 1);
                    return List.of(y, normalised(y));
                });
        List<Tensor> out = f.call(x);
        assertArrayEquals(x.conv2d(w, 1, 1, 1, 1).toFloatArray(), out.get(0).toFloatArray(), 1e-4f);
        assertArrayEquals(
                normalised(x.conv2d(w, 1, 1, 1, 1).detach().realize()).toFloatArray(),
                out.get(1).toFloatArray(),
                1e-4f);
    }
}
