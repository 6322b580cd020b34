package dev.nacre;

import dev.nacre.type.DType;

/// The values of a floating type beside a number.
final class Neighbours {
    private Neighbours() {}

    /// The smallest value that is at least `x`; infinite if there is none.
    static double atLeast(DType dtype, double x) {
        double v = dtype.round(x);
        while (v < x) {
            v = next(dtype, v, true);
        }
        for (double before = next(dtype, v, false); before >= x; before = next(dtype, v, false)) {
            v = before; // rounding twice can miss the nearest
        }
        return v;
    }

    /// The greatest value below `x`; infinite if there is none.
    static double below(DType dtype, double x) {
        return next(dtype, atLeast(dtype, x), false);
    }

    private static double next(DType dtype, double v, boolean up) {
        return switch (dtype) {
            case F64 -> up ? Math.nextUp(v) : Math.nextDown(v);
            case F32 -> up ? Math.nextUp((float) v) : Math.nextDown((float) v);
            case BF16 -> DType.bf16ToFloat(step(DType.floatToBf16((float) v), v, up));
            case F16 -> Float.float16ToFloat(step(Float.floatToFloat16((float) v), v, up));
            case BOOL, U8, I8, I32, I64 ->
                    throw new IllegalArgumentException(dtype + " is not floating");
        };
    }

    /// The bits beside those of `v`: a sign and a magnitude.
    private static short step(short bits, double v, boolean up) {
        if (v == 0) {
            return (short) (up ? 0x0001 : 0x8001);
        }
        if (Double.isInfinite(v) && v > 0 == up) {
            return bits;
        }
        return (short) (v > 0 == up ? bits + 1 : bits - 1);
    }
}
