package dev.nacre;

import dev.nacre.type.DType;
import java.lang.foreign.ValueLayout;

/// Single numbers in memory.
record Elements(Stored stored) {
    double asDouble(long i) {
        return switch (stored.type().dtype()) {
            case F32 -> stored.memory().getAtIndex(ValueLayout.JAVA_FLOAT, i);
            case F64 -> stored.memory().getAtIndex(ValueLayout.JAVA_DOUBLE, i);
            case F16 -> Float.float16ToFloat(stored.memory().getAtIndex(ValueLayout.JAVA_SHORT, i));
            case BF16 -> DType.bf16ToFloat(stored.memory().getAtIndex(ValueLayout.JAVA_SHORT, i));
            case BOOL, U8, I8, I32, I64 -> asLong(i);
        };
    }

    /// Writes a floating number.
    void set(long i, double v) {
        switch (stored.type().dtype()) {
            case F32 -> stored.memory().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) v);
            case F64 -> stored.memory().setAtIndex(ValueLayout.JAVA_DOUBLE, i, v);
            case F16 ->
                    stored.memory()
                            .setAtIndex(
                                    ValueLayout.JAVA_SHORT,
                                    i,
                                    Float.floatToFloat16(DType.toOdd(v)));
            case BF16 ->
                    stored.memory()
                            .setAtIndex(
                                    ValueLayout.JAVA_SHORT, i, DType.floatToBf16(DType.toOdd(v)));
            case BOOL, U8, I8, I32, I64 -> throw new IllegalArgumentException(stored.origin());
        }
    }

    /// Writes a whole number.
    void set(long i, long v) {
        if (stored.type().dtype() != DType.I64) {
            throw new IllegalArgumentException(stored.origin());
        }
        stored.memory().setAtIndex(ValueLayout.JAVA_LONG, i, v);
    }

    long asLong(long i) {
        return switch (stored.type().dtype()) {
            case BOOL, I8 -> stored.memory().get(ValueLayout.JAVA_BYTE, i);
            case U8 -> stored.memory().get(ValueLayout.JAVA_BYTE, i) & 0xFF;
            case I32 -> stored.memory().getAtIndex(ValueLayout.JAVA_INT, i);
            case I64 -> stored.memory().getAtIndex(ValueLayout.JAVA_LONG, i);
            case F16, BF16, F32, F64 -> (long) asDouble(i);
        };
    }
}
