package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RegionTest {
    private static final long BYTES = 16 << 20;

    private final Region region = Region.of(BYTES);

    /// Blocks that carry their number from end to end, taken and freed in any order.
    @Test
    void blocksDoNotOverlapAndComeBack() {
        Random random = new Random(1);
        List<MemorySegment> held = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            if (random.nextInt(3) > 0) {
                Optional<MemorySegment> b =
                        region.take(64L * (1 + random.nextInt(1 << random.nextInt(12))));
                b.ifPresent(m -> {
                    mark(m, m.address());
                    held.add(m);
                });
            } else if (!held.isEmpty()) {
                MemorySegment b = held.remove(random.nextInt(held.size()));
                assertMarked(b);
                region.free(b);
            }
        }
        assertTrue(held.size() > 100, "held " + held.size());
        held.forEach(RegionTest::assertMarked);
        held.forEach(region::free);
        assertEquals(region.size(), region.take(region.size()).orElseThrow().byteSize());
        assertTrue(region.take(64).isEmpty());
    }

    private static void mark(MemorySegment m, long number) {
        m.set(ValueLayout.JAVA_LONG, 0, number);
        m.set(ValueLayout.JAVA_LONG, m.byteSize() - 8, number);
    }

    private static void assertMarked(MemorySegment m) {
        assertEquals(m.address(), m.get(ValueLayout.JAVA_LONG, 0));
        assertEquals(m.address(), m.get(ValueLayout.JAVA_LONG, m.byteSize() - 8));
    }

    /// An address is an offset, never 0, and nothing else has one.
    @Test
    void addresses() {
        MemorySegment b = region.take(128).orElseThrow();
        b.set(ValueLayout.JAVA_INT, 64, 42);
        long at = region.offset(b);
        assertTrue(at > 0 && at % 64 == 0);
        assertEquals(42, region.memory().get(ValueLayout.JAVA_INT, at + 64));
        assertEquals(at + 64, region.offset(b.asSlice(64)));
        assertEquals(0, region.offset(MemorySegment.NULL));
        for (MemorySegment other :
                List.of(
                        Arena.ofAuto().allocate(64),
                        MemorySegment.ofArray(new byte[64]),
                        Region.of(BYTES).take(64).orElseThrow())) {
            assertThrows(IllegalArgumentException.class, () -> region.offset(other));
        }
    }

    @Test
    void aPoolOfIt() throws InterruptedException {
        Pool pool = new Pool(region);
        MemorySegment held = pool.lend(BYTES / 4);
        held.fill((byte) 7);
        for (int i = 0; i < 100; i++) {
            pool.lend(BYTES / 4 - 1000 * i).fill((byte) i); // held by nobody
        }
        assertEquals(-1, held.mismatch(MemorySegment.ofArray(bytes(held.byteSize()))));
        List<MemorySegment> all = new ArrayList<>(List.of(held));
        assertThrows(
                OutOfMemoryError.class,
                () -> {
                    for (int i = 0; i < 100; i++) {
                        all.add(pool.lend(BYTES / 16));
                    }
                });
        assertTrue(all.size() >= 10, "only " + all.size());
    }

    private static byte[] bytes(long n) {
        byte[] bytes = new byte[(int) n];
        java.util.Arrays.fill(bytes, (byte) 7);
        return bytes;
    }

    /// More than an array can have, of which only what is touched takes room.
    @Test
    void large() {
        Region large = Region.of(6L << 30);
        if (large.size() > 5L << 30) { // where there is so much memory and a place for the file
            MemorySegment b = large.take(5L << 30).orElseThrow();
            b.set(ValueLayout.JAVA_DOUBLE, (5L << 30) - 8, 1.5);
            assertEquals(
                    1.5,
                    large.memory().get(ValueLayout.JAVA_DOUBLE, large.offset(b) + (5L << 30) - 8));
        }
    }
}
