package dev.nacre.cpu.loops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.nacre.cpu.loops.Compare.Tolerance;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every row of the tables of elementwise functions, on every type and at sizes around the number of lanes.
class OpsTest {
    private static final double[] SPECIAL = {
        0.0,
        -0.0,
        1,
        -1,
        0.5,
        -0.5,
        1.5,
        -1.5,
        2.5,
        3,
        -3,
        100,
        -100,
        1e10,
        -1e10,
        Double.NaN,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY,
        Float.MAX_VALUE,
        -Float.MAX_VALUE,
        Float.MIN_VALUE,
        -Float.MIN_VALUE,
        Float.MIN_NORMAL,
        1e-40,
        8388607.5,
        16777216,
        88.72284,
        88.8,
        -87.4,
        -103.9,
        -104.1,
        0.99999994,
        1.0000001,
        0.1,
        1000,
        1e-10,
        0x1p-149,
        0x1p-130,
        0x1p100,
        -90,
        -95.5,
        -101
    };
    private static final int[] SIZES = {0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 53, 64, 67};

    /// What a formula may be off, on f32. A row that is not here is computed as it is defined.
    private static Tolerance tolerance(Unary f) {
        return switch (f) {
            case LOG2, LOG10 -> new Tolerance(1, 0);
            case EXP,
                    EXP2,
                    EXPM1,
                    LOG,
                    LOG1P,
                    SIN,
                    COS,
                    ASIN,
                    ACOS,
                    ATAN,
                    COSH,
                    ASINH,
                    ACOSH,
                    RSQRT ->
                    new Tolerance(2, 0);
            case ERF -> new Tolerance(3, 0);
            case NORMAL_DENSITY -> new Tolerance(3, 0);
            case NDTR -> new Tolerance(5, 0);
            case TAN, SINH, TANH, ATANH -> new Tolerance(3.2, 0);
            // those of the logarithm and of its operand
            case SOFTPLUS -> new Tolerance(4, 0);
            case SIGMOID -> new Tolerance(3.2, 0);
            default -> Tolerance.EXACT;
        };
    }

    private static Tolerance tolerance(Binary f) {
        return switch (f) {
            case POW -> new Tolerance(3, 0);
            case ATAN2 -> new Tolerance(2, 0);
            default -> Tolerance.EXACT;
        };
    }

    static Stream<DType> types(Unary f) {
        if (f == Unary.NOT) return Stream.of(DType.BOOL, DType.I32, DType.I64);
        var floats = Stream.of(DType.F32, DType.F64);
        return f.onIntegers() ? Stream.concat(floats, Stream.of(DType.I32, DType.I64)) : floats;
    }

    static Stream<DType> types(Binary f) {
        var types = new ArrayList<DType>();
        if (f.onFloats()) types.addAll(List.of(DType.F32, DType.F64));
        if (f.onIntegers()) types.addAll(List.of(DType.I32, DType.I64));
        if (f.onBools()) types.add(DType.BOOL);
        return types.stream();
    }

    @ParameterizedTest
    @EnumSource
    void unary(Unary f) {
        assertFalse(types(f).toList().isEmpty());
        types(f).forEach(dtype -> {
            var tolerance = dtype == DType.F32 ? tolerance(f) : Tolerance.EXACT;
            for (int n : SIZES) {
                var b = new Buffers();
                int x = fill(b, dtype, n, n);
                int y = b.add(dtype, n);
                var l = new LoopOf(n);
                l.store(y, l.apply(f, l.load(x, dtype)));
                Compare.all(f + " " + dtype + " " + n, l.loop(), b, tolerance);
            }
            var b = new Buffers();
            int x = fill(b, dtype, 5000, 1);
            int y = b.add(dtype, 5000);
            var l = new LoopOf(5000);
            l.store(y, l.apply(f, l.load(x, dtype)));
            Compare.all(f + " " + dtype, l.loop(), b, tolerance);
        });
    }

    /// Formulas compute with the bits of their operand.
    @ParameterizedTest
    @EnumSource(names = "NOT", mode = EnumSource.Mode.EXCLUDE)
    void nanStaysNanWhateverItsBits(Unary f) {
        int n = 1024;
        var b = new Buffers();
        int x = b.add(DType.F32, n);
        int y = b.add(DType.F32, n);
        var l = new LoopOf(n);
        l.store(y, l.apply(f, l.load(x, DType.F32)));
        for (int i = 0; i < n; i++)
            Memory.i32(b.addresses()[x] + 4L * i, (i % 2 == 0 ? 0x7FC0_0000 : 0xFFC0_0000) | i / 2);
        for (var mode : Compare.modes()) {
            var result = b.copy();
            LoopRunner.of(l.loop(), mode).newRun(Compare::inOrder).run(result.addresses());
            for (int i = 0; i < n; i++)
                assertEquals(Double.NaN, result.get(y, i), f + " " + mode + " " + i);
        }
    }

    @ParameterizedTest
    @EnumSource
    void binary(Binary f) {
        assertFalse(types(f).toList().isEmpty());
        types(f).forEach(dtype -> {
            var tolerance = dtype == DType.F32 ? tolerance(f) : Tolerance.EXACT;
            for (int n : SIZES) {
                var b = new Buffers();
                Compare.all(f + " " + dtype + " " + n, of(f, dtype, n, b), b, tolerance);
            }
            // All pairs of special values, and others
            var b = new Buffers();
            Compare.all(f + " " + dtype, of(f, dtype, 5000, b), b, tolerance);
        });
    }

    private static dev.nacre.compile.Loop of(Binary f, DType dtype, int n, Buffers b) {
        int x = fill(b, dtype, n, 1);
        int y = fill(b, dtype, n, SPECIAL.length);
        if (f == Binary.POLYGAMMA) for (int i = 0; i < n; i++) b.set(x, i, (double) (i % 4));
        int z = b.add(f.isComparison() ? DType.BOOL : dtype, n);
        var l = new LoopOf(n);
        l.store(z, l.apply(f, l.load(x, dtype), l.load(y, dtype)));
        return l.loop();
    }

    /// A buffer of special values, each repeated some times, then of random ones of many magnitudes.
    private static int fill(Buffers b, DType dtype, int n, int repeat) {
        int buffer = b.add(dtype, n);
        var random = new Random(n + repeat);
        for (int i = 0; i < n; i++) {
            int special = i / Math.max(1, repeat) % SPECIAL.length;
            var edge = n < 100 || i < SPECIAL.length * SPECIAL.length;
            double x =
                    edge && n > 20
                            ? SPECIAL[special]
                            : random.nextGaussian() * Math.pow(10, random.nextInt(5) - 2);
            b.set(
                    buffer,
                    i,
                    dtype.isFloating() ? (Object) x : integer(dtype, x, random, i, repeat));
        }
        return buffer;
    }

    private static final long[] INTEGERS = {
        0,
        1,
        -1,
        2,
        -2,
        3,
        -3,
        31,
        32,
        33,
        63,
        64,
        65,
        100,
        -100,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        Long.MAX_VALUE,
        Long.MIN_VALUE
    };

    private static Object integer(DType dtype, double x, Random random, int i, int repeat) {
        if (dtype == DType.BOOL) return (long) random.nextInt(2);
        var edge = i < INTEGERS.length * INTEGERS.length * 3;
        return dtype.wrap(
                edge
                        ? INTEGERS[
                                i
                                        / Math.max(1, repeat == 1 ? 1 : INTEGERS.length)
                                        % INTEGERS.length]
                        : (long) x);
    }
}
