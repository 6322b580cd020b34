package dev.nacre.cpu.onednn;

import dev.nacre.compile.Downcall;
import dev.nacre.cpu.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// The native functions that execute, and where the others are. Touch it only when [Native] has found the library.
final class Api {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    private static final SymbolLookup SYMBOLS = Native.oneDnn().orElseThrow().symbols();
    private static final Linker LINKER = Linker.nativeLinker();

    private static final MemorySegment EXECUTE = symbol("dnnl_primitive_execute");
    private static final MemorySegment SET_ADDRESS = symbol("dnnl_memory_set_data_handle");
    private static final MemorySegment THREADS = threads().orElse(MemorySegment.NULL);
    private static final boolean HAS_THREADS = THREADS.address() != 0;

    private Api() {}

    /// Runs a primitive; returns its status.
    static int execute(long primitive, long stream, int count, long arguments) {
        return (int) Downcall.call(EXECUTE, primitive, stream, count, arguments);
    }

    /// Points a memory object to other memory; returns the status.
    static int setAddress(long memory, long address) {
        return (int) Downcall.briefly(SET_ADDRESS, memory, address);
    }

    /// Lets oneDNN use no threads of its own when the calling thread calls it. That is a setting of the operating system's
    /// thread, and others may change it; so it goes before every call that computes or compiles.
    static void oneThread() {
        if (HAS_THREADS) Downcall.briefly(THREADS, 1, 0);
    }

    /// `dnnl_post_ops_append_sum`
    static int appendSum(long postOps, float scale) {
        try {
            return (int) Floats.SUM.invokeExact(postOps, scale, 0, 0);
        } catch (Throwable e) {
            throw Downcall.unexpected(e);
        }
    }

    /// `dnnl_post_ops_append_eltwise`
    static int appendEltwise(long postOps, int function, float alpha, float beta) {
        try {
            return (int) Floats.ELTWISE.invokeExact(postOps, function, alpha, beta);
        } catch (Throwable e) {
            throw Downcall.unexpected(e);
        }
    }

    /// `dnnl_sgemm`: `c = a·b + beta·c` of row-major matrices, where `T` says that one lies transposed; returns the status.
    static int gemm(
            boolean turnsA,
            boolean turnsB,
            long rows,
            long columns,
            long inner,
            long a,
            long aStep,
            long b,
            long bStep,
            float beta,
            long c,
            long cStep) {
        try {
            return (int)
                    Gemms.CALL.invokeExact(
                            (byte) (turnsA ? 'T' : 'N'),
                            (byte) (turnsB ? 'T' : 'N'),
                            rows,
                            columns,
                            inner,
                            1f,
                            a,
                            aStep,
                            b,
                            bStep,
                            beta,
                            c,
                            cStep);
        } catch (Throwable e) {
            throw Downcall.unexpected(e);
        }
    }

    private static final class Gemms {
        private static final ValueLayout.OfByte CHAR = ValueLayout.JAVA_BYTE;
        private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

        /// Of small products: the collector waits for it.
        @SuppressWarnings("restricted")
        static final MethodHandle CALL =
                LINKER.downcallHandle(
                        symbol("dnnl_sgemm"),
                        FunctionDescriptor.of(
                                INT, CHAR, CHAR, LONG, LONG, LONG, FLOAT, LONG, LONG, LONG, LONG,
                                FLOAT, LONG, LONG),
                        Linker.Option.critical(false));
    }

    private static final class Floats {
        private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
        static final MethodHandle SUM =
                link("dnnl_post_ops_append_sum", FunctionDescriptor.of(INT, LONG, FLOAT, INT, INT));
        static final MethodHandle ELTWISE =
                link(
                        "dnnl_post_ops_append_eltwise",
                        FunctionDescriptor.of(INT, LONG, INT, FLOAT, FLOAT));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle link(String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(symbol(name), type);
    }

    /// A function of the library.
    static MemorySegment symbol(String name) {
        return SYMBOLS.find(name).orElseThrow(() -> new LinkageError("oneDNN lacks " + name));
    }

    /// OpenMP is found through the libraries that depend on it, but not so on Windows. A oneDNN without it has no threads.
    @SuppressWarnings("restricted")
    private static Optional<MemorySegment> threads() {
        var found = SYMBOLS.find("omp_set_num_threads");
        if (found.isPresent() || !System.getProperty("os.name", "").startsWith("Windows"))
            return found;
        try {
            return SymbolLookup.libraryLookup("vcomp140.dll", Arena.global())
                    .find("omp_set_num_threads");
        } catch (IllegalArgumentException _) {
            return Optional.empty();
        }
    }
}
