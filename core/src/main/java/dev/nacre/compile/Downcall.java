package dev.nacre.compile;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Collections;

/// Calls of native functions. Arguments and results are `long`s: addresses, handles, sizes, and ints. That is not what the C declarations say, but on every platform here an int travels in a register or in a
/// stack slot of its own as a long does, surplus arguments are the caller's to remove, and of an int result only the lower half counts. So all functions share a few shapes, and linking a shape costs a young
/// JVM ten classes and some 20 ms of processor time.
///
/// Each shape is linked when it is first called, and only where native access is allowed.
public final class Downcall {
    private Downcall() {}

    private static final class OfTwo {
        static final MethodHandle HANDLE = linked(2);
    }

    private static final class OfSeven {
        static final MethodHandle HANDLE = linked(7);
    }

    private static final class OfThirteen {
        static final MethodHandle HANDLE = linked(13);
    }

    private static final class Brief {
        static final MethodHandle HANDLE = linked(2, Linker.Option.critical(false));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle linked(int arguments, Linker.Option... options) {
        var longs =
                Collections.nCopies(arguments, ValueLayout.JAVA_LONG)
                        .toArray(new MemoryLayout[arguments]);
        return Linker.nativeLinker()
                .downcallHandle(FunctionDescriptor.of(ValueLayout.JAVA_LONG, longs), options);
    }

    /// A function of the C library.
    public static MemorySegment function(String name) {
        return Linker.nativeLinker().defaultLookup().findOrThrow(name);
    }

    /// Of a function, an address and a number.
    static MethodHandle ofTwo() {
        return OfTwo.HANDLE;
    }

    /// Calls a function of up to two arguments.
    public static long call(MemorySegment function, long a, long b) {
        try {
            return (long) OfTwo.HANDLE.invokeExact(function, a, b);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// Calls a function of up to two arguments that is back in nanoseconds, or in microseconds, and does not call back: the garbage collector waits for it.
    public static long briefly(MemorySegment function, long a, long b) {
        try {
            return (long) Brief.HANDLE.invokeExact(function, a, b);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// Calls a function of up to four arguments.
    public static long call(MemorySegment function, long a, long b, long c, long d) {
        try {
            return (long) OfSeven.HANDLE.invokeExact(function, a, b, c, d, 0L, 0L, 0L);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /// Calls a function of up to thirteen arguments; what it takes more than is given is 0.
    public static long call(MemorySegment function, long... a) {
        try {
            return a.length <= 7
                    ? (long)
                            OfSeven.HANDLE.invokeExact(
                                    function, at(a, 0), at(a, 1), at(a, 2), at(a, 3), at(a, 4),
                                    at(a, 5), at(a, 6))
                    : (long)
                            OfThirteen.HANDLE.invokeExact(
                                    function, at(a, 0), at(a, 1), at(a, 2), at(a, 3), at(a, 4),
                                    at(a, 5), at(a, 6), at(a, 7), at(a, 8), at(a, 9), at(a, 10),
                                    at(a, 11), at(a, 12));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static long at(long[] arguments, int index) {
        return index < arguments.length ? arguments[index] : 0;
    }

    /// For the handlers round `invokeExact`, which is declared to throw anything.
    public static RuntimeException unexpected(Throwable e) {
        if (e instanceof RuntimeException plain) throw plain;
        if (e instanceof Error error) throw error;
        throw new LinkageError("a native call did not go through", e);
    }
}
