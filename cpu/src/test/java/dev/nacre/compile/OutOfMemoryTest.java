package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A program goes on after each failure to get memory, wherever it comes: with the same numbers, and with all turns.
@Timeout(60)
class OutOfMemoryTest {
    private static final long LONG = 10_000_000;

    private enum Failure {
        OF_THE_HEAP {
            @Override
            Throwable made() {
                return new OutOfMemoryError("no heap, says the test");
            }
        },
        OF_NATIVE_MEMORY {
            @Override
            Throwable made() {
                return new Memory.OutOfNativeMemory(1, "the test", "", new OutOfMemoryError());
            }
        };

        abstract Throwable made();
    }

    private enum Program {
        EAGER_STEP {
            @Override
            Supplier<float[]> make() {
                Variable w = Variable.of("w", Rng.seed(1).normal(200, 300));
                Tensor x = Rng.seed(2).normal(150, 200).realize();
                return () -> {
                    w.zeroGrad();
                    x.matmul(w).tanh().square().mean().backward();
                    Variable.update(List.of(w), () -> w.set(w.sub(w.grad().orElseThrow())));
                    return w.toFloatArray();
                };
            }
        },
        TRAINING_FUNCTION {
            @Override
            Supplier<float[]> make() {
                Variable w = Variable.of("w", Rng.seed(1).normal(200, 300));
                Tensor x = Rng.seed(2).normal(150, 200).realize();
                Function f =
                        Function.of((Tensor in) -> {
                            w.zeroGrad();
                            Tensor loss = in.matmul(w).tanh().softmax(-1).square().mean();
                            loss.backward();
                            w.set(w.sub(w.grad().orElseThrow()));
                            return loss;
                        });
                return () -> {
                    f.apply(x);
                    return w.toFloatArray();
                };
            }
        },
        PREDICTION {
            @Override
            Supplier<float[]> make() {
                Variable w = Variable.of("w", Rng.seed(1).normal(64, 32, 3, 3));
                Tensor x = Rng.seed(2).normal(2, 32, 20, 20).realize();
                Function f =
                        Function.of((Tensor in) -> in.conv2d(w, 1, 1, 1, 1).relu().softmax(-1));
                return () -> f.apply(x).toFloatArray();
            }
        };

        abstract Supplier<float[]> make();
    }

    /// Fails the k-th allocation, for every k until all go through. What had been prepared before is given up, so that there is as much to allocate each time.
    @ParameterizedTest
    @EnumSource
    void everyAllocationMayFail(Program program) {
        for (Failure failure : Failure.values()) {
            Supplier<float[]> expected = program.make();
            Supplier<float[]> actual = program.make();
            int k = 0;
            for (boolean failed = true; failed; k++) {
                failed = fails(actual, k, failure);
                if (failed) {
                    assertArrayEquals(expected.get(), actual.get(), "after failure " + k);
                    allTurnsAreThere();
                }
            }
            assertTrue(k > 2, "there were places to fail at");
        }
    }

    /// Memory runs short in one thread while others make plans: nobody is asked to give up what is not complete.
    @Test
    void whatIsBeingMadeIsNotGivenUp() throws InterruptedException {
        var thrown = new AtomicReference<Throwable>();
        var others = new ArrayList<Thread>();
        for (int t = 0; t < 3; t++) {
            int from = 1000 * (t + 1);
            others.add(
                    Thread.ofPlatform()
                            .start(() -> {
                                try {
                                    Variable w = Variable.of("w", Tensor.ones(3));
                                    for (int n = from; n < from + 60; n++) {
                                        Tensor x = Tensor.ones(n, 3).realize();
                                        x.mul(w).add(n).sum().item();
                                        Function.of((Tensor y) -> y.mul(w.exp()).sum()).apply(x);
                                    }
                                } catch (Throwable e) {
                                    thrown.set(e);
                                }
                            }));
        }
        while (others.stream().anyMatch(Thread::isAlive)) {
            Kept.spareAll();
        }
        for (Thread t : others) {
            t.join();
        }
        assertNull(thrown.get(), () -> Arrays.toString(thrown.get().getStackTrace()));
    }

    /// Sums of very long axes need room for their parts.
    @Test
    void roomToWorkInMayBeMissing() {
        assertThrows(Memory.OutOfNativeMemory.class, () -> Memory.cleared(1L << 50));
    }

    private static boolean fails(Supplier<float[]> program, int k, Failure failure) {
        int[] left = {k};
        Kept.spareAll();
        Workspace.release();
        Memory.before =
                () -> {
                    if (left[0]-- == 0) {
                        OutOfMemoryTest.<RuntimeException>raise(failure.made());
                    }
                };
        try {
            program.get();
            return false;
        } catch (OutOfMemoryError | Memory.OutOfNativeMemory e) {
            return true;
        } finally {
            Memory.before = () -> {};
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void raise(Throwable e) throws E {
        throw (E) e;
    }

    private static void allTurnsAreThere() {
        for (int i = 0; i < Turns.AT_ONCE; i++) {
            assertTrue(Turns.begin(LONG), "turn " + i);
        }
        for (int i = 0; i < Turns.AT_ONCE; i++) {
            Turns.end();
        }
        assertFalse(Turns.isAwaited());
    }
}
