package dev.nacre;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Unary;
import dev.nacre.reference.Array;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/// Every function of one and of two operands, and everything that is taken over an axis, on the edges of every type: what differs from the definition, which computes in f64 and is rounded once. Those definitions
/// are compared with libtorch elsewhere.
final class Edges {
    private static final double[] FLOATING = {
        0.0,
        -0.0,
        1,
        -1,
        0.5,
        -0.5,
        1.5,
        -1.5,
        2,
        -2,
        2.5,
        -2.5,
        3,
        -3,
        7,
        10,
        -10,
        88.5,
        -88.5,
        100,
        -104,
        126.5,
        -127,
        255,
        -300,
        709,
        1000,
        65504,
        -65504,
        65520,
        0.99999994,
        1.0000001,
        -0.99999994,
        1e-3,
        1e-7,
        -1e-7,
        1e-20,
        -1e-20,
        1e-30,
        1e-38,
        1e-40,
        1e-45,
        -1e-45,
        6e-8,
        1e10,
        -1e10,
        1e20,
        3.4e38,
        -3.4e38,
        1e-300,
        1e300,
        4e-324,
        -1e308,
        Float.MIN_NORMAL,
        Math.PI,
        -Math.PI / 2,
        12345.678,
        2147483648.0,
        Double.NaN,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY
    };

    private static final long[] WHOLE = {
        0,
        1,
        -1,
        2,
        -2,
        3,
        7,
        -7,
        8,
        31,
        32,
        63,
        64,
        -64,
        127,
        -128,
        128,
        200,
        255,
        256,
        32767,
        65535,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        1L << 31,
        (1L << 53) + 1,
        -(1L << 53) - 1,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        Long.MAX_VALUE - 1
    };

    /// Right relative to the larger of 1 and the result.
    private static final Set<Unary> NEAR_1 = EnumSet.of(Unary.LGAMMA, Unary.DIGAMMA);

    private final List<String> failures = new ArrayList<>();

    private Edges() {}

    /// What is wrong in this JVM, in words.
    static List<String> failures() {
        Edges e = new Edges();
        for (DType t : DType.values()) {
            e.functions(t);
            e.reductions(t);
        }
        return e.failures;
    }

    private static Tensor edges(DType t) {
        return (t.isFloating() ? Tensor.of(FLOATING) : Tensor.of(WHOLE)).cast(t).realize();
    }

    private void functions(DType t) {
        Tensor x = edges(t);
        for (Unary f : Unary.values()) {
            boolean defined = t.isFloating() ? f != Unary.NOT : f.onIntegers();
            if (defined && !(t == DType.BOOL && f != Unary.NOT)) {
                double[] least = new double[NEAR_1.contains(f) ? FLOATING.length : 0];
                Arrays.fill(least, 1);
                check(f + " " + t, List.of(x), x.map(f), least, 8);
            }
        }
        long n = x.size(0);
        Tensor a = x.unsqueeze(1).broadcastTo(n, n).realize();
        Tensor b = x.unsqueeze(0).broadcastTo(n, n).realize();
        for (Binary f : Binary.values()) {
            boolean defined = t.isFloating() ? f.onFloats() : f.onIntegers();
            if (defined && f != Binary.POLYGAMMA && !(t == DType.BOOL && !f.onBools())) {
                check(f + " " + t, List.of(a, b), a.combine(f, b), new double[0], 8);
            }
        }
    }

    private static Map<String, UnaryOperator<Tensor>> reductions() {
        Map<String, UnaryOperator<Tensor>> r = new LinkedHashMap<>();
        for (int axis : new int[] {0, 1}) {
            r.put("sum " + axis, x -> x.sum(axis));
            r.put(
                    "prod " + axis,
                    x ->
                            x.dtype().isFloating()
                                    ? x.maximum(-2).minimum(3).prod(axis)
                                    : x.prod(axis));
            r.put("max " + axis, x -> x.max(axis));
            r.put("min " + axis, x -> x.min(axis));
            r.put("argMax " + axis, x -> x.argmax(axis));
            r.put("argMin " + axis, x -> x.argmin(axis));
            r.put("any " + axis, x -> x.ne(0).any(axis));
            r.put("all " + axis, x -> x.ne(0).all(axis));
            r.put("cumsum " + axis, x -> x.cumsum(axis));
            r.put("cumprod " + axis, x -> x.cumprod(axis));
            r.put("sort " + axis, x -> x.sort(axis, false));
            r.put("sort down " + axis, x -> x.sort(axis, true));
            r.put("argsort " + axis, x -> x.argsort(axis, true));
            r.put("norm " + axis, x -> x.norm(2, axis));
            r.put("norm inf " + axis, x -> x.norm(Double.POSITIVE_INFINITY, axis));
        }
        r.put("relu after sum", x -> x.sum(1).relu());
        return r;
    }

    /// Rows of a few edges each: with NaN, with infinities, with neither; then all of them in long rows.
    private void reductions(DType t) {
        if (t == DType.BOOL) {
            return;
        }
        Tensor x = edges(t);
        int n = Math.toIntExact(x.size(0));
        Tensor few = x.slice(0, 0, n / 3 * 3).reshape(n / 3, 3).realize();
        Tensor many =
                x.slice(0, 0, t.isFloating() ? 29 : n)
                        .unsqueeze(0)
                        .broadcastTo(3, t.isFloating() ? 29 : n)
                        .realize();
        for (Tensor rows : List.of(few, few.transpose().realize(), many)) {
            reductions()
                    .forEach((name, f) -> {
                        boolean cancels = t.isFloating() && name.contains("sum");
                        check(
                                name + " " + rows.type(),
                                List.of(rows),
                                f.apply(rows),
                                cancels
                                        ? f.apply(rows.abs()).cast(DType.F64).toDoubleArray()
                                        : new double[0],
                                16);
                    });
        }
    }

    /// @param least what the error is relative to where the result is smaller; empty: always to the result
    private void check(String what, List<Tensor> in, Tensor y, double[] least, double ulps) {
        Array want =
                Interpreter.evaluate(
                                List.of(y.node()),
                                s -> {
                                    Tensor x =
                                            in.stream()
                                                    .filter(v -> isOf(v, s))
                                                    .findFirst()
                                                    .orElseThrow();
                                    return x.dtype().isFloating()
                                            ? Array.of(x.type(), x.toDoubleArray())
                                            : Array.ofLongs(x.type(), x.toLongArray());
                                })
                        .getFirst();
        int shown = 0;
        double[] got = y.dtype().isFloating() ? y.toDoubleArray() : new double[0];
        long[] whole = y.dtype().isFloating() ? new long[0] : y.toLongArray();
        for (int i = 0; i < want.count() && shown < 3; i++) {
            boolean right =
                    y.dtype().isFloating()
                            ? isClose(
                                    y.dtype(),
                                    want.number(i),
                                    got[i],
                                    least.length == 0 ? 0 : least[i],
                                    ulps)
                            : want.whole(i) == whole[i];
            if (!right) {
                int at = i;
                List<String> operands =
                        in.stream()
                                .filter(x -> x.shape().count() == want.count())
                                .map(x ->
                                        x.dtype().isFloating()
                                                ? "" + x.toDoubleArray()[at]
                                                : "" + x.toLongArray()[at])
                                .toList();
                failures.add(
                        what
                                + " at "
                                + i
                                + " of "
                                + operands
                                + ": "
                                + (y.dtype().isFloating() ? "" + got[i] : "" + whole[i])
                                + ", not "
                                + (y.dtype().isFloating()
                                        ? "" + want.number(i)
                                        : "" + want.whole(i)));
                shown++;
            }
        }
    }

    private static boolean isOf(Tensor x, dev.nacre.ir.Source s) {
        return x.node().op() instanceof dev.nacre.ir.Op.Leaf l && l.source().equals(s);
    }

    private static boolean isClose(DType t, double want, double got, double least, double ulps) {
        if (Double.isNaN(want) || Double.isInfinite(want)) {
            return Double.compare(want, got) == 0;
        }
        if (want == 0 && got == 0) {
            return true;
        }
        double size = Math.max(Math.abs(want), least);
        double ulp =
                switch (t) {
                    case F64 -> Math.ulp(size);
                    case F32 -> Math.ulp((float) size);
                    case F16 -> Math.max(Math.ulp((float) size) * 0x1p13, 0x1p-24);
                    default -> Math.max(Math.ulp((float) size) * 0x1p16, 0x1p-133);
                };
        return Math.abs(want - got) <= (t.arithmetic() == t ? ulps : 1) * ulp;
    }
}
