package dev.nacre.cpu.x86;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;

/// Runs instructions on memory whose address is in RDI.
final class Program {
    private Program() {}

    /// The memory afterwards. Registers that the caller needs are saved.
    static byte[] run(byte[] memory, Consumer<Assembler> body) {
        Assembler a = new Assembler();
        int[] saved = {
            Assembler.RBX, Assembler.RBP, Assembler.R12, Assembler.R13, Assembler.R14, Assembler.R15
        };
        for (int r : saved) a.push(r);
        body.accept(a);
        for (int i = saved.length - 1; i >= 0; i--) a.pop(saved[i]);
        a.ret();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment m = arena.allocate(memory.length, 64);
            MemorySegment.copy(memory, 0, m, ValueLayout.JAVA_BYTE, 0, memory.length);
            Machine.Code.of(a.finish()).run(m.address());
            return m.toArray(ValueLayout.JAVA_BYTE);
        }
    }
}
