package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Memory;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.ir.Source;
import dev.nacre.type.DType;
import dev.nacre.type.Precision;
import dev.nacre.type.Shape;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Weights in the form in which the library multiplies by them, made once per change of a variable.
class PackingTest {
    private final Rng rng = Rng.seed(5);
    private final Variable kernel = Variable.of("kernel", rng.normal(Shape.of(32, 16, 3, 3)));
    private final Variable weight = Variable.of("weight", rng.normal(300, 32));
    private final Variable bias = Variable.of("bias", rng.normal(300));
    private final Tensor images = rng.normal(Shape.of(2, 16, 20, 20)).realize();

    @BeforeEach
    void needsTheLibrary() {
        assumeTrue(OneDnn.get().isPresent(), "oneDNN");
    }

    private Tensor network(Tensor x) {
        return dense(x.conv2d(kernel, 1, 1, 1, 1).relu().mean(2, 3));
    }

    private Tensor dense(Tensor x) {
        return x.matmul(weight.transpose()).add(bias);
    }

    /// With weights that are inputs of the function, and so are packed at every call.
    private float[] fresh() {
        return Function.ofMany(in ->
                        List.of(
                                in.get(0)
                                        .conv2d(in.get(1), 1, 1, 1, 1)
                                        .relu()
                                        .mean(2, 3)
                                        .matmul(in.get(2).transpose())
                                        .add(in.get(3))))
                .call(images, kernel, weight, bias)
                .getFirst()
                .toFloatArray();
    }

    private static long packed(Function f, Tensor... x) {
        return f.plan(x).kernels().stream().filter(Kernel.Packed.class::isInstance).count();
    }

    @Test
    void weightsArePackedAside() {
        Function f = Function.of(this::network);
        assertArrayEquals(fresh(), f.apply(images).toFloatArray(), 1e-4f);
        assertTrue(packed(f, images) >= 1, f.explain(images));
        assertTrue(f.explain(images).contains("pack "), f.explain(images));
        List<Source> inputs = f.plan(images).inputs();
        assertTrue(
                inputs.stream().noneMatch(s -> s.equals(source(kernel))),
                "the weights as they were are no longer read: " + inputs);
    }

    private static Source source(Variable v) {
        return ((dev.nacre.ir.Op.Leaf) v.current().op()).source();
    }

    /// Kernels of one pixel are products; with strides, of pixels that are gathered first.
    @Test
    void kernelsOfOnePixel() {
        for (int stride : List.of(1, 2, 3)) {
            for (long size : List.of(14L, 7L, 1L)) {
                Variable one = Variable.of("one", rng.normal(Shape.of(96, 32, 1, 1)));
                Variable b = Variable.of("b", rng.normal(96));
                long n = (size - 1) / stride + 1;
                Tensor x = rng.normal(Shape.of(2, 32, size, size)).realize();
                Tensor y = rng.normal(Shape.of(2, 96, n, n)).realize();
                Function packed =
                        Function.of((Tensor in, Tensor sum) ->
                                in.relu()
                                        .conv2d(one, stride, 0, 1, 1)
                                        .add(b.reshape(96, 1, 1))
                                        .add(sum)
                                        .relu());
                Tensor pixels = x.relu().realize();
                float[] expected = new float[(int) (2 * 96 * n * n)];
                float[] in = pixels.toFloatArray();
                float[] w = one.toFloatArray();
                float[] bias = b.toFloatArray();
                float[] sum = y.toFloatArray();
                for (int i = 0; i < 2; i++) {
                    for (int o = 0; o < 96; o++) {
                        for (int r = 0; r < n; r++) {
                            for (int c = 0; c < n; c++) {
                                double s = bias[o];
                                for (int k = 0; k < 32; k++) {
                                    long at =
                                            ((i * 32 + k) * size + r * stride) * size + c * stride;
                                    s += (double) in[(int) at] * w[o * 32 + k];
                                }
                                int at = (int) (((i * 96 + o) * n + r) * n + c);
                                expected[at] = (float) Math.max(0, s + sum[at]);
                            }
                        }
                    }
                }
                assertArrayEquals(expected, packed.apply(x, y).toFloatArray(), 1e-4f);
            }
        }
    }

    /// Of many sizes, paddings and epilogues, some of which are computed with fewer multiplications.
    @Test
    void kernelsOfThreeByThree() {
        long[][] cases = {
            {1, 64, 64, 28, 28, 1}, {2, 80, 64, 14, 15, 1}, {1, 64, 96, 57, 20, 1},
            {3, 64, 80, 21, 13, 0}, {1, 64, 65, 30, 31, 2}, {8, 64, 64, 7, 7, 1}
        };
        for (long[] s : cases) {
            Variable three = Variable.of("three", rng.normal(Shape.of(s[2], s[1], 3, 3)).mul(0.1));
            Variable b = Variable.of("b", rng.normal(s[2]));
            Tensor x = rng.normal(Shape.of(s[0], s[1], s[3], s[4])).realize();
            long h = s[3] + 2 * s[5] - 2;
            long w = s[4] + 2 * s[5] - 2;
            Tensor y = rng.normal(Shape.of(s[0], s[2], h, w)).realize();
            List<UnaryOperator<Tensor>> ends =
                    List.of(
                            t -> t,
                            t -> t.add(b.reshape(s[2], 1, 1)).relu(),
                            t -> t.add(b.reshape(s[2], 1, 1)).add(y.relu()).relu(),
                            Tensor::sigmoid);
            DType wide = DType.F64;
            Tensor plain =
                    x.cast(wide).relu().conv2d(three.cast(wide), 1, (int) s[5], 1, 1).realize();
            for (UnaryOperator<Tensor> end : ends) {
                Function f =
                        Function.of((Tensor in) ->
                                end.apply(in.relu().conv2d(three, 1, (int) s[5], 1, 1)).square());
                assertArrayEquals(
                        end.apply(plain).square().cast(DType.F32).toFloatArray(),
                        f.apply(x).toFloatArray(),
                        5e-4f,
                        java.util.Arrays.toString(s));
            }
        }
    }

    @Test
    void fewerMultiplicationsAreNoLessExact() {
        Variable w = Variable.of("w", rng.normal(Shape.of(64, 64, 3, 3)));
        Tensor x =
                rng.normal(Shape.of(1, 64, 20, 20))
                        .relu()
                        .realize(); // too few pixels to transform the kernels for
        Function kept = Function.of((Tensor in) -> in.conv2d(w, 1, 1, 1, 1));
        Function given = Function.of((Tensor in, Tensor k) -> in.conv2d(k, 1, 1, 1, 1));
        double[] exact = x.cast(DType.F64).conv2d(w.cast(DType.F64), 1, 1, 1, 1).toDoubleArray();
        double plain = error(exact, given.apply(x, w).toFloatArray());
        assertTrue(error(exact, kept.apply(x).toFloatArray()) < 2 * plain);
    }

    private static double error(double[] exact, float[] y) {
        double sum = 0;
        for (int i = 0; i < y.length; i++) {
            sum += Math.pow(y[i] - exact[i], 2);
        }
        return Math.sqrt(sum / y.length);
    }

    @Test
    void everyWayToChangeAVariableIsNoticed() {
        Function f = Function.of(this::network);
        assertArrayEquals(fresh(), f.apply(images).toFloatArray(), 1e-4f);
        kernel.set(kernel.mul(1.5)); // computed when it is read
        assertArrayEquals(fresh(), f.apply(images).toFloatArray(), 1e-4f);
        weight.set(rng.normal(300, 32)); // as loading does
        assertArrayEquals(fresh(), f.apply(images).toFloatArray(), 1e-4f);
        Function step = // writes over the old values in place
                Function.of((Tensor rate) -> {
                    kernel.set(kernel.sub(kernel.mul(rate)));
                    weight.set(weight.sub(weight.mul(rate)));
                    return rate;
                });
        for (int i = 0; i < 3; i++) {
            step.apply(Tensor.of(0.1f));
            assertArrayEquals(fresh(), f.apply(images).toFloatArray(), 1e-4f);
        }
    }

    @Test
    void trainedWeightsAreNoticed() {
        Function f = Function.of(this::network);
        for (int i = 0; i < 3; i++) {
            assertArrayEquals(fresh(), f.apply(images).toFloatArray(), 1e-4f);
            Tensor loss = network(images).square().mean();
            Gradients g = Gradients.of(loss, kernel, weight);
            Variable.update(
                    List.of(kernel, weight),
                    () -> {
                        kernel.set(kernel.sub(g.of(kernel).mul(0.01)));
                        weight.set(weight.sub(g.of(weight).mul(0.01)));
                    });
        }
        assertArrayEquals(fresh(), f.apply(images).toFloatArray(), 1e-4f);
    }

    @Test
    void packedOncePerChange() {
        Steady s =
                Steady.compile(
                                Variable.symbolic(
                                        List.of(
                                                network(
                                                                Tensor.symbol(
                                                                        "x", DType.F32, 2, 16, 20,
                                                                        20))
                                                        .node())))
                        .steady()
                        .orElseThrow();
        List<Stored> first = s.values();
        assertSame(first, s.values());
        bias.set(bias.mul(2)); // is no part of it
        assertSame(first, s.values());
        kernel.set(kernel.mul(2));
        assertNotSame(first, s.values());
    }

    /// Each size of batch has a copy of the weights, so not all of them are kept.
    @Test
    void manySignaturesKeepFewCopies() {
        Function f = Function.of(this::dense);
        for (int round = 0; round < 2; round++) {
            for (int rows = 2000; rows < 2009; rows++) {
                Tensor x = rng.normal(rows, 32).realize();
                assertArrayEquals(
                        Function.of((Tensor in, Tensor w) -> in.matmul(w.transpose()).add(bias))
                                .apply(x, weight)
                                .toFloatArray(),
                        f.apply(x).toFloatArray(),
                        1e-4f);
            }
        }
        assertEquals(4, f.keeping());
    }

    /// A function that changes a variable may change it before it is read; and packing would cost what it saves.
    @Test
    void stepsOfTrainingPackNothingAside() {
        Function step =
                Function.of((Tensor x) -> {
                    Tensor loss = network(x).square().mean();
                    kernel.set(kernel.sub(Gradients.of(loss, kernel).of(kernel).mul(0.1)));
                    return loss;
                });
        assertEquals(0, packed(step, images), step.explain(images));
    }

    @Test
    void oneOperandIsPackedOnceForAllProductsOfAKind() {
        Variable square = Variable.of("square", rng.normal(256, 256));
        Tensor x = rng.normal(400, 256).realize();
        UnaryOperator<Tensor> twice =
                t -> t.matmul(square.transpose()).relu().matmul(square.transpose());
        Function f = Function.of(twice);
        Tensor w = square.detach().realize();
        assertArrayEquals(
                x.matmul(w.transpose()).relu().matmul(w.transpose()).toFloatArray(),
                f.apply(x).toFloatArray(),
                1e-2f);
        assertEquals(packed(f, x) == 0 ? 1 : 2, f.plan(x).inputs().size(), f.explain(x));
    }

    @Test
    void weightsThatAreReadOtherwiseTooStayInputs() {
        Function f = Function.of((Tensor x) -> dense(x.mul(weight)));
        Tensor x = rng.normal(300, 32).realize();
        Tensor w = weight.detach().realize();
        float[] expected =
                x.mul(w).realize().matmul(w.transpose()).realize().add(bias).toFloatArray();
        assertArrayEquals(expected, f.apply(x).toFloatArray(), 1e-4f);
        assertTrue(f.plan(x).inputs().contains(source(weight)), f.explain(x));
    }

    @Test
    void lowPrecisionCastsAndPacksOnce() {
        Function f = Function.of(this::network);
        float[] exact = f.apply(images).toFloatArray();
        float[] half = Precision.BF16.in(() -> f.apply(images).toFloatArray());
        float largest = 0;
        for (float v : exact) {
            largest = Math.max(largest, Math.abs(v));
        }
        assertArrayEquals(exact, half, 0.03f * largest);
        kernel.set(kernel.mul(0.5));
        float[] later = Precision.BF16.in(() -> f.apply(images).toFloatArray());
        assertArrayEquals(fresh(), later, 0.03f * largest);
    }

    /// What is packed is held once, for all callers, and a call allocates nothing but its result.
    @Test
    void callsAllocateOnlyResults() {
        Function f = Function.of(this::network);
        for (int i = 0; i < 3; i++) {
            f.apply(images);
        }
        long before = Memory.allocations();
        for (int i = 0; i < 10; i++) {
            f.apply(images);
        }
        assertTrue(Memory.allocations() - before <= 10, "allocations in a steady state");
    }
}
