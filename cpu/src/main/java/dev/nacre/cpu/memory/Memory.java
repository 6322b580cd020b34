package dev.nacre.cpu.memory;

import dev.nacre.type.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// All memory that has addresses, read and written by them, one element of any type at a time or a row of them. Steps are in bytes. There are no bounds but those of the process, or, where the JVM denies
/// native access, of the memory for tensors. Generated code uses it too.
public final class Memory {
    /// One segment over everything: an address is an offset.
    public static final MemorySegment ALL = dev.nacre.compile.Memory.all();

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;

    private Memory() {}

    public static byte i8(long at) {
        return ALL.get(BYTE, at);
    }

    public static short i16(long at) {
        return ALL.get(SHORT, at);
    }

    public static int i32(long at) {
        return ALL.get(INT, at);
    }

    public static long i64(long at) {
        return ALL.get(LONG, at);
    }

    public static float f32(long at) {
        return ALL.get(FLOAT, at);
    }

    public static double f64(long at) {
        return ALL.get(DOUBLE, at);
    }

    public static void i8(long at, byte value) {
        ALL.set(BYTE, at, value);
    }

    public static void i16(long at, short value) {
        ALL.set(SHORT, at, value);
    }

    public static void i32(long at, int value) {
        ALL.set(INT, at, value);
    }

    public static void i64(long at, long value) {
        ALL.set(LONG, at, value);
    }

    public static void f32(long at, float value) {
        ALL.set(FLOAT, at, value);
    }

    public static void f64(long at, double value) {
        ALL.set(DOUBLE, at, value);
    }

    /// Clears bytes.
    public static void zeros(long at, long bytes) {
        ALL.asSlice(at, bytes).fill((byte) 0);
    }

    /// An element of any type as a double; i64 is rounded.
    public static double real(DType type, long at) {
        return switch (type) {
            case F32 -> f32(at);
            case F64 -> f64(at);
            case BF16 -> DType.bf16ToFloat(i16(at));
            case F16 -> Float.float16ToFloat(i16(at));
            case BOOL, U8, I8, I32, I64 -> whole(type, at);
        };
    }

    /// An element of an integer type or bool.
    public static long whole(DType type, long at) {
        return switch (type) {
            case I64 -> i64(at);
            case I32 -> i32(at);
            case I8 -> i8(at);
            case BOOL, U8 -> i8(at) & 0xFF;
            case F16, BF16, F32, F64 -> throw new IllegalArgumentException(type + " is not whole");
        };
    }

    /// Writes an element of any type; to a whole type as [#whole(DType, long, long)] does.
    public static void real(DType type, long at, double value) {
        switch (type) {
            case F32 -> f32(at, (float) value);
            case F64 -> f64(at, value);
            case BF16 -> i16(at, DType.floatToBf16(DType.toOdd(value)));
            case F16 -> i16(at, Float.floatToFloat16(DType.toOdd(value)));
            case BOOL -> i8(at, (byte) (value != 0 ? 1 : 0));
            case U8, I8, I32, I64 -> whole(type, at, (long) value);
        }
    }

    /// Writes an element of any type; whole types wrap around.
    public static void whole(DType type, long at, long value) {
        switch (type) {
            case I64 -> i64(at, value);
            case I32 -> i32(at, (int) value);
            case U8, I8 -> i8(at, (byte) value);
            case BOOL -> i8(at, (byte) (value != 0 ? 1 : 0));
            case F16, BF16, F32, F64 -> real(type, at, type.nearest(value));
        }
    }

    /// Reads `n` elements, to an array from `first` on.
    public static void reals(DType type, long at, long step, double[] to, int first, int n) {
        switch (type) {
            case F32 -> {
                for (int i = first; i < first + n; i++, at += step) to[i] = f32(at);
            }
            case F64 -> {
                for (int i = first; i < first + n; i++, at += step) to[i] = f64(at);
            }
            case BF16 -> {
                for (int i = first; i < first + n; i++, at += step)
                    to[i] = DType.bf16ToFloat(i16(at));
            }
            case F16 -> {
                for (int i = first; i < first + n; i++, at += step)
                    to[i] = Float.float16ToFloat(i16(at));
            }
            case BOOL, U8, I8, I32, I64 -> {
                for (int i = first; i < first + n; i++, at += step) to[i] = whole(type, at);
            }
        }
    }

    /// Writes `n` elements of an array from `first` on.
    public static void reals(double[] from, int first, int n, DType type, long at, long step) {
        switch (type) {
            case F32 -> {
                for (int i = first; i < first + n; i++, at += step) f32(at, (float) from[i]);
            }
            case F64 -> {
                for (int i = first; i < first + n; i++, at += step) f64(at, from[i]);
            }
            case BOOL, U8, I8, I32, I64, F16, BF16 -> {
                for (int i = first; i < first + n; i++, at += step) real(type, at, from[i]);
            }
        }
    }

    /// Reads `n` elements of a whole type.
    public static void wholes(DType type, long at, long step, int n, long[] to) {
        for (int i = 0; i < n; i++, at += step) to[i] = whole(type, at);
    }

    /// Writes `n` elements of a whole type.
    public static void wholes(long[] from, int n, DType type, long at, long step) {
        for (int i = 0; i < n; i++, at += step) whole(type, at, from[i]);
    }

    /// Copies `n` elements of `width` bytes; a step from of 0 repeats one.
    public static void copy(int width, long from, long fromStep, long to, long toStep, long n) {
        if (fromStep == width && toStep == width) {
            copy(from, to, n * width);
            return;
        }
        switch (width) {
            case 1 -> {
                for (long i = 0; i < n; i++, from += fromStep, to += toStep) i8(to, i8(from));
            }
            case 2 -> {
                for (long i = 0; i < n; i++, from += fromStep, to += toStep) i16(to, i16(from));
            }
            case 4 -> {
                for (long i = 0; i < n; i++, from += fromStep, to += toStep) i32(to, i32(from));
            }
            case 8 -> {
                for (long i = 0; i < n; i++, from += fromStep, to += toStep) i64(to, i64(from));
            }
            default -> throw new IllegalArgumentException("width " + width);
        }
    }

    /// Copies bytes.
    public static void copy(long from, long to, long bytes) {
        MemorySegment.copy(ALL, from, ALL, to, bytes);
    }

    /// Fills with zeros.
    public static void clear(long at, long bytes) {
        ALL.asSlice(at, bytes).fill((byte) 0);
    }

    /// Up to eight bytes as the low bytes of a long.
    public static long few(long at, int bytes) {
        long value = 0;
        for (int i = 0; i < bytes; i++) value |= (i8(at + i) & 0xFFL) << 8 * i;
        return value;
    }

    /// Writes the low bytes of a long.
    public static void few(long at, long value, int bytes) {
        for (int i = 0; i < bytes; i++) i8(at + i, (byte) (value >>> 8 * i));
    }

    /// Copies the few bytes left of a row.
    ///
    /// @return the address of the copy
    public static long stage(long from, long to, int bytes) {
        for (int i = 0; i < bytes; i++) i8(to + i, i8(from + i));
        return to;
    }
}
