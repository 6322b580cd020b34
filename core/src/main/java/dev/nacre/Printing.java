package dev.nacre;

import dev.nacre.type.DType;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;

/// Prints tensors as `str` of a NumPy 2 array does: columns aligned, up to eight digits, scientific notation where magnitudes differ much, the middle of long axes
/// left out.
final class Printing {
    private static final int EDGE = 3;
    private static final int THRESHOLD = 1000;
    private static final int PRECISION = 8;
    private static final int WIDTH = 75;

    private final long[] sizes;
    private final boolean summary;
    private final LongFunction<String> cell;

    private Printing(Elements e, long[] sizes, long threshold) {
        this.sizes = sizes;
        this.summary = e.stored().type().shape().count() > threshold;
        this.cell = format(e, shown());
    }

    static String of(Elements e) {
        if (e.stored().type().shape().rank() == 0) {
            DType t = e.stored().type().dtype();
            return t == DType.BOOL
                    ? truth(e.asLong(0))
                    : t.isFloating() ? scalar(e.asDouble(0), t) : Long.toString(e.asLong(0));
        }
        if (e.stored().type().shape().count() == 0) {
            return "[]";
        }
        return text(new Printing(e, e.stored().type().shape().toArray(), THRESHOLD));
    }

    /// In one line: at most six elements, the first and the last three.
    static String inLine(Elements e) {
        long count = e.stored().type().shape().count();
        return count == 0 || e.stored().type().shape().rank() == 0
                ? of(e)
                : text(new Printing(e, new long[] {count}, 2 * EDGE)).replaceAll("\\s+", " ");
    }

    private static String text(Printing p) {
        StringBuilder out = new StringBuilder();
        p.print(out, 0, 0);
        return out.toString();
    }

    // --------------------------------------------------------------------------------------------------- layout

    /// Positions of all elements that will be shown.
    private List<Long> shown() {
        List<Long> at = new ArrayList<>(List.of(0L));
        for (long n : sizes) {
            List<Long> next = new ArrayList<>();
            for (long base : at) {
                for (long i = 0; i < n; i++) {
                    i = skips(n, i) ? n - EDGE : i;
                    next.add(base * n + i);
                }
            }
            at = next;
        }
        return at;
    }

    private boolean skips(long n, long i) {
        return summary && n > 2 * EDGE && i == EDGE;
    }

    private void print(StringBuilder out, int axis, long base) {
        out.append('[');
        if (axis == sizes.length - 1) {
            row(out, base * sizes[axis]);
        } else {
            String between = "\n".repeat(sizes.length - axis - 1) + " ".repeat(axis + 1);
            for (long i = 0; i < sizes[axis]; i++) {
                out.append(i > 0 ? between : "");
                if (skips(sizes[axis], i)) {
                    out.append("...").append(between);
                    i = sizes[axis] - EDGE;
                }
                print(out, axis + 1, base * sizes[axis] + i);
            }
        }
        out.append(']');
    }

    /// The elements of one row, in lines that leave room for the closing brackets.
    private void row(StringBuilder out, long base) {
        int indent = sizes.length;
        long n = sizes[indent - 1];
        int column = indent;
        for (long i = 0; i < n; i++) {
            if (skips(n, i)) {
                column = word(out, column, indent, "...");
                i = n - EDGE;
            }
            column = word(out, column, indent, cell.apply(base + i));
        }
        out.setLength(out.length() - 1);
    }

    /// Appends a word and a blank, on a new line if need be; returns the column after them.
    private static int word(StringBuilder out, int column, int indent, String word) {
        int at = column;
        if (at + word.length() > WIDTH - indent && at > indent) {
            while (out.charAt(out.length() - 1) == ' ') {
                out.setLength(out.length() - 1);
            }
            out.append('\n').append(" ".repeat(indent));
            at = indent;
        }
        out.append(word).append(' ');
        return at + word.length() + 1;
    }

    // --------------------------------------------------------------------------------------------------- cells

    private static LongFunction<String> format(Elements e, List<Long> shown) {
        DType t = e.stored().type().dtype();
        LongFunction<String> plain =
                switch (t.kind()) {
                    case BOOL -> i -> pad(truth(e.asLong(i)), "False".length());
                    case INTEGER -> i -> Long.toString(e.asLong(i));
                    case FLOATING -> floating(e, shown, t);
                };
        int width = shown.stream().mapToInt(i -> plain.apply(i).length()).max().orElse(0);
        return i -> pad(plain.apply(i), width);
    }

    private static LongFunction<String> floating(Elements e, List<Long> shown, DType t) {
        List<Double> finite = shown.stream().map(e::asDouble).filter(Double::isFinite).toList();
        if (isScientific(finite, t)) {
            int places = finite.stream().mapToInt(v -> mantissa(v, t).scale()).max().orElse(0);
            int digits =
                    finite.stream()
                            .mapToInt(v -> exponent(rounded(v, places)).length())
                            .max()
                            .orElse(2);
            return i -> named(e.asDouble(i), v -> scientific(v, places, digits));
        }
        int places = finite.stream().mapToInt(v -> decimal(v, t).scale()).max().orElse(0);
        return i -> named(e.asDouble(i), v -> positional(v, t, places));
    }

    private static boolean isScientific(List<Double> finite, DType t) {
        double max = 0;
        double min = Double.POSITIVE_INFINITY;
        for (double v : finite) {
            if (v != 0) {
                max = Math.max(max, Math.abs(v));
                min = Math.min(min, Math.abs(v));
            }
        }
        return max > 0
                && (max >= Math.min(1e8, firstLong(t))
                        || min < t.round(1e-4)
                        || t.round(max / min) > 1e3);
    }

    /// The smallest power of ten that is long for a type: it has as many digits as the type is sure to hold.
    private static double firstLong(DType t) {
        return switch (t) {
            case F64 -> 1e16;
            case F32 -> 1e6;
            default -> 1e3;
        };
    }

    /// A number as it stands alone.
    private static String scalar(double v, DType t) {
        double a = Math.abs(v);
        return named(
                v,
                x -> {
                    BigDecimal d = shortest(x, t);
                    if (a == 0 || a >= 1e-4 && a < firstLong(t)) {
                        return sign(x) + d.abs().setScale(Math.max(1, d.scale())).toPlainString();
                    }
                    return scientific(x, d.stripTrailingZeros().precision() - 1, 2)
                            .replace(".e", "e");
                });
    }

    private static String named(double v, java.util.function.DoubleFunction<String> number) {
        return Double.isNaN(v)
                ? "nan"
                : Double.isInfinite(v) ? v > 0 ? "inf" : "-inf" : number.apply(v);
    }

    /// The digits that tell the number from its neighbours, to eight places, blanks in place of further ones.
    private static String positional(double v, DType t, int places) {
        BigDecimal d = decimal(v, t);
        String digits = d.abs().toPlainString() + (d.scale() == 0 ? "." : "");
        return sign(v) + digits + " ".repeat(places - d.scale());
    }

    private static String scientific(double v, int places, int exponentDigits) {
        BigDecimal d = rounded(v, places);
        String digits = d.unscaledValue().abs().toString();
        digits += "0".repeat(places + 1 - digits.length()); // of zero
        String exponent = exponent(d);
        int power = v == 0 ? 0 : power(d);
        return sign(v)
                + digits.charAt(0)
                + "."
                + digits.substring(1)
                + (power < 0 ? "e-" : "e+")
                + "0".repeat(Math.max(0, exponentDigits - exponent.length()))
                + exponent;
    }

    private static String exponent(BigDecimal d) {
        int e = d.signum() == 0 ? 0 : Math.abs(power(d));
        return e < 10 ? "0" + e : Integer.toString(e);
    }

    private static int power(BigDecimal d) {
        return d.precision() - d.scale() - 1;
    }

    /// The number with so many digits after the first, all of them.
    private static BigDecimal rounded(double v, int places) {
        BigDecimal d = new BigDecimal(v).round(new MathContext(places + 1, RoundingMode.HALF_EVEN));
        return d.signum() == 0
                ? BigDecimal.ZERO
                : d.setScale(d.scale() + places + 1 - d.precision());
    }

    /// The shortest decimal that is nearer to the number than to its neighbours of this type.
    private static BigDecimal shortest(double v, DType t) {
        BigDecimal exact = new BigDecimal(v);
        for (int digits = 1; digits <= 17; digits++) {
            BigDecimal d = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
            if (v == (t == DType.F64 ? d.doubleValue() : t.round(d.floatValue()))) {
                BigDecimal bare = d.stripTrailingZeros();
                return bare.scale() < 0 ? bare.setScale(0) : bare;
            }
        }
        return exact;
    }

    /// The same, rounded to eight places after the point.
    private static BigDecimal decimal(double v, DType t) {
        BigDecimal d = shortest(v, t);
        if (d.scale() <= PRECISION) {
            return d;
        }
        BigDecimal r =
                new BigDecimal(v).setScale(PRECISION, RoundingMode.HALF_EVEN).stripTrailingZeros();
        return r.scale() < 0 ? r.setScale(0) : r;
    }

    /// The digits of the scientific form after the first, to eight places.
    private static BigDecimal mantissa(double v, DType t) {
        BigDecimal d = shortest(v, t).stripTrailingZeros();
        BigDecimal r =
                d.precision() <= PRECISION + 1 ? d : rounded(v, PRECISION).stripTrailingZeros();
        return r.scaleByPowerOfTen(-power(r));
    }

    private static String sign(double v) {
        return Double.doubleToRawLongBits(v) < 0 ? "-" : "";
    }

    private static String truth(long v) {
        return v != 0 ? "True" : "False";
    }

    private static String pad(String s, int width) {
        return " ".repeat(Math.max(0, width - s.length())) + s;
    }
}
