package dev.nacre.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Pieces of machine code share memory that is never writable and executable at once, and that is freed after the last of them.
class CodeTest {
    private static final int MANY = 1000;

    @BeforeAll
    static void isThere() {
        assumeTrue(Machine.hasAvx512(), "machine code");
    }

    /// Code that stores a number, with so many further bytes.
    private static Machine.Code storing(int number, int further) {
        Assembler a = new Assembler();
        a.moveNumber(Assembler.RAX, number);
        a.store(Operand.Memory.at(Assembler.RDI, 0), Assembler.RAX, 4);
        a.ret();
        for (int i = 0; i < further; i++) a.raw(0xCC);
        return Machine.Code.of(a.finish());
    }

    private static int stored(Machine.Code code) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment m = arena.allocate(8, 8);
            code.runBriefly(m.address());
            return m.get(ValueLayout.JAVA_INT, 0);
        }
    }

    /// KiB of the process that code can be run in.
    private static long executable() throws IOException {
        long bytes = 0;
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            String[] parts = line.split("[- ]", 3);
            if (line.split(" ")[1].startsWith("r-x")) {
                bytes += Long.parseUnsignedLong(parts[1], 16);
                bytes -= Long.parseUnsignedLong(parts[0], 16);
            }
        }
        return bytes >> 10;
    }

    @Test
    void eachRunsWhateverItsLength() {
        List<Machine.Code> all =
                IntStream.range(0, MANY)
                        .mapToObj(i -> storing(i, i % 7 == 0 ? 40 * i : i % 100))
                        .toList();
        for (int round = 0; round < 2; round++)
            for (int i = 0; i < MANY; i++) assertEquals(i, stored(all.get(i)));
    }

    @Test
    void threadsPlaceTheirsSideBySide() {
        List<Integer> wrong =
                IntStream.range(0, 4 * MANY)
                        .parallel()
                        .filter(i -> stored(storing(i, i % 300)) != i)
                        .boxed()
                        .toList();
        assertEquals(List.of(), wrong);
    }

    @Test
    void manySmallOnesTakeFewPagesUntilTheLastIsGone() throws Exception {
        long before = executable();
        List<Machine.Code> all = new ArrayList<>();
        for (int i = 0; i < MANY; i++) all.add(storing(i, 500));
        long with = executable() - before;
        assertTrue(with < MANY, () -> with + " KiB");
        Machine.Code kept = all.get(MANY / 2);
        all.clear();
        long left = with;
        for (int i = 0; i < 100 && left > 200; i++) {
            System.gc();
            Thread.sleep(20);
            left = executable() - before;
        }
        assertTrue(left <= 200, left + " of " + with + " KiB are left");
        assertEquals(MANY / 2, stored(kept));
    }

    @Test
    void noneIsWritableWhereItRuns() throws IOException {
        for (int further : new int[] {0, 100_000}) {
            Assembler a = new Assembler();
            a.raw(0x48, 0x8D, 0x05, 0, 0, 0, 0); // lea rax, [rip]
            a.store(Operand.Memory.at(Assembler.RDI, 0), Assembler.RAX, 8);
            a.ret();
            for (int i = 0; i < further; i++) a.raw(0xCC);
            Machine.Code code = Machine.Code.of(a.finish());
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment m = arena.allocate(8, 8);
                code.run(m.address());
                assertEquals("r-x", permissions(m.get(ValueLayout.JAVA_LONG, 0)).substring(0, 3));
            }
        }
    }

    private static String permissions(long address) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            String[] parts = line.split("[- ]");
            if (Long.parseUnsignedLong(parts[0], 16) <= address
                    && address < Long.parseUnsignedLong(parts[1], 16)) {
                return line.split(" ")[1];
            }
        }
        throw new AssertionError("no such memory");
    }
}
