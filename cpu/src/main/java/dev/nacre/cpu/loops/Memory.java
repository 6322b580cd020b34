package dev.nacre.cpu.loops;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// All of the machine's memory by address. Generated code and the tests use it; there are no bounds.
final class Memory {
    private Memory() {}

    /// One segment over everything: an address is an offset.
    static final MemorySegment ALL = everything();

    @SuppressWarnings("restricted")
    private static MemorySegment everything() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }

    static byte i8(long at) {
        return ALL.get(ValueLayout.JAVA_BYTE, at);
    }

    static short i16(long at) {
        return ALL.get(ValueLayout.JAVA_SHORT_UNALIGNED, at);
    }

    static int i32(long at) {
        return ALL.get(ValueLayout.JAVA_INT_UNALIGNED, at);
    }

    static long i64(long at) {
        return ALL.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
    }

    static float f32(long at) {
        return ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at);
    }

    static double f64(long at) {
        return ALL.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, at);
    }

    static void i8(long at, byte value) {
        ALL.set(ValueLayout.JAVA_BYTE, at, value);
    }

    static void i16(long at, short value) {
        ALL.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, value);
    }

    static void i32(long at, int value) {
        ALL.set(ValueLayout.JAVA_INT_UNALIGNED, at, value);
    }

    static void i64(long at, long value) {
        ALL.set(ValueLayout.JAVA_LONG_UNALIGNED, at, value);
    }

    static void f32(long at, float value) {
        ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, value);
    }

    static void f64(long at, double value) {
        ALL.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, at, value);
    }

    /// Up to eight bytes as the low bytes of a long.
    static long few(long at, int bytes) {
        long value = 0;
        for (int i = 0; i < bytes; i++) value |= (i8(at + i) & 0xFFL) << 8 * i;
        return value;
    }

    /// Writes the low bytes of a long.
    static void few(long at, long value, int bytes) {
        for (int i = 0; i < bytes; i++) i8(at + i, (byte) (value >>> 8 * i));
    }

    /// Copies the few bytes left of a row.
    ///
    /// @return the address of the copy
    static long stage(long from, long to, int bytes) {
        for (int i = 0; i < bytes; i++) i8(to + i, i8(from + i));
        return to;
    }
}
