package dev.nacre.cpu.loops;

import dev.nacre.cpu.memory.Memory;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Unary;

/// Functions by their definition, for generated code to call where they have no formula.
final class Calls {
    private Calls() {}

    static float call(Unary f, float x) {
        return (float) f.apply((double) x);
    }

    static double call(Unary f, double x) {
        return f.apply(x);
    }

    static int call(Unary f, int x) {
        return (int) f.apply((long) x);
    }

    static long call(Unary f, long x) {
        return f.apply(x);
    }

    static float call(Binary f, float a, float b) {
        return (float) f.apply((double) a, (double) b);
    }

    static double call(Binary f, double a, double b) {
        return f.apply(a, b);
    }

    static int call(Binary f, int a, int b) {
        return (int) f.apply((long) a, (long) b);
    }

    static long call(Binary f, long a, long b) {
        return f.apply(a, b);
    }

    /// Computes the lanes of an f32 vector that a formula cannot: replaces the ones of `y` that `lanes` names by `f(x)`.
    static void patch(Unary f, long x, long y, long lanes) {
        for (; lanes != 0; lanes &= lanes - 1) {
            long at = 4L * Long.numberOfTrailingZeros(lanes);
            Memory.f32(y + at, call(f, Memory.f32(x + at)));
        }
    }

    /// As the other, by `f(a, b)`.
    static void patch(Binary f, long a, long b, long y, long lanes) {
        for (; lanes != 0; lanes &= lanes - 1) {
            long at = 4L * Long.numberOfTrailingZeros(lanes);
            Memory.f32(y + at, call(f, Memory.f32(a + at), Memory.f32(b + at)));
        }
    }
}
