package dev.nacre.cpu.x86;

import java.util.Random;
import java.util.function.LongUnaryOperator;

/// What an instruction does to one lane, on the bits of its elements.
///
/// @param in bytes of an element of the last operand
/// @param out bytes of an element of the result, and of the other operands
/// @param numbers what the last operand is filled with
/// @param meaning of a lane's old result, first and last operand
record Lane(int in, int out, Numbers numbers, Meaning meaning) {
    /// What bits mean.
    enum Numbers {
        FLOATS,
        POSITIVE,
        INTEGERS,
        /// From 0 to somewhat more than the bits of an element.
        COUNTS
    }

    @FunctionalInterface
    interface Meaning {
        long of(long old, long first, long last);
    }

    @FunctionalInterface
    interface Floats {
        float of(float old, float first, float last);
    }

    @FunctionalInterface
    interface Doubles {
        double of(double old, double first, double last);
    }

    static Lane f32(Floats f) {
        return new Lane(
                4, 4, Numbers.FLOATS, (o, a, b) -> Float.floatToRawIntBits(f.of(f(o), f(a), f(b))));
    }

    static Lane f64(Doubles f) {
        return new Lane(
                8,
                8,
                Numbers.FLOATS,
                (o, a, b) -> Double.doubleToRawLongBits(f.of(d(o), d(a), d(b))));
    }

    static Lane whole(int bytes, Meaning f) {
        return new Lane(bytes, bytes, Numbers.INTEGERS, f);
    }

    /// Another type of element.
    static Lane convert(int in, int out, Numbers numbers, LongUnaryOperator f) {
        return new Lane(in, out, numbers, (_, _, x) -> f.applyAsLong(x));
    }

    static Lane shift(int bytes, Meaning f) {
        return new Lane(bytes, bytes, Numbers.COUNTS, f);
    }

    private static long bits(double v, int size) {
        return size == 4 ? Float.floatToRawIntBits((float) v) : Double.doubleToRawLongBits(v);
    }

    static float f(long bits) {
        return Float.intBitsToFloat((int) bits);
    }

    static double d(long bits) {
        return Double.longBitsToDouble(bits);
    }

    /// Operands of 64 bytes; floats are within the range of integers.
    byte[] draw(Random random, boolean last) {
        byte[] out = new byte[64];
        int size = last ? in : this.out;
        for (int at = 0; at < 64; at += size) {
            write(out, at, size, draw(random, size));
        }
        return out;
    }

    private long draw(Random random, int size) {
        return switch (numbers) {
            case FLOATS -> bits(random.nextGaussian() * 1000, size);
            case POSITIVE -> bits(random.nextDouble(1000), size);
            case INTEGERS -> random.nextLong();
            case COUNTS -> random.nextInt(8 * size + 9);
        };
    }

    /// An element, its sign extended.
    static long read(byte[] from, int at, int size) {
        long bits = from[at + size - 1];
        for (int i = size - 2; i >= 0; i--) {
            bits = bits << 8 | from[at + i] & 0xFF;
        }
        return bits;
    }

    static void write(byte[] to, int at, int size, long bits) {
        for (int i = 0; i < size; i++) {
            to[at + i] = (byte) (bits >> 8 * i);
        }
    }
}
