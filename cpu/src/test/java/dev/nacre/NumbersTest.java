package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import dev.nacre.type.DTypeException;
import dev.nacre.type.ShapeException;
import dev.nacre.type.ValueException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.LongBinaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// What becomes of numbers on their way into tensors and from one type to another.
class NumbersTest {
    private static final List<DType> FLOATS = List.of(DType.F64, DType.F32, DType.F16, DType.BF16);
    private static final List<DType> WHOLE =
            List.of(DType.BOOL, DType.U8, DType.I8, DType.I32, DType.I64);

    private static final double[] EDGES = {
        0,
        -0.0,
        0.5,
        -0.5,
        0.99,
        -0.99,
        1,
        -1,
        1.5,
        -1.5,
        127,
        127.9,
        128,
        -128,
        -128.9,
        -129,
        255,
        255.9,
        256,
        300,
        -300,
        65504,
        -65504,
        0x1p31 - 1,
        0x1p31,
        -0x1p31,
        -0x1p31 - 1,
        1e10,
        -1e10,
        0x1p53 + 2,
        0x1p63,
        -0x1p63,
        0x1.fffffffffffffp62,
        1e19,
        -1e19,
        3e38,
        -3e38,
        1e300,
        -1e300,
        Double.MIN_VALUE,
        Double.NaN,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY
    };

    /// The rule, in exact arithmetic.
    private static long oracle(double x, DType to) {
        if (to == DType.BOOL) {
            return x != 0 ? 1 : 0;
        }
        BigInteger least = BigInteger.ONE.shiftLeft(to.bytes() * 8 - 1).negate();
        BigInteger most = least.negate().subtract(BigInteger.ONE);
        if (to == DType.U8) {
            least = BigInteger.ZERO;
            most = BigInteger.valueOf(255);
        }
        if (Double.isNaN(x)) {
            return 0;
        }
        if (Double.isInfinite(x)) {
            return (x > 0 ? most : least).longValue();
        }
        return new BigDecimal(x).toBigInteger().max(least).min(most).longValue();
    }

    /// Floating to whole: the same by whatever way it is computed.
    @TestFactory
    Stream<DynamicTest> casts() {
        List<DynamicTest> tests = new ArrayList<>();
        for (DType from : FLOATS) {
            for (DType to : WHOLE) {
                tests.add(DynamicTest.dynamicTest(from + " to " + to, () -> casts(from, to)));
            }
        }
        return tests.stream();
    }

    private static void casts(DType from, DType to) {
        Tensor x = Tensor.of(EDGES).cast(from).realize();
        long[] want = Arrays.stream(x.toDoubleArray()).mapToLong(v -> oracle(v, to)).toArray();
        assertArrayEquals(want, x.cast(to).cast(DType.I64).toLongArray(), "computed");
        Tensor zero = Tensor.zeros(from, EDGES.length).realize();
        assertArrayEquals(
                want, x.sub(zero).cast(to).cast(DType.I64).toLongArray(), "after a subtraction");
        Tensor spread = x.unsqueeze(1).broadcastTo(EDGES.length, 3).add(zero.unsqueeze(1));
        assertArrayEquals(
                want,
                spread.realize()
                        .slice(1, 1, 3, 2)
                        .squeeze(1)
                        .cast(to)
                        .cast(DType.I64)
                        .toLongArray(),
                "strided");
        assertArrayEquals(
                want,
                Interpreter.evaluate(
                                List.of(x.cast(to).node()),
                                s -> dev.nacre.reference.Array.of(x.type(), x.toDoubleArray()))
                        .getFirst()
                        .toLongs(),
                "by definition");
        for (int i = 0; i < EDGES.length; i++) {
            double v = x.slice(0, i, i + 1).toDoubleArray()[0];
            Tensor constant = Tensor.full(v, from, 2);
            long[] both = {want[i], want[i]};
            assertArrayEquals(both, constant.cast(to).cast(DType.I64).toLongArray(), "folded " + v);
            Tensor one = x.slice(0, i, i + 1).reshape();
            assertEquals(want[i], one.cast(to).cast(DType.I64).toLongArray()[0], "single " + v);
        }
        if (to == DType.I32) {
            assertArrayEquals(want, Arrays.stream(x.toIntArray()).asLongStream().toArray());
        }
        if (to == DType.I64) {
            assertArrayEquals(want, x.toLongArray());
        }
        if (to == DType.BOOL) {
            boolean[] bools = x.toBooleanArray();
            for (int i = 0; i < want.length; i++) {
                assertEquals(want[i] != 0, bools[i]);
            }
        }
    }

    private static final long[] LONGS = {
        0,
        1,
        -1,
        3,
        255,
        -128,
        Integer.MAX_VALUE,
        1L << 31,
        (1L << 53) + 1,
        -(1L << 53) - 1,
        9007199254740993L,
        Long.MAX_VALUE - 1,
        Long.MAX_VALUE,
        Long.MIN_VALUE + 1,
        Long.MIN_VALUE
    };

    private record Exact(
            String name, BiFunction<Tensor, Long, Tensor> ours, LongBinaryOperator want) {}

    /// Everything that takes a whole number counts all of its digits.
    @TestFactory
    Stream<DynamicTest> wholeNumbers() {
        return Stream.of(
                        new Exact("add", (x, n) -> x.add((long) n), Long::sum),
                        new Exact("sub", (x, n) -> x.sub((long) n), (a, b) -> a - b),
                        new Exact("mul", (x, n) -> x.mul((long) n), (a, b) -> a * b),
                        new Exact(
                                "floorDiv",
                                (x, n) -> x.floorDiv((long) n),
                                (a, b) -> b == 0 ? 0 : Math.floorDiv(a, b)),
                        new Exact(
                                "mod",
                                (x, n) -> x.mod((long) n),
                                (a, b) -> b == 0 ? 0 : Math.floorMod(a, b)),
                        new Exact("maximum", (x, n) -> x.maximum((long) n), Math::max),
                        new Exact("minimum", (x, n) -> x.minimum((long) n), Math::min),
                        new Exact(
                                "pow",
                                (x, n) -> x.pow(n & 7),
                                (a, b) -> BigInteger.valueOf(a).pow((int) (b & 7)).longValue()),
                        new Exact("eq", (x, n) -> x.eq((long) n), (a, b) -> a == b ? 1 : 0),
                        new Exact("ne", (x, n) -> x.ne((long) n), (a, b) -> a != b ? 1 : 0),
                        new Exact("lt", (x, n) -> x.lt((long) n), (a, b) -> a < b ? 1 : 0),
                        new Exact("le", (x, n) -> x.le((long) n), (a, b) -> a <= b ? 1 : 0),
                        new Exact("gt", (x, n) -> x.gt((long) n), (a, b) -> a > b ? 1 : 0),
                        new Exact("ge", (x, n) -> x.ge((long) n), (a, b) -> a >= b ? 1 : 0),
                        new Exact(
                                "clamp below",
                                (x, n) -> x.clamp((long) n, Long.MAX_VALUE),
                                Math::max),
                        new Exact(
                                "clamp above",
                                (x, n) -> x.clamp(Long.MIN_VALUE, (long) n),
                                Math::min),
                        new Exact("fullLike", (x, n) -> x.fullLike((long) n), (a, b) -> b),
                        new Exact(
                                "pad",
                                (x, n) -> x.slice(0, 0, 0).pad(0, 0, LONGS.length, (long) n),
                                (a, b) -> b),
                        new Exact(
                                "full",
                                (x, n) -> Tensor.full((long) n, DType.I64, LONGS.length),
                                (a, b) -> b),
                        new Exact(
                                "where",
                                (x, n) -> x.eq(x).not().where(x, Tensor.of((long) n)),
                                (a, b) -> b))
                .map(e ->
                        DynamicTest.dynamicTest(
                                e.name,
                                () -> {
                                    for (Tensor x :
                                            List.of(
                                                    Tensor.of(LONGS),
                                                    Tensor.of(LONGS)
                                                            .unsqueeze(1)
                                                            .squeeze(1)
                                                            .add(0)))
                                        for (long n : LONGS) {
                                            long[] want =
                                                    Arrays.stream(LONGS)
                                                            .map(a -> e.want.applyAsLong(a, n))
                                                            .toArray();
                                            assertArrayEquals(
                                                    want,
                                                    e.ours.apply(x, n).toLongArray(),
                                                    e.name + " " + n);
                                        }
                                }));
    }

    /// Comparisons of whole tensors with any number are exact.
    @TestFactory
    Stream<DynamicTest> comparisons() {
        double[] numbers = Arrays.copyOf(EDGES, EDGES.length + 4);
        numbers[EDGES.length] = 16_777_216.5;
        numbers[EDGES.length + 1] = 0x1p53;
        numbers[EDGES.length + 2] = -0x1p53;
        numbers[EDGES.length + 3] = 4.5e15 + 0.5;
        long[] longs = Arrays.copyOf(LONGS, LONGS.length + 2);
        longs[LONGS.length] = 16_777_217;
        longs[LONGS.length + 1] = 4_500_000_000_000_001L;
        return WHOLE.stream()
                .filter(t -> t != DType.BOOL)
                .map(t ->
                        DynamicTest.dynamicTest(
                                t.toString(),
                                () -> {
                                    Tensor x = Tensor.of(longs).cast(t).realize();
                                    long[] values = x.toLongArray();
                                    for (double n : numbers) {
                                        check(values, n, 0, x.eq(n));
                                        check(values, n, 1, x.ne(n));
                                        check(values, n, 2, x.lt(n));
                                        check(values, n, 3, x.le(n));
                                        check(values, n, 4, x.gt(n));
                                        check(values, n, 5, x.ge(n));
                                    }
                                }));
    }

    private static void check(long[] values, double n, int what, Tensor got) {
        boolean[] bools = got.toBooleanArray();
        for (int i = 0; i < values.length; i++) {
            int order =
                    Double.isInfinite(n)
                            ? n > 0 ? -1 : 1
                            : Double.isNaN(n)
                                    ? 0
                                    : new BigDecimal(values[i]).compareTo(new BigDecimal(n));
            boolean want =
                    Double.isNaN(n)
                            ? what == 1
                            : switch (what) {
                                case 0 -> order == 0;
                                case 1 -> order != 0;
                                case 2 -> order < 0;
                                case 3 -> order <= 0;
                                case 4 -> order > 0;
                                default -> order >= 0;
                            };
            assertEquals(want, bools[i], values[i] + " and " + n + ", comparison " + what);
        }
    }

    /// What a type cannot hold is refused where it is written.
    @Test
    void refuses() {
        Object[][] bad = {
            {DType.I32, 1e10},
            {DType.I32, 0.5},
            {DType.I32, Double.NaN},
            {DType.I32, Double.POSITIVE_INFINITY},
            {DType.U8, 256.0},
            {DType.U8, -1.0},
            {DType.I8, 128.0},
            {DType.I64, 0x1p63},
            {DType.BOOL, 2.0}
        };
        for (Object[] b : bad) {
            DType t = (DType) b[0];
            double v = (double) b[1];
            Tensor x = Tensor.zeros(t, 2);
            String what = v + " as " + t;
            assertThrows(DTypeException.class, () -> Tensor.full(v, t, 3), what);
            assertThrows(DTypeException.class, () -> x.fullLike(v), what);
            assertThrows(DTypeException.class, () -> x.pad(0, 1, 1, v), what);
            if (v == Math.rint(v) && Math.abs(v) < 0x1p62) {
                assertThrows(DTypeException.class, () -> Tensor.full((long) v, t, 3), what);
                assertThrows(DTypeException.class, () -> x.fullLike((long) v), what);
                assertThrows(DTypeException.class, () -> x.pad(0, 1, 1, (long) v), what);
                if (t != DType.BOOL) {
                    assertThrows(DTypeException.class, () -> x.add(v), what);
                    assertThrows(DTypeException.class, () -> x.maximum((long) v), what);
                }
            }
        }
        assertEquals(
                "full: 10000000000 does not fit into i32",
                assertThrows(DTypeException.class, () -> Tensor.full(1e10, DType.I32))
                        .getMessage());
        assertEquals(
                "pad: 0.5 does not fit into i32",
                assertThrows(
                                DTypeException.class,
                                () -> Tensor.zeros(DType.I32, 2).pad(0, 1, 0, 0.5))
                        .getMessage());
    }

    private static final Rng RNG = Rng.seed(0);

    private record Elements(String name, BiFunction<DType, Double, Tensor> of) {}

    /// Whatever makes elements of a number of the program.
    private static final List<Elements> MAKERS =
            List.of(
                    new Elements("full", (t, v) -> Tensor.full(v, t, 3)),
                    new Elements("fullLike", (t, v) -> Tensor.zeros(t, 2).fullLike((double) v)),
                    new Elements("pad", (t, v) -> Tensor.zeros(t, 2).pad(0, 1, 1, (double) v)),
                    new Elements(
                            "pad",
                            (t, v) ->
                                    Tensor.zeros(t, 2)
                                            .pad(
                                                    List.of(new dev.nacre.ir.Margin(1, 0, 0)),
                                                    (double) v)),
                    new Elements("linspace", (_, v) -> Tensor.linspace(0, v, 3)),
                    new Elements("linspace", (_, v) -> Tensor.linspace(v, 0, 3)),
                    new Elements(
                            "arange", (_, v) -> Tensor.arange(v, v + Math.ulp(v), 2 * Math.ulp(v))),
                    new Elements(
                            "uniform", (t, v) -> RNG.uniform(t, v, v, dev.nacre.type.Shape.of(2))),
                    new Elements("normal", (_, v) -> RNG.normal(v, 0, 2)));

    /// Functions of numbers that are parameters or operands, in which a number that a type cannot hold overflows as any arithmetic.
    private static final java.util.Set<String> OPERANDS =
            java.util.Set.of(
                    "of add sub mul div floorDiv mod pow maximum minimum clamp eq ne lt le gt ge combine hardTanh leakyRelu elu layerNorm rmsNorm dropout norm crossEntropy crossEntropyWith constant integers bernoulli exact"
                            .split(" "));

    /// A finite number does not become infinite as an element, in any type and by any function.
    @Test
    void numbersThatAreTooLargeAreRefused() {
        for (DType t : FLOATS) {
            double greatest = t.greatest();
            // rounded to nearest, ties to even: half a step further is infinite
            double step = greatest - t.round(greatest * (1 - (t == DType.BF16 ? 0x1p-8 : 1e-3)));
            for (Elements e : MAKERS) {
                boolean fixed = !List.of("full", "fullLike", "pad", "uniform").contains(e.name);
                if (fixed && t != DType.F32) {
                    continue;
                }
                for (double v : new double[] {greatest, -greatest, 0, 1e-300}) {
                    double got = e.of.apply(t, v).abs().max().cast(DType.F64).item();
                    assertEquals(t.round(Math.abs(v)), got, e.name + " " + v + " as " + t);
                }
                if (t == DType.F64) {
                    continue; // holds them all
                }
                for (double v : new double[] {greatest + step, -greatest - step, 1e300, -1e300}) {
                    var error =
                            assertThrows(
                                    dev.nacre.type.NacreException.class,
                                    () -> e.of.apply(t, v),
                                    e.name + " " + v + " as " + t);
                    assertEquals(e.name, error.getMessage().replaceAll(":[\\s\\S]*", ""));
                }
            }
            for (double v :
                    new double[] {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NaN}) {
                assertEquals(v, Tensor.full(v, t, 2).toDoubleArray()[1]);
                assertEquals(v, Tensor.zeros(t, 1).pad(0, 1, 0, v).toDoubleArray()[0]);
            }
        }
        assertThrows(DTypeException.class, () -> Tensor.full(70_000L, DType.F16));
        assertThrows(DTypeException.class, () -> Tensor.ones(DType.F16, 2).fullLike(70_000L));
        // comparisons are exact
        double[] values = {Double.NEGATIVE_INFINITY, -65504, 65504, Double.POSITIVE_INFINITY};
        Tensor all = Tensor.of(values).cast(DType.F16).realize();
        for (double n : new double[] {65504, 65519, 65520, -65520, 1e8, -1e8, 1e300}) {
            check(values, n, all);
            check(values, (long) n, all, n);
        }
        // arithmetic and limits
        Tensor x = Tensor.of(new double[] {1, -1e4, 6e4}).cast(DType.F16);
        assertArrayEquals(x.toDoubleArray(), x.clamp(-1e9, 1e9).toDoubleArray());
        assertArrayEquals(x.toDoubleArray(), x.maximum(-100_000L).toDoubleArray());
        assertEquals(Double.POSITIVE_INFINITY, x.add(1e8).toDoubleArray()[0]);
        assertEquals(
                "full: 1.0E8 does not fit into f16\n  hint: f16 ends at 65504; a score is hidden by -Infinity",
                assertThrows(DTypeException.class, () -> Tensor.full(1e8, DType.F16)).getMessage());
    }

    private static void check(double[] values, double n, Tensor x) {
        check(values, n, List.of(x.eq(n), x.ne(n), x.lt(n), x.le(n), x.gt(n), x.ge(n)));
    }

    private static void check(double[] values, long whole, Tensor x, double n) {
        if (Math.abs(n) < 1e18) {
            check(
                    values,
                    n,
                    List.of(
                            x.eq(whole),
                            x.ne(whole),
                            x.lt(whole),
                            x.le(whole),
                            x.gt(whole),
                            x.ge(whole)));
        }
    }

    private static void check(double[] values, double n, List<Tensor> got) {
        for (int i = 0; i < values.length; i++) {
            double v = values[i];
            // a number that f16 has not, but could hold, is rounded
            double m = Math.abs(n) < 65520 ? DType.F16.round(n) : n;
            List<Boolean> want = List.of(v == m, v != m, v < m, v <= m, v > m, v >= m);
            int k = i;
            assertEquals(
                    want, got.stream().map(t -> t.toBooleanArray()[k]).toList(), v + " and " + n);
        }
    }

    /// A function that takes a number is in one of the lists.
    @Test
    void everyFunctionOfNumbersIsListed() {
        java.util.Set<String> known = new java.util.TreeSet<>(OPERANDS);
        MAKERS.forEach(e -> known.add(e.name));
        java.util.Set<String> found = new java.util.TreeSet<>();
        for (Class<?> c : List.of(Tensor.class, Rng.class)) {
            for (java.lang.reflect.Method m : c.getMethods()) {
                if (Arrays.asList(m.getParameterTypes()).contains(double.class)) {
                    found.add(m.getName());
                }
            }
        }
        found.removeAll(known);
        assertEquals(java.util.Set.of(), found);
    }

    /// No digit is lost on the way out, or it is said.
    @Test
    void singleNumbersAreExact() {
        for (long n : LONGS) {
            Tensor x = Tensor.of(new long[] {n});
            assertEquals(n, x.itemLong());
            assertEquals(n, Tensor.full(n, DType.I64).itemLong(), "folded");
            assertEquals("[" + n + "] i64[1]", x.toString());
            if (new BigDecimal(n)
                    .equals(new BigDecimal(new BigDecimal((double) n).toBigInteger()))) {
                assertEquals(n, (long) x.item());
            } else {
                assertEquals(
                        "item: a double cannot hold " + n,
                        assertThrows(ValueException.class, x::item)
                                .getMessage()
                                .lines()
                                .findFirst()
                                .orElse(""));
            }
        }
        assertEquals(-2, Tensor.of(-2.75).itemLong());
        assertEquals(255, Tensor.of(new double[] {255}).cast(DType.U8).itemLong());
        assertThrows(ShapeException.class, () -> Tensor.of(new long[] {1, 2}).itemLong());
    }

    /// A tensor of rank 0 does not widen others in its category.
    @Test
    void scalarsAreWeak() {
        Tensor x = Tensor.ones(3, 2);
        assertEquals(DType.F32, x.mul(Tensor.of(0.5)).dtype());
        assertEquals(DType.F32, Tensor.of(0.5).add(x).dtype());
        assertEquals(DType.F16, x.cast(DType.F16).maximum(Tensor.of(2.0)).dtype());
        assertEquals(DType.F32, x.gt(0).where(x, Tensor.of(0.5)).dtype());
        assertEquals(DType.I32, x.cast(DType.I32).add(Tensor.of(1L)).dtype());
        assertEquals(DType.F64, x.cast(DType.I32).add(Tensor.of(1.0)).dtype());
        assertEquals(DType.F64, Tensor.of(1f).add(Tensor.of(1.0)).dtype());
    }
}
