package dev.nacre.cpu.loops;

import dev.nacre.compile.loop.Value;
import dev.nacre.type.DType;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;

/// How wide vectors are in one program: every vector has the same number of lanes, whatever its element type.
///
/// @param bits of a vector register
/// @param lanes a register's worth of the widest type that the program computes with
record VectorForm(int bits, int lanes) {
    /// The element types of the Vector API.
    enum Element {
        BYTE("Byte", 1, ConstantDescs.CD_byte),
        SHORT("Short", 2, ConstantDescs.CD_short),
        INT("Int", 4, ConstantDescs.CD_int),
        LONG("Long", 8, ConstantDescs.CD_long),
        FLOAT("Float", 4, ConstantDescs.CD_float),
        DOUBLE("Double", 8, ConstantDescs.CD_double);

        final int bytes;
        final ClassDesc scalar;
        final ClassDesc vector;

        Element(String name, int bytes, ClassDesc scalar) {
            this.bytes = bytes;
            this.scalar = scalar;
            this.vector = VectorLane.api(name + "Vector");
        }

        /// What values of an arithmetic type are made of. Not for bool, whose vectors are masks.
        static Element of(DType type) {
            return switch (type) {
                case I32 -> INT;
                case I64 -> LONG;
                case F32 -> FLOAT;
                case F64 -> DOUBLE;
                default -> throw new IllegalArgumentException(type.toString());
            };
        }

        /// What lies in memory.
        static Element inMemory(DType memory) {
            return switch (memory) {
                case BOOL, U8, I8 -> BYTE;
                case BF16, F16 -> SHORT;
                default -> of(memory);
            };
        }
    }

    /// @param widest bytes of the widest type
    static VectorForm of(int bits, int widest) {
        return new VectorForm(bits, bits / 8 / widest);
    }

    int bytes(Element element) {
        return lanes * element.bytes;
    }

    /// The element type of masks that come of no comparison: as wide as the widest.
    Element mask() {
        return switch (bits / 8 / lanes) {
            case 1 -> Element.BYTE;
            case 4 -> Element.INT;
            default -> Element.LONG;
        };
    }

    /// Whether so few bytes are no vector of their own, and travel as part of a long.
    boolean isFew(Element element) {
        return bytes(element) < 8;
    }

    /// Whether the hardware loads and stores such elements under a mask. Where it does not, the Vector API loads a whole vector, perhaps
    /// beyond the end of mapped memory.
    boolean hasMaskedMemory(Element element) {
        return bits == 512 || bits == 256 && element.bytes >= 4 && bytes(element) >= 16;
    }

    /// Whether there is an instruction for it.
    boolean supports(Value v) {
        return switch (v.prim) {
            case CALL1, CALL2 -> false;
            case PATCH1, PATCH2 -> v.type == DType.F32;
            // Longs to floating types and back need AVX-512.
            case CAST ->
                    bits == 512
                            || v.type.isFloating() == v.operandType().isFloating()
                            || v.type != DType.I64 && v.operandType() != DType.I64;
            default -> true;
        };
    }
}
