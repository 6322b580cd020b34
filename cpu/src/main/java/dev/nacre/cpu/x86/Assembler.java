package dev.nacre.cpu.x86;

import dev.nacre.cpu.x86.Operand.Constant;
import dev.nacre.cpu.x86.Operand.Lanes;
import dev.nacre.cpu.x86.Operand.Memory;
import dev.nacre.cpu.x86.Operand.Register;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Writes machine code: instructions in order, labels, and constants that follow the code.
///
/// Vector instructions take their operands as the manual writes them: destination, first source, last source. A mask of 0 is none.
public final class Assembler {
    public static final int RAX = 0;
    public static final int RCX = 1;
    public static final int RDX = 2;
    public static final int RBX = 3;
    public static final int RSP = 4;
    public static final int RBP = 5;
    public static final int RSI = 6;
    public static final int RDI = 7;
    public static final int R8 = 8;
    public static final int R9 = 9;
    public static final int R10 = 10;
    public static final int R11 = 11;
    public static final int R12 = 12;
    public static final int R13 = 13;
    public static final int R14 = 14;
    public static final int R15 = 15;

    /// Conditions of jumps, on signed numbers.
    public enum Condition {
        EQUAL(4),
        NOT_EQUAL(5),
        LESS(12),
        GREATER_EQUAL(13);

        private final int code;

        Condition(int code) {
            this.code = code;
        }
    }

    /// General instructions that take a register and a last operand.
    public enum General {
        MOV(0x8B),
        ADD(0x03),
        AND(0x23),
        SUB(0x2B),
        CMP(0x3B),
        LEA(0x8D),
        SBB(0x1B),
        IMUL(0x0FAF),
        MOVZX8(0x0FB6),
        MOVZX16(0x0FB7),
        MOVSX8(0x0FBE);

        private final int opcode;

        General(int opcode) {
            this.opcode = opcode;
        }
    }

    /// Instructions on masks of 64 bits.
    public enum Mask {
        AND(0x41),
        OR(0x45),
        XOR(0x47);

        private final int opcode;

        Mask(int opcode) {
            this.opcode = opcode;
        }
    }

    private record Use(int at, int end, int target) {}

    private byte[] bytes = new byte[1024];
    private int size;
    private final List<Integer> labels = new ArrayList<>();
    private final List<Use> jumps = new ArrayList<>();
    private final List<byte[]> constants = new ArrayList<>();
    private final Map<ByteBuffer, Integer> constantNumbers = new HashMap<>();
    private final List<Use> constantUses = new ArrayList<>();
    private int openUse = -1;
    private int openTarget;

    // ------------------------------------------------------------------------------------------
    // vectors

    /// A vector instruction.
    ///
    /// @param bytes length of its widest vectors: 16, 32 or 64
    /// @param first 0 if there is none
    /// @param zero whether lanes outside the mask become zero, not stay
    public void vector(
            Instruction i, int bytes, int dst, int first, Operand last, int mask, boolean zero) {
        evex(i, bytes, dst, first, last, mask, zero);
        close();
    }

    public void vector(Instruction i, int bytes, int dst, int first, Operand last) {
        vector(i, bytes, dst, first, last, 0, false);
    }

    public void vector(Instruction i, int bytes, int dst, Operand last) {
        vector(i, bytes, dst, 0, last, 0, false);
    }

    /// One with a number in the instruction.
    public void vector(Instruction i, int bytes, int dst, int first, Operand last, int number) {
        evex(i, bytes, dst, first, last, 0, false);
        put(number);
        close();
    }

    private void evex(
            Instruction i, int bytes, int dst, int first, Operand last, int mask, boolean zero) {
        int length = bytes == 64 ? 2 : bytes == 32 ? 1 : 0;
        int high = first >> 4 & 1; // of the first source, or of an index vector
        if (last instanceof Lanes l) high = l.vector() >> 4 & 1;
        put(0x62);
        put(
                (dst >> 3 & 1 ^ 1) << 7
                        | (extendedIndex(last) ^ 1) << 6
                        | (extendedBase(last) ^ 1) << 5
                        | (dst >> 4 & 1 ^ 1) << 4
                        | i.map);
        put(i.w << 7 | (first & 15 ^ 15) << 3 | 4 | i.prefix);
        boolean broadcast = last instanceof Constant c && c.broadcast();
        put((zero ? 1 : 0) << 7 | length << 5 | (broadcast ? 1 : 0) << 4 | (high ^ 1) << 3 | mask);
        put(i.opcode);
        modRm(dst & 7, last);
    }

    private static int extendedBase(Operand last) {
        return switch (last) {
            case Register r -> r.number() >> 3 & 1;
            case Memory m -> m.base() >> 3 & 1;
            case Lanes l -> l.base() >> 3 & 1;
            case Constant _ -> 0;
        };
    }

    /// Bit 3 of an index register; bit 4 of a vector register in the last place.
    private static int extendedIndex(Operand last) {
        return switch (last) {
            case Register r -> r.number() >> 4 & 1;
            case Memory m -> m.index() < 0 ? 0 : m.index() >> 3 & 1;
            case Lanes l -> l.vector() >> 3 & 1;
            case Constant _ -> 0;
        };
    }

    private void modRm(int reg, Operand last) {
        switch (last) {
            case Register r -> put(0xC0 | reg << 3 | r.number() & 7);
            case Memory m when m.index() < 0 && (m.base() & 7) != RSP -> {
                put(0x80 | reg << 3 | m.base() & 7);
                put32(m.offset());
            }
            case Memory m -> {
                int index = m.index() < 0 ? RSP : m.index();
                put(0x84 | reg << 3);
                put(
                        Integer.numberOfTrailingZeros(m.scale()) << 6
                                | (index & 7) << 3
                                | m.base() & 7);
                put32(m.offset());
            }
            case Lanes l -> {
                put(0x84 | reg << 3);
                put((l.vector() & 7) << 3 | l.base() & 7);
                put32(l.offset());
            }
            case Constant c -> {
                put(0x05 | reg << 3);
                openUse = size;
                openTarget = c.number();
                put32(0);
            }
        }
    }

    /// The end of an instruction, from where the place of its constant counts.
    private void close() {
        if (openUse < 0) return;
        constantUses.add(new Use(openUse, size, openTarget));
        openUse = -1;
    }

    // ----------------------------------------------------------------------------------------
    // masks

    /// `dst = a op b`, masks.
    public void mask(Mask op, int dst, int a, int b) {
        vex(0, dst, a, Operand.register(b), 1, op.opcode);
    }

    public void maskNot(int dst, int a) {
        vex(0, dst, 0, Operand.register(a), 0, 0x44);
    }

    /// Loads a mask from memory, or copies one.
    public void maskLoad(int dst, Operand from) {
        vex(0, dst, 0, from, 0, 0x90);
    }

    public void maskStore(Operand to, int mask) {
        vex(0, mask, 0, to, 0, 0x91);
    }

    public void maskFromGeneral(int mask, int general) {
        vex(3, mask, 0, Operand.register(general), 0, 0x92);
    }

    public void generalFromMask(int general, int mask) {
        vex(3, general, 0, Operand.register(mask), 0, 0x93);
    }

    /// Sets EQUAL if no bit of either is set.
    public void maskTest(int a, int b) {
        vex(0, a, 0, Operand.register(b), 0, 0x98);
    }

    private void vex(int prefix, int reg, int first, Operand last, int length, int opcode) {
        put(0xC4);
        put(
                (reg >> 3 & 1 ^ 1) << 7
                        | (extendedIndex(last) ^ 1) << 6
                        | (extendedBase(last) ^ 1) << 5
                        | 1);
        put(1 << 7 | (first & 15 ^ 15) << 3 | length << 2 | prefix);
        put(opcode);
        modRm(reg & 7, last);
        close();
    }

    // -----------------------------------------------------------------------------------
    // general registers

    /// An instruction on 64 bits.
    public void general(General op, int reg, Operand last) {
        rex(1, reg, last);
        if (op.opcode > 0xFF) put(op.opcode >> 8);
        put(op.opcode & 0xFF);
        modRm(reg & 7, last);
        close();
    }

    public void move(int dst, int src) {
        general(General.MOV, dst, Operand.register(src));
    }

    /// Stores the low 1, 2, 4 or 8 bytes of a register.
    public void store(Operand to, int reg, int bytes) {
        if (bytes == 2) put(0x66);
        rex(bytes == 8 ? 1 : 0, reg, to);
        put(bytes == 1 ? 0x88 : 0x89);
        modRm(reg & 7, to);
    }

    private void rex(int w, int reg, Operand last) {
        put(0x40 | w << 3 | (reg >> 3 & 1) << 2 | extendedIndex(last) << 1 | extendedBase(last));
    }

    public void moveNumber(int dst, long number) {
        rex(1, 0, Operand.register(dst));
        if (number == (int) number) {
            put(0xC7);
            put(0xC0 | dst & 7);
            put32((int) number);
        } else {
            put(0xB8 | dst & 7);
            put32((int) number);
            put32((int) (number >> 32));
        }
    }

    public void addNumber(int dst, int number) {
        numeric(0, dst, number);
    }

    public void andNumber(int dst, int number) {
        numeric(4, dst, number);
    }

    public void compareNumber(int a, int number) {
        numeric(7, a, number);
    }

    private void numeric(int operation, int dst, int number) {
        rex(1, 0, Operand.register(dst));
        put(0x81);
        put(0xC0 | operation << 3 | dst & 7);
        put32(number);
    }

    public void negate(int dst) {
        rex(1, 0, Operand.register(dst));
        put(0xF7);
        put(0xD8 | dst & 7);
    }

    /// Shifts left by the low bits of RCX.
    public void shiftLeft(int dst) {
        rex(1, 0, Operand.register(dst));
        put(0xD3);
        put(0xE0 | dst & 7);
    }

    public void shiftRight(int dst, int by) {
        rex(1, 0, Operand.register(dst));
        put(0xC1);
        put(0xE8 | dst & 7);
        put(by);
    }

    public void push(int reg) {
        rex(0, 0, Operand.register(reg));
        put(0x50 | reg & 7);
    }

    public void pop(int reg) {
        rex(0, 0, Operand.register(reg));
        put(0x58 | reg & 7);
    }

    public void call(int reg) {
        rex(0, 0, Operand.register(reg));
        put(0xFF);
        put(0xD0 | reg & 7);
    }

    public void ret() {
        put(0xC3);
    }

    /// Fills up to a multiple of so many bytes with instructions that do nothing.
    public void align(int to) {
        while (size % to != 0)
            if (to - size % to >= 8) raw(0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0);
            else put(0x90);
    }

    /// Bytes as they are.
    public void raw(int... code) {
        for (int b : code) put(b);
    }

    // -------------------------------------------------------------------------------------------
    // labels and constants

    public int newLabel() {
        labels.add(-1);
        return labels.size() - 1;
    }

    public void bind(int label) {
        labels.set(label, size);
    }

    public void jump(int label) {
        put(0xE9);
        target(label);
    }

    public void jump(Condition condition, int label) {
        put(0x0F);
        put(0x80 | condition.code);
        target(label);
    }

    public void callLabel(int label) {
        put(0xE8);
        target(label);
    }

    private void target(int label) {
        jumps.add(new Use(size, size + 4, label));
        put32(0);
    }

    /// Keeps a constant behind the code; its length is a power of two up to 64, to which it is aligned.
    public int constant(byte[] value) {
        return constantNumbers.computeIfAbsent(
                ByteBuffer.wrap(value.clone()),
                key -> {
                    constants.add(key.array());
                    return constants.size() - 1;
                });
    }

    /// The code and its constants. It may be put anywhere that is aligned to 64 bytes.
    public byte[] finish() {
        for (var j : jumps) patch(j, labels.get(j.target()));
        var places = new int[constants.size()];
        for (int length = 64; length > 0; length /= 2)
            for (int i = 0; i < constants.size(); i++) {
                if (constants.get(i).length != length) continue;
                while (size % length != 0) put(0);
                places[i] = size;
                for (byte b : constants.get(i)) put(b);
            }
        for (var u : constantUses) patch(u, places[u.target()]);
        return Arrays.copyOf(bytes, size);
    }

    private void patch(Use use, int place) {
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(use.at(), place - use.end());
    }

    private void put(int b) {
        if (size == bytes.length) bytes = Arrays.copyOf(bytes, 2 * size);
        bytes[size++] = (byte) b;
    }

    private void put32(int value) {
        for (int shift = 0; shift < 32; shift += 8) put(value >> shift);
    }
}
