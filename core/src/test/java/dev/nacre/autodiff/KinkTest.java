package dev.nacre.autodiff;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.ir.Window;
import dev.nacre.reference.Array;
import dev.nacre.reference.GradientCheck;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/// Gradients where finite differences do not say what they are: at kinks they are chosen, and zeros and ties must not give NaN.
class KinkTest {

    /// The gradient of `Σ f(x)`.
    private static double[] gradient(UnaryOperator<Node> f, double... x) {
        return gradient(f, Array.of(TensorType.of(DType.F64, x.length), x));
    }

    private static double[] gradient(UnaryOperator<Node> f, Array x) {
        Node leaf = Symbol.node("x", x.type());
        Source source = ((Op.Leaf) leaf.op()).source();
        Node y = f.apply(leaf);
        List<Node> g = Reverse.gradients(List.of(y), List.of(y.onesLike()), List.of(leaf));
        return Interpreter.evaluate(g, s -> s == source ? x : null).get(0).toDoubles();
    }

    /// The second derivative of `f` at a point.
    private static double second(UnaryOperator<Node> f, double x) {
        UnaryOperator<Node> derivative =
                leaf -> {
                    Node y = f.apply(leaf);
                    return Reverse.gradients(List.of(y), List.of(y.onesLike()), List.of(leaf))
                            .getFirst();
                };
        return gradient(derivative, x)[0];
    }

    private static void assertGradient(UnaryOperator<Node> f, double x, double expected) {
        assertArrayEquals(new double[] {expected}, gradient(f, x));
    }

    /// Finite differences of first and second order at operands with zeros in them.
    private static void assertSmooth(UnaryOperator<Node> f, double[] x, long... sizes) {
        Array operand = Array.of(TensorType.of(DType.F64, sizes), x);
        assertEquals(
                List.of(),
                GradientCheck.mismatches(in -> List.of(f.apply(in.get(0))), List.of(operand), 2));
    }

    @Test
    void absAndSignAtZero() {
        assertGradient(x -> x.abs(), 0, 0);
        assertGradient(x -> x.abs(), -0.0, 0);
        assertGradient(x -> x.sign(), 0, 0);
    }

    @Test
    void rectifiersAtZero() {
        assertGradient(x -> x.relu(), 0, 0);
        assertGradient(x -> x.leakyRelu(0.25), 0, 0.25);
        assertGradient(x -> x.elu(1), 0, 1);
        assertGradient(x -> x.elu(1.5), 0, 1.5);
        assertGradient(x -> x.softplus(), 0, 0.5);
        assertGradient(x -> x.softsign(), 0, 1);
    }

    /// Smooth where its parts are not.
    @Test
    void softplusAtZero() {
        assertEquals(0.25, second(x -> x.softplus(), 0));
        assertEquals(0.25, second(x -> x.neg().softplus(), 0));
        assertEquals(-0.25, second(x -> x.logSigmoid(), 0));
        assertEquals(0, second(x -> x.softplus(), 800));
        assertEquals(0, second(x -> x.softplus(), -800));
    }

    /// Where `e^x − 1` is −1 to all digits.
    @Test
    void expm1FarOut() {
        for (double x : new double[] {-1, -20, -40, -300}) {
            assertArrayEquals(new double[] {Math.exp(x)}, gradient(t -> t.expm1(), x));
            assertArrayEquals(new double[] {1.5 * Math.exp(x)}, gradient(t -> t.elu(1.5), x));
        }
    }

    @Test
    void eluDoesNotOverflow() {
        assertArrayEquals(
                new double[] {0, Math.exp(-3), 1, 1},
                gradient(x -> x.elu(1), -800, -3, 0, 800),
                1e-15);
    }

    @Test
    void clampPassesOnTheLimits() {
        assertArrayEquals(
                new double[] {0, 1, 1, 1, 0}, gradient(x -> x.clamp(-1, 2), -1.5, -1, 0, 2, 2.5));
        assertArrayEquals(
                new double[] {0, 1, 1, 1, 0},
                gradient(x -> x.clamp(-1, 2).mul(1), -1.5, -1, 0, 2, 2.5));
        assertArrayEquals(
                new double[] {0, 0, 1, 0, 0},
                gradient(x -> x.hardTanh(-1, 2), -1.5, -1, 0, 2, 2.5));
    }

    @Test
    void elementwiseTiesAreHalved() {
        assertGradient(x -> x.maximum(3), 3, 0.5);
        assertGradient(x -> x.minimum(3), 3, 0.5);
        assertGradient(x -> x.maximum(x), 3, 1);
        assertGradient(x -> x.minimum(x), 3, 1);
    }

    @Test
    void reducedTiesShareEvenly() {
        assertArrayEquals(new double[] {0, 0.5, 0.5, 0}, gradient(x -> x.max(), 1, 4, 4, 2));
        assertArrayEquals(
                new double[] {0.25, 0.25, 0.25, 0.25}, gradient(x -> x.min(), 3, 3, 3, 3));
        assertArrayEquals(
                new double[] {0, 1, 0, 0},
                gradient(x -> x.unsqueeze(0).maxPool(List.of(Window.of(4))), 1, 4, 4, 2),
                "pooling: the first");
        assertArrayEquals(
                new double[] {0, 1, 0, 0},
                gradient(x -> x.topk(1, 0).values(), 1, 4, 4, 2),
                "topk: the first");
    }

    @Test
    void normAtZero() {
        assertArrayEquals(new double[] {0, 0}, gradient(x -> x.norm(2), 0, 0));
        assertArrayEquals(new double[] {0.6, 0.8}, gradient(x -> x.norm(2), 3, 4), 1e-15);
        assertArrayEquals(new double[] {0, 1}, gradient(x -> x.norm(1), 0, 4));
    }

    @Test
    void powersAtZero() {
        assertGradient(x -> x.pow(3), 0, 0);
        assertGradient(x -> x.pow(2), 0, 0);
        assertGradient(x -> x.pow(1), 0, 1);
        assertGradient(x -> x.pow(0), 0, 0);
        assertGradient(x -> x.constant(0, DType.F64).pow(x), 2, 0);
        assertGradient(x -> x.constant(0, DType.F64).pow(x), 0, 0);
        assertSmooth(x -> x.pow(3), new double[] {0, -1, 2}, 3);
        assertSmooth(x -> x.pow(2), new double[] {0, -1, 2}, 3);
    }

    @Test
    void productsOfZeros() {
        assertSmooth(x -> x.prod(), new double[] {2, 0, 3}, 3);
        assertSmooth(x -> x.prod(), new double[] {2, 0, 3, 0}, 4);
        assertSmooth(x -> x.prod(), new double[] {0, 0, 0}, 3);
        assertSmooth(x -> x.prod(1), new double[] {2, 0, 3, 1, 4, 5}, 2, 3);
        assertSmooth(x -> x.prod(0, 2), new double[] {2, 0, 3, 1, 0, 5, 0, 7}, 2, 2, 2);
        assertArrayEquals(new double[] {0, 6, 0}, gradient(x -> x.prod(), 2, 0, 3));
    }

    @Test
    void runningProductsOfZeros() {
        assertSmooth(x -> x.cumprod(0), new double[] {2, 0, 3, -1}, 4);
        assertSmooth(x -> x.cumprod(0), new double[] {0, 2, 0, 3}, 4);
        assertSmooth(x -> x.cumprod(1), new double[] {0, 0, 0, 1, 2, 3}, 2, 3);
    }

    @Test
    void recurrenceThroughZeros() {
        assertSmooth(x -> x.recurrence(x.flip(), 0, false), new double[] {0, 2, 0, -1, 0}, 5);
        assertSmooth(x -> x.recurrence(x.flip(), 0, true), new double[] {0, 2, 0, -1, 0}, 5);
    }

    @Test
    void logSumExpOfEqualAndFarNumbers() {
        assertSmooth(x -> x.logSumExp(), new double[] {3, 3, 3}, 3);
        assertArrayEquals(new double[] {1, 0}, gradient(x -> x.logSumExp(), 1000, -1000));
        assertArrayEquals(
                new double[] {1, 0}, gradient(x -> x.logSumExp(), 0, Double.NEGATIVE_INFINITY));
    }

    @Test
    void softmaxOfFarNumbers() {
        assertArrayEquals(new double[] {0, 0, 0}, gradient(x -> x.softmax(0), 1000, -1000, 0));
        assertArrayEquals(
                new double[] {1, -1},
                gradient(x -> x.logSoftmax(0).select(0, 1).neg(), 1000, -1000));
    }

    @Test
    void maskedBranchesDoNotLeak() {
        assertArrayEquals(
                new double[] {0, 0.5},
                gradient(x -> x.gt(0).where(x.log(), x.zerosLike()), -1, 2),
                1e-300);
    }

    /// Where another operand or element is chosen, an infinite derivative counts nothing.
    @Test
    void losersDoNotLeak() {
        assertArrayEquals(new double[] {0, 0.5}, gradient(x -> x.log().max(), 0, 2));
        assertArrayEquals(new double[] {0, 0.25}, gradient(x -> x.sqrt().maximum(1), 0, 4));
        assertArrayEquals(new double[] {0, 0.25}, gradient(x -> x.maximum(0).sqrt(), -1, 4));
        assertArrayEquals(
                new double[] {0, -0.5},
                gradient(x -> x.gt(0).where(x.detach().sub(x.log()), x.zerosLike()), 0, 2));
    }

    @Test
    void detachStops() {
        assertGradient(x -> x.detach().mul(x), 3, 3);
        assertGradient(x -> x.detach().square(), 3, 0);
    }

    @Test
    void castsPassTheGradientInTheOperandsType() {
        assertGradient(x -> x.cast(DType.F32).square(), 0.1f, 2 * 0.1f);
        assertGradient(x -> x.cast(DType.BF16).mul(3), 1, 3);
        assertGradient(x -> x.cast(DType.I32).cast(DType.F64).mul(x), 2.5, 2);
        assertGradient(x -> x.gt(0).cast(DType.F64), 2.5, 0);
    }

    /// An operand that is used many times gets the sum.
    @Test
    void usesAddUp() {
        assertGradient(x -> x.mul(x).mul(x), 2, 12);
        assertGradient(x -> x.add(x).add(x), 2, 3);
        assertGradient(x -> x.sub(x), 2, 0);
        assertArrayEquals(
                new double[] {2, 1},
                gradient(x -> x.gather(0, x.constant(0, DType.I64).reshape(1)).concat(0, x), 5, 6));
    }

    @Test
    void intermediateNodesHaveGradients() {
        Node x = Symbol.node("x", TensorType.of(DType.F64));
        Node y = x.exp();
        Node z = y.square();
        List<Node> g =
                Reverse.gradients(
                        List.of(z, y), List.of(z.onesLike(), y.onesLike()), List.of(y, x));
        List<Array> values = Interpreter.evaluate(g, _ -> Array.of(TensorType.of(DType.F64), 1));
        assertEquals(2 * Math.E + 1, values.get(0).number(0), 1e-12);
        assertEquals((2 * Math.E + 1) * Math.E, values.get(1).number(0), 1e-12);
    }

    @Test
    void integersHaveNoGradient() {
        Node x = Symbol.node("x", TensorType.of(DType.I32, 2));
        Node y = x.cast(DType.F64).exp();
        List<Node> g = Reverse.gradients(List.of(y), List.of(y.onesLike()), List.of(x));
        assertArrayEquals(
                new long[] {0, 0},
                Interpreter.evaluate(g, _ -> Array.of(TensorType.of(DType.I32, 2), 1, 2))
                        .get(0)
                        .toLongs());
    }
}
