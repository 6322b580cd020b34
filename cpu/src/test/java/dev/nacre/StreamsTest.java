package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

/// Who draws what: sources split off, and sources that threads share.
class StreamsTest {
    private static final int THREADS = 8;

    /// What each thread's task gives, all started together.
    private static <R> List<R> together(IntFunction<Callable<R>> tasks) throws Exception {
        try (var threads = Executors.newFixedThreadPool(THREADS)) {
            List<Future<R>> running = new ArrayList<>();
            for (int t = 0; t < THREADS; t++) {
                running.add(threads.submit(tasks.apply(t)));
            }
            List<R> out = new ArrayList<>();
            for (Future<R> f : running) {
                out.add(f.get());
            }
            return out;
        }
    }

    private static void assertAllDiffer(List<List<Long>> drawn) {
        Set<Long> all = new HashSet<>();
        int count = 0;
        for (List<Long> one : drawn) {
            all.addAll(one);
            count += one.size();
        }
        assertEquals(count, all.size(), "draws were repeated");
    }

    @Test
    void threadsNeverDrawTheSame() throws Exception {
        Rng rng = Rng.seed(1);
        assertAllDiffer(
                together(_ ->
                        () -> {
                            List<Long> mine = new ArrayList<>();
                            for (int i = 0; i < 5000; i++) {
                                mine.add(rng.key().toLongArray()[1]);
                            }
                            return mine;
                        }));
        assertEquals(THREADS * 5000, rng.state().toLongArray()[1]);
    }

    /// Half of the threads call a function that draws, the others draw themselves.
    @Test
    void functionsAndThreadsNeverDrawTheSame() throws Exception {
        Rng rng = Rng.seed(2);
        Function draw = Function.of(() -> rng.key());
        Function other = Function.of((Tensor x) -> rng.key().add(x));
        Tensor zero = Tensor.of(0L).realize();
        assertAllDiffer(
                together(t ->
                        () -> {
                            List<Long> mine = new ArrayList<>();
                            for (int i = 0; i < 2000; i++) {
                                Tensor key =
                                        switch (t % 3) {
                                            case 0 -> draw.apply();
                                            case 1 -> other.apply(zero);
                                            default -> rng.key();
                                        };
                                mine.add(key.toLongArray()[1]);
                            }
                            return mine;
                        }));
        assertEquals(THREADS * 2000, rng.state().toLongArray()[1]);
    }

    /// Functions that update variables in common, named in different orders: every call counts, and none waits for ever.
    @Test
    void callsThatUpdateTheSameVariablesTakeTurns() throws Exception {
        Variable a = Variable.of("a", Tensor.of(0L), false);
        Variable b = Variable.of("b", Tensor.of(0L), false);
        Function ab =
                Function.of(() -> {
                    a.set(a.add(1));
                    b.set(b.add(2));
                    return a.add(0);
                });
        Function ba =
                Function.of(() -> {
                    b.set(b.add(2));
                    a.set(a.add(1));
                    return a.add(0);
                });
        assertAllDiffer(
                together(t ->
                        () -> {
                            List<Long> mine = new ArrayList<>();
                            for (int i = 0; i < 2000; i++) {
                                mine.add((long) (t % 2 == 0 ? ab : ba).apply().item());
                            }
                            return mine;
                        }));
        assertEquals(THREADS * 2000, a.item());
        assertEquals(THREADS * 4000, b.item());
    }

    @Test
    void aStreamForEachThreadIsReproducible() throws Exception {
        Rng rng = Rng.seed(3);
        IntFunction<Callable<float[]>> task = t -> () -> rng.split(t).uniform(100).toFloatArray();
        List<float[]> first = together(task);
        rng.uniform(3);
        List<float[]> second = together(task);
        for (int t = 0; t < THREADS; t++) {
            assertArrayEquals(first.get(t), second.get(t));
            for (int u = 0; u < t; u++) {
                assertFalse(Arrays.equals(first.get(t), first.get(u)));
            }
        }
        assertAllDiffer(
                together(_ ->
                        () -> {
                            List<Long> seeds = new ArrayList<>();
                            for (int i = 0; i < 200; i++) {
                                seeds.add(rng.split().state().toLongArray()[0]);
                            }
                            return seeds;
                        }));
    }

    @Test
    void eachSplitIsAnother() {
        Rng rng = Rng.seed(4);
        Set<Long> seeds = new HashSet<>(List.of(4L));
        for (int i = 0; i < 1000; i++) {
            assertTrue(seeds.add(rng.split().state().toLongArray()[0]));
            assertTrue(seeds.add(rng.split(i).state().toLongArray()[0]));
            assertTrue(seeds.add(Rng.seed(i + 5).split().state().toLongArray()[0]));
        }
        assertArrayEquals(
                Rng.seed(5).split().uniform(4).toFloatArray(),
                Rng.seed(5).split().uniform(4).toFloatArray(),
                "the same program, the same bits");
        Rng late = Rng.seed(99);
        late.state().set(Tensor.of(rng.state().toLongArray()));
        assertArrayEquals(
                rng.split().uniform(4).toFloatArray(),
                late.split().uniform(4).toFloatArray(),
                "the state is all there is");
        Function f = Function.of(() -> rng.split().uniform(3));
        String text = assertThrows(NacreException.class, f::apply).getMessage();
        assertTrue(text.startsWith("split: "), text);
    }
}
