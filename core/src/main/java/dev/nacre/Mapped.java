package dev.nacre;

import dev.nacre.compile.Stack;
import dev.nacre.compile.Upcall;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.util.List;
import java.util.function.LongBinaryOperator;

/// Work that reads memory of others, whose arenas they may close meanwhile. The JVM keeps an arena open only while one of its segments is an argument of a native call; so the work is done within one, of the C
/// library's `bsearch`, which calls back to compare the only element that there is. Whoever closes the arena then is told that it is in use.
final class Mapped {
    /// What calling back needs, interpreted or not.
    private static final int ROOM = 1 << 16;

    /// What this thread is doing.
    private static final ThreadLocal<Mapped> NOW = new ThreadLocal<>();

    private final List<Stored> read;
    private final Runnable work;
    private int open; // so many of those that are read are kept open
    private Throwable thrown; // by the work: it must not pass through native code

    private Mapped(List<Stored> read, Runnable work) {
        this.read = read;
        this.work = work;
    }

    /// Does the work with all of that memory kept open.
    ///
    /// @param read one of each arena
    static void during(List<Stored> read, Runnable work) {
        Mapped outer = NOW.get();
        Mapped m = new Mapped(read, work);
        NOW.set(m);
        try {
            m.go();
        } catch (Error | RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new LinkageError("bsearch", e);
        } finally {
            if (outer == null) {
                NOW.remove();
            } else {
                NOW.set(outer);
            }
        }
    }

    private void go() throws Throwable {
        if (open == read.size()) {
            work.run();
            return;
        }
        Stored next = read.get(open++);
        MemorySegment memory = next.memory();
        Stack.reserve(ROOM);
        try {
            long ignored =
                    (long)
                            Native.SEARCH.invokeExact(
                                    memory, memory.address(), 1L, 1L, Native.BACK.address());
        } catch (IllegalStateException e) { // the work's are not thrown through here
            throw next.closed();
        } catch (WrongThreadException e) {
            throw next.confined();
        }
        if (thrown != null) {
            throw thrown;
        }
    }

    private static long back(long key, long element) {
        Mapped m = NOW.get();
        try {
            m.go();
        } catch (Throwable e) {
            m.thrown = e;
        }
        return 0;
    }

    /// Linked when somebody maps memory.
    private static final class Native {
        private static final LongBinaryOperator RUN = Mapped::back;
        static final MemorySegment BACK =
                Upcall.of(
                        RUN,
                        LongBinaryOperator.class,
                        "applyAsLong",
                        MethodType.methodType(long.class, long.class, long.class),
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG));
        static final MethodHandle SEARCH = search();

        @SuppressWarnings("restricted")
        private static MethodHandle search() {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("bsearch"),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            ValueLayout.ADDRESS,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG));
        }
    }
}
