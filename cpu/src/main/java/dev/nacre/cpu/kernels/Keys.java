package dev.nacre.cpu.kernels;

import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;

/// Elements of any type as whole numbers of the same order, so that one comparison does for all. Both zeros are one
/// number. All but [wide][#isWide(DType)] types fit in an int.
final class Keys {
    private Keys() {}

    static boolean isWide(DType type) {
        return type == DType.F64 || type == DType.I64;
    }

    /// Reads `n` elements.
    ///
    /// @param down whether the largest shall have the smallest key
    /// @param nanHigh whether NaN shall have the largest key, or else the smallest
    static void read(
            DType type, long at, long step, int n, boolean down, boolean nanHigh, long[] to) {
        long flip = down ? -1 : 0;
        switch (type) {
            case F64 -> {
                for (int i = 0; i < n; i++) {
                    double x = Memory.f64(at + i * step);
                    to[i] = x != x ? (nanHigh ? Long.MAX_VALUE : Long.MIN_VALUE) : key(x) ^ flip;
                }
            }
            case F32, BF16, F16 -> {
                for (int i = 0; i < n; i++) {
                    float x =
                            type == DType.F32
                                    ? Memory.f32(at + i * step)
                                    : (float) Memory.real(type, at + i * step);
                    to[i] =
                            x != x
                                    ? (nanHigh ? Integer.MAX_VALUE : Integer.MIN_VALUE)
                                    : key(x) ^ flip;
                }
            }
            case BOOL, U8, I8, I32, I64 -> {
                for (int i = 0; i < n; i++) to[i] = Memory.whole(type, at + i * step) ^ flip;
            }
        }
    }

    private static long key(double x) {
        long bits = Double.doubleToRawLongBits(x + 0.0);
        return bits ^ bits >> 63 & Long.MAX_VALUE;
    }

    private static int key(float x) {
        int bits = Float.floatToRawIntBits(x + 0f);
        return bits ^ bits >> 31 & Integer.MAX_VALUE;
    }
}
