package dev.nacre.compile;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/// Blocks of native memory for use over and over: a fresh page costs more than the arithmetic on it.
///
/// A block is lent until its segment and all slices of it are unreachable, and then serves the next request of its size. Nobody tells when that is the case but the
/// garbage collector; so after much has been lent, and nothing fits, it is asked to look before the memory of the process grows.
final class Pool {
    /// Lent between two collections that are worth their pause.
    private static final long WORTH_COLLECTING =
            Math.max(64L << 20, Runtime.getRuntime().maxMemory() / 8);

    /// Memory that waits here for its next use at most.
    private static final long MOST_IDLE = Math.max(64L << 20, Runtime.getRuntime().maxMemory() / 4);

    /// How long the collector's findings take to arrive.
    private static final long PATIENCE_NANOS = 20_000_000;

    private final Map<Long, Deque<MemorySegment>> idle = new HashMap<>();
    private long idleBytes;
    private long lentSinceCollection;

    /// The size of the block that serves a request: at most an eighth more, so that similar requests share.
    static long size(long bytes) {
        long step = Math.max(Memory.ALIGNMENT, Long.highestOneBit(Math.max(1, bytes)) / 8);
        return Math.ceilDiv(Math.max(1, bytes), step) * step;
    }

    /// A segment of at least so many bytes; what is in it is left over from others.
    @SuppressWarnings("restricted")
    MemorySegment lend(long bytes) {
        long size = size(bytes);
        MemorySegment b = take(size, true);
        if (b == null && collectIfWorth()) {
            b = await(size);
        }
        if (b == null) {
            b = fresh(size);
        }
        MemorySegment lent = b;
        assert poisoned(lent);
        return MemorySegment.ofAddress(lent.address())
                .reinterpret(size, Arena.ofAuto(), _ -> giveBack(lent));
    }

    private synchronized MemorySegment take(long size, boolean counted) {
        if (counted) {
            lentSinceCollection += size;
        }
        Deque<MemorySegment> fitting = idle.get(size);
        MemorySegment b = fitting == null ? null : fitting.pollLast();
        if (b != null) {
            idleBytes -= size;
        }
        return b;
    }

    /// Called by the JVM's cleaner. What is not kept is freed by the JVM.
    private synchronized void giveBack(MemorySegment b) {
        if (idleBytes + b.byteSize() <= MOST_IDLE) {
            idle.computeIfAbsent(b.byteSize(), _ -> new ArrayDeque<>()).addLast(b);
            idleBytes += b.byteSize();
            notifyAll();
        }
    }

    private boolean collectIfWorth() {
        synchronized (this) {
            if (lentSinceCollection < WORTH_COLLECTING) {
                return false;
            }
            lentSinceCollection = 0;
        }
        System.gc();
        return true;
    }

    private MemorySegment await(long size) {
        long end = System.nanoTime() + PATIENCE_NANOS;
        MemorySegment b = take(size, false);
        for (long left; b == null && (left = end - System.nanoTime()) > 0; b = take(size, false)) {
            synchronized (this) {
                try {
                    wait(Math.max(1, left / 1_000_000));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return null;
                }
            }
        }
        return b;
    }

    private MemorySegment fresh(long size) {
        try {
            return allocate(size);
        } catch (OutOfMemoryError e) {
            release();
            return allocate(size);
        }
    }

    private static MemorySegment allocate(long size) {
        long alignment = size < Pages.HUGE ? Memory.ALIGNMENT : Pages.HUGE;
        MemorySegment m = Arena.ofAuto().allocate(size, alignment);
        Pages.wishHuge(m);
        return m;
    }

    /// Lets go of all that waits here.
    synchronized void release() {
        idle.clear();
        idleBytes = 0;
    }

    /// Fills a block with numbers that would be noticed.
    private static boolean poisoned(MemorySegment m) {
        m.fill((byte) 0xFF);
        return true;
    }
}
