package dev.nacre.cpu.x86;

import dev.nacre.compile.Cleanup;
import dev.nacre.compile.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;
import java.util.function.Consumer;

/// Whether this process may run machine code of its own, and memory to run it in. Needs Linux on x86-64, native access for this module, and a kernel that lets a process make memory
/// executable; where one is missing there is none, and no error.
public final class Machine {
    private static final int READ = 1;
    private static final int WRITE = 2;
    private static final int EXECUTE = 4;
    private static final int PRIVATE_ANONYMOUS = 0x22;

    /// Features of CPUID leaf 7 that loops need: AVX-512 F, DQ, BW, VL.
    private static final int AVX512 = 1 << 16 | 1 << 17 | 1 << 30 | 1 << 31;

    /// What the operating system must save of the registers.
    private static final int STATE = 0xE6;

    private static final boolean ALLOWED = isAllowed();

    private static final boolean AVX512_PRESENT =
            ALLOWED
                    && System.getProperty("os.name").equals("Linux")
                    && System.getProperty("os.arch").equals("amd64")
                    && probe();

    private Machine() {}

    /// Whether native code may run here, and takes the addresses that kernels have: where nobody has said so on the command line, the JVM still allows it, with a warning, as a rule; the first use finds out.
    public static boolean isNativeAllowed() {
        return ALLOWED;
    }

    @SuppressWarnings("restricted")
    private static boolean isAllowed() {
        try {
            return Memory.isNative() && MemorySegment.NULL.reinterpret(1).byteSize() == 1;
        } catch (IllegalCallerException e) {
            return false;
        }
    }

    /// Whether code with AVX-512 can be run.
    public static boolean hasAvx512() {
        return AVX512_PRESENT;
    }

    /// Linked only where native access is allowed.
    private static final class Native {
        static final MethodHandle CALL =
                handle(FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG), false);
        static final MethodHandle CALL_BRIEFLY =
                handle(FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG), true);
        private static final MethodHandle MMAP =
                handle(
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_LONG),
                        false);
        private static final MethodHandle MPROTECT =
                handle(
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.JAVA_INT),
                        false);

        private static final MethodHandle MUNMAP =
                handle(
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG),
                        false);

        private static final Consumer<MemorySegment> FREE =
                Cleanup.by(MUNMAP.bindTo(symbol("munmap")));

        @SuppressWarnings("restricted")
        private static MethodHandle handle(FunctionDescriptor type, boolean brief) {
            return brief
                    ? Linker.nativeLinker().downcallHandle(type, Linker.Option.critical(false))
                    : Linker.nativeLinker().downcallHandle(type);
        }

        private static MemorySegment symbol(String name) {
            return Linker.nativeLinker().defaultLookup().findOrThrow(name);
        }

        /// Executable memory with this code, for as long as the segment is reachable; [MemorySegment#NULL] if there can be none.
        @SuppressWarnings("restricted")
        static MemorySegment place(byte[] code) throws Throwable {
            long room =
                    (long)
                            MMAP.invokeExact(
                                    symbol("mmap"),
                                    0L,
                                    (long) code.length,
                                    READ | WRITE,
                                    PRIVATE_ANONYMOUS,
                                    -1,
                                    0L);
            if (room == -1) return MemorySegment.NULL;
            var memory =
                    MemorySegment.ofAddress(room).reinterpret(code.length, Arena.ofAuto(), FREE);
            memory.copyFrom(MemorySegment.ofArray(code));
            int refused =
                    (int)
                            MPROTECT.invokeExact(
                                    symbol("mprotect"), room, (long) code.length, READ | EXECUTE);
            return refused == 0 ? memory : MemorySegment.NULL;
        }
    }

    /// Machine code that takes the address of its arguments. It stays in memory for as long as this is reachable.
    public static final class Code {
        private final MemorySegment memory;
        private final MemorySegment address; // without a scope, which each call would look at

        private Code(MemorySegment memory) {
            this.memory = memory;
            this.address = MemorySegment.ofAddress(memory.address());
        }

        /// Puts code in executable memory.
        public static Code of(byte[] code) {
            try {
                var memory = Native.place(code);
                if (memory.address() == 0) throw new IllegalStateException("no executable memory");
                return new Code(memory);
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new LinkageError("executable memory", e);
            }
        }

        /// Calls it without telling the JVM: for microseconds of work that does not call back.
        public void runBriefly(long argument) {
            try {
                Native.CALL_BRIEFLY.invokeExact(address, argument);
            } catch (Throwable e) {
                throw new LinkageError("machine code", e);
            } finally {
                Reference.reachabilityFence(memory);
            }
        }

        /// Calls it; it may call back.
        public void run(long argument) {
            try {
                Native.CALL.invokeExact(address, argument);
            } catch (Throwable e) {
                throw new LinkageError("machine code", e);
            } finally {
                Reference.reachabilityFence(memory);
            }
        }
    }

    /// Asks the processor, and by the way whether code runs at all.
    private static boolean probe() {
        try (var arena = Arena.ofConfined()) {
            var out = arena.allocate(16, 8);
            Code.of(identify()).run(out.address());
            int features = out.get(ValueLayout.JAVA_INT, 0);
            int state = out.get(ValueLayout.JAVA_INT, 8);
            return (features & AVX512) == AVX512 && (state & STATE) == STATE;
        } catch (IllegalStateException e) {
            return false;
        }
    }

    /// Code that writes the features of CPUID leaf 7 and the state that is saved, both 0 where they cannot be asked for.
    private static byte[] identify() {
        var a = new Assembler();
        int done = a.newLabel();
        a.push(Assembler.RBX);
        a.moveNumber(Assembler.RAX, 1);
        a.raw(0x0F, 0xA2); // cpuid
        a.move(Assembler.RAX, Assembler.RCX);
        a.andNumber(Assembler.RAX, 1 << 27); // OSXSAVE
        a.compareNumber(Assembler.RAX, 0);
        a.jump(Assembler.Condition.EQUAL, done);
        a.moveNumber(Assembler.RAX, 7);
        a.moveNumber(Assembler.RCX, 0);
        a.raw(0x0F, 0xA2);
        a.store(Operand.Memory.at(Assembler.RDI, 0), Assembler.RBX, 4);
        a.moveNumber(Assembler.RCX, 0);
        a.raw(0x0F, 0x01, 0xD0); // xgetbv
        a.store(Operand.Memory.at(Assembler.RDI, 8), Assembler.RAX, 4);
        a.bind(done);
        a.pop(Assembler.RBX);
        a.ret();
        return a.finish();
    }
}
