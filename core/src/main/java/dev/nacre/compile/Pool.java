package dev.nacre.compile;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/// Blocks of native memory for use over and over: a fresh page costs more than the arithmetic on it.
///
/// A block is lent until its segment and all slices of it are unreachable, and then serves the next request of its size. Nobody tells when that is the case but the
/// garbage collector; so when nothing fits it is asked to look, if it has not been asked for so long that its pauses do not matter, or if much has been lent since.
/// What has lain idle for long is given up.
final class Pool {
    /// From here on blocks come from the kernel, and count against [#limit]; below, from the JVM.
    private static final long LARGE = 1 << 20;

    /// A new block of this size is the memory of a plan or of large results: idle blocks, which did not fit, make room for it, so that what was needed for the start is not kept for ever.
    private static final long VAST = 32 << 20;

    /// Not worth a collection.
    private static final long LITTLE = 16 << 20;

    /// The part of the time that may go to collections for blocks is one in so many.
    private static final int SHARE = 50;

    /// How long a collection's findings take to arrive; longer where the collection itself took longer.
    private static final long PATIENCE_NANOS = 20_000_000;

    private static final long MOST_PATIENCE_NANOS = 5 * PATIENCE_NANOS;

    private static final int ATTEMPTS = 10;

    /// How long a block may lie idle: much longer than a step takes, so that giving it up and having it again costs nothing that counts.
    private static final long KEPT_NANOS = 10_000_000_000L;

    /// The idle blocks of one size.
    private static final class Shelf {
        final Deque<MemorySegment> blocks = new ArrayDeque<>();
        int unused; // so many have lain here ever since the last sweep
    }

    private final long limit;
    private final Optional<Region> region; // all blocks are cut from it
    private final Map<Long, MemorySegment> lent = new ConcurrentHashMap<>(); // by address
    private final Consumer<MemorySegment> back = m -> giveBack(lent.remove(m.address()));
    private final Consumer<MemorySegment> cleanup; // by which the JVM does not hold this
    private final Map<Long, Shelf> idle = new HashMap<>();
    private long idleBytes;
    private long mappedBytes;
    private long lentSinceCollection;
    private long lastCollection = System.nanoTime();
    private long pauseNanos = 5_000_000;
    private volatile long lastSweep = System.nanoTime();
    private volatile int returned; // blocks that have come back, for whoever waits for one

    /// @param limit bytes of large blocks there may be, lent or idle
    Pool(long limit) {
        this.limit = limit;
        this.region = Optional.empty();
        this.cleanup = Cleanup.either(back, Cleanup.removing(lent));
    }

    /// A pool of parts of a region.
    Pool(Region region) {
        this.limit = region.size();
        this.region = Optional.of(region);
        this.cleanup = back; // the region asks for what has come back
    }

    /// The size of the block that serves a request: at most an eighth more, so that similar requests share.
    static long size(long bytes) {
        long step = Math.max(Memory.ALIGNMENT, Long.highestOneBit(Math.max(1, bytes)) / 8);
        return Math.ceilDiv(Math.max(1, bytes), step) * step;
    }

    /// A segment of at least so many bytes; what is in it is left over from others.
    ///
    /// @throws OutOfMemoryError if the limit is reached and nothing can be freed
    @SuppressWarnings("restricted")
    MemorySegment lend(long bytes) {
        MemorySegment block = take(bytes);
        if (region.isPresent()) {
            return region.get().lend(block);
        }
        lent.put(block.address(), block);
        return MemorySegment.ofAddress(block.address())
                .reinterpret(block.byteSize(), Arena.ofAuto(), cleanup);
    }

    /// A block of at least so many bytes, to be [given back][#giveBack].
    ///
    /// @throws OutOfMemoryError if the limit is reached and nothing can be freed
    MemorySegment take(long bytes) {
        MemorySegment block = find(size(bytes));
        assert poisoned(block);
        return block;
    }

    /// Bytes from the kernel, lent or idle.
    synchronized long mapped() {
        return mappedBytes;
    }

    /// Whether a block could be there at all, with nothing else in memory.
    boolean holds(long bytes) {
        return bytes <= limit;
    }

    private MemorySegment find(long size) {
        MemorySegment b = idle(size, size);
        if (b == null && isWorthCollecting()) {
            collect();
            b = await(size);
        }
        return b != null ? b : fresh(size);
    }

    /// @param lent what is asked for with this
    private MemorySegment idle(long size, long lent) {
        if (region.isPresent()) {
            region.get().collect(this::giveBack);
        }
        return kept(size, lent);
    }

    private synchronized MemorySegment kept(long size, long lent) {
        lentSinceCollection += lent;
        Shelf shelf = idle.get(size);
        MemorySegment b = shelf == null ? null : shelf.blocks.pollLast();
        if (b != null) {
            shelf.unused = Math.min(shelf.unused, shelf.blocks.size());
            idleBytes -= size;
        }
        return b;
    }

    /// Called by the JVM's cleaner, or by who took it.
    void giveBack(MemorySegment b) {
        if (!keep(b)) {
            free(b);
        }
        returned++; // by several at a time: that it changes is enough
        if (System.nanoTime() - lastSweep > KEPT_NANOS) {
            sweep();
        }
    }

    private synchronized boolean keep(MemorySegment b) {
        boolean fits = idleBytes + b.byteSize() <= limit / 4;
        if (fits) {
            idle.computeIfAbsent(b.byteSize(), _ -> new Shelf()).blocks.addLast(b);
            idleBytes += b.byteSize();
            notifyAll();
        }
        return fits;
    }

    /// Gives up what has lain idle ever since the last sweep.
    void sweep() {
        List<MemorySegment> unused = new ArrayList<>();
        synchronized (this) {
            lastSweep = System.nanoTime();
            for (Shelf s : idle.values()) {
                for (; s.unused > 0; s.unused--) {
                    unused.add(s.blocks.removeFirst());
                }
                s.unused = s.blocks.size();
            }
            idle.values().removeIf(s -> s.blocks.isEmpty());
            idleBytes -= unused.stream().mapToLong(MemorySegment::byteSize).sum();
        }
        unused.forEach(this::free);
    }

    /// Bytes that wait here.
    synchronized long idleBytes() {
        return idleBytes;
    }

    // ------------------------------------------------------------------------------------------
    // collections

    private synchronized boolean isWorthCollecting() {
        return lentSinceCollection > limit / 8
                || lentSinceCollection > LITTLE
                        && System.nanoTime() - lastCollection > SHARE * pauseNanos;
    }

    private void collect() {
        synchronized (this) {
            lentSinceCollection = 0;
        }
        long from = System.nanoTime();
        Garbage.collect();
        synchronized (this) {
            lastCollection = System.nanoTime();
            pauseNanos = (pauseNanos + lastCollection - from) / 2;
        }
    }

    private void collectAll() {
        long before = returned;
        Garbage.collectAll(() -> {
            region.ifPresent(r -> r.collect(this::giveBack));
            return returned != before;
        });
    }

    private MemorySegment await(long size) {
        long patience;
        synchronized (this) {
            patience = Math.clamp(pauseNanos, PATIENCE_NANOS, MOST_PATIENCE_NANOS);
        }
        long end = System.nanoTime() + patience;
        MemorySegment b = idle(size, 0);
        for (long left; b == null && (left = end - System.nanoTime()) > 0; b = idle(size, 0)) {
            synchronized (this) {
                try {
                    wait(region.isPresent() ? 1 : Math.max(1, left / 1_000_000));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return null;
                }
            }
        }
        return b;
    }

    // ----------------------------------------------------------------------------------------
    // fresh blocks

    private MemorySegment fresh(long size) {
        if (region.isEmpty() && (size < LARGE || !Pages.AVAILABLE)) {
            return ofJvm(size);
        }
        if (size >= VAST) {
            release();
        }
        for (int i = 0; i < ATTEMPTS; i++) {
            MemorySegment b = mapped(size);
            if (b == null) {
                release();
                b = mapped(size);
            }
            if (b == null) {
                collectAll();
                b = await(size);
            }
            if (b != null) {
                return b;
            }
        }
        throw new OutOfMemoryError("no more than " + limit + " bytes of tensors");
    }

    private static MemorySegment ofJvm(long size) {
        return Arena.ofAuto().allocate(size, Memory.ALIGNMENT);
    }

    /// Null if the limit does not allow it.
    private MemorySegment mapped(long size) {
        synchronized (this) {
            if (mappedBytes + size > limit) {
                return null;
            }
            mappedBytes += size;
        }
        MemorySegment block = null;
        try {
            block = region.isPresent() ? region.get().take(size).orElse(null) : Pages.map(size);
            return block;
        } finally {
            if (block == null) {
                synchronized (this) {
                    mappedBytes -= size;
                }
            }
        }
    }

    /// What the JVM has allocated it frees itself.
    private void free(MemorySegment b) {
        if (region.isPresent()) {
            region.get().free(b);
        } else if (b.byteSize() >= LARGE && Pages.AVAILABLE) {
            Pages.giveUp(b);
        } else {
            return;
        }
        synchronized (this) {
            mappedBytes -= b.byteSize();
        }
    }

    /// Frees all that waits here.
    void release() {
        List<Shelf> all;
        synchronized (this) {
            all = List.copyOf(idle.values());
            idle.clear();
            idleBytes = 0;
        }
        all.forEach(s -> s.blocks.forEach(this::free));
    }

    /// Fills a block with numbers that would be noticed.
    static boolean poisoned(MemorySegment m) {
        m.fill((byte) 0xFF);
        return true;
    }
}
