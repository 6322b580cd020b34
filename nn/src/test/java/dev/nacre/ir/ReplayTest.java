package dev.nacre.ir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.optim.Adam;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Loops whose steps are recognized as those before do the same as loops whose steps are not, bit for bit, whatever is done otherwise in some of them.
class ReplayTest {
    private static final int STEPS = 9;

    @AfterEach
    void recognize() {
        Replay.enable(true);
    }

    private static double[] seen(ReplayRows.Row row, boolean recognized) {
        Replay.enable(recognized);
        ReplayRows.World w = new ReplayRows.World(row.net().get(), row.rule());
        for (int i = 0; i < STEPS; i++) {
            row.step().take(w, i);
        }
        return w.all();
    }

    @ParameterizedTest
    @MethodSource("dev.nacre.ir.ReplayRows#rows")
    void doesTheSame(ReplayRows.Row row) {
        double[] plain = seen(row, false);
        assertSame(plain, seen(row, true), "as " + row);
        assertSame(plain, seen(row, true), "once more as " + row); // all of it is known now
    }

    private static void assertSame(double[] expected, double[] actual, String what) {
        assertEquals(expected.length, actual.length, what);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(
                    Double.doubleToRawLongBits(expected[i]),
                    Double.doubleToRawLongBits(actual[i]),
                    what + ": number " + i + " is " + actual[i] + ", not " + expected[i]);
        }
    }

    /// Steps put together at random from a few pieces, so that they begin alike and go on differently.
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
    void anyStepsDoTheSame(int seed) {
        Replay.enable(false);
        double[] plain = random(seed);
        Replay.enable(true);
        assertSame(plain, random(seed), "as seed " + seed);
    }

    private static double[] random(int seed) {
        Random r = new Random(seed);
        List<Variable> w =
                List.of(
                        Variable.of("v", ReplayRows.x(1, 3)),
                        Variable.of("w", ReplayRows.x(2, 3)),
                        Variable.of("u", ReplayRows.x(3, 3), false));
        List<Double> seen = new ArrayList<>();
        Tensor old = ReplayRows.x(4, 3);
        int[][] courses =
                IntStream.range(0, 4)
                        .mapToObj(_ -> r.ints(5, 0, 12).toArray())
                        .toArray(int[][]::new);
        for (int i = 0; i < 24; i++) {
            Tensor a = w.get(0).mul(w.get(1));
            Tensor b = ReplayRows.x(i % 5, 3);
            for (int piece : courses[r.nextInt(4)]) {
                a = piece(piece, a, b, old, w, r, seen);
            }
            Tensor loss = a.square().mean();
            w.forEach(Variable::zeroGrad);
            loss.backward();
            if (r.nextInt(4) == 0) {
                seen.add(loss.item());
            }
            List<Variable> first = w.subList(0, 2);
            Variable.update(
                    first,
                    () ->
                            first.forEach(v ->
                                    v.grad()
                                            .ifPresent(
                                                    g -> v.set(v.sub(g.clamp(-1, 1).mul(0.1))))));
            old = r.nextInt(3) == 0 ? a.detach().tanh() : old;
            w.forEach(v -> Arrays.stream(v.toDoubleArray()).forEach(seen::add));
        }
        return seen.stream().mapToDouble(d -> d).toArray();
    }

    private static Tensor piece(
            int piece,
            Tensor t,
            Tensor b,
            Tensor old,
            List<Variable> w,
            Random r,
            List<Double> seen) {
        return switch (piece) {
            case 0 -> t.mul(b);
            case 1 -> t.add(w.get(1));
            case 2 -> t.sub(w.get(2));
            case 3 -> t.mul(r.nextBoolean() ? 0.5 : 0.25);
            case 4 -> t.mul(t.tanh());
            case 5 -> t.add(old);
            case 6 -> t.matmul(b.transpose()).matmul(w.get(r.nextInt(2)));
            case 7 -> t.softmax(r.nextInt(2));
            case 8 -> t.sum(0, 1).add(t.detach());
            case 9 -> {
                seen.add(t.sum().item());
                yield t.sigmoid();
            }
            case 10 -> {
                w.get(2).set(t.detach().clamp(-1, 1));
                yield t.neg();
            }
            default -> t.maximum(w.get(0));
        };
    }

    /// A thread that writes an expression down and never computes it holds on to nothing that the expression is made of.
    @Test
    void holdsNoTensors() throws InterruptedException {
        WeakReference<MemorySegment> numbers = written();
        for (int i = 0; i < 50 && numbers.get() != null; i++) {
            System.gc();
            Thread.sleep(10);
        }
        assertNull(numbers.get());
    }

    private static WeakReference<MemorySegment> written() {
        MemorySegment numbers = Arena.ofAuto().allocate(64, 64);
        Tensor x = Tensor.ofMapped(TensorType.of(DType.F32, 16), numbers);
        x.mul(2).add(x).exp();
        return new WeakReference<>(numbers);
    }

    /// A step is recognized as a whole from the third time on.
    @Test
    void isRecognized() {
        ReplayRows.World w = new ReplayRows.World(ReplayRows.Mlp.of(), Adam.of(1e-2));
        for (int i = 0; i < 3; i++) {
            w.train(w.loss(w.forward(i)));
        }
        int points = Replay.points();
        for (int i = 0; i < 3; i++) {
            Tensor loss = w.loss(w.forward(i));
            w.optimizer.zeroGrad();
            loss.backward();
            assertTrue(Replay.here().isFollowed());
            w.optimizer.step();
        }
        assertEquals(points, Replay.points());
    }
}
