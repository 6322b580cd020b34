package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Memory;
import dev.nacre.compile.Plan;
import dev.nacre.compile.Repeat;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Loops as users write them.
class ScanTest {
    private final Rng rng = Rng.seed(4);

    private static void same(Tensor expected, Tensor actual) {
        assertEquals(expected.type(), actual.type());
        assertArrayEquals(expected.toFloatArray(), actual.toFloatArray(), 1e-5f);
    }

    @Test
    void cumulativeProduct() {
        Tensor x = rng.uniform(0.5, 1.5, Shape.of(6, 3)).realize();
        same(x.cumprod(0), Scan.over(x).from(Tensor.ones(3)).states((row, p) -> p.mul(row)));
        same(
                x.flip(0).cumprod(0).flip(0),
                Scan.over(x).from(Tensor.ones(3)).backwards().states((row, p) -> p.mul(row)));
        same(
                x.cumprod(1).transpose(),
                Scan.along(1, x).from(Tensor.ones(6)).states((column, p) -> p.mul(column)));
    }

    private static Tensor recurrent(Tensor x, Tensor h, Tensor w, Tensor u) {
        return Scan.over(x).from(h).states((e, s) -> e.matmul(w).add(s.matmul(u)).tanh());
    }

    private static Tensor unrolled(Tensor x, Tensor h, Tensor w, Tensor u) {
        List<Tensor> all = new ArrayList<>();
        Tensor state = h;
        for (int t = 0; t < x.size(0); t++) {
            state = x.select(0, t).matmul(w).add(state.matmul(u)).tanh();
            all.add(state);
        }
        return Tensor.stack(0, all);
    }

    @Test
    void gradientsAreThoseOfTheUnrolledLoop() {
        Tensor x = rng.normal(Shape.of(7, 2, 3)).realize();
        Tensor h = rng.normal(2, 4).realize();
        Tensor w = rng.normal(3, 4).realize();
        Tensor u = rng.normal(4, 4).realize();
        Tensor a = recurrent(x, h, w, u).square().mean();
        Tensor b = unrolled(x, h, w, u).square().mean();
        for (Tensor by : List.of(x, h, w, u)) {
            Tensor ga = Gradients.of(a, by).of(by);
            Tensor gb = Gradients.of(b, by).of(by);
            same(gb, ga);
            same(Gradients.of(gb.sin().sum(), by).of(by), Gradients.of(ga.sin().sum(), by).of(by));
        }
    }

    @Test
    void recomputedAndPushedForward() {
        Tensor x = rng.normal(Shape.of(5, 2, 3)).realize();
        Tensor h = rng.normal(2, 4).realize();
        Tensor w = rng.normal(3, 4).realize();
        Tensor u = rng.normal(4, 4).realize();
        Tensor v = rng.normal(4, 4).realize();
        Tensor expected = unrolled(x, h, w, u);
        same(Gradients.jvp(expected, u, v), Gradients.jvp(recurrent(x, h, w, u), u, v));
        Tensor again =
                Gradients.checkpoint(
                        in -> recurrent(in.get(0), h, w, in.get(1)).square().sum(), x, u);
        for (Tensor by : List.of(x, u)) {
            same(Gradients.of(expected.square().sum(), by).of(by), Gradients.of(again, by).of(by));
        }
    }

    /// A function of symbols is compiled anew for each length.
    @Test
    void lengthIsKnownWhenItRuns() {
        Tensor x = Tensor.symbol("x", DType.F32, Shape.ANY, 2, 3);
        Tensor h = rng.normal(2, 4).realize();
        Variable w = Variable.of("w", rng.normal(3, 4));
        Variable u = Variable.of("u", rng.normal(4, 4));
        Tensor y = recurrent(x, h, w, u);
        Tensor loss = y.square().sum();
        Gradients g = Gradients.of(loss, w, u);
        Function f = Function.of(List.of(x), List.of(y, g.of(w), g.of(u)));
        for (long length : new long[] {5, 1, 0, 8}) {
            Tensor given = rng.normal(Shape.of(length, 2, 3)).realize();
            List<Tensor> out = f.call(given);
            if (length == 0) {
                same(Tensor.zeros(0, 2, 4), out.get(0));
                same(Tensor.zeros(3, 4), out.get(1));
                continue;
            }
            Tensor expected = unrolled(given, h, w, u);
            same(expected, out.get(0));
            Gradients e = Gradients.of(expected.square().sum(), w, u);
            same(e.of(w), out.get(1));
            same(e.of(u), out.get(2));
        }
    }

    /// Newton's method for square roots, until it is exact enough.
    @Test
    void stopsEarly() {
        Tensor a = Tensor.of(2f);
        Scan.Result r =
                Scan.times(50)
                        .from(a, Tensor.of(0))
                        .run((_, s) -> {
                            Tensor next = s.get(0).add(a.div(s.get(0))).mul(0.5);
                            Tensor done = next.square().sub(a).abs().lt(1e-6);
                            return Scan.step(next, s.get(1).add(Tensor.of(1)))
                                    .giving(next)
                                    .until(done);
                        });
        assertEquals(Math.sqrt(2), r.states().get(0).item(), 1e-6);
        int steps = r.states().get(1).toIntArray()[0];
        assertTrue(steps > 2 && steps < 10, "made " + steps + " steps");
        float[] all = r.outputs().get(0).toFloatArray();
        for (int i = 0; i < all.length; i++) {
            assertEquals(i < steps, all[i] != 0, "output " + i);
        }
    }

    private static Plan plan(Tensor... outputs) {
        return Engine.planOf(List.of(outputs).stream().map(Tensor::node).toList());
    }

    private static List<Repeat> loops(Plan p) {
        return p.kernels().stream()
                .filter(Repeat.class::isInstance)
                .map(Repeat.class::cast)
                .toList();
    }

    private static long products(List<Kernel> kernels) {
        return kernels.stream().filter(Kernel.Contraction.class::isInstance).count();
    }

    /// One loop forth and one back, with one product each: the product with the elements, the gradient of the elements and both gradients of weights are single products outside.
    @Test
    void productsLeaveTheLoop() {
        Tensor x = Tensor.symbol("x", DType.F32, 9, 2, 3);
        Tensor h = Tensor.symbol("h", DType.F32, 2, 4);
        Tensor w = Tensor.symbol("w", DType.F32, 3, 4);
        Tensor u = Tensor.symbol("u", DType.F32, 4, 4);
        Tensor loss = recurrent(x, h, w, u).square().sum();
        Gradients g = Gradients.of(loss, x, h, w, u);
        Plan p = plan(loss, g.of(x), g.of(h), g.of(w), g.of(u));
        List<Repeat> loops = loops(p);
        assertEquals(2, loops.size(), p::explain);
        loops.forEach(l -> assertEquals(1, products(l.body()), p::explain));
        assertEquals(4, products(p.kernels()), p::explain);
        assertTrue(p.explain().contains("scan         9 steps"), p::explain);
    }

    /// What does not depend on a state needs no loop.
    @Test
    void mapsAreNoLoops() {
        Tensor x = Tensor.symbol("x", DType.F32, 9, 2, 3);
        Tensor w = Tensor.symbol("w", DType.F32, 3, 4);
        Tensor y =
                Scan.over(x)
                        .run((e, _) -> Scan.step().giving(e.get(0).matmul(w).relu()))
                        .outputs()
                        .getFirst();
        Plan p = plan(y);
        assertEquals(0, loops(p).size(), p::explain);
        assertEquals(1, products(p.kernels()), p::explain);
    }

    @Test
    void aRepeatedCallAllocatesNothingPerStep() {
        Tensor x = rng.normal(Shape.of(200, 2, 3)).realize();
        Tensor h = rng.normal(2, 4).realize();
        Tensor w = rng.normal(3, 4).realize();
        Tensor u = rng.normal(4, 4).realize();
        Function f = Function.of((Tensor a) -> recurrent(a, h, w, u).sum());
        f.apply(x);
        long before = Memory.allocations();
        for (int i = 0; i < 10; i++) {
            f.apply(x);
        }
        assertTrue(Memory.allocations() - before <= 10, "results only");
    }

    private static void error(String text, Runnable mistake) {
        assertEquals(text, assertThrows(NacreException.class, mistake::run).getMessage());
    }

    @Test
    void errors() {
        Tensor x = Tensor.symbol("x", DType.F32, 5, 3);
        Tensor s = Tensor.symbol("s", DType.F32, 3);
        error(
                "scan: state 0 is f32[3], so its next value cannot be f32[]\n"
                        + "  sequence 0  f32[5, 3]  input 'x'\n"
                        + "  state 0     f32[3]     input 's'",
                () -> Scan.over(x).from(s).states((e, h) -> h.mul(e).sum()));
        error(
                "scan: there are 1 first states, but the step gives 0",
                () -> Scan.over(x).from(s).run((_, _) -> Scan.step()));
        error(
                "scan: sequences must be of one length, but sequence 1 has 3 elements and sequence 0 has 5\n"
                        + "  sequence 0  f32[5, 3]  input 'x'\n"
                        + "  sequence 1  f32[3]     input 's'",
                () -> Scan.over(x, s));
        error(
                "scan: needs at least one sequence\n  hint: Scan.times(n) makes n steps without any",
                Scan::over);
        error("scan: steps must not be negative, but are -1", () -> Scan.times(-1));
        error(
                "scan: states(…) is for one sequence and one state, but there are 1 and 0\n  hint: use run(…)",
                () -> Scan.over(x).states((e, _) -> e));
        error(
                "scan: the condition to stop must be a single bool, not f32[]\n"
                        + "  sequence 0  f32[5, 3]  input 'x'\n"
                        + "  state 0     f32[3]     input 's'",
                () ->
                        Scan.over(x)
                                .from(s)
                                .run((e, h) ->
                                        Scan.step(h.get(0).mul(e.get(0)))
                                                .until(h.get(0).sum().add(e.get(0).sum()))));
        error(
                "scan: sequence 0 is a single number and has no elements\n"
                        + "  sequence 0  f32[]  result of sum",
                () -> Scan.over(x.sum()));
    }
}
