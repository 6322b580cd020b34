package dev.nacre.compile;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/// Large blocks of memory from the kernel, in huge pages where it grants them, so that the first use of a block costs one fault for 2 MiB instead of 512. On Linux, and where the JVM allows this
/// module native calls.
final class Pages {
    /// Of a huge page, to which blocks are aligned.
    static final long HUGE = 2 << 20;

    private static final int READ_WRITE = 3;
    private static final int PRIVATE_ANONYMOUS = 0x22;
    private static final int MADV_DONTNEED = 4;
    private static final int MADV_HUGEPAGE = 14;

    static final boolean AVAILABLE = System.getProperty("os.name").equals("Linux") && isAllowed();

    private Pages() {}

    /// Whether this module may use native memory and code: where nobody has said so on the command line, the JVM still allows it, with a warning, as a rule; the first use finds out.
    @SuppressWarnings("restricted")
    static boolean isAllowed() {
        try {
            return MemorySegment.NULL.reinterpret(1).byteSize() == 1;
        } catch (IllegalCallerException e) {
            return false;
        }
    }

    /// Linked only where native access is allowed.
    private static final class Native {
        static final MemorySegment MMAP = Downcall.function("mmap");
        static final MemorySegment MUNMAP = Downcall.function("munmap");
        static final MemorySegment MADVISE = Downcall.function("madvise");
        static final Consumer<MemorySegment> UNMAP = Cleanup.by(MUNMAP);
    }

    /// Zeroed memory, for as long as the segment is reachable, or until it is [given up][#giveUp].
    ///
    /// @throws OutOfMemoryError if the kernel has none
    @SuppressWarnings("restricted")
    static MemorySegment map(long bytes) {
        long room = bytes + HUGE;
        long at = Downcall.call(Native.MMAP, 0, room, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
        if (at == -1) {
            throw new OutOfMemoryError(bytes + " bytes from the operating system");
        }
        long aligned = (at + HUGE - 1) / HUGE * HUGE;
        long end = (aligned + bytes + 4095) / 4096 * 4096;
        unmap(at, aligned - at);
        unmap(end, at + room - end);
        // a wish: where it is not granted all works the same, a little slower
        Downcall.call(Native.MADVISE, aligned, bytes, MADV_HUGEPAGE);
        return MemorySegment.ofAddress(aligned).reinterpret(bytes, Arena.ofAuto(), Native.UNMAP);
    }

    /// Gives its memory back to the kernel at once. Nobody uses it any more; the addresses are free when nobody reaches it.
    static void giveUp(MemorySegment block) {
        Downcall.call(Native.MADVISE, block.address(), block.byteSize(), MADV_DONTNEED);
    }

    private static void unmap(long at, long bytes) {
        if (bytes > 0) {
            Downcall.call(Native.MUNMAP, at, bytes);
        }
    }
}
