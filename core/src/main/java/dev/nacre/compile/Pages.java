package dev.nacre.compile;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// Asks the kernel for huge pages (Linux, and where the JVM allows this module native calls). A wish: where it is not granted all works the same, a little slower.
final class Pages {
    /// Of a huge page; large blocks are aligned to it.
    static final long HUGE = 2 << 20;

    private static final int MADV_HUGEPAGE = 14;

    /// Since Linux 6.1: at once, pages in use included. Before, the kernel does it by and by.
    private static final int MADV_COLLAPSE = 25;

    private static final Optional<MethodHandle> MADVISE = madvise();

    private Pages() {}

    @SuppressWarnings("restricted")
    private static Optional<MethodHandle> madvise() {
        if (!System.getProperty("os.name").equals("Linux")
                || !Pages.class.getModule().isNativeAccessEnabled()) {
            return Optional.empty();
        }
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup()
                .find("madvise")
                .map(f ->
                        linker.downcallHandle(
                                f,
                                FunctionDescriptor.of(
                                        ValueLayout.JAVA_INT,
                                        ValueLayout.ADDRESS,
                                        ValueLayout.JAVA_LONG,
                                        ValueLayout.JAVA_INT)));
    }

    /// Backs the huge pages that lie wholly within a block.
    static void wishHuge(MemorySegment block) {
        long bytes = block.byteSize() / HUGE * HUGE;
        if (bytes == 0 || MADVISE.isEmpty()) {
            return;
        }
        try {
            int ignored = (int) MADVISE.get().invokeExact(block, bytes, MADV_HUGEPAGE);
            ignored = (int) MADVISE.get().invokeExact(block, bytes, MADV_COLLAPSE);
        } catch (Throwable e) {
            throw new LinkageError("madvise", e);
        }
    }
}
