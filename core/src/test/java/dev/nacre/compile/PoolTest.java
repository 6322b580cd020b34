package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

class PoolTest {
    private static final long SIZE = 3 << 20;

    private final Pool pool = new Pool();

    /// Collects garbage until something holds.
    private static void eventually(String what, BooleanSupplier holds) throws InterruptedException {
        long end = System.nanoTime() + 20_000_000_000L;
        while (!holds.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, what);
            System.gc();
            Thread.sleep(5);
        }
    }

    private static boolean overlap(MemorySegment a, MemorySegment b) {
        return a.address() < b.address() + b.byteSize() && b.address() < a.address() + a.byteSize();
    }

    @Test
    void sizes() {
        long before = 0;
        for (long bytes = 0; bytes < 1L << 40; bytes += 1 + bytes / 3) {
            long size = Pool.size(bytes);
            assertTrue(size >= Math.max(1, bytes) && size <= bytes + Math.max(64, bytes / 8));
            assertEquals(0, size % Memory.ALIGNMENT);
            assertEquals(size, Pool.size(size), "a block serves requests of its own size");
            assertTrue(size >= before);
            before = size;
        }
        assertEquals(SIZE, pool.lend(SIZE).byteSize());
        assertEquals(0, pool.lend(100).address() % Memory.ALIGNMENT);
        assertEquals(0, pool.lend(Pages.HUGE).address() % Pages.HUGE);
    }

    @Test
    void aBlockServesAgainWhenNobodyReachesIt() throws InterruptedException {
        long address = pool.lend(SIZE).address();
        List<MemorySegment> others = new ArrayList<>();
        eventually(
                "the block is not lent again",
                () -> {
                    others.add(pool.lend(SIZE - 1)); // of the same size class
                    return others.getLast().address() == address;
                });
        assertNotEquals(address, pool.lend(SIZE).address(), "it is lent");
        Reference.reachabilityFence(others);
    }

    /// Not even if only a part of it is reachable.
    @Test
    void aBlockIsKeptWhileAPartIsReachable() throws InterruptedException {
        MemorySegment[] part = {pool.lend(SIZE).asSlice(SIZE / 2, 64)};
        part[0].fill((byte) 0x5A);
        long decoy = pool.lend(SIZE).address();
        List<MemorySegment> others = new ArrayList<>();
        eventually( // so that what is unreachable has been found
                "no block is lent again",
                () -> {
                    others.add(pool.lend(SIZE));
                    return others.getLast().address() == decoy;
                });
        for (int i = 0; i < 10; i++) {
            System.gc();
            others.add(pool.lend(SIZE));
        }
        assertTrue(others.stream().noneMatch(o -> overlap(o, part[0])));
        for (int i = 0; i < 64; i++) {
            assertEquals(0x5A, part[0].get(ValueLayout.JAVA_BYTE, i));
        }
        long address = part[0].address() - SIZE / 2;
        part[0] = null;
        others.clear();
        eventually("the part was never let go", () -> pool.lend(SIZE).address() == address);
    }

    /// What lies idle is given back when memory is short.
    @Test
    void released() throws InterruptedException {
        long before = settled();
        pool.lend(SIZE);
        assertTrue(reserved() >= before + SIZE);
        assertTrue(settled() >= before + SIZE, "it is kept");
        eventually(
                "memory is not given back",
                () -> {
                    pool.release();
                    return reserved() < before + SIZE;
                });
    }

    /// The same when what other tests have left behind is gone.
    private static long settled() throws InterruptedException {
        long last = -1;
        for (int same = 0; same < 10; ) {
            System.gc();
            Thread.sleep(5);
            same = reserved() == last ? same + 1 : 0;
            last = reserved();
        }
        return last;
    }

    /// Bytes of native memory that the JVM counts.
    private static long reserved() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(b -> b.getName().equals("direct"))
                .findFirst()
                .orElseThrow()
                .getMemoryUsed();
    }
}
