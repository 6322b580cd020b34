package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TurnsTest {
    private static final long LONG = 1_000_000;

    private static void inThreads(int count, Runnable work) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            threads.add(Thread.ofPlatform().start(work));
        }
        for (Thread t : threads) {
            t.join();
        }
    }

    @Test
    void soManyAtOnce() throws InterruptedException {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger calls = new AtomicInteger();
        inThreads(
                3 * Turns.AT_ONCE,
                () -> {
                    for (int i = 0; i < 200; i++) {
                        boolean mine = Turns.begin(LONG);
                        if (mine) {
                            most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                            Thread.yield();
                            inside.decrementAndGet();
                            Turns.end();
                        }
                        calls.incrementAndGet();
                    }
                });
        assertEquals(3 * Turns.AT_ONCE * 200, calls.get());
        assertTrue(most.get() <= Turns.AT_ONCE, most.get() + " at once");
        assertFalse(Turns.isAwaited());
    }

    /// Those that have a turn keep it for too long: the next goes on without one, and a short call at once.
    @Test
    void nobodyWaitsForLong() throws InterruptedException {
        for (int i = 0; i < Turns.AT_ONCE; i++) {
            assertTrue(Turns.begin(LONG));
        }
        try {
            long before = System.nanoTime();
            assertFalse(Turns.begin(1));
            long between = System.nanoTime();
            assertFalse(Turns.begin(LONG));
            long waited = System.nanoTime() - between;
            assertTrue(waited >= 19_000_000, waited + " ns");
            assertTrue(between - before < waited, (between - before) + " ns");
            Thread.currentThread().interrupt();
            assertFalse(Turns.begin(LONG));
            assertTrue(Thread.interrupted());
        } finally {
            for (int i = 0; i < Turns.AT_ONCE; i++) {
                Turns.end();
            }
        }
        assertTrue(Turns.begin(LONG));
        Turns.end();
    }
}
