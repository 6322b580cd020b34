package dev.nacre.cpu.x86;

import static dev.nacre.cpu.x86.Assembler.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.cpu.x86.Operand.Memory;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/// Instructions on general registers, executed and compared with what Java computes.
@EnabledIf("hasAvx512")
class GeneralTest {
    private static final int[] ALL = {
        RAX, RCX, RDX, RBX, RBP, RSI, R8, R9, R10, R11, R12, R13, R14, R15
    };

    static boolean hasAvx512() {
        return Machine.hasAvx512();
    }

    /// The number left in RAX by code that gets two numbers in RSI and RDX; they are at RDI and RDI + 8 too.
    private static long run(long x, long y, Consumer<Assembler> body) {
        byte[] memory = new byte[256];
        Lane.write(memory, 0, 8, x);
        Lane.write(memory, 8, 8, y);
        byte[] got =
                Program.run(
                        memory,
                        a -> {
                            a.moveNumber(RSI, x);
                            a.moveNumber(RDX, y);
                            body.accept(a);
                            a.store(Memory.at(RDI, 16), RAX, 8);
                        });
        return Lane.read(got, 16, 8);
    }

    /// From a register or memory to every register.
    private static long applied(General op, long x, long y, int dst, boolean memory) {
        return run(
                x,
                y,
                a -> {
                    a.push(RSI);
                    a.pop(dst);
                    a.general(op, dst, memory ? Memory.at(RDI, 8) : Operand.register(RDX));
                    a.move(RAX, dst);
                });
    }

    @Test
    void arithmetic() {
        Random random = new Random(4);
        for (int dst : ALL) {
            if (dst != RDX) {
                for (boolean memory : new boolean[] {false, true}) {
                    long x = random.nextLong();
                    long y = random.nextLong();
                    assertEquals(y, applied(General.MOV, x, y, dst, memory));
                    assertEquals(x + y, applied(General.ADD, x, y, dst, memory));
                    assertEquals(x - y, applied(General.SUB, x, y, dst, memory));
                    assertEquals(x & y, applied(General.AND, x, y, dst, memory));
                    assertEquals(x * y, applied(General.IMUL, x, y, dst, memory));
                    assertEquals(y & 0xFF, applied(General.MOVZX8, x, y, dst, memory));
                    assertEquals(y & 0xFFFF, applied(General.MOVZX16, x, y, dst, memory));
                    assertEquals((byte) y, applied(General.MOVSX8, x, y, dst, memory));
                    // what a subtraction borrows: −1 or 0
                    long borrow =
                            run(
                                    x,
                                    y,
                                    a -> {
                                        a.general(General.CMP, RSI, Operand.register(RDX));
                                        a.general(General.SBB, dst, Operand.register(dst));
                                        a.move(RAX, dst);
                                    });
                    assertEquals(Long.compareUnsigned(x, y) < 0 ? -1 : 0, borrow);
                }
            }
        }
    }

    @Test
    void addresses() {
        for (int base : ALL) {
            for (int index : ALL) {
                if (base != index) {
                    long got =
                            run(
                                    0,
                                    0,
                                    a -> {
                                        a.moveNumber(base, 1_000_000);
                                        a.moveNumber(index, 77);
                                        a.general(
                                                General.LEA, RAX, new Memory(base, index, 8, -50));
                                    });
                    assertEquals(1_000_000 + 8 * 77 - 50, got);
                }
            }
        }
    }

    @Test
    void numbers() {
        for (long n :
                new long[] {0, 1, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, 1L << 31, 1L << 63}) {
            for (int dst : ALL) {
                assertEquals(
                        n,
                        run(
                                0,
                                0,
                                a -> {
                                    a.moveNumber(dst, n);
                                    a.move(RAX, dst);
                                }));
                assertEquals(
                        (-(n + 12345) & -16) >>> 3 << 5,
                        run(
                                0,
                                0,
                                a -> {
                                    a.moveNumber(dst, n);
                                    a.addNumber(dst, 12345);
                                    a.negate(dst);
                                    a.andNumber(dst, -16);
                                    a.shiftRight(dst, 3);
                                    a.move(RAX, dst);
                                    a.moveNumber(RCX, 5);
                                    a.shiftLeft(RAX);
                                }));
            }
        }
    }

    @Test
    void storesOfEachSize() {
        for (int size : new int[] {1, 2, 4, 8}) {
            for (int from : ALL) {
                byte[] got =
                        Program.run(
                                new byte[64],
                                a -> {
                                    a.moveNumber(from, 0x1122334455667788L);
                                    a.store(Memory.at(RDI, 32), from, size);
                                });
                byte[] expected = new byte[8];
                Lane.write(expected, 0, size, 0x1122334455667788L);
                assertEquals(Lane.read(expected, 0, 8), Lane.read(got, 32, 8));
            }
        }
    }

    @Test
    void jumps() {
        long[] numbers = {-5, 0, 7, Long.MIN_VALUE, Long.MAX_VALUE};
        for (long x : numbers) {
            for (long y : numbers) {
                for (Condition c : Condition.values()) {
                    long got =
                            run(
                                    x,
                                    y,
                                    a -> {
                                        int holds = a.newLabel();
                                        a.moveNumber(RAX, 1);
                                        a.general(General.CMP, RSI, Operand.register(RDX));
                                        a.jump(c, holds);
                                        a.moveNumber(RAX, 0);
                                        a.bind(holds);
                                    });
                    boolean expected =
                            switch (c) {
                                case EQUAL -> x == y;
                                case NOT_EQUAL -> x != y;
                                case LESS -> x < y;
                                case GREATER_EQUAL -> x >= y;
                            };
                    assertEquals(expected ? 1 : 0, got, x + " " + c + " " + y);
                }
            }
        }
    }

    /// A loop that jumps back, a subroutine that is called forward, and code that is skipped; loops begin where they are aligned.
    @Test
    void loopsAndCalls() {
        for (int align : new int[] {1, 16, 32, 64}) {
            long got =
                    run(
                            10,
                            3,
                            a -> {
                                int loop = a.newLabel();
                                int add = a.newLabel();
                                int end = a.newLabel();
                                a.moveNumber(RAX, 0);
                                a.align(align);
                                a.bind(loop);
                                a.callLabel(add);
                                a.addNumber(RSI, -1);
                                a.compareNumber(RSI, 0);
                                a.jump(Condition.NOT_EQUAL, loop);
                                a.jump(end);
                                a.bind(add);
                                a.general(General.ADD, RAX, Operand.register(RDX));
                                a.ret();
                                a.bind(end);
                            });
            assertEquals(30, got);
        }
        Assembler a = new Assembler();
        a.ret();
        a.align(32);
        int before = a.finish().length;
        assertEquals(32, before);
    }

    /// Constants lie behind the code at multiples of their length, each once.
    @Test
    void constants() {
        Assembler a = new Assembler();
        int number = a.constant(new byte[64]);
        assertEquals(number, a.constant(new byte[64]));
        assertTrue(number != a.constant(new byte[4]));
        a.ret();
        assertEquals(64 + 64 + 4, a.finish().length);
    }

    /// A register that holds the address of other code.
    @Test
    void callsOfOtherCode() {
        long got =
                run(
                        1,
                        2,
                        a -> {
                            int after = a.newLabel();
                            int add = a.newLabel();
                            a.callLabel(add); // leaves the address of what follows on the stack
                            a.general(General.ADD, RAX, Operand.register(RDX));
                            a.ret();
                            a.bind(add);
                            a.pop(R15);
                            a.moveNumber(RAX, 40);
                            a.call(R15);
                            a.jump(after);
                            a.bind(after);
                        });
        assertEquals(42, got);
    }
}
