package dev.nacre.cpu.loops;

import dev.nacre.compile.Stack;
import dev.nacre.cpu.x86.Machine;
import dev.nacre.ir.PerThread;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Makes sure that machine code which calls back into Java finds room on the stack. Touching that room takes some microseconds, a small kernel's whole time, so each thread remembers how far down
/// its stack it has done so: whoever calls from above has more. Where there is none, as on threads with a small stack (`-Xss`), the code runs on another.
final class Room {
    /// `mov [rdi], rsp; ret`
    private static final Machine.Code STACK_POINTER =
            Machine.Code.of(new byte[] {0x48, (byte) 0x89, 0x27, (byte) 0xC3});

    private static final PerThread<Room> MINE = new PerThread<>(Room::new);

    private final MemorySegment pointer = Arena.ofAuto().allocate(ValueLayout.JAVA_LONG);
    private long lowest = Long.MAX_VALUE;

    private Room() {}

    /// Whether there is enough.
    static boolean isThereForCallOut() {
        return Thread.currentThread().isVirtual()
                ? Stack.has(CallOut.STACK) // its frames lie now on one stack, now on another
                : MINE.get().isThere();
    }

    private boolean isThere() {
        STACK_POINTER.runBriefly(pointer.address());
        long here = pointer.get(ValueLayout.JAVA_LONG, 0);
        if (here >= lowest) return true;
        if (!Stack.has(CallOut.STACK)) return false;
        lowest = here;
        return true;
    }
}
