package dev.nacre.cpu.x86;

/// What an instruction reads or writes last: a register, or memory.
public sealed interface Operand {
    /// A vector, mask or general register, by its number.
    record Register(int number) implements Operand {}

    /// `[base + index·scale + offset]`.
    ///
    /// @param index −1: none
    record Memory(int base, int index, int scale, int offset) implements Operand {
        public static Memory at(int base, int offset) {
            return new Memory(base, -1, 1, offset);
        }
    }

    /// `[base + lane of an index vector + offset]`, for gathers and scatters.
    record Lanes(int base, int vector, int offset) implements Operand {}

    /// A constant behind the code.
    ///
    /// @param number what [Assembler#constant] gave
    /// @param broadcast whether it is one element for all lanes
    record Constant(int number, boolean broadcast) implements Operand {}

    static Operand register(int number) {
        return new Register(number);
    }
}
