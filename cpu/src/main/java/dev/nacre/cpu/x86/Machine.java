package dev.nacre.cpu.x86;

import dev.nacre.compile.Cleanup;
import dev.nacre.compile.Downcall;
import dev.nacre.compile.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.function.Consumer;

/// Whether this process may run machine code of its own, and memory to run it in. Needs Linux on x86-64, native access for this module, and a kernel that lets a process make memory
/// executable; where one is missing there is none, and no error.
public final class Machine {
    private static final int READ = 1;
    private static final int WRITE = 2;
    private static final int EXECUTE = 4;
    private static final int PRIVATE_ANONYMOUS = 0x22;
    private static final int SHARED_ANONYMOUS_POPULATED = 0x8021;
    private static final int MAY_MOVE = 1; // of mremap

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

    /// Touched only where native access is allowed.
    private static final class Native {
        private static final Consumer<MemorySegment> FREE = Cleanup.by(Downcall.function("munmap"));

        /// Bytes of a region of small pieces: enough that what mapping it costs is little for each, little enough to be kept for the last one of them.
        private static final int REGION = 1 << 16;

        private static final int SMALL = REGION / 8;
        private static final int LINE = 64;

        // the region that is being filled, at the two places where it lies: at one it is written,
        // at the other it is run, and none is both
        private static MemorySegment written = MemorySegment.NULL;
        private static MemorySegment run = MemorySegment.NULL;
        private static long used;
        private static boolean shares = true; // until that is refused

        /// Executable memory with this code, for as long as the segment is reachable; [MemorySegment#NULL] if there can be none.
        static MemorySegment place(byte[] code) {
            var memory = code.length <= SMALL ? shared(code) : MemorySegment.NULL;
            return memory.address() != 0 ? memory : alone(code);
        }

        /// A part of a region, which goes when the last of its parts does.
        private static synchronized MemorySegment shared(byte[] code) {
            if (used + code.length > run.byteSize() && shares) shares = open();
            if (!shares) return MemorySegment.NULL;
            written.asSlice(used, code.length).copyFrom(MemorySegment.ofArray(code));
            var memory = run.asSlice(used, code.length);
            used += Math.ceilDiv(code.length, LINE) * LINE;
            return memory;
        }

        private static boolean open() {
            long at = map(REGION, SHARED_ANONYMOUS_POPULATED);
            if (at == -1) return false;
            written = owned(at, REGION);
            long again = Downcall.call(Downcall.function("mremap"), at, 0, REGION, MAY_MOVE);
            if (again == -1) return false;
            run = owned(again, REGION);
            used = 0;
            return isExecutable(again, REGION);
        }

        private static MemorySegment alone(byte[] code) {
            long at = map(code.length, PRIVATE_ANONYMOUS);
            if (at == -1) return MemorySegment.NULL;
            var memory = owned(at, code.length);
            memory.copyFrom(MemorySegment.ofArray(code));
            return isExecutable(at, code.length) ? memory : MemorySegment.NULL;
        }

        private static long map(long bytes, int flags) {
            return Downcall.call(Downcall.function("mmap"), 0, bytes, READ | WRITE, flags, -1, 0);
        }

        private static boolean isExecutable(long at, long bytes) {
            return (int) Downcall.call(Downcall.function("mprotect"), at, bytes, READ | EXECUTE)
                    == 0;
        }

        /// Memory of the kernel's, unmapped when nobody reaches it.
        @SuppressWarnings("restricted")
        private static MemorySegment owned(long at, long bytes) {
            return MemorySegment.ofAddress(at).reinterpret(bytes, Arena.ofAuto(), FREE);
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
            var memory = Native.place(code);
            if (memory.address() == 0) throw new IllegalStateException("no executable memory");
            return new Code(memory);
        }

        /// Calls it without telling the JVM: for microseconds of work that does not call back.
        public void runBriefly(long argument) {
            try {
                Downcall.briefly(address, argument, 0);
            } finally {
                Reference.reachabilityFence(memory);
            }
        }

        /// Calls it; it may call back.
        public void run(long argument) {
            try {
                Downcall.call(address, argument, 0);
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
