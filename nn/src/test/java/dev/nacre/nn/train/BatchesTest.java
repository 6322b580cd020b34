package dev.nacre.nn.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class BatchesTest {
    private final Tensor y = Tensor.arange(10);
    private final Tensor x =
            y.cast(DType.F32).unsqueeze(1).mul(Tensor.of(new float[] {1, 10})).realize();

    private static List<Long> labels(Iterable<Batch> batches) {
        List<Long> out = new ArrayList<>();
        for (Batch b : batches) {
            float[] rows = b.x().toFloatArray();
            long[] numbers = b.y().toLongArray();
            for (int i = 0; i < numbers.length; i++) {
                assertArrayEquals(
                        new float[] {numbers[i], 10 * numbers[i]},
                        Arrays.copyOfRange(rows, 2 * i, 2 * i + 2));
                out.add(numbers[i]);
            }
        }
        return out;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 9, Integer.MAX_VALUE})
    void inOrder(int ahead) {
        Batches b = Batches.of(x, y, 4).prefetch(ahead);
        assertEquals(LongStream.range(0, 10).boxed().toList(), labels(b));
        List<Long> sizes = new ArrayList<>();
        b.forEach(batch -> sizes.add(batch.size()));
        assertEquals(List.of(4L, 4L, 2L), sizes);
        assertEquals(3, b.count());
        assertEquals(LongStream.range(0, 8).boxed().toList(), labels(b.whole()));
        assertEquals(2, b.whole().count());
        assertEquals(8, b.whole().examples());
    }

    @Test
    void shuffled() {
        Batches b = Batches.of(x, y, 3).shuffled(7);
        List<Long> first = labels(b);
        List<Long> second = labels(b);
        assertNotEquals(first, second);
        assertEquals(LongStream.range(0, 10).boxed().toList(), first.stream().sorted().toList());
        assertEquals(LongStream.range(0, 10).boxed().toList(), second.stream().sorted().toList());
        Batches again = Batches.of(x, y, 3).shuffled(7);
        again.startAt(1);
        assertEquals(second, labels(again));
        assertNotEquals(first, labels(Batches.of(x, y, 3).shuffled(8)));
    }

    @Test
    void everyPositionGetsEveryExample() {
        Batches b = Batches.of(x, y, 10).shuffled(1);
        int[][] seen = new int[10][10];
        for (int i = 0; i < 1000; i++) {
            List<Long> order = labels(b);
            for (int p = 0; p < 10; p++) {
                seen[p][order.get(p).intValue()]++;
            }
        }
        for (int[] row : seen) {
            for (int n : row) {
                assertEquals(100, n, 5 * Math.sqrt(90)); // five standard deviations
            }
        }
    }

    @Test
    void failuresReachTheLoop() {
        Batches b =
                Batches.of(x, y, 4)
                        .map(batch -> {
                            if (batch.y().toLongArray()[0] == 4) {
                                throw new IllegalStateException("unreadable");
                            }
                            return batch;
                        });
        for (int ahead : new int[] {0, 2}) {
            Prefetch it = b.prefetch(ahead).iterator();
            it.next();
            NacreException e = assertThrows(NacreException.class, it::next);
            assertEquals("batches: preparing number 1 failed: unreadable", e.getMessage());
            assertEquals(IllegalStateException.class, e.getCause().getClass());
            assertFalse(it.hasNext());
            assertThrows(NoSuchElementException.class, it::next);
        }
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().equals("nacre-batches"))
                .count();
    }

    private static void awaitNoThreads(Runnable each) throws InterruptedException {
        for (int i = 0; i < 500 && threads() > 0; i++) {
            each.run();
            Thread.sleep(10);
        }
        assertEquals(0, threads());
    }

    @Test
    void theThreadEndsWithTheIteration() throws InterruptedException {
        Batches b = Batches.of(x, y, 1).prefetch(1);
        labels(b);
        awaitNoThreads(() -> {});
        try (Prefetch it = b.iterator()) {
            it.next();
            assertEquals(1, threads());
        }
        awaitNoThreads(() -> {});
        giveUp(b);
        awaitNoThreads(System::gc);
    }

    /// In a method of its own, so that no frame keeps the iterator.
    private static void giveUp(Batches b) {
        for (Batch batch : b) {
            assertEquals(0, batch.y().item());
            break;
        }
    }

    @Test
    void interruption() {
        Batches b =
                Batches.of(x, y, 1)
                        .map(batch -> {
                            try {
                                Thread.sleep(60_000);
                            } catch (InterruptedException e) {
                                throw new IllegalStateException(e);
                            }
                            return batch;
                        });
        Prefetch it = b.iterator();
        Thread.currentThread().interrupt();
        assertEquals(
                "batches: interrupted while waiting for number 0",
                assertThrows(NacreException.class, it::next).getMessage());
        assertTrue(Thread.interrupted());
    }

    @Test
    void dataThatIsWrong() {
        assertEquals(
                "batches: x and y must have the same number of examples on axis 0, but x is f32[10, 2] and y is i64[9]",
                assertThrows(NacreException.class, () -> Batches.of(x, Tensor.arange(9), 2))
                        .getMessage());
        assertEquals(
                "batches: there are no examples: x is f32[0, 2]",
                assertThrows(
                                NacreException.class,
                                () -> Batches.of(Tensor.zeros(0, 2), Tensor.arange(0), 2))
                        .getMessage());
        assertEquals(
                "batches: the size must be at least 1, but is 0",
                assertThrows(NacreException.class, () -> Batches.of(x, y, 0)).getMessage());
    }
}
