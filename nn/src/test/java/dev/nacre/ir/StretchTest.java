package dev.nacre.ir;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Optimizer;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What recorded stretches set in steps that are carried out at once, alone and together with what else is set.
class StretchTest {
    private static final int STEPS = 12;

    /// Two variables and what plain Java makes of them, in numbers that f32 has exactly.
    private static final class World {
        final Variable w = Variable.of("w", Tensor.of(new float[] {1, 2, 3}));
        final Variable m = Variable.of("m", Tensor.of(new float[] {4, 5, 6}), false);
        final Variable seen = Variable.of("seen", Tensor.of(new float[] {0, 0, 0}), false);
        final float[] plainW = {1, 2, 3};
        final float[] plainM = {4, 5, 6};
        final float[] plainSeen = new float[3];

        /// m ← m + g, w ← m − w.
        final Function moves =
                Function.of((Tensor g) -> {
                    m.set(m.add(g));
                    w.set(m.sub(w));
                    return g.mul(2);
                });

        /// Sets what it does not read.
        final Function notes =
                Function.of((Tensor g) -> {
                    seen.set(g.add(w));
                    return g;
                });

        void plainMoves(float g) {
            for (int i = 0; i < 3; i++) {
                plainM[i] += g;
                plainW[i] = plainM[i] - plainW[i];
            }
        }

        void plainNotes(float g) {
            for (int i = 0; i < 3; i++) {
                plainSeen[i] = g + plainW[i];
            }
        }

        void update(Runnable changes) {
            Variable.update(List.of(w, m, seen), changes);
        }

        Tensor g(int i) {
            return Tensor.of(new float[] {i, i, i});
        }

        void check(String when) {
            assertArrayEquals(plainW, w.toFloatArray(), () -> "w " + when);
            assertArrayEquals(plainM, m.toFloatArray(), () -> "m " + when);
            assertArrayEquals(plainSeen, seen.toFloatArray(), () -> "seen " + when);
        }
    }

    private record Row(String name, BiConsumer<World, Integer> step) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Row row(String name, BiConsumer<World, Integer> step) {
        return new Row(name, step);
    }

    private static void alone(World s, int i) {
        s.update(() -> s.moves.apply(s.g(i)));
        s.plainMoves(i);
    }

    private static void twice(World s, int i) {
        s.update(() -> s.notes.apply(s.moves.apply(s.g(i))));
        s.plainMoves(i);
        s.plainNotes(2 * i);
    }

    private static void same(World s, int i) {
        s.update(() -> s.moves.apply(s.moves.apply(s.g(i))));
        s.plainMoves(i);
        s.plainMoves(2 * i);
    }

    private static void unread(World s, int i) {
        s.update(() -> s.notes.apply(s.g(i)));
        s.plainNotes(i);
    }

    private static void after(World s, int i) {
        s.update(() -> {
            s.moves.apply(s.g(i));
            s.w.set(s.w.add(i));
        });
        s.plainMoves(i);
        for (int k = 0; k < 3; k++) {
            s.plainW[k] += i;
        }
    }

    private static void before(World s, int i) {
        s.update(() -> {
            s.w.set(s.w.neg());
            s.moves.apply(s.g(i));
        });
        for (int k = 0; k < 3; k++) {
            s.plainW[k] = -s.plainW[k];
        }
        s.plainMoves(i);
    }

    private static void byHand(World s, int i) {
        s.m.set(s.g(i));
        Arrays.fill(s.plainM, i);
        alone(s, i);
    }

    private static void notRead(World s, int i) {
        s.seen.set(s.g(i));
        Arrays.fill(s.plainSeen, i);
        alone(s, i);
    }

    private static void elsewhere(World s, int i) {
        CompletableFuture.runAsync(() -> s.m.set(s.g(i))).join();
        Arrays.fill(s.plainM, i);
        alone(s, i);
    }

    private static void held(World s, int i) {
        Tensor old = s.w.mul(2);
        float[] expected = new float[3];
        for (int k = 0; k < 3; k++) {
            expected[k] = 2 * s.plainW[k];
        }
        alone(s, i);
        assertArrayEquals(expected, old.toFloatArray());
    }

    static Stream<Row> rows() {
        List<Row> all = new ArrayList<>();
        all.add(row("alone", StretchTest::alone));
        all.add(row("one after the other", StretchTest::twice));
        all.add(row("the same twice", StretchTest::same));
        all.add(row("sets what it does not read", StretchTest::unread));
        all.add(row("more is set after it", StretchTest::after));
        all.add(row("more was set before it", StretchTest::before));
        all.add(row("something was set by hand", StretchTest::byHand));
        all.add(row("something else was set by hand", StretchTest::notRead));
        all.add(row("another thread has set something", StretchTest::elsewhere));
        all.add(row("old values are held", StretchTest::held));
        List<Row> single = List.copyOf(all);
        for (Row a : single) {
            for (Row b : single) {
                all.add(
                        row(
                                a + ", then " + b,
                                (s, i) -> (i / 3 % 2 == 0 ? a : b).step.accept(s, i)));
            }
        }
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("rows")
    void doesWhatPlainJavaDoes(Row row) {
        World s = new World();
        for (int i = 0; i < STEPS; i++) {
            row.step.accept(s, i);
            if (i % 5 == 4) {
                s.check("after step " + i);
            }
        }
        s.check("at the end");
    }

    /// A step of several losses: one, two or three values besides the variables.
    @Test
    void severalLosses() {
        Variable w = Variable.of("w", Tensor.of(new float[] {1, 2}));
        Function moves =
                Function.of((Tensor g) -> {
                    w.set(w.sub(g));
                    return g;
                });
        float[] plain = {1, 2};
        for (int i = 0; i < STEPS; i++) {
            List<Tensor> losses = new ArrayList<>();
            w.zeroGrad();
            for (int k = 0; k <= i % 3; k++) {
                losses.add(w.mul(k + 1).sum());
                losses.getLast().backward();
            }
            float sum = plain[0] + plain[1];
            Variable.update(List.of(w), () -> moves.apply(w.grad().orElseThrow()));
            for (int k = 0; k <= i % 3; k++) {
                assertEquals((k + 1) * sum, losses.get(k).item());
                plain[0] -= k + 1;
                plain[1] -= k + 1;
            }
            assertArrayEquals(plain, w.toFloatArray());
        }
    }

    /// What is kept of steps keeps none of their variables.
    @Test
    void holdsNoVariables() throws InterruptedException {
        WeakReference<Variable> w = trained();
        alone(new World(), 1);
        for (int i = 0; i < 50 && w.get() != null; i++) {
            System.gc();
            Thread.sleep(10);
        }
        assertNull(w.get());
    }

    private static WeakReference<Variable> trained() {
        Variable w = Variable.of("w", Tensor.of(new float[] {1, 2, 3}));
        Optimizer o = Adam.of(List.of(w));
        for (int i = 0; i < 5; i++) {
            o.zeroGrad();
            w.square().sum().backward();
            o.step();
        }
        return new WeakReference<>(w);
    }
}
