package dev.nacre.cpu.kernels;

import dev.nacre.cpu.memory.Memory;
import dev.nacre.ir.PerThread;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.concurrent.ConcurrentLinkedDeque;

/// Native memory for as long as a kernel, or a part of one, runs:
///
///     try (var scratch = Scratch.take(bytes)) { … scratch.address() … }
///
/// Blocks are kept for the next taker, so steady work allocates nothing. Their sizes are powers of two; as many are
/// kept of each as were ever in use at once, except of the largest, which go back to the system. A thread keeps one of each smaller size for itself: what it
/// takes next is in its caches, and not in those of another core, from which every line would have to be fetched.
public final class Scratch implements AutoCloseable {
    private static final int SMALLEST = 12;
    private static final int LARGEST_KEPT = 26;
    private static final int LARGEST_OWN = 21; // larger ones do not stay in a core's caches

    private static final PerThread<Scratch[]> OWN =
            new PerThread<>(() -> new Scratch[LARGEST_OWN + 1]);

    @SuppressWarnings({"unchecked", "rawtypes"}) // an array of generic queues
    private static final ConcurrentLinkedDeque<Scratch>[] FREE =
            new ConcurrentLinkedDeque[LARGEST_KEPT + 1];

    static {
        for (int i = SMALLEST; i <= LARGEST_KEPT; i++) FREE[i] = new ConcurrentLinkedDeque<>();
    }

    private final int magnitude;
    private final MemorySegment memory;

    private Scratch(int magnitude, long bytes) {
        this.magnitude = magnitude;
        this.memory = dev.nacre.compile.Memory.allocate(bytes, "room to work in"); // in huge pages
    }

    /// At least `bytes` bytes at a multiple of 64, with anything in them.
    public static Scratch take(long bytes) {
        int magnitude = Math.max(SMALLEST, 64 - Long.numberOfLeadingZeros(Math.max(1, bytes) - 1));
        if (magnitude > LARGEST_KEPT) return new Scratch(magnitude, bytes);
        Scratch kept = null;
        if (magnitude <= LARGEST_OWN) {
            var own = OWN.get();
            kept = own[magnitude];
            own[magnitude] = null;
        }
        if (kept == null) kept = FREE[magnitude].pollFirst();
        return kept != null ? kept : new Scratch(magnitude, 1L << magnitude);
    }

    public long address() {
        return dev.nacre.compile.Memory.address(memory);
    }

    /// Fills a part with zeros.
    public void clear(long from, long bytes) {
        memory.asSlice(from, bytes).fill((byte) 0);
    }

    /// Copies from elsewhere.
    ///
    /// @param address where from
    /// @param to where to, in this
    public void copy(long address, long to, long bytes) {
        MemorySegment.copy(Memory.ALL, address, memory, to, bytes);
    }

    /// Fills a part with `n` equal floats.
    public void fill(long from, int n, float value) {
        for (int i = 0; i < n; i++) memory.set(ValueLayout.JAVA_FLOAT, from + 4L * i, value);
    }

    @Override
    public void close() {
        var own = OWN.get();
        if (magnitude <= LARGEST_OWN && own[magnitude] == null) own[magnitude] = this;
        else if (magnitude <= LARGEST_KEPT) FREE[magnitude].addFirst(this);
        else Reference.reachabilityFence(this); // its user has only the address
    }
}
