package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Plan;
import dev.nacre.ir.Node;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/// Derivatives as users ask for them.
class GradientsTest {
    private static Tensor f64(double... values) {
        return Tensor.of(values);
    }

    private static double[] random(long seed, int n) {
        return new Random(seed).doubles(n).map(d -> 2 * d - 1).toArray();
    }

    /// A function from three numbers to four.
    private static Tensor curve(Tensor x) {
        Tensor a = x.select(0, 0);
        Tensor b = x.select(0, 1);
        Tensor c = x.select(0, 2);
        return Tensor.stack(
                0, List.of(a.mul(b), b.sin().mul(c), c.exp(), a.square().add(c.mul(a))));
    }

    private static double[][] curveJacobian(double a, double b, double c) {
        return new double[][] {
            {b, a, 0}, {0, Math.cos(b) * c, Math.sin(b)}, {0, 0, Math.exp(c)}, {2 * a + c, 0, a}
        };
    }

    /// A row of a Jacobian is one element's derivative, whatever the other elements' is.
    @Test
    void jacobianWithAnInfiniteRow() {
        Tensor x = Tensor.of(new double[] {0, 2});
        assertArrayEquals(
                new double[] {Double.POSITIVE_INFINITY, 0, 0, 0.5},
                Gradients.jacobian(x.log(), x).toDoubleArray());
    }

    /// What is added up where windows overlap is the derivative of taking them, with padding and cropping too.
    @Test
    void overlapsAreTheAdjointOfWindows() {
        long n = 9;
        for (Window w :
                List.of(
                        Window.of(2),
                        Window.of(3).stride(2),
                        Window.of(2).dilation(3).stride(2),
                        Window.of(2).padding(1, 0),
                        Window.of(3).padding(2, 3).stride(2),
                        Window.of(2).padding(-1, 2).dilation(2),
                        Window.of(9).padding(4, 4).stride(5))) {
            Variable x = Variable.zeros("x", 2, n, n);
            Tensor y = x.windows(List.of(w, w));
            Tensor weight = Rng.seed(3).normal(y.shape()).realize();
            y.mul(weight).sum().backward();
            assertArrayEquals(
                    x.grad().orElseThrow().toFloatArray(),
                    weight.overlapAdd(List.of(w, w), x.shape()).toFloatArray(),
                    1e-5f,
                    w.toString());
        }
    }

    @Test
    void windowsThatAShapeHasNot() {
        Tensor x = Tensor.ones(3, 2);
        for (Window w :
                List.of(
                        Window.of(3),
                        Window.of(2).stride(2),
                        Window.of(2).padding(1, 0),
                        Window.of(2).dilation(2),
                        Window.of(2).dilation(0),
                        Window.of(2).stride(0))) {
            assertThrows(
                    ShapeException.class,
                    () -> x.overlapAdd(List.of(w), Shape.of(4)),
                    w.toString());
        }
        assertThrows(
                ShapeException.class, () -> x.overlapAdd(List.of(Window.of(2)), Shape.of(1, 4)));
    }

    @Test
    void jacobianAndBothProducts() {
        double[] at = {0.3, -1.2, 0.7};
        Tensor x = f64(at).realize();
        Tensor y = curve(x);
        double[][] expected = curveJacobian(at[0], at[1], at[2]);
        Tensor jacobian = Gradients.jacobian(y, x);
        assertEquals(Shape.of(4, 3), jacobian.shape());
        for (int i = 0; i < 4; i++) {
            assertArrayEquals(expected[i], jacobian.select(0, i).toDoubleArray(), 1e-14);
        }
        double[] v = random(1, 4);
        double[] u = random(2, 3);
        double[] vjp = new double[3];
        double[] jvp = new double[4];
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 3; j++) {
                vjp[j] += v[i] * expected[i][j];
                jvp[i] += expected[i][j] * u[j];
            }
        }
        assertArrayEquals(vjp, Gradients.vjp(y, x, f64(v)).toDoubleArray(), 1e-14);
        assertArrayEquals(jvp, Gradients.jvp(y, x, f64(u)).toDoubleArray(), 1e-14);
    }

    /// A small network, its products against central differences.
    @Test
    void productsAreFiniteDifferences() {
        Tensor w = f64(random(3, 12)).reshape(4, 3).realize();
        UnaryOperator<Tensor> net =
                x -> x.matmul(w).tanh().softmax(-1).mul(f64(1, -2, 3)).cumsum(1);
        double[] at = random(4, 8);
        double[] u = random(5, 8);
        double h = 1e-6;
        double[] plus = new double[8];
        double[] minus = new double[8];
        for (int i = 0; i < 8; i++) {
            plus[i] = at[i] + h * u[i];
            minus[i] = at[i] - h * u[i];
        }
        double[] difference =
                net.apply(f64(plus).reshape(2, 4))
                        .sub(net.apply(f64(minus).reshape(2, 4)))
                        .div(2 * h)
                        .toDoubleArray();
        Tensor x = f64(at).reshape(2, 4).realize();
        Tensor y = net.apply(x);
        Tensor direction = f64(u).reshape(2, 4);
        assertArrayEquals(difference, Gradients.jvp(y, x, direction).toDoubleArray(), 1e-8);
        Tensor v = f64(random(6, 6)).reshape(2, 3);
        double forward = Gradients.jvp(y, x, direction).mul(v).sum().item();
        assertEquals(forward, Gradients.vjp(y, x, v).mul(direction).sum().item(), 1e-12);
    }

    @Test
    void hessian() {
        double[] at = {0.5, -0.8};
        Tensor x = f64(at).realize();
        Tensor a = x.select(0, 0);
        Tensor b = x.select(0, 1);
        Tensor y = a.pow(3).mul(b.square()).add(a.mul(b).sin()); // a³b² + sin ab
        double p = at[0];
        double q = at[1];
        double s = Math.sin(p * q);
        double c = Math.cos(p * q);
        double mixed = 6 * p * p * q + c - p * q * s;
        double[] expected = {6 * p * q * q - q * q * s, mixed, mixed, 2 * p * p * p - p * p * s};
        assertArrayEquals(expected, Gradients.hessian(y, x).toDoubleArray(), 1e-13);
        assertEquals(Shape.of(2, 2), Gradients.hessian(y, x).shape());
        Tensor quadratic = x.matmul(f64(1, 2, 3, 4).reshape(2, 2)).mul(x).sum();
        assertArrayEquals(
                new double[] {2, 5, 5, 8}, Gradients.hessian(quadratic, x).toDoubleArray(), 1e-13);
    }

    @Test
    void derivativesOfAnyOrder() {
        Variable x = Variable.of("x", Tensor.of(1.5));
        Tensor y = x.square().square();
        List<Double> orders = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            orders.add(y.item());
            y = Gradients.of(y, x).of(x);
        }
        double a = 1.5;
        double[] expected = {a * a * a * a, 4 * a * a * a, 12 * a * a, 24 * a, 24, 0};
        assertArrayEquals(expected, orders.stream().mapToDouble(d -> d).toArray(), 1e-12);
        Tensor z = x.pow(4);
        for (int i = 0; i < 3; i++) {
            z = Gradients.of(z, x).of(x);
        }
        assertEquals(24 * a, z.item(), 1e-12);
        Tensor s = x.sin();
        for (int i = 0; i < 7; i++) {
            s = Gradients.of(s, x).of(x);
        }
        assertEquals(-Math.cos(a), s.item(), 1e-12);
    }

    @Test
    void byAnIntermediateTensor() {
        Tensor x = f64(1, 2, 3).realize();
        Tensor h = x.square();
        Tensor loss = h.mul(f64(1, 10, 100)).sum().add(x.sum());
        Gradients g = Gradients.of(loss, h, x);
        assertArrayEquals(new double[] {1, 10, 100}, g.of(h).toDoubleArray());
        assertArrayEquals(new double[] {3, 41, 601}, g.of(x).toDoubleArray());
        assertEquals(2, g.all().size());
        h.realize(); // computed since: still the same tensor
        assertArrayEquals(new double[] {1, 10, 100}, g.of(h).toDoubleArray());
    }

    @Test
    void zeroWhereThereIsNoDependence() {
        Tensor x = f64(1, 2).realize();
        Tensor other = f64(1, 2, 3).realize();
        Tensor whole = Tensor.of(new long[] {1, 2}).realize();
        Gradients g = Gradients.of(x.mul(whole).sum(), x, other, whole);
        assertArrayEquals(new double[] {1, 2}, g.of(x).toDoubleArray());
        assertArrayEquals(new double[3], g.of(other).toDoubleArray());
        assertEquals(Shape.of(2), g.of(whole).shape());
        assertArrayEquals(new double[2], g.of(whole).toDoubleArray());
    }

    @Test
    void detachStopsTheGradient() {
        Tensor x = f64(2, 3).realize();
        Tensor y = x.mul(x.detach()).sum();
        assertArrayEquals(new double[] {2, 3}, Gradients.of(y, x).of(x).toDoubleArray());
        assertArrayEquals(
                new double[] {0, 0}, Gradients.of(x.exp().detach().sum(), x).of(x).toDoubleArray());
        Tensor rounded = x.mul(1.3).round().sub(x).detach().add(x); // straight-through rounding
        Tensor g = Gradients.of(rounded.sum(), x).of(x);
        assertArrayEquals(new double[] {3, 4}, rounded.toDoubleArray());
        assertArrayEquals(new double[] {1, 1}, g.toDoubleArray());
    }

    @Test
    void customDerivatives() {
        Gradients.Rule clipped = (in, _, g) -> List.of(g.clamp(-1, 1), g.mul(7));
        Variable x = Variable.of("x", f64(2, 3));
        Variable k = Variable.of("k", f64(5, 5));
        Tensor y = Gradients.custom(in -> in.get(0).mul(in.get(1)), clipped, x, k);
        assertArrayEquals(new double[] {10, 15}, y.toDoubleArray());
        Tensor loss = y.mul(f64(0.5, -4)).sum();
        Gradients g = Gradients.of(loss, x, k);
        assertArrayEquals(new double[] {0.5, -1}, g.of(x).toDoubleArray());
        assertArrayEquals(new double[] {3.5, -28}, g.of(k).toDoubleArray());
        // a rule that uses the result can be differentiated again
        Tensor e =
                Gradients.custom(
                        in -> in.get(0).exp(), (_, out, grad) -> List.of(grad.mul(out)), x);
        Tensor second = Gradients.of(Gradients.of(e.sum(), x).of(x).sum(), x).of(x);
        assertArrayEquals(new double[] {Math.exp(2), Math.exp(3)}, second.toDoubleArray(), 1e-12);
        // what is captured is fixed, be it numbers, a variable or an expression of one
        Tensor half = f64(0.5, 0.25).realize();
        Tensor captured =
                Gradients.custom(
                        in -> in.get(0).mul(half).add(k.square()).mul(k.detach()),
                        (in, _, grad) -> List.of(grad.mul(half)),
                        x);
        assertArrayEquals(new double[] {130, 128.75}, captured.toDoubleArray());
        Gradients fixed = Gradients.of(captured.sum(), x, k);
        assertArrayEquals(new double[] {0.5, 0.25}, fixed.of(x).toDoubleArray());
        assertTrue(fixed.find(k).isEmpty());
        // in the middle of a network, and inside a function
        Function f =
                Function.of((Tensor a) ->
                        Gradients.of(
                                        Gradients.custom(
                                                        in -> in.get(0).square(),
                                                        (in, _, grad) ->
                                                                List.of(grad.mul(in.get(0)).mul(3)),
                                                        a.mul(2))
                                                .sum(),
                                        a)
                                .of(a));
        assertArrayEquals(new double[] {24, 36}, f.apply(x).toDoubleArray());
    }

    @Test
    void mistakes() {
        Tensor x = f64(1, 2).realize();
        assertEquals(
                """
                vjp: v must have the type of y
                  v  f64[3]  tensor
                  y  f64[2]  result of exp\
                """,
                assertThrows(ShapeException.class, () -> Gradients.vjp(x.exp(), x, f64(1, 2, 3)))
                        .getMessage());
        assertEquals(
                """
                gradient: was not asked for by this tensor
                  x  f64[2]  result of sin\
                """,
                assertThrows(ShapeException.class, () -> Gradients.of(x.sum(), x).of(x.sin()))
                        .getMessage());
        assertEquals(
                """
                gradient: the loss must be floating
                  loss  i64[]  result of sum
                  hint: reduce it with mean() or sum(), or use vjp with a weight for each element\
                """,
                assertThrows(ShapeException.class, () -> Gradients.of(Tensor.arange(3).sum(), x))
                        .getMessage());
    }

    /// Printing a loss or an activation, as everybody does, must not change what is learned.
    @Test
    void readingBeforeDifferentiating() {
        Variable w = Variable.of("w", f64(1, 2));
        Tensor h = w.square();
        assertArrayEquals(new double[] {1, 4}, h.toDoubleArray());
        Tensor loss = h.mul(3).sum();
        assertEquals(15, loss.item());
        assertArrayEquals(new double[] {3, 3}, Gradients.of(loss, h).of(h).toDoubleArray());
        loss.backward();
        assertArrayEquals(new double[] {6, 12}, w.grad().orElseThrow().toDoubleArray());
        Tensor slope = Gradients.of(h.mul(h).sum(), w).of(w); // of w⁴
        assertEquals("[ 4. 32.] f64[2]", slope.toString());
        assertArrayEquals(
                new double[] {12, 48}, Gradients.of(slope.sum(), w).of(w).toDoubleArray());
    }

    @Test
    void whatWasComputedIsNotComputedAgain() {
        Variable w = Variable.of("w", Tensor.ones(64, 64));
        Tensor h = w.matmul(w).realize();
        Plan p = Engine.planOf(List.of(h.tanh().sum().node()));
        assertEquals(0, products(p), p::explain);
        assertEquals(
                2, products(Engine.planOf(List.of(Gradients.of(h.tanh().sum(), w).of(w).node()))));
        long address = h.value().address();
        assertEquals(address, h.value().address());
    }

    /// A loss that has done its work lets go of what it was computed from.
    @Test
    void expressionsEndWhenTheirGradientsHaveBeenAskedFor() {
        Variable w = Variable.of("w", f64(1, 2));
        Tensor early = w.square().sum();
        early.item();
        assertTrue(early.node().arity() > 0);
        early.backward();
        assertEquals(0, early.node().arity());
        Tensor late = w.square().sum();
        late.backward();
        Tensor total = late.add(early);
        late.item();
        assertEquals(0, late.node().arity());
        assertEquals(
                """
                gradient: backward() has been called already, and what it was computed from is gone
                  y  f64[]  result of sum
                  hint: ask for all gradients before reading, or compute it again\
                """,
                assertThrows(ShapeException.class, () -> Gradients.of(late, w)).getMessage());
        assertThrows(ShapeException.class, late::backward);
        total.item();
        assertEquals(0, total.node().arity());
        Tensor g = w.grad().orElseThrow();
        assertArrayEquals(new double[] {4, 8}, g.toDoubleArray());
        assertEquals(0, g.node().arity());
        Tensor plain = f64(1, 2).exp().realize();
        assertEquals(0, plain.node().arity());
        Tensor predicted = w.argmax(0);
        predicted.item();
        assertEquals(0, predicted.node().arity());
    }

    @Test
    void numbersHaveNoDerivativeByPlainTensors() {
        Tensor x = f64(1, 2).realize();
        Tensor y = x.square().sum();
        y.item();
        assertEquals(
                """
                gradient: what was read before it was differentiated is a number, and depends on nothing
                  y  f64[]  result of sum
                  hint: ask for the gradient before reading, or differentiate by a Variable\
                """,
                assertThrows(ShapeException.class, () -> Gradients.of(y, x)).getMessage());
    }

    // ---------------------------------------------------------------------------------------
    // checkpoints

    private static final int BLOCKS = 12;
    private static final int WIDTH = 64;

    /// Two products and a tanh each; the values in between are what a derivative needs.
    private static Tensor block(Tensor x, Tensor w) {
        return x.matmul(w).tanh().matmul(w).sin().add(x);
    }

    private static Node chainGradient(Tensor x, Tensor w, boolean checkpoints) {
        Tensor h = x;
        for (int i = 0; i < BLOCKS; i++) {
            h = checkpoints ? Gradients.checkpoint(in -> block(in.get(0), w), h) : block(h, w);
        }
        return Gradients.of(h.square().mean(), w).of(w).node();
    }

    private static long products(Plan plan) {
        return plan.kernels().stream().filter(Kernel.Contraction.class::isInstance).count();
    }

    @Test
    void checkpointsAreComputedAgainInsteadOfKept() {
        Tensor x = Rng.seed(1).normal(256, WIDTH).realize();
        Tensor w = Rng.seed(2).normal(WIDTH, WIDTH).mul(0.1).realize();
        Node kept = chainGradient(x, w, false);
        Node again = chainGradient(x, w, true);
        Plan all = Engine.planOf(List.of(kept));
        Plan fewer = Engine.planOf(List.of(again));
        assertArrayEquals(new Tensor(kept).toFloatArray(), new Tensor(again).toFloatArray(), 1e-6f);
        assertEquals(
                2 * BLOCKS + 4 * BLOCKS - 1,
                products(all)); // the first block's input needs no gradient
        assertTrue(
                products(fewer) >= products(all) + BLOCKS,
                () ->
                        "recomputes: "
                                + products(fewer)
                                + " products, "
                                + products(all)
                                + " without");
        assertTrue(
                fewer.arenaBytes() * 2 < all.arenaBytes(),
                () -> fewer.arenaBytes() + " bytes, " + all.arenaBytes() + " without");
    }

    @Test
    void checkpointsCaptureVariablesAndNest() {
        Variable w = Variable.of("w", f64(1, -2));
        Variable x = Variable.of("x", f64(0.5, 0.25));
        Tensor y =
                Gradients.checkpoint(
                                in ->
                                        Gradients.checkpoint(
                                                        inner -> inner.get(0).mul(w).tanh(),
                                                        in.get(0))
                                                .mul(w)
                                                .square(),
                                x)
                        .sum();
        Tensor plain = x.mul(w).tanh().mul(w).square().sum();
        assertEquals(plain.item(), y.item(), 1e-15);
        Tensor second = Gradients.hessian(y, x);
        assertArrayEquals(
                Gradients.hessian(plain, x).toDoubleArray(), second.toDoubleArray(), 1e-14);
        y.backward();
        double[] g = w.grad().orElseThrow().toDoubleArray();
        w.zeroGrad();
        plain.backward();
        assertArrayEquals(w.grad().orElseThrow().toDoubleArray(), g, 1e-15);
        assertEquals(DType.F64, second.dtype());
    }
}
