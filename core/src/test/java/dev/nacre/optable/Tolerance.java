package dev.nacre.optable;

import dev.nacre.reference.Array;
import dev.nacre.type.DType;
import java.util.Optional;

/// How far two results of one computation may be apart.
///
/// The error of one rounding is half a unit in the last place; each row's slack says how many roundings of that size its result may have suffered. Numbers are
/// compared relative to the larger of their magnitude and 1, infinities and NaN exactly.
public final class Tolerance {
    private Tolerance() {}

    /// For a result of type `dtype` and a row of the given slack.
    public static double of(DType dtype, double slack) {
        double unit =
                switch (dtype) {
                    case F16 -> 0x1p-10;
                    case BF16 -> 0x1p-7;
                    case F32 -> 0x1p-23;
                    case F64 -> 0x1p-50;
                    case BOOL, U8, I8, I32, I64 -> 0;
                };
        return 2 * unit * slack;
    }

    /// Where two arrays differ by more than `tolerance`, in words; empty if nowhere.
    public static Optional<String> difference(Array expected, Array actual, double tolerance) {
        if (!expected.shape().equals(actual.shape())) {
            return Optional.of("expected " + expected.type() + ", but was " + actual.type());
        }
        for (int i = 0; i < expected.count(); i++) {
            if (!close(expected, actual, i, tolerance)) {
                return Optional.of(
                        "element "
                                + i
                                + " of "
                                + expected.type()
                                + ": expected "
                                + text(expected, i)
                                + ", but was "
                                + text(actual, i));
            }
        }
        return Optional.empty();
    }

    private static boolean close(Array expected, Array actual, int i, double tolerance) {
        if (!expected.dtype().isFloating() && !actual.dtype().isFloating()) {
            return expected.whole(i) == actual.whole(i);
        }
        double e = expected.number(i);
        double a = actual.number(i);
        if (Double.isNaN(e) || Double.isInfinite(e)) {
            return Double.compare(e, a) == 0;
        }
        return Math.abs(a - e) <= tolerance * Math.max(1, Math.abs(e));
    }

    private static String text(Array x, int i) {
        return x.dtype().isFloating() ? Double.toString(x.number(i)) : Long.toString(x.whole(i));
    }
}
