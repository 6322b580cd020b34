package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

class PoolTest {
    private static final long SIZE = 3 << 20;

    private final Pool pool = new Pool(1L << 30);

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
        eventually(
                "the part was never let go",
                () -> {
                    others.add(pool.lend(SIZE)); // held, so that each block has its turn
                    return others.getLast().address() == address;
                });
    }

    @Test
    void idleBlocksMakeRoomForALargeOne() throws InterruptedException {
        assumeTrue(Pages.AVAILABLE);
        pool.lend(SIZE);
        eventually("the block is not given back", () -> pool.idleBytes() == SIZE);
        MemorySegment large = pool.lend(40 << 20);
        assertEquals(0, pool.idleBytes());
        assertEquals(40 << 20, pool.mapped());
        Reference.reachabilityFence(large);
    }

    /// What has lain idle from one sweep to the next is given up, but not what was lent in between.
    @Test
    void sweeps() throws InterruptedException {
        MemorySegment[] blocks = {pool.lend(SIZE), pool.lend(SIZE), pool.lend(100)};
        long all = 2 * SIZE + Pool.size(100);
        assertEquals(0, pool.idleBytes());
        Reference.reachabilityFence(blocks);
        Arrays.fill(blocks, null);
        eventually("the blocks never came back", () -> pool.idleBytes() == all);
        pool.sweep();
        assertEquals(all, pool.idleBytes(), "they have just come");
        blocks[0] = pool.lend(SIZE);
        Reference.reachabilityFence(blocks);
        blocks[0] = null;
        eventually("the block never came back", () -> pool.idleBytes() == all);
        pool.sweep();
        assertEquals(SIZE, pool.idleBytes(), "one was used");
        pool.sweep();
        assertEquals(0, pool.idleBytes());
        assertEquals(SIZE, pool.lend(SIZE).byteSize());
    }

    /// What lies idle makes room for blocks of other sizes; what is held does not.
    @Test
    void pressure() {
        assumeTrue(Pages.AVAILABLE);
        Pool small = new Pool(32 << 20);
        for (int i = 0; i < 20; i++) {
            small.lend(20 << 20);
            small.lend(24 << 20);
        }
        MemorySegment[] held = {small.lend(20 << 20)};
        held[0].fill((byte) 0x5A);
        assertThrows(OutOfMemoryError.class, () -> small.lend(24 << 20));
        assertEquals(8 << 20, small.lend(8 << 20).byteSize(), "there is room for less");
        assertEquals(0x5A, held[0].get(ValueLayout.JAVA_BYTE, (20 << 20) - 1));
        held[0] = null;
        assertEquals(24 << 20, small.lend(24 << 20).byteSize());
    }
}
