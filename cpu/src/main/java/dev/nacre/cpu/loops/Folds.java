package dev.nacre.cpu.loops;

import dev.nacre.cpu.memory.Memory;
import dev.nacre.ir.Reduction;

/// The ends of folds: generated code leaves a power of two of accumulators in memory, and calls these to combine them.
///
/// Sums and products form a balanced tree, the upper half combined with the lower until one is left. The vector lane does the
/// same when it combines its accumulators with one another, so that both lanes round alike. Reductions of the Vector
/// API cannot be used for these: their order is not specified, and differs between interpreter and compiler.
final class Folds {
    private Folds() {}

    static void fill32(long at, int count, int bits) {
        for (int i = 0; i < count; i++) Memory.i32(at + 4L * i, bits);
    }

    static void fill64(long at, int count, long bits) {
        for (int i = 0; i < count; i++) Memory.i64(at + 8L * i, bits);
    }

    static float f32(Reduction kind, long at, int count) {
        if (kind == Reduction.SUM)
            switch (count) {
                case 2 -> {
                    return pair(at, 4);
                }
                case 4 -> {
                    return four(at, 4);
                }
                case 8 -> {
                    return four(at, 8) + four(at + 4, 8);
                }
                case 16 -> {
                    return sixteen(at);
                }
                default -> {}
            }
        for (int half = count / 2; half > 0; half /= 2)
            for (int i = 0; i < half; i++) {
                long low = at + 4L * i;
                Memory.f32(low, combine(kind, Memory.f32(low), Memory.f32(low + 4L * half)));
            }
        return Memory.f32(at);
    }

    // The tree written out, for the lane counts that occur.

    private static float sixteen(long at) {
        return (four(at, 16) + four(at + 8, 16)) + (four(at + 4, 16) + four(at + 12, 16));
    }

    private static float four(long at, int step) {
        return pair(at, 2 * step) + pair(at + step, 2 * step);
    }

    private static float pair(long at, int step) {
        return Memory.f32(at) + Memory.f32(at + step);
    }

    static double f64(Reduction kind, long at, int count) {
        for (int half = count / 2; half > 0; half /= 2)
            for (int i = 0; i < half; i++) {
                long low = at + 8L * i;
                Memory.f64(low, kind.apply(Memory.f64(low), Memory.f64(low + 8L * half)));
            }
        return Memory.f64(at);
    }

    static int i32(Reduction kind, long at, int count) {
        int result = Memory.i32(at);
        for (int i = 1; i < count; i++)
            result = (int) kind.apply((long) result, Memory.i32(at + 4L * i));
        return result;
    }

    static long i64(Reduction kind, long at, int count) {
        long result = Memory.i64(at);
        for (int i = 1; i < count; i++) result = kind.apply(result, Memory.i64(at + 8L * i));
        return result;
    }

    private static float combine(Reduction kind, float a, float b) {
        return switch (kind) {
            case SUM -> a + b;
            case PROD -> a * b;
            case MAX -> Math.max(a, b);
            case MIN -> Math.min(a, b);
        };
    }
}
