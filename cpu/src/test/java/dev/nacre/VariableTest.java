package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.ShapeException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// Cells whose value changes under expressions that must not.
class VariableTest {
    private static void assertMessage(
            Class<? extends NacreException> type, String text, Executable mistake) {
        assertEquals(text, assertThrows(type, mistake).getMessage());
    }

    private static Tensor f32(float... values) {
        return Tensor.of(values);
    }

    /// Enough elements for a block of memory of its own.
    private static Variable large(String name) {
        return Variable.of(name, Tensor.ones(1024));
    }

    // ------------------------------------------------------------------------------------------
    // laziness

    @Test
    void anExpressionKeepsTheValueOfWhenItWasWritten() {
        Variable v = Variable.of("v", f32(1, 2));
        Tensor before = v.mul(10);
        v.set(f32(5, 6));
        Tensor after = v.mul(10);
        v.set(v.add(1));
        assertArrayEquals(new float[] {10, 20}, before.toFloatArray());
        assertArrayEquals(new float[] {50, 60}, after.toFloatArray());
        assertArrayEquals(new float[] {6, 7}, v.toFloatArray());
    }

    @Test
    void aGradientOfAnotherShapeIsRefused() {
        Variable v = Variable.of("v", f32(1, 2));
        for (Tensor g : List.of(f32(1), f32(1, 2, 3), Tensor.of(1f), f32(1, 2).unsqueeze(0))) {
            assertThrows(ShapeException.class, () -> v.setGrad(g), g.toString());
        }
        assertThrows(ShapeException.class, () -> v.setGrad(Tensor.of(new int[] {1, 2})));
        v.setGrad(f32(3, 4));
        assertArrayEquals(new float[] {3, 4}, v.grad().orElseThrow().toFloatArray());
    }

    /// The loop of a PyTorch user: nothing is read until the weights have changed.
    @Test
    void logitsReadAfterTheUpdateAreThoseBeforeIt() {
        Rng rng = Rng.seed(1);
        Variable w = Variable.of("w", rng.normal(6, 3));
        Variable b = Variable.zeros("b", 3);
        Tensor x = rng.normal(5, 6).realize();
        for (int step = 0; step < 4; step++) {
            float[] expected =
                    x.matmul(Tensor.of(w.toFloatArray(), 6, 3))
                            .add(Tensor.of(b.toFloatArray()))
                            .toFloatArray();
            Tensor logits = x.matmul(w).add(b);
            Tensor loss = logits.square().mean();
            w.zeroGrad();
            b.zeroGrad();
            loss.backward();
            float[] old = w.toFloatArray();
            Variable.update(
                    List.of(w, b),
                    () -> {
                        w.set(w.sub(w.grad().orElseThrow().mul(0.5)));
                        b.set(b.sub(b.grad().orElseThrow().mul(0.5)));
                    });
            assertTrue(loss.isRealized(), "the loss is part of the plan of the update");
            assertFalse(logits.isRealized());
            assertFalse(java.util.Arrays.equals(old, w.toFloatArray()));
            assertArrayEquals(expected, logits.toFloatArray());
            assertEquals(logits.square().mean().item(), loss.item(), 1e-6);
        }
    }

    @Test
    void changesAreComputedWhenSomebodyReads() {
        Variable v = Variable.of("v", f32(1, 2));
        v.set(v.add(1));
        assertTrue(v.pending().isPresent());
        assertFalse(v.isRealized());
        Variable other = Variable.of("other", f32(1));
        other.set(f32(9));
        assertEquals(2, v.select(0, 0).item());
        assertTrue(v.pending().isEmpty());
        assertTrue(other.pending().isEmpty(), "all changes of this thread are computed together");
        v.set(v.mul(2));
        v.set(v.mul(2)); // reads what the line before set
        v.set(v.mul(2));
        assertEquals(v.name() + " f32[2] [16. 24.]", v.toString());
        v.set(f32(0, 0));
        Tensor.realize(v, v.add(1));
        assertTrue(v.isRealized());
        assertArrayEquals(new float[] {0, 0}, v.toFloatArray());
    }

    @Test
    void variablesSetToEachOther() {
        Variable a = Variable.of("a", f32(1, 2));
        Variable b = Variable.of("b", f32(3, 4));
        Tensor oldA = a.mul(1);
        a.set(b);
        b.set(oldA);
        assertArrayEquals(new float[] {3, 4}, a.toFloatArray());
        assertArrayEquals(new float[] {1, 2}, b.toFloatArray());
        Variable.update(
                List.of(a, b),
                () -> {
                    Tensor t = a.add(0);
                    a.set(b);
                    b.set(t);
                });
        assertArrayEquals(new float[] {1, 2}, a.toFloatArray());
        assertArrayEquals(new float[] {3, 4}, b.toFloatArray());
        assertNotEquals(a.value().address(), b.value().address());
    }

    @Test
    void anotherThreadSeesWhatWasSet() throws InterruptedException {
        Variable v = Variable.of("v", f32(1, 2));
        Function f = Function.of((Tensor x) -> x.mul(v));
        f.apply(f32(1, 1));
        Thread setter = new Thread(() -> v.set(v.add(10)));
        setter.start();
        setter.join();
        assertArrayEquals(new float[] {11, 12}, v.toFloatArray());
        assertArrayEquals(new float[] {11, 12}, f.apply(f32(1, 1)).toFloatArray());
        Function g = Function.of((Tensor x) -> x.sub(v));
        Thread again = new Thread(() -> v.set(v.add(10)));
        again.start();
        again.join();
        assertArrayEquals(new float[] {-21, -22}, g.apply(f32(0, 0)).toFloatArray());
        v.set(f32(0, 0));
        assertArrayEquals(new float[] {1, 1}, g.apply(f32(1, 1)).toFloatArray());
    }

    @Test
    void theInitialValueIsCopied() {
        Variable a = Variable.of("a", f32(1, 2));
        Variable b = Variable.of("b", a);
        Function.of(List.of(), List.of(), a.to(a.add(1))).call();
        assertArrayEquals(new float[] {2, 3}, a.toFloatArray());
        assertArrayEquals(new float[] {1, 2}, b.toFloatArray());
    }

    // ------------------------------------------------------------------------------------------ in
    // place

    @Test
    void overwrittenInPlaceWhereNobodyHoldsTheOldValue() {
        Variable v = large("v");
        Function f =
                Function.of(() -> {
                    v.set(v.mul(2));
                    return v.sum();
                });
        long address = v.stored().address();
        for (int i = 1; i <= 3; i++) {
            assertEquals(1024 << i, f.apply().item());
            assertEquals(address, v.stored().address());
        }
        Function symbols = Function.of(List.of(), List.of(v.mean()), v.to(v.add(1)));
        symbols.call(); // v was read to write the line before
        address = v.stored().address();
        symbols.call();
        symbols.call();
        assertEquals(address, v.stored().address());
        assertEquals(11, v.select(0, 0).item());
    }

    @Test
    void notOverwrittenWhereAnExpressionHoldsTheOldValue() {
        Variable v = large("v");
        Function f =
                Function.of(() -> {
                    v.set(v.add(1));
                    return v.sum();
                });
        f.call();
        long address = v.stored().address();
        Tensor held = v.mul(1); // not computed
        f.call();
        assertNotEquals(address, v.stored().address());
        long second = v.stored().address();
        f.call();
        assertEquals(second, v.stored().address());
        assertEquals(2048, held.sum().item());
        assertEquals(4096, v.sum().item());
    }

    @Test
    void notOverwrittenWhereSomebodyHoldsTheMemory() {
        Variable v = large("v");
        Function f =
                Function.of(() -> {
                    v.set(v.add(1));
                    return v.sum();
                });
        MemorySegment old = v.toSegment();
        f.call();
        assertEquals(1, old.getAtIndex(ValueLayout.JAVA_FLOAT, 1023));
        assertEquals(2, v.toSegment().getAtIndex(ValueLayout.JAVA_FLOAT, 1023));
    }

    /// New values of small variables share a block: none may reach into another's, nor into those that expressions of earlier steps hold.
    @Test
    void newValuesOfOneStepAreApart() {
        int[] sizes = {
            0, 1, 16, 17, 300, 5000, 0, 16383, 16384, 16385, 3, 8192, 8192, 1, 40_000, 2
        };
        List<Variable> all = new ArrayList<>();
        for (int n : sizes) {
            all.add(Variable.of("v" + all.size(), Tensor.full(all.size(), DType.F32, n)));
        }
        List<List<Tensor>> held = new ArrayList<>();
        for (int step = 0; step < 4; step++) {
            held.add(all.stream().map(v -> v.add(0.5)).toList());
            Variable.update(all, () -> all.forEach(v -> v.set(v.add(100))));
        }
        held.add(List.copyOf(all));
        for (int step = 0; step < held.size(); step++) {
            for (int i = 0; i < sizes.length; i++) {
                float[] expected = new float[sizes[i]];
                Arrays.fill(expected, i + 100 * step + (step < 4 ? 0.5f : 0));
                assertArrayEquals(expected, held.get(step).get(i).toFloatArray());
            }
        }
    }

    /// Whoever keeps a bias of each step keeps no matrices.
    @Test
    void smallValuesShareNoBlockWithLargerOnes() {
        Variable bias = Variable.of("bias", Tensor.ones(10));
        Variable matrix = Variable.of("matrix", Tensor.ones(64, 10));
        List<Variable> both = List.of(bias, matrix);
        for (int step = 0; step < 3; step++) {
            Tensor kept = bias.add(matrix.sum()); // so neither is overwritten in place
            Variable.update(both, () -> both.forEach(v -> v.set(v.add(1))));
            assertNotEquals(
                    bias.stored().memory().scope(), matrix.stored().memory().scope(), kept::origin);
        }
    }

    @Test
    void momentsAreOverwrittenInTheEagerLoop() {
        Variable w = large("w");
        Variable moment = Variable.of("moment", Tensor.zeros(1024), false);
        long address = moment.stored().address();
        for (int i = 1; i <= 3; i++) {
            w.zeroGrad();
            w.square().sum().backward();
            Variable.update(
                    List.of(w),
                    () -> {
                        moment.set(moment.mul(0.5).add(w.grad().orElseThrow()));
                        w.set(w.sub(moment.mul(0.25)));
                    });
            assertEquals(address, moment.stored().address());
        }
        float m = 0;
        float x = 1;
        for (int i = 1; i <= 3; i++) {
            m = 0.5f * m + 2 * x;
            x -= 0.25f * m;
        }
        assertEquals(x, w.select(0, 7).item());
    }

    // -----------------------------------------------------------------------------------------
    // gradients

    @Test
    void backwardAccumulates() {
        Variable w = Variable.of("w", f32(1, 2));
        w.square().sum().backward();
        w.mul(3).sum().backward();
        assertArrayEquals(new float[] {5, 7}, w.grad().orElseThrow().toFloatArray());
        w.zeroGrad();
        assertEquals(Optional.empty(), w.grad());
        w.square().sum().backward();
        assertArrayEquals(new float[] {2, 4}, w.grad().orElseThrow().toFloatArray());
        w.setGrad(f32(7, 7));
        w.mul(3).sum().backward();
        assertArrayEquals(new float[] {10, 10}, w.grad().orElseThrow().toFloatArray());
    }

    /// Gradients added up over many steps without being read, as when zeroGrad is forgotten: neither wrong nor ever slower.
    @Test
    void longAccumulation() {
        Variable w = Variable.of("w", f32(1, 2));
        for (int i = 0; i < 500; i++) {
            w.mul(Tensor.of(new float[] {i, 1})).sum().backward();
        }
        assertArrayEquals(new float[] {499 * 500 / 2, 500}, w.grad().orElseThrow().toFloatArray());
    }

    @Test
    void twoLossesShareATrunk() {
        Variable trunk = Variable.of("trunk", f32(1, 2));
        Variable a = Variable.of("a", f32(3, 3));
        Variable b = Variable.of("b", f32(5, 5));
        Tensor h = trunk.mul(trunk);
        Tensor first = h.mul(a).sum();
        Tensor second = h.mul(b).sum();
        first.backward();
        second.backward();
        assertArrayEquals(new float[] {16, 32}, trunk.grad().orElseThrow().toFloatArray());
        assertArrayEquals(new float[] {1, 4}, a.grad().orElseThrow().toFloatArray());
        assertArrayEquals(new float[] {1, 4}, b.grad().orElseThrow().toFloatArray());
        Variable.update(
                List.of(trunk, a, b),
                () -> {
                    for (Variable v : List.of(trunk, a, b)) {
                        v.set(v.sub(v.grad().orElseThrow()));
                    }
                });
        assertArrayEquals(new float[] {-15, -30}, trunk.toFloatArray());
        assertEquals(15, first.item());
        assertEquals(25, second.item());
    }

    @Test
    void gradientsOfGradients() {
        Variable w = Variable.of("w", Tensor.of(new double[] {1, 2, -3}));
        Tensor g = Gradients.of(w.pow(3).sum(), w).of(w);
        g.square().sum().backward(); // Σ(3w²)² → 36w³
        assertArrayEquals(
                new double[] {36, 288, -972}, w.grad().orElseThrow().toDoubleArray(), 1e-9);
    }

    @Test
    void onlyTrainableVariablesHaveGradients() {
        Variable w = Variable.of("w", f32(1, 2));
        Variable mean = Variable.of("mean", f32(3, 4), false);
        Variable count = Variable.of("count", Tensor.of(2L), false);
        w.mul(mean).mul(count.cast(DType.F32)).sum().backward();
        assertTrue(mean.grad().isEmpty());
        assertTrue(count.grad().isEmpty());
        assertArrayEquals(new float[] {6, 8}, w.grad().orElseThrow().toFloatArray());
        assertMessage(
                ShapeException.class,
                """
                backward: the loss depends on no trainable variable
                  loss  f32[]  result of sum\
                """,
                () -> mean.sum().backward());
        assertMessage(
                ShapeException.class,
                """
                gradient: the loss must be a single number, but is [2]
                  loss  f32[2]  result of mul
                  hint: reduce it with mean() or sum(), or use vjp with a weight for each element\
                """,
                () -> w.mul(2).backward());
    }

    @Test
    void backwardInsideAFunction() {
        Variable w = Variable.of("w", f32(1, 2));
        Function step =
                Function.of((Tensor x) -> {
                    w.zeroGrad();
                    Tensor loss = w.mul(x).square().sum();
                    loss.backward();
                    w.set(w.sub(w.grad().orElseThrow().mul(0.1)));
                    return loss;
                });
        assertEquals(5, step.apply(f32(1, 1)).item());
        assertArrayEquals(new float[] {0.8f, 1.6f}, w.toFloatArray(), 1e-6f);
        assertEquals(0.64 + 2.56, step.apply(f32(1, 1)).item(), 1e-6);
    }

    // ------------------------------------------------------------------------------------------
    // mistakes

    @Test
    void valuesThatDoNotFit() {
        Variable v = Variable.zeros("head.bias", 3);
        String text =
                """
                set: the value must be f32[3]
                  variable  f32[3]  parameter head.bias
                  value     f32[2]  tensor\
                """;
        assertMessage(ShapeException.class, text, () -> v.set(f32(1, 2)));
        assertMessage(
                ShapeException.class,
                text,
                () -> Variable.update(List.of(v), () -> v.set(f32(1, 2))));
        assertArrayEquals(new float[] {0, 0, 0}, v.toFloatArray());
        assertMessage(
                ShapeException.class,
                """
                set: the value must be f32[3]
                  variable  f32[3]  parameter head.bias
                  value     f64[3]  result of cast\
                """,
                () -> v.set(v.cast(DType.F64)));
    }

    @Test
    void anUpdateThatFailsChangesNothing() {
        Variable a = Variable.of("a", f32(1, 2));
        Variable b = Variable.of("b", f32(3, 4));
        assertThrows(
                IllegalStateException.class,
                () ->
                        Variable.update(
                                List.of(a, b),
                                () -> {
                                    a.set(a.add(1));
                                    throw new IllegalStateException();
                                }));
        assertArrayEquals(new float[] {1, 2}, a.toFloatArray());
        assertThrows(
                NacreException.class,
                () ->
                        Variable.update(
                                List.of(a, b),
                                () -> {
                                    a.set(a.add(1));
                                    b.set(b.gather(0, Tensor.of(new long[] {0, 2})));
                                }));
        assertArrayEquals(new float[] {3, 4}, b.toFloatArray());
    }

    @Test
    void namesAndKinds() {
        Variable v = Variable.zeros("w", 2, 2);
        assertEquals("w", v.name());
        assertEquals("parameter w", v.origin());
        v.rename("blocks.3.weight");
        assertEquals("parameter blocks.3.weight", v.origin());
        Variable running = Variable.of("running_mean", Tensor.zeros(2), false);
        assertFalse(running.isTrainable());
        assertEquals("variable running_mean", running.origin());
        assertSame(DType.F32, running.dtype());
        assertEquals("blocks.3.weight f32[2, 2] [0. 0. 0. 0.]", v.toString());
    }

    /// What waits for the input of a function is refused where it is set, and nothing fails later.
    @Test
    void valuesThatWaitForInputsAreRefused() {
        Tensor x = Tensor.symbol("x", DType.F32, 2);
        List<Tensor> leaked = new java.util.ArrayList<>();
        Function.of(
                        (Tensor t) -> {
                            leaked.add(t);
                            return t.mul(2);
                        })
                .apply(f32(1, 2));
        for (Tensor input : List.of(x, leaked.getFirst())) {
            for (Tensor value :
                    List.of(
                            input,
                            input.mul(2).add(1),
                            f32(3, 4).add(input.softmax(0)),
                            Tensor.concat(0, input, f32(1, 1)).slice(0, 1, 3))) {
                Variable v = Variable.of("v", f32(1, 2));
                Variable w = Variable.of("w", f32(1, 2));
                List<Executable> ways =
                        List.of(
                                () -> v.set(value),
                                () -> v.setGrad(value),
                                () -> Variable.update(List.of(v), () -> v.set(value)));
                for (Executable way : ways) {
                    assertThrows(dev.nacre.type.ValueException.class, way);
                    w.set(w.add(1));
                    w.toFloatArray();
                    assertTrue(v.grad().isEmpty());
                    assertArrayEquals(new float[] {1, 2}, v.toFloatArray());
                }
            }
        }
        Variable v = Variable.of("v", f32(1, 2));
        assertMessage(
                dev.nacre.type.ValueException.class,
                """
                set: the value depends on input 'x', which has a value only while a function is called
                  variable  f32[2]  parameter v
                  value     f32[2]  result of mul
                  hint: Function.of(inputs, outputs, variable.to(value)) changes it in each call; so does set within the function that is traced\
                """,
                () -> v.set(x.mul(2)));
        Function.of(List.of(x), List.of(x), v.to(x.mul(2))).apply(f32(5, 6));
        Function.of(
                        (Tensor t) -> {
                            v.set(v.add(t));
                            return t;
                        })
                .apply(f32(5, 6));
        assertArrayEquals(new float[] {15, 18}, v.toFloatArray());
    }

    /// As in PyTorch, only floating numbers have gradients.
    @Test
    void onlyFloatingNumbersAreTrained() {
        for (DType t : DType.values()) {
            Tensor x = Tensor.ones(t, 2);
            assertTrue(!Variable.of("v", x, false).isTrainable());
            if (t.isFloating()) {
                assertTrue(Variable.of("v", x).isTrainable());
            } else {
                assertThrows(dev.nacre.type.DTypeException.class, () -> Variable.of("v", x));
                assertThrows(dev.nacre.type.DTypeException.class, () -> Variable.of("v", x, true));
                assertThrows(
                        dev.nacre.type.NacreException.class,
                        () -> Variable.of("v", x, false).setGrad(Tensor.ones(2)));
            }
        }
        assertMessage(
                dev.nacre.type.DTypeException.class,
                """
                variable: only floating numbers can be trained
                  step  i64[]  the number 3
                  hint: Variable.of(name, initial, false) is a variable that is not trained\
                """,
                () -> Variable.of("step", Tensor.of(3L)));
    }
}
