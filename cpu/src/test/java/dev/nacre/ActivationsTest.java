package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/// Activations of products and convolutions, which are computed with them, beside the same of a result that was computed before: NaN stays NaN, and an infinity what it is, whichever library computes it.
class ActivationsTest {
    private static final List<DType> TYPES = List.of(DType.F32, DType.BF16);
    private static final float[] EDGES = {
        Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY
    };

    /// @param product of an input in which one element is an edge
    private record Case(String name, long[] input, UnaryOperator<Tensor> product) {}

    private record Activation(String name, UnaryOperator<Tensor> function) {}

    private static final List<Activation> ACTIVATIONS =
            List.of(
                    new Activation("relu", Tensor::relu),
                    new Activation("sigmoid", Tensor::sigmoid),
                    new Activation("tanh", Tensor::tanh));

    private static List<Case> cases(DType type) {
        Rng rng = Rng.seed(1);
        List<Case> out = new ArrayList<>();
        for (long[] s : new long[][] {{1, 4, 16}, {4, 16, 64}, {32, 64, 10}, {2, 300, 7}}) {
            Tensor w = rng.normal(Shape.of(s[1], s[2])).cast(type).realize();
            Tensor b = rng.normal(Shape.of(s[2])).cast(type).realize();
            Tensor more = rng.normal(Shape.of(s[0], s[2])).cast(type).realize();
            long[] in = {s[0], s[1]};
            String size = Arrays.toString(s);
            out.add(new Case("matmul " + size, in, x -> x.matmul(w)));
            out.add(new Case("with bias " + size, in, x -> x.matmul(w).add(b)));
            out.add(new Case("with addend " + size, in, x -> x.matmul(w).add(b).add(more)));
            out.add(new Case("batch " + size, new long[] {3, s[0], s[1]}, x -> x.matmul(w).add(b)));
        }
        for (long[] s :
                new long[][] {
                    {64, 100, 256}, {4, 20_000, 8}
                }) { // in pieces, of which some are sums
            Tensor w = rng.normal(Shape.of(s[1], s[2])).cast(type).realize();
            Tensor b = rng.normal(Shape.of(s[2])).cast(type).realize();
            out.add(
                    new Case(
                            "matmul " + Arrays.toString(s),
                            new long[] {s[0], s[1]},
                            x -> x.matmul(w).add(b)));
        }
        for (long[] s : // channels in and out, window, stride, groups
                new long[][] {
                    {3, 8, 3, 1, 1},
                    {16, 32, 1, 1, 1},
                    {64, 256, 1, 1, 1},
                    {128, 128, 3, 2, 1},
                    {8, 16, 5, 2, 1},
                    {16, 16, 3, 1, 16},
                    {32, 32, 3, 1, 1}
                }) {
            Tensor w = rng.normal(Shape.of(s[1], s[0] / s[4], s[2], s[2])).cast(type).realize();
            Tensor b = rng.normal(Shape.of(s[1], 1, 1)).cast(type).realize();
            out.add(
                    new Case(
                            "conv " + Arrays.toString(s),
                            new long[] {2, s[0], 9, 9},
                            x -> x.conv2d(w, s[3], s[2] / 2, 1, s[4]).add(b)));
        }
        return out;
    }

    private static Tensor input(long[] sizes, float edge, DType type) {
        float[] x = new float[(int) Shape.of(sizes).count()];
        Arrays.fill(x, 0.5f);
        x[x.length / 3] = edge;
        return Tensor.of(x, sizes).cast(type).realize();
    }

    @Test
    void areThoseOfTheResult() {
        List<String> wrong = new ArrayList<>();
        for (DType type : TYPES) {
            for (Case c : cases(type)) {
                for (float edge : EDGES) {
                    Tensor x = input(c.input, edge, type);
                    for (Activation a : ACTIVATIONS) {
                        compare(a, c, x, type + " " + edge, wrong);
                    }
                }
            }
        }
        assertEquals(List.of(), wrong);
    }

    private static void compare(Activation a, Case c, Tensor x, String name, List<String> wrong) {
        Function product = Function.of((Tensor in) -> c.product.apply(in));
        Function both = Function.of((Tensor in) -> a.function.apply(c.product.apply(in)));
        compare(
                a,
                c.product.apply(x),
                a.function.apply(c.product.apply(x)),
                c.name + " of " + name,
                wrong);
        compare(a, product.apply(x), both.apply(x), "compiled " + c.name + " of " + name, wrong);
    }

    private static void compare(
            Activation a, Tensor result, Tensor activated, String name, List<String> wrong) {
        double[] expected = a.function.apply(Tensor.of(result.toDoubleArray())).toDoubleArray();
        double[] got = activated.toDoubleArray();
        for (int i = 0; i < expected.length; i++) {
            if (!isAlike(expected[i], got[i])) {
                wrong.add("%s of %s: %s for %s".formatted(a.name, name, got[i], expected[i]));
                return;
            }
        }
    }

    /// To what a sum rounded on the way can be off.
    private static boolean isAlike(double a, double b) {
        return Double.isNaN(a) == Double.isNaN(b)
                && (Double.isNaN(a) || a == b || Math.abs(a - b) < 0.02 * (1 + Math.abs(a)));
    }
}
