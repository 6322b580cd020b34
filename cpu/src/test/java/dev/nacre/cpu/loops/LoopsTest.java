package dev.nacre.cpu.loops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.compile.Loop;
import dev.nacre.cpu.loops.Compare.Tolerance;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Loops as a network makes them.
class LoopsTest {
    private static final DType F = DType.F32;
    private static final Tolerance CLOSE = new Tolerance(16, 1e-6);

    private static Buffers random(long... counts) {
        var b = new Buffers();
        for (int i = 0; i < counts.length; i++) b.random(b.add(F, counts[i]), new Random(i), -3, 3);
        return b;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 10, 16, 17, 64, 65, 100, 128, 1000, 2048, 2049, 5000})
    void softmax(int n) {
        var b = random(9L * n, 9L * n);
        var l = new LoopOf(9, n);
        int x = l.load(0, F);
        int e = l.apply(Unary.EXP, l.apply(Binary.SUB, x, l.fold(Reduction.MAX, x)));
        l.store(1, l.apply(Binary.DIV, e, l.fold(Reduction.SUM, e)));
        Compare.all("softmax", l.loop(), b, CLOSE);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 16, 33, 300, 4099})
    void softmaxInPlace(int n) {
        var b = random(9L * n);
        var l = new LoopOf(9, n);
        int x = l.load(0, F);
        int e = l.apply(Unary.EXP, l.apply(Binary.SUB, x, l.fold(Reduction.MAX, x)));
        l.store(0, l.apply(Binary.DIV, e, l.fold(Reduction.SUM, e)));
        Compare.all("softmax in place", l.loop(), b, CLOSE);
    }

    private static int layerNorm(LoopOf l, int x, int n) {
        int mean = l.apply(Binary.DIV, l.fold(Reduction.SUM, x), l.f32(n));
        int d = l.apply(Binary.SUB, x, mean);
        int variance =
                l.apply(Binary.DIV, l.fold(Reduction.SUM, l.apply(Binary.MUL, d, d)), l.f32(n));
        int scale = l.apply(Unary.RSQRT, l.apply(Binary.ADD, variance, l.f32(1e-5)));
        l.store(4, mean, 0, 1, 0).store(5, scale, 0, 1, 0);
        return l.apply(Binary.MUL, d, scale);
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 16, 100, 768})
    void layerNormWithResidual(int n) {
        var b = random(20L * n, 20L * n, n, n, 20, 20, 20L * n);
        var l = new LoopOf(20, n);
        int x = l.apply(Binary.ADD, l.load(0, F), l.load(1, F));
        int y = layerNorm(l, x, n);
        l.store(
                6,
                l.apply(
                        Binary.ADD,
                        l.apply(Binary.MUL, y, l.load(2, F, 0, 0, 1)),
                        l.load(3, F, 0, 0, 1)));
        l.store(0, x);
        Compare.all("layer norm", l.loop(), b, CLOSE);
    }

    /// dx and the gradients of scale and shift in one pass over the rows.
    @ParameterizedTest
    @ValueSource(ints = {5, 100, 768})
    void layerNormBackward(int n) {
        int rows = 300;
        var b = random((long) rows * n, (long) rows * n, n, rows, (long) rows * n, n, n);
        var l = new LoopOf(rows, n);
        int y = l.load(0, F);
        int g = l.load(1, F);
        int gw = l.apply(Binary.MUL, g, l.load(2, F, 0, 0, 1));
        int m1 = l.apply(Binary.DIV, l.fold(Reduction.SUM, gw), l.f32(n));
        int m2 = l.apply(Binary.DIV, l.fold(Reduction.SUM, l.apply(Binary.MUL, gw, y)), l.f32(n));
        int d = l.apply(Binary.SUB, l.apply(Binary.SUB, gw, m1), l.apply(Binary.MUL, y, m2));
        l.store(4, l.apply(Binary.MUL, d, l.load(3, F, 0, 1, 0)));
        l.accumulate(Reduction.SUM, 5, l.apply(Binary.MUL, g, y), 0, 1)
                .accumulate(Reduction.SUM, 6, g, 0, 1);
        Compare.all("layer norm backward", l.loop(), b, new Tolerance(64, 2e-4));
    }

    @ParameterizedTest
    @EnumSource(names = {"I32", "I64"})
    void crossEntropy(DType label) {
        int n = 37;
        int rows = 70;
        var b = random((long) rows * n, rows);
        int labels = b.add(label, rows);
        b.random(labels, new Random(3), 0, n - 1);
        var l = new LoopOf(rows, n);
        int x = l.load(0, F);
        int shifted = l.apply(Binary.SUB, x, l.fold(Reduction.MAX, x));
        int log = l.apply(Unary.LOG, l.fold(Reduction.SUM, l.apply(Unary.EXP, shifted)));
        int hit = l.apply(Binary.EQ, l.ramp(label, 0, 0, 1), l.load(labels, label, 0, 1, 0));
        int picked = l.fold(Reduction.SUM, l.choose(hit, shifted, l.f32(0)));
        l.store(1, l.apply(Binary.SUB, log, picked), 0, 1, 0);
        Compare.all("cross entropy", l.loop(), b, CLOSE);
    }

    @ParameterizedTest
    @EnumSource
    void accumulatesEveryWay(Reduction kind) {
        for (int n : new int[] {1, 6, 17, 100, 1500})
            for (int rows : new int[] {1, 2, 40, 3000}) {
                var b = new Buffers();
                for (long count : new long[] {(long) rows * n, n, rows, 1, (long) rows * n})
                    b.add(F, count);
                var random = new Random(n);
                for (long i = 0; i < (long) rows * n; i++)
                    b.set(
                            0,
                            i,
                            kind == Reduction.PROD
                                    ? 1 + 1e-3 * random.nextGaussian()
                                    : random.nextGaussian());
                var l = new LoopOf(rows, n);
                int x = l.load(0, F);
                l.accumulate(kind, 1, x, 0, 1)
                        .accumulate(kind, 2, x, 1, 0)
                        .accumulate(kind, 3, x, 0, 0);
                if (n == 6) l.store(4, x);
                double size = Math.sqrt((double) rows * n);
                Compare.all(
                        kind + " " + rows + "x" + n,
                        l.loop(),
                        b,
                        new Tolerance(kind == Reduction.PROD ? 40 + size : 4, 4e-7 * size));
            }
    }

    /// So many terms that they are added up in blocks: the same bits whoever does it, and no error that grows with their number.
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 33, 130})
    void sumsOfManyRows(int n) {
        for (DType type : List.of(F, DType.F64))
            for (var kind : List.of(Reduction.SUM, Reduction.PROD)) {
                int rows = 6000 / n + 1100;
                var b = new Buffers();
                for (long count : new long[] {2L * rows * n, n, 2L * n, 2L * n, 2})
                    b.add(type, count);
                for (long i = 0; i < 2L * rows * n; i++)
                    b.set(
                            0,
                            i,
                            type.round(kind == Reduction.SUM ? 0.1 : 1 + 0x1p-12 * (i % 3 - 1)));
                var l = new LoopOf(2, rows, n);
                int x = l.load(0, type);
                l.accumulate(kind, 1, x, 0, 0, 1)
                        .accumulate(kind, 2, x, n, 0, 1)
                        .accumulate(kind, 3, x, 1, 0, 2)
                        .accumulate(kind, 4, x, 1, 0, 0);
                // Each factor rounds, and the oracle adds doubles one after the other.
                double ulps = kind == Reduction.SUM && type == F ? 140 : 2.0 * rows * n;
                Compare.all(kind + " of many", l.loop(), b, new Tolerance(ulps, 0));
            }
    }

    @Test
    void accumulatesOverLargeSpaces() {
        int rows = 900;
        int n = 1200;
        var b = random((long) rows * n, n, rows, 1);
        for (var l :
                List.of(
                        new LoopOf(rows, n)
                                .pipe(l -> l.accumulate(Reduction.SUM, 1, l.load(0, F), 0, 1)),
                        new LoopOf(rows, n)
                                .pipe(l -> l.accumulate(Reduction.SUM, 2, l.load(0, F), 1, 0)),
                        new LoopOf(rows, n)
                                .pipe(l -> l.accumulate(Reduction.SUM, 3, l.load(0, F), 0, 0)),
                        new LoopOf(rows, n)
                                .pipe(l -> l.accumulate(Reduction.MAX, 3, l.load(0, F), 0, 0))))
            Compare.all("large", l.loop(), b, new Tolerance(4, 2e-4));
    }

    @Test
    void accumulatesAMiddleAxisIntoNarrowTypes() {
        var b = random(30L * 40 * 50);
        int y = b.add(DType.BF16, 30L * 50);
        int z = b.add(DType.F16, 40);
        var l = new LoopOf(30, 40, 50);
        int x = l.apply(Unary.ABS, l.load(0, F));
        l.accumulate(Reduction.SUM, y, l.convert(DType.BF16, x), 50, 0, 1);
        l.accumulate(Reduction.MAX, z, l.convert(DType.F16, x), 0, 1, 0);
        Compare.all("narrow", l.loop(), b, new Tolerance(1.01, 0));
    }

    @Test
    void batchNormStatistics() {
        var b = random(8L * 5 * 49, 5, 5, 8L * 5 * 49);
        var l = new LoopOf(8, 5, 49);
        int x = l.load(0, F);
        l.accumulate(Reduction.SUM, 1, x, 0, 1, 0)
                .accumulate(Reduction.SUM, 2, l.apply(Binary.MUL, x, x), 0, 1, 0);
        Compare.all("batch norm", l.loop(), b, new Tolerance(8, 1e-4));
    }

    @Test
    void valuesOfARow() {
        var b = random(12L * 30, 12, 12, 1, 12);
        var l = new LoopOf(12, 30);
        int row = l.load(1, F, 0, 1, 0);
        l.store(2, l.fold(Reduction.SUM, row), 0, 1, 0).accumulate(Reduction.SUM, 3, row, 0, 0);
        l.store(4, l.fold(Reduction.MAX, l.f32(2)), 0, 1, 0);
        Compare.all("rows", l.loop(), b, CLOSE);
        l = new LoopOf(12, 30); // without a fold, a row is nothing special
        l.accumulate(Reduction.SUM, 3, l.load(1, F, 0, 1, 0), 0, 0);
        Compare.all("points", l.loop(), b, CLOSE);
    }

    @Test
    void foldsOfNothing() {
        for (var kind : Reduction.values()) {
            var b = random(1, 5, 5, 1, 1);
            var l = new LoopOf(5, 0);
            int x = l.load(0, F, 0, 0, 1);
            l.store(1, l.fold(kind, x), 0, 1, 0)
                    .accumulate(kind, 2, x, 1, 0)
                    .accumulate(kind, 3, x, 0, 0);
            Compare.allWays("no points", l.loop(), b);
            var result = Compare.allWays("no points", l.loop(), b);
            for (int i = 0; i < 5; i++) {
                assertEquals(kind.identity(), result.get(1, i));
                assertEquals(kind.identity(), result.get(2, i));
            }
            assertEquals(kind.identity(), result.get(3, 0));
            l = new LoopOf(0, 5);
            x = l.load(0, F, 0, 0, 0);
            l.accumulate(kind, 2, x, 0, 1).store(4, x, 0, 0, 0);
            result = Compare.allWays("no rows", l.loop(), b);
            for (int i = 0; i < 5; i++) assertEquals(kind.identity(), result.get(2, i));
        }
    }

    @ParameterizedTest
    @EnumSource
    void copiesAndConvertsEveryType(DType from) {
        for (var to : DType.values()) {
            var b = new Buffers();
            int n = 75;
            int x = b.add(from, n);
            b.random(x, new Random(1), from == DType.U8 ? 0 : -120, from == DType.U8 ? 255 : 120);
            if (from.isFloating() && (to.isFloating() || to == DType.BOOL)) {
                double[] edges = {
                    0.0,
                    -0.0,
                    Double.NaN,
                    Double.POSITIVE_INFINITY,
                    Double.NEGATIVE_INFINITY,
                    1e-7,
                    -3e-6,
                    65504,
                    65519,
                    65520,
                    70000,
                    1e-40,
                    3e38,
                    5.9e-8,
                    2.9e-8,
                    6.1e-5
                };
                for (int i = 0; i < edges.length; i++) b.set(x, i, from.round(edges[i]));
            }
            int y = b.add(to, n);
            int z = b.add(from, n);
            var l = new LoopOf(n);
            int v = l.load(x, from);
            l.store(y, l.convert(to, v)).store(z, v);
            Compare.all(from + " to " + to, l.loop(), b, Tolerance.EXACT);
        }
    }

    @ParameterizedTest
    @EnumSource
    void movesEveryTypeThroughEveryAccess(DType dtype) {
        var b = new Buffers();
        int x = b.add(dtype, 7 * 45);
        b.random(x, new Random(1), 0, 100);
        int row = b.add(dtype, 7);
        b.random(row, new Random(2), 0, 100);
        for (int i = 0; i < 4; i++) b.add(dtype, 7 * 45);
        var l = new LoopOf(7, 45);
        l.store(2, l.load(x, dtype, 0, 1, 7)); // transposed in
        l.store(3, l.load(x, dtype), 0, 1, 7); // transposed out
        l.store(4, l.load(row, dtype, 0, 1, 0));
        l.store(5, l.load(row, dtype, 6, 0, 0));
        Compare.all("moves " + dtype, l.loop(), b, Tolerance.EXACT);
        var backwards = new LoopOf(7, 45);
        backwards.store(2, backwards.load(x, dtype, 7 * 45 - 1, -45, -1));
        Compare.all("backwards " + dtype, backwards.loop(), b, Tolerance.EXACT);
    }

    @Test
    void masks() {
        int n = 101;
        var b = random(n, n, n);
        int m = b.add(DType.BOOL, n);
        b.random(m, new Random(1), 0, 1);
        int out = b.add(DType.BOOL, n);
        int any = b.add(DType.BOOL, 2);
        int wide = b.add(DType.F64, n);
        b.random(wide, new Random(5), -1, 1);
        var l = new LoopOf(n);
        int x = l.load(0, F);
        int mask = l.load(m, DType.BOOL);
        int gt = l.apply(Binary.GT, x, l.f32(0.5));
        int both = l.apply(Binary.AND, gt, mask);
        int either =
                l.apply(
                        Binary.OR,
                        l.apply(Unary.NOT, both),
                        l.apply(Binary.GT, l.load(wide, DType.F64), l.literal(DType.F64, 0)));
        l.store(2, l.choose(either, x, l.load(1, F)));
        l.store(out, l.choose(both, either, mask));
        l.accumulate(Reduction.MAX, any, both, 0);
        l.store(wide, l.choose(gt, l.convert(DType.F64, x), l.literal(DType.F64, 7)));
        Compare.all("masks", l.loop(), b, Tolerance.EXACT);
    }

    @ParameterizedTest
    @EnumSource(names = {"BOOL", "I32", "I64", "F64", "F32"})
    void foldsEveryType(DType dtype) {
        for (var kind : Reduction.values())
            for (int n : new int[] {1, 15, 16, 70, 3000}) {
                var b = new Buffers();
                int x = b.add(dtype, 3L * n);
                b.random(
                        x, new Random(n), dtype == DType.F64 ? -1 : -5, dtype == DType.F64 ? 1 : 5);
                int y = b.add(dtype, 3);
                int z = b.add(dtype, n);
                int w = b.add(dtype, 3);
                var l = new LoopOf(3, n);
                int v = l.load(x, dtype);
                l.store(y, l.fold(kind, v), 0, 1, 0)
                        .accumulate(kind, z, v, 0, 1)
                        .accumulate(kind, w, v, 1, 0);
                var tolerance =
                        dtype.isFloating()
                                ? new Tolerance(100, dtype == DType.F64 ? 1e-12 : 1e-3)
                                : Tolerance.EXACT;
                Compare.all(kind + " " + dtype + " " + n, l.loop(), b, tolerance);
            }
    }

    @Test
    void nanWinsMaximaAndMinima() {
        for (var kind : List.of(Reduction.MAX, Reduction.MIN)) {
            var b = random(5L * 100, 5, 100);
            b.set(0, 250, Double.NaN);
            b.set(0, 260, Double.POSITIVE_INFINITY);
            var l = new LoopOf(5, 100);
            int x = l.load(0, F);
            l.store(1, l.fold(kind, x), 0, 1, 0).accumulate(kind, 2, x, 0, 1);
            Compare.all("nan", l.loop(), b, Tolerance.EXACT);
        }
    }

    @Test
    void integersAndRamps() {
        int n = 70;
        var b = new Buffers();
        b.add(DType.I32, 5 * n);
        b.add(DType.I64, 5 * n);
        b.add(DType.BOOL, 5 * n);
        b.add(F, 5 * n);
        var l = new LoopOf(5, n);
        int i = l.ramp(DType.I32, 3, n, 1);
        int column = l.ramp(DType.I32, 0, 0, 1);
        int row = l.ramp(DType.I32, 0, 1, 0);
        int far = l.ramp(DType.I64, -5, 1000, -7);
        l.store(0, l.apply(Binary.MUL, i, column));
        l.store(1, l.apply(Binary.ADD, far, l.convert(DType.I64, i)));
        l.store(2, l.apply(Binary.LE, column, l.apply(Binary.MUL, row, l.literal(DType.I32, 20))));
        l.store(3, l.convert(F, far));
        Compare.all("ramps", l.loop(), b, Tolerance.EXACT);
    }

    /// Parts of very different sizes, as an optimizer has them, run together.
    @Test
    void manyInstances() {
        int[] sizes = {10, 1, 4096, 70_000, 33, 200_000, 5};
        var b = new Buffers();
        var instances = new ArrayList<Loop.Instance>();
        Loop one = null;
        for (int size : sizes) {
            int first = b.size();
            for (int k = 0; k < 4; k++) b.random(b.add(F, size), new Random(size + k), 0.1, 1);
            var l = new LoopOf(size);
            int g = l.load(first + 1, F);
            int m =
                    l.apply(
                            Binary.ADD,
                            l.apply(Binary.MUL, l.load(first + 2, F), l.f32(0.9)),
                            l.apply(Binary.MUL, g, l.f32(0.1)));
            int v =
                    l.apply(
                            Binary.ADD,
                            l.apply(Binary.MUL, l.load(first + 3, F), l.f32(0.999)),
                            l.apply(Binary.MUL, l.apply(Binary.MUL, g, g), l.f32(0.001)));
            int step =
                    l.apply(
                            Binary.DIV,
                            l.apply(Binary.MUL, m, l.f32(0.01)),
                            l.apply(Binary.ADD, l.apply(Unary.SQRT, v), l.f32(1e-8)));
            l.store(first, l.apply(Binary.SUB, l.load(first, F), step))
                    .store(first + 2, m)
                    .store(first + 3, v);
            one = l.loop();
            instances.addAll(one.instances());
        }
        Compare.all("adam", new Loop(one.program(), instances), b, new Tolerance(4, 1e-7));
    }

    @Test
    void sumsOfLongRowsAreAccurate() {
        int n = 1 << 21;
        var b = new Buffers();
        b.add(F, n);
        b.add(F, 1);
        b.add(F, 1);
        for (int i = 0; i < n; i++) b.set(0, i, 0.1);
        var l = new LoopOf(1, n);
        int x = l.load(0, F);
        l.store(1, l.fold(Reduction.SUM, x), 0, 0, 0);
        LoopRunner.of(l.loop()).newRun().run(b.addresses());
        l = new LoopOf(1, n);
        l.accumulate(Reduction.SUM, 2, l.load(0, F), 0, 0);
        LoopRunner.of(l.loop()).newRun().run(b.addresses());
        double want = n * (double) 0.1f;
        assertEquals(want, (double) b.get(1, 0), want * 4e-7);
        assertEquals(want, (double) b.get(2, 0), want * 4e-7);
    }

    @Test
    void allocatesNothingOnceWarm() {
        var b = random(50_000, 50_000);
        var l = new LoopOf(50_000);
        l.store(1, l.apply(Unary.NEG, l.load(0, F)));
        var run = LoopRunner.of(l.loop()).newRun(Compare::inOrder);
        var addresses = b.addresses();
        var threads =
                (com.sun.management.ThreadMXBean)
                        java.lang.management.ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        long end = System.nanoTime() + 20_000_000_000L;
        while (least > 0 && System.nanoTime() < end) {
            long before = threads.getCurrentThreadAllocatedBytes();
            run.run(addresses);
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertTrue(b.guardsAreWhole());
        assertEquals(0, least);
    }
}
