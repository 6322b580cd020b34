package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.compile.Profile;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// Functions: traced from lambdas, and built from symbols as in Theano.
class FunctionTest {
    private static void assertMessage(
            Class<? extends NacreException> type, String text, Executable mistake) {
        assertEquals(text, assertThrows(type, mistake).getMessage());
    }

    private static Tensor f32(float... values) {
        return Tensor.of(values);
    }

    // -------------------------------------------------------------------------------------------
    // lambdas

    @Test
    void anyNumberOfInputs() {
        Tensor a = f32(1, 2);
        Tensor b = f32(10, 20);
        Tensor c = f32(100, 200);
        assertEquals(42, Function.of(() -> Tensor.of(6f).mul(Tensor.of(7f))).apply().item());
        assertArrayEquals(
                new float[] {2, 4}, Function.of((Tensor x) -> x.mul(2)).apply(a).toFloatArray());
        assertArrayEquals(
                new float[] {-9, -18},
                Function.of((Tensor x, Tensor y) -> x.sub(y)).apply(a, b).toFloatArray());
        assertArrayEquals(
                new float[] {109, 218},
                Function.of((x, y, z) -> z.add(y).sub(x)).apply(a, b, c).toFloatArray());
        Function many =
                Function.ofMany(
                        in -> List.of(in.getFirst().add(in.getLast()), Tensor.stack(0, in)));
        List<Tensor> out = many.call(a, b, c, a);
        assertArrayEquals(new float[] {2, 4}, out.get(0).toFloatArray());
        assertEquals(Shape.of(4, 2), out.get(1).shape());
        assertEquals(Shape.of(1, 2), many.call(a).get(1).shape());
        assertEquals(0, Function.ofMany(_ -> List.of()).call().size());
    }

    @Test
    void tracedOncePerTypes() {
        AtomicInteger traces = new AtomicInteger();
        Function f =
                Function.of((Tensor x) -> {
                    traces.incrementAndGet();
                    return x.exp().sum();
                });
        for (int i = 0; i < 5; i++) {
            f.apply(f32(i, 1));
        }
        assertEquals(1, traces.get());
        f.apply(f32(1, 2, 3));
        f.apply(Tensor.of(new double[] {1, 2}));
        assertEquals(3, traces.get());
        f.apply(f32(5, 6));
        f.apply(Tensor.of(new double[] {1, 2}));
        f.apply(f32(5, 6, 7));
        assertEquals(3, traces.get());
        assertEquals(Math.exp(2), f.apply(Tensor.of(new double[] {2})).item(), 1e-14);
    }

    @Test
    void valuesFromOutsideAreConstants() {
        Tensor k = f32(3, 4);
        Tensor unread = k.mul(10);
        float[] scale = {2};
        Variable v = Variable.of("v", f32(1, 1));
        Tensor before = v.add(5); // keeps the value of now
        Function f = Function.of((Tensor x) -> x.mul(k).add(unread).mul(scale[0]).add(before));
        assertArrayEquals(new float[] {2 * 33 + 6, 2 * 44 + 6}, f.apply(f32(1, 1)).toFloatArray());
        scale[0] = 100; // plain Java is read while recording
        v.set(f32(7, 7));
        assertArrayEquals(new float[] {2 * 33 + 6, 2 * 44 + 6}, f.apply(f32(1, 1)).toFloatArray());
    }

    @Test
    void variablesHaveTheValueOfTheCall() {
        Variable v = Variable.of("v", f32(1, 2));
        Function f = Function.of((Tensor x) -> x.mul(v));
        assertArrayEquals(new float[] {2, 4}, f.apply(f32(2, 2)).toFloatArray());
        v.set(f32(5, 6));
        assertArrayEquals(new float[] {10, 12}, f.apply(f32(2, 2)).toFloatArray());
        v.set(v.add(1));
        assertArrayEquals(new float[] {12, 14}, f.apply(f32(2, 2)).toFloatArray());
    }

    @Test
    void whatALambdaSetsHappensAtEachCall() {
        Variable count = Variable.of("count", Tensor.of(0L), false);
        Variable last = Variable.of("last", f32(0, 0), false);
        Function f =
                Function.of((Tensor x) -> {
                    count.set(count.add(1));
                    last.set(x);
                    count.set(count.mul(2)); // sees what was set
                    return last.add(count.cast(DType.F32));
                });
        assertArrayEquals(new float[] {3, 4}, f.apply(f32(1, 2)).toFloatArray()); // (0 + 1) · 2
        assertArrayEquals(new float[] {11, 11}, f.apply(f32(5, 5)).toFloatArray()); // (2 + 1) · 2
        assertEquals(6, count.item());
        assertArrayEquals(new float[] {5, 5}, last.toFloatArray());
    }

    @Test
    void aResultStaysWhatItWas() {
        Variable v = Variable.of("v", f32(1, 2));
        Function f =
                Function.of(() -> {
                    Tensor old = v.mul(1);
                    v.set(v.add(1));
                    return old;
                });
        Tensor first = f.apply();
        Tensor second = f.apply();
        assertArrayEquals(new float[] {1, 2}, first.toFloatArray());
        assertArrayEquals(new float[] {2, 3}, second.toFloatArray());
        assertArrayEquals(new float[] {3, 4}, v.toFloatArray());
        Function same = Function.of(() -> v);
        Tensor third = same.apply();
        f.apply();
        assertArrayEquals(new float[] {3, 4}, third.toFloatArray());
    }

    @Test
    void functionsInsideFunctions() {
        Variable total = Variable.of("total", Tensor.of(0f), false);
        Function inner =
                Function.of((Tensor x) -> {
                    total.set(total.add(x.sum()));
                    return x.mul(total);
                });
        Function outer =
                Function.of((Tensor x) -> {
                    total.set(total.add(100)); // the inner function sees this
                    Tensor y = inner.apply(x);
                    return inner.apply(y.sub(y).add(1)).add(total);
                });
        Tensor y = outer.apply(f32(1, 2)); // total: 100, 103, 105
        assertArrayEquals(new float[] {210, 210}, y.toFloatArray());
        assertEquals(105, total.item());
        assertArrayEquals(
                new float[] {106, 106}, inner.apply(f32(0.5f, 0.5f)).mul(2).toFloatArray());
    }

    @Test
    void symbolicFunctionsInsideFunctions() {
        Variable w = Variable.of("w", f32(1, 2));
        Tensor x = Tensor.symbol("x", DType.F32, 2);
        Function inner = Function.of(List.of(x), List.of(x.mul(w)), w.to(w.mul(3)));
        Function outer =
                Function.of((Tensor a) -> {
                    w.set(w.add(10));
                    return inner.apply(a).add(w);
                });
        assertArrayEquals(new float[] {11 + 33, 12 + 36}, outer.apply(f32(1, 1)).toFloatArray());
        assertArrayEquals(new float[] {33, 36}, w.toFloatArray());
        assertArrayEquals(new float[] {33, 36}, inner.apply(f32(1, 1)).toFloatArray());
        assertArrayEquals(new float[] {99, 108}, w.toFloatArray());
    }

    @Test
    void randomNumbersAreDrawnAnewAtEachCall() {
        Rng rng = Rng.seed(5);
        Function f = Function.of(() -> rng.uniform(4).add(rng.uniform(4).mul(0)));
        float[] a = f.apply().toFloatArray();
        float[] b = f.apply().toFloatArray();
        assertTrue(!Arrays.equals(a, b));
        Rng same = Rng.seed(5);
        assertArrayEquals(
                same.uniform(4).toFloatArray(), a); // the same draws as outside a function
        same.uniform(4);
        assertArrayEquals(same.uniform(4).toFloatArray(), b);
        same.uniform(4);
        assertArrayEquals(same.uniform(4).toFloatArray(), rng.uniform(4).toFloatArray());
    }

    @Test
    void explain() {
        Function f = Function.of((Tensor x, Tensor y) -> x.matmul(y).relu());
        String text = f.explain(Tensor.zeros(8, 4), Tensor.zeros(4, 2));
        assertTrue(text.contains("matmul"), text);
        assertTrue(text.contains("f32 k=4 relu"), text);
        assertTrue(text.contains("1 kernels"), text);
    }

    /// One line per kernel of the plan, times that add up to no more than the call's, and the same results as any other call.
    @Test
    void profile() {
        Variable count = Variable.of("count", Tensor.of(0f), false);
        Function f =
                Function.of((Tensor x, Tensor y) -> {
                    count.set(count.add(1));
                    return x.matmul(y).softmax(-1);
                });
        Tensor x = Tensor.zeros(300, 200);
        Tensor y = Tensor.zeros(200, 100);
        Profile p = f.profile(x, y);
        assertEquals(f.plan(x, y).kernels(), p.lines().stream().map(Profile.Line::kernel).toList());
        assertTrue(p.lines().stream().allMatch(l -> l.nanos() > 0), p.toString());
        double sum = p.lines().stream().mapToDouble(Profile.Line::nanos).sum();
        String all = p.toString().lines().filter(l -> l.contains("all of these")).findFirst().get();
        String share =
                String.format(
                        Locale.ROOT,
                        "%.1f %%",
                        100 * sum / p.nanos()); // on a busy machine it is small
        assertTrue(all.contains(share), share + " in " + p);
        assertTrue(p.calls() >= 5 && count.item() > p.calls(), count + "\n" + p);
        Profile.Line product = p.lines().getFirst();
        assertEquals("matmul", product.kernel().name());
        assertEquals(2.0 * 300 * 200 * 100 / product.nanos(), product.gigaflops(), 1e-9);
        double bytes = 4.0 * (300 * 200 + 200 * 100 + 300 * 100);
        assertEquals(bytes / product.nanos(), product.gigabytes(), 1e-9);
        String slowest = p.slowest(1);
        assertTrue(slowest.contains("1 × matmul"), slowest);
        assertEquals(p.toString().lines().count(), slowest.lines().count() + p.lines().size() - 1);
    }

    // -------------------------------------------------------------------------------------------
    // symbols

    /// Sizes that are declared as any and meet in an expression are equal, or the call says which inputs differ.
    @Test
    void unknownSizesThatMeet() {
        Tensor x = Tensor.symbol("x", DType.F32, Shape.ANY, 3);
        Tensor y = Tensor.symbol("y", DType.F32, Shape.ANY);
        Tensor z = Tensor.symbol("z", DType.F32, Shape.ANY);
        Variable w = Variable.of("w", Tensor.of(new float[] {1, 2, 3}));
        Tensor difference = y.sub(x.matmul(w)).add(z);
        Tensor cost = y.gt(0).where(difference, z).square().sum();
        Gradients g = Gradients.of(cost, w, y, z);
        Function f = Function.of(List.of(x, y, z), List.of(cost, g.of(w), g.of(y), g.of(z)));
        Function product = Function.of(List.of(y, z), List.of(y.matmul(z)));
        Function known =
                Function.ofMany(in -> {
                    Tensor d = in.get(1).sub(in.get(0).matmul(w)).add(in.get(2));
                    Tensor c = in.get(1).gt(0).where(d, in.get(2)).square().sum();
                    Gradients h = Gradients.of(c, w, in.get(1), in.get(2));
                    return List.of(c, h.of(w), h.of(in.get(1)), h.of(in.get(2)));
                });
        Rng rng = Rng.seed(5);
        for (int n : new int[] {4, 1, 6}) {
            Tensor[] in = {rng.normal(n, 3), rng.normal(n), rng.normal(n)};
            List<Tensor> expected = known.call(in);
            List<Tensor> got = f.call(in);
            for (int i = 0; i < 4; i++) {
                assertEquals(expected.get(i).type(), got.get(i).type());
                assertArrayEquals(expected.get(i).toFloatArray(), got.get(i).toFloatArray());
            }
            assertEquals(in[1].mul(in[2]).sum().item(), product.apply(in[1], in[2]).item(), 1e-5);
        }
        assertMessage(
                ShapeException.class,
                """
                call: axis 0 of input 'x' and axis 0 of input 'y' meet in the function, so their sizes must be equal, but are 2 and 3; \
                axis 0 of input 'y' and axis 0 of input 'z' meet in the function, so their sizes must be equal, but are 3 and 1
                  x  f32[2, 3]
                  y  f32[3]
                  z  f32[1]\
                """,
                () -> f.call(Tensor.zeros(2, 3), Tensor.zeros(3), Tensor.zeros(1)));
        assertMessage(
                ShapeException.class,
                """
                call: axis 0 of input 'y' and axis 0 of input 'z' meet in the function, so their sizes must be equal, but are 1 and 4
                  y  f32[1]
                  z  f32[4]\
                """,
                () -> product.apply(Tensor.zeros(1), Tensor.zeros(4)));
        Function nested = Function.of((Tensor a) -> product.apply(a, a));
        assertEquals(14, nested.apply(Tensor.of(new float[] {1, 2, 3})).item());
    }

    /// Class numbers and probabilities of as many examples as there are logits.
    @Test
    void labelsOfAnyNumber() {
        Tensor x = Tensor.symbol("x", DType.F32, Shape.ANY, 3);
        Tensor y = Tensor.symbol("y", DType.I64, Shape.ANY);
        Tensor q = Tensor.symbol("q", DType.F32, Shape.ANY, 3);
        Function f =
                Function.of(
                        List.of(x, y, q),
                        List.of(x.crossEntropy(y, 0.1), x.crossEntropyWith(q, 0)));
        Tensor logits = Rng.seed(1).normal(5, 3).realize();
        Tensor labels = Tensor.of(new long[] {0, 2, 1, 1, 0});
        Tensor shares = Rng.seed(2).normal(5, 3).softmax(1).realize();
        List<Tensor> out = f.call(logits, labels, shares);
        assertArrayEquals(
                logits.crossEntropy(labels, 0.1).toFloatArray(), out.get(0).toFloatArray());
        assertArrayEquals(
                logits.crossEntropyWith(shares, 0).toFloatArray(), out.get(1).toFloatArray());
        assertThrows(
                ShapeException.class, () -> f.call(logits, Tensor.of(new long[] {1, 2}), shares));
    }

    /// Logistic regression as in Theano's tutorial; the loop beside it is plain Java.
    @Test
    void logisticRegression() {
        int features = 7;
        Random random = new Random(3);
        double[] weight = random.doubles(features).map(d -> d - 0.5).toArray();
        double bias = 0;
        Tensor x = Tensor.symbol("x", DType.F64, Shape.ANY, features);
        Tensor y = Tensor.symbol("y", DType.F64, x.size(0));
        Variable w = Variable.of("w", Tensor.of(weight));
        Variable b = Variable.of("b", Tensor.of(0.0));
        Tensor p = x.matmul(w).add(b).sigmoid();
        Tensor cost =
                y.mul(p.log())
                        .add(y.neg().add(1).mul(p.neg().add(1).log()))
                        .neg()
                        .mean()
                        .add(w.square().sum().mul(0.01));
        Gradients g = Gradients.of(cost, w, b);
        Function train =
                Function.of(
                        List.of(x, y),
                        List.of(p.gt(0.5), cost),
                        w.to(w.sub(g.of(w).mul(0.1))),
                        b.to(b.sub(g.of(b).mul(0.1))));
        Function predict = Function.of(List.of(x), List.of(p));
        for (int n : new int[] {4, 9, 4, 1, 9, 16}) {
            double[] xs = random.doubles(n * features).map(d -> 2 * d - 1).toArray();
            double[] ys = random.ints(n, 0, 2).mapToDouble(i -> i).toArray();
            double expected = 0;
            double[] gradW = new double[features];
            double gradB = 0;
            boolean[] positive = new boolean[n];
            for (int i = 0; i < n; i++) {
                double z = bias;
                for (int k = 0; k < features; k++) {
                    z += xs[i * features + k] * weight[k];
                }
                double prob = 1 / (1 + Math.exp(-z));
                positive[i] = prob > 0.5;
                expected -= (ys[i] * Math.log(prob) + (1 - ys[i]) * Math.log(1 - prob)) / n;
                for (int k = 0; k < features; k++) {
                    gradW[k] += (prob - ys[i]) * xs[i * features + k] / n;
                }
                gradB += (prob - ys[i]) / n;
            }
            for (int k = 0; k < features; k++) {
                expected += 0.01 * weight[k] * weight[k];
                weight[k] -= 0.1 * (gradW[k] + 0.02 * weight[k]);
            }
            bias -= 0.1 * gradB;
            List<Tensor> out = train.call(Tensor.of(xs, n, features), Tensor.of(ys));
            assertArrayEquals(positive, out.get(0).toBooleanArray());
            assertEquals(expected, out.get(1).item(), 1e-12);
            assertArrayEquals(weight, w.toDoubleArray(), 1e-12);
            assertEquals(bias, b.item(), 1e-12);
            assertEquals(Shape.of(n), predict.apply(Tensor.of(xs, n, features)).shape());
        }
    }

    @Test
    void updatesAreSimultaneous() {
        Variable a = Variable.of("a", f32(1, 2, 3));
        Variable b = Variable.of("b", f32(4, 5, 6));
        Function swap = Function.of(List.of(), List.of(), a.to(b.mul(1)), b.to(a.mul(1)));
        swap.call();
        assertArrayEquals(new float[] {4, 5, 6}, a.toFloatArray());
        assertArrayEquals(new float[] {1, 2, 3}, b.toFloatArray());
        for (int i = 0; i < 3; i++) {
            swap.call();
        }
        assertArrayEquals(new float[] {1, 2, 3}, a.toFloatArray());
        Function bare = Function.of(List.of(), List.of(), a.to(b), b.to(a));
        float[] before = a.toFloatArray();
        bare.call();
        assertArrayEquals(before, b.toFloatArray());
        bare.call();
        assertArrayEquals(before, a.toFloatArray());
        bare.call();
        assertArrayEquals(before, b.toFloatArray());
    }

    @Test
    void anUpdateReadsTheOldValueOfAnotherVariable() {
        Variable a = Variable.of("a", f32(1, 2, 3));
        Variable b = Variable.of("b", f32(10, 20, 30));
        Variable c = Variable.of("c", f32(0, 0, 0));
        Function f =
                Function.of(
                        List.of(),
                        List.of(a.add(b)),
                        a.to(a.mul(2)),
                        b.to(b.add(a.flip(0))),
                        c.to(a.cumsum(0).add(b)));
        Function lambda =
                Function.of(() -> {
                    Tensor sum = a.add(b);
                    Tensor newA = a.mul(2);
                    Tensor newB = b.add(a.flip(0));
                    c.set(a.cumsum(0).add(b));
                    a.set(newA);
                    b.set(newB);
                    return sum;
                });
        float[] x = {1, 2, 3};
        float[] y = {10, 20, 30};
        for (int step = 0; step < 6; step++) {
            float[] sum = {x[0] + y[0], x[1] + y[1], x[2] + y[2]};
            float[] z = {x[0] + y[0], x[0] + x[1] + y[1], x[0] + x[1] + x[2] + y[2]};
            y = new float[] {y[0] + x[2], y[1] + x[1], y[2] + x[0]};
            x = new float[] {2 * x[0], 2 * x[1], 2 * x[2]};
            Tensor out = (step < 3 ? f : lambda).apply();
            assertArrayEquals(sum, out.toFloatArray());
            assertArrayEquals(x, a.toFloatArray());
            assertArrayEquals(y, b.toFloatArray());
            assertArrayEquals(z, c.toFloatArray());
        }
    }

    /// Reads of the variable that are not at the element written: reversed, shifted, multiplied, its own sum.
    @Test
    void anUpdateReadsItsOwnOldValueEverywhere() {
        Variable v = Variable.of("v", Tensor.arange(12).cast(DType.F32).reshape(3, 4));
        Function f =
                Function.of(() -> {
                    v.set(
                            v.flip(0, 1)
                                    .add(v.roll(1, 1))
                                    .sub(v.mean())
                                    .add(v.matmul(v.transpose()).mul(0.01).sum(1).unsqueeze(1)));
                    return v;
                });
        double[] expected = v.cast(DType.F64).toDoubleArray();
        for (int step = 0; step < 4; step++) {
            double[] old = expected;
            double mean = Arrays.stream(old).average().orElseThrow();
            double[] next = new double[12];
            for (int i = 0; i < 3; i++) {
                double product = 0;
                for (int j = 0; j < 3; j++) {
                    for (int k = 0; k < 4; k++) {
                        product += 0.01 * old[i * 4 + k] * old[j * 4 + k];
                    }
                }
                for (int k = 0; k < 4; k++) {
                    next[i * 4 + k] =
                            old[11 - (i * 4 + k)] + old[i * 4 + (k + 3) % 4] - mean + product;
                }
            }
            expected = next;
            assertArrayEquals(
                    next,
                    f.apply().toDoubleArray(),
                    1e-4 * Arrays.stream(next).map(Math::abs).max().orElseThrow());
        }
    }

    @Test
    void aVariableMayBeAnInputOfTheFunctionThatUpdatesIt() {
        Variable v = Variable.of("v", f32(1, 2, 3, 4));
        Function f =
                Function.of((Tensor x) -> {
                    v.set(v.mul(10).add(x.flip(0)));
                    return x;
                });
        assertArrayEquals(new float[] {1, 2, 3, 4}, f.apply(v).toFloatArray());
        assertArrayEquals(new float[] {14, 23, 32, 41}, v.toFloatArray());
        f.apply(v);
        assertArrayEquals(new float[] {181, 262, 343, 424}, v.toFloatArray());
    }

    // ------------------------------------------------------------------------------------------
    // mistakes

    @Test
    void wrongInputs() {
        Tensor x = Tensor.symbol("x", DType.F32, Shape.ANY, 3);
        Tensor y = Tensor.symbol("y", DType.F32, x.size(0));
        Function f = Function.of(List.of(x, y), List.of(x.sum(1).add(y)));
        assertMessage(
                NacreException.class,
                "call: the function takes 2 inputs [input 'x', input 'y'], but got 1",
                () -> f.call(Tensor.zeros(2, 3)));
        assertMessage(
                ShapeException.class,
                """
                call: input 'x' is declared f32[?, 3]; input 'y' is declared f32[?], which is f32[2] by the inputs before it
                  x  f32[2, 4]
                  y  f64[2]\
                """,
                () -> f.call(Tensor.zeros(2, 4), Tensor.zeros(DType.F64, 2)));
        assertMessage(
                ShapeException.class,
                """
                call: input 'y' is declared f32[?], which is f32[2] by the inputs before it
                  x  f32[2, 3]
                  y  f32[3]\
                """,
                () -> f.call(Tensor.zeros(2, 3), Tensor.zeros(3)));
        assertArrayEquals(
                new float[] {1, 1}, f.apply(Tensor.zeros(2, 3), Tensor.ones(2)).toFloatArray());
        Function lambda = Function.of((Tensor a) -> a.matmul(Tensor.ones(3, 2)));
        assertMessage(
                NacreException.class,
                "call: the function takes 1 input, but got 2",
                () -> lambda.call(x, y));
        assertMessage(
                NacreException.class, "call: the function takes 1 input, but got 0", lambda::call);
        assertMessage(
                ShapeException.class,
                """
                matmul: a.size(-1) must equal b.size(-2), but 4 ≠ 3
                  a  f32[2, 4]  input 0
                  b  f32[3, 2]  ones
                  hint: b.transpose() is [2, 3]; did the layer before change its width?\
                """,
                () -> lambda.call(Tensor.zeros(2, 4)));
        Function nested = Function.of((Tensor a) -> lambda.apply(a, a));
        assertMessage(
                NacreException.class,
                "call: the function takes 1 input, but got 2",
                () -> nested.call(Tensor.zeros(2, 3)));
    }

    @Test
    void wrongDeclarations() {
        Tensor x = Tensor.symbol("x", DType.F32, 3);
        Tensor y = Tensor.symbol("y", DType.F32, 3);
        Variable w = Variable.zeros("w", 3);
        assertMessage(
                NacreException.class,
                "function: inputs must be symbols, but got the result of add",
                () -> Function.of(List.of(x.add(1)), List.of(x)));
        assertMessage(
                NacreException.class,
                "function: inputs must be symbols, but got the parameter w",
                () -> Function.of(List.of(w), List.of(w)));
        assertMessage(
                NacreException.class,
                "function: input 'y' is used, but is not an input of the function",
                () -> Function.of(List.of(x), List.of(x.add(y))));
        assertMessage(
                NacreException.class,
                "function: input 'y' is used, but is not an input of the function",
                () -> Function.of((Tensor a) -> a.add(y)).apply(Tensor.ones(3)));
        assertMessage(
                NacreException.class,
                "function: input 'x' is given twice as an input",
                () -> Function.of(List.of(x, x), List.of(x)));
        assertMessage(
                NacreException.class,
                "function: parameter w is updated twice",
                () -> Function.of(List.of(x), List.of(), w.to(x), w.to(x.mul(2))));
        assertMessage(
                ShapeException.class,
                """
                update: the new value must be f32[3]
                  variable  f32[3]  parameter w
                  value     f32[]   result of sum\
                """,
                () -> Function.of(List.of(x), List.of(), w.to(x.sum())));
    }

    @Test
    void whatIsTracedGivesTensors() {
        String message =
                "function: what was traced gave null\n  hint: give a tensor, such as the loss of a step";
        assertMessage(
                NacreException.class,
                message,
                () -> Function.of((Tensor x) -> (Tensor) null).apply(f32(1, 2)));
        assertMessage(
                NacreException.class,
                message,
                () ->
                        Function.ofMany(in -> java.util.Arrays.asList(in.getFirst(), null))
                                .call(f32(1)));
        assertMessage(NacreException.class, message, () -> Function.ofMany(_ -> null).call(f32(1)));
        assertMessage(
                ShapeException.class,
                "of: row 1 is null",
                () -> Tensor.of(new float[][] {{1}, null}));
    }

    @Test
    void numbersCannotBeReadWhileRecording() {
        String hint =
                "they exist when it is called\n  hint: return it as an output, or decide with where() instead of if";
        assertMessage(
                NacreException.class,
                "the result of sum has no numbers while a function is traced; " + hint,
                () -> Function.of((Tensor x) -> x.sum().item() > 0 ? x : x.neg()).apply(f32(1, 2)));
        assertMessage(
                NacreException.class,
                "the input 0 has no numbers while a function is traced; " + hint,
                () -> Function.of((Tensor x) -> x.add(x.toFloatArray()[0])).apply(f32(1, 2)));
        assertMessage(
                NacreException.class,
                "the result of exp has no numbers while a function is traced; " + hint,
                () ->
                        Function.of(
                                        (Tensor x) -> {
                                            Tensor y = x.exp();
                                            Tensor.realize(y, x);
                                            return y;
                                        })
                                .apply(f32(1, 2)));
        Variable w = Variable.zeros("w", 2);
        assertMessage(
                NacreException.class,
                "parameter w has no numbers while a function is traced; they exist when it is called",
                () -> Function.of((Tensor x) -> x.mul(w.toFloatArray()[0])).apply(f32(1, 2)));
        Tensor known = f32(3);
        assertArrayEquals(
                new float[] {3, 6},
                Function.of((Tensor x) -> x.mul(known.item())).apply(f32(1, 2)).toFloatArray());
    }

    @Test
    void aTraceThatFailsLeavesNothingBehind() {
        Variable v = Variable.of("v", f32(1, 2));
        Function f =
                Function.of((Tensor x) -> {
                    v.set(v.add(x));
                    return v.matmul(x.unsqueeze(0).unsqueeze(0));
                });
        assertThrows(ShapeException.class, () -> f.apply(f32(1, 1)));
        assertArrayEquals(new float[] {1, 2}, v.toFloatArray());
        assertThrows(ShapeException.class, () -> f.apply(f32(1, 1)));
        assertEquals(v.name() + " f32[2] [1. 2.]", v.toString());
    }

    @Test
    void printingInsideATraceShowsTheType() {
        List<String> seen = new ArrayList<>();
        Variable w = Variable.zeros("w", 2);
        Function.of(
                        (Tensor x) -> {
                            seen.add(x + " | " + x.exp() + " | " + w);
                            return x;
                        })
                .apply(f32(1, 2));
        assertEquals(List.of("input 0 f32[2] | result of exp f32[2] | w f32[2]"), seen);
        assertNotEquals(seen.getFirst(), w.toString());
    }

    /// PyTorch's loop cut in two: the gradient is one of numbers that only the call has.
    @Test
    void aGradientThatIsLeftInsideOfAFunction() {
        Variable w = Variable.of("w", Tensor.ones(2));
        Function f =
                Function.of((Tensor x) -> {
                    Tensor loss = x.mul(w).sum();
                    loss.backward();
                    return loss;
                });
        assertEquals(2, f.apply(Tensor.ones(2)).item());
        String said =
                assertThrows(NacreException.class, () -> w.grad().orElseThrow().toFloatArray())
                        .getMessage();
        assertTrue(said.contains("take the optimizer's step in the function"), said);
    }
}
