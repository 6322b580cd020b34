package dev.nacre;

import dev.nacre.type.DType;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;

/// Prints tensors as NumPy does: columns aligned, eight digits, scientific notation where magnitudes differ much, the middle of long axes left out.
final class Printing {
  private static final int EDGE = 3;
  private static final int THRESHOLD = 1000;
  private static final int PRECISION = 8;
  private static final int WIDTH = 75;

  private final long[] sizes;
  private final boolean summary;
  private final LongFunction<String> cell;

  private Printing(Elements e) {
    this.sizes = e.stored().type().shape().toArray();
    this.summary = e.stored().type().shape().count() > THRESHOLD;
    this.cell = format(e, shown());
  }

  static String of(Elements e) {
    if (e.stored().type().shape().rank() == 0) {
      DType t = e.stored().type().dtype();
      return t == DType.BOOL ? truth(e.asLong(0)) : t.isFloating() ? scalar(e.asDouble(0), t) : Long.toString(e.asLong(0));
    }
    if (e.stored().type().shape().count() == 0) {
      return "[]";
    }
    StringBuilder out = new StringBuilder();
    new Printing(e).print(out, 0, 0);
    return out.toString();
  }

  private static String truth(long v) {
    return v != 0 ? "True" : "False";
  }

  private static String scalar(double v, DType t) {
    String s = t == DType.F64 ? Double.toString(v) : Float.toString((float) v);
    return s.replace("Infinity", "inf").replace("NaN", "nan");
  }

  /// Positions of all elements that will be shown.
  private List<Long> shown() {
    List<Long> at = new ArrayList<>(List.of(0L));
    for (long n : sizes) {
      List<Long> next = new ArrayList<>();
      for (long base : at) {
        for (long i = 0; i < n; i++) {
          if (summary && n > 2 * EDGE && i == EDGE) {
            i = n - EDGE;
          }
          next.add(base * n + i);
        }
      }
      at = next;
    }
    return at;
  }

  private void print(StringBuilder out, int axis, long base) {
    long n = sizes[axis];
    boolean last = axis == sizes.length - 1;
    String between = last ? " " : "\n".repeat(sizes.length - axis - 1) + " ".repeat(axis + 1);
    int lineStart = out.length() - axis;
    out.append('[');
    for (long i = 0; i < n; i++) {
      if (i > 0) {
        out.append(between);
      }
      if (summary && n > 2 * EDGE && i == EDGE) {
        out.append("...").append(between);
        i = n - EDGE;
      }
      if (last) {
        String s = cell.apply(base * n + i);
        if (out.length() - lineStart + s.length() >= WIDTH && i > 0) {
          out.setLength(out.length() - 1);
          lineStart = out.length() + 1;
          out.append('\n').append(" ".repeat(axis + 1));
        }
        out.append(s);
      } else {
        print(out, axis + 1, base * n + i);
      }
    }
    out.append(']');
  }

  // --------------------------------------------------------------------------------------------------- cells

  private static LongFunction<String> format(Elements e, List<Long> shown) {
    DType t = e.stored().type().dtype();
    if (!t.isFloating()) {
      LongFunction<String> plain = t == DType.BOOL ? i -> truth(e.asLong(i)) : i -> Long.toString(e.asLong(i));
      int width = shown.stream().mapToInt(i -> plain.apply(i).length()).max().orElse(0);
      return i -> pad(plain.apply(i), width);
    }
    boolean scientific = isScientific(e, shown);
    int digits = 0;
    for (long i : shown) {
      if (Double.isFinite(e.asDouble(i))) {
        digits = Math.max(digits, scientific ? mantissa(e.asDouble(i), t).scale() : Math.max(0, decimal(e.asDouble(i), t).scale()));
      }
    }
    int places = digits;
    LongFunction<String> plain = i -> number(e.asDouble(i), t, scientific, places);
    int width = shown.stream().mapToInt(i -> plain.apply(i).length()).max().orElse(0);
    return i -> {
      String s = plain.apply(i);
      // like NumPy, trailing zeros of fixed numbers are blanks
      return pad(s, width);
    };
  }

  private static boolean isScientific(Elements e, List<Long> shown) {
    double max = 0;
    double min = Double.POSITIVE_INFINITY;
    for (long i : shown) {
      double a = Math.abs(e.asDouble(i));
      if (a > 0 && !Double.isInfinite(a)) {
        max = Math.max(max, a);
        min = Math.min(min, a);
      }
    }
    return max > 0 && (max >= 1e8 || min < 1e-4 || max / min > 1e3);
  }

  /// The shortest decimal that rounds to the same number of this type, to eight places.
  private static BigDecimal decimal(double v, DType t) {
    BigDecimal d = new BigDecimal(t == DType.F64 ? Double.toString(v) : Float.toString((float) v)).setScale(PRECISION, RoundingMode.HALF_EVEN).stripTrailingZeros();
    return d.signum() == 0 ? BigDecimal.ZERO : d;
  }

  /// The mantissa of the scientific form, to eight places.
  private static BigDecimal mantissa(double v, DType t) {
    BigDecimal d = new BigDecimal(t == DType.F64 ? Double.toString(v) : Float.toString((float) v));
    if (d.signum() == 0) {
      return BigDecimal.ZERO;
    }
    BigDecimal m = d.movePointLeft(d.precision() - d.scale() - 1).setScale(PRECISION, RoundingMode.HALF_EVEN).stripTrailingZeros();
    return m.scale() < 0 ? m.setScale(0) : m;
  }

  private static String number(double v, DType t, boolean scientific, int places) {
    if (Double.isNaN(v)) {
      return "nan";
    }
    if (Double.isInfinite(v)) {
      return v > 0 ? "inf" : "-inf";
    }
    if (!scientific) {
      String s = decimal(v, t).setScale(places, RoundingMode.HALF_EVEN).toPlainString();
      String sign = v < 0 && !s.startsWith("-") || 1 / v < 0 ? "-" : "";
      s = sign.isEmpty() || s.startsWith("-") ? s : sign + s;
      int point = s.indexOf('.');
      if (point < 0) {
        return s + ".";
      }
      int end = s.length();
      while (s.charAt(end - 1) == '0') {
        end--;
      }
      return s.substring(0, end) + " ".repeat(s.length() - end);
    }
    BigDecimal m = mantissa(v, t);
    BigDecimal d = new BigDecimal(t == DType.F64 ? Double.toString(v) : Float.toString((float) v));
    int exponent = d.signum() == 0 ? 0 : d.precision() - d.scale() - 1;
    String mantissa = m.setScale(places, RoundingMode.HALF_EVEN).toPlainString();
    if (places == 0) {
      mantissa += ".";
    }
    return mantissa + (exponent < 0 ? "e-" : "e+") + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
  }

  private static String pad(String s, int width) {
    return " ".repeat(Math.max(0, width - s.length())) + s;
  }
}
