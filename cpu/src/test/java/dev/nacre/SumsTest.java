package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.ir.Window;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Sums of many terms, along every axis and in every layout, against the same in f64: the error may grow with the block that is added up at a time, not with the number of terms.
class SumsTest {
    private static final DType F32 = DType.F32;

    /// Terms of a block, and some more for what is done with blocks and around the sum.
    private static final double BOUND = (128 + 72) * 0x1p-24;

    private record Case(String name, Tensor x, int[] axes) {}

    /// Numbers whose sums, taken one after the other in f32, lose digits in one direction. They are written as if by another layout.
    private static Tensor numbers(long... sizes) {
        int n = (int) Shape.of(sizes).count();
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = 0.1f + (i * 2654435761L >>> 8 & 15) * 0x1p-12f;
        }
        return Tensor.of(x, sizes);
    }

    private static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        add(cases, "rows", numbers(3, 50_000), 1);
        add(cases, "columns", numbers(50_000, 3), 0);
        add(cases, "wide columns", numbers(6_000, 70), 0);
        add(cases, "very wide columns", numbers(300, 1500), 0);
        add(cases, "all", numbers(400, 300), 0, 1);
        add(cases, "middle", numbers(3, 9_000, 5), 1);
        add(cases, "outer and middle", numbers(130, 40, 7), 0, 1);
        add(cases, "around the middle", numbers(150, 6, 140), 0, 2);
        add(cases, "images", numbers(40, 5, 20, 25), 0, 2, 3);
        add(cases, "of four the second and the last", numbers(2, 300, 7, 60), 1, 3);
        add(cases, "outer of four", numbers(3_000, 2, 3, 4), 0);
        add(cases, "turned rows", numbers(50_000, 3).transpose(), 1);
        add(cases, "turned columns", numbers(3, 50_000).transpose(), 0);
        add(cases, "images channels last", numbers(40, 20, 25, 5).permute(0, 3, 1, 2), 0, 2, 3);
        add(cases, "sliced columns", numbers(40_000, 7).slice(1, 0, 7, 3), 0);
        add(cases, "sliced rows", numbers(50_000, 5).slice(0, 3, 49_999, 2), 0);
        add(cases, "flipped", numbers(30_000, 4).flip(0, 1), 0);
        add(cases, "three turned", numbers(70, 5, 300).permute(1, 2, 0), 1, 2);
        add(cases, "one of three turned", numbers(5_000, 4, 3).permute(2, 0, 1), 1);
        return cases;
    }

    private static void add(List<Case> cases, String name, Tensor x, int... axes) {
        cases.add(new Case(name, x.realize(), axes));
    }

    private record Kind(String name, double factor, Of of) {
        interface Of {
            Tensor of(Tensor x, int[] axes);
        }
    }

    private static List<Kind> kinds() {
        return List.of(
                new Kind("sum", 1, Tensor::sum),
                new Kind("mean", 1, Tensor::mean),
                new Kind("norm 1", 1, (x, a) -> x.norm(1, a)),
                new Kind("norm 2", 1, (x, a) -> x.norm(2, a)),
                new Kind("logSumExp", 1, (x, a) -> x.logSumExp(a).exp()),
                new Kind("variance", 1, (x, a) -> x.variance(a)),
                // a mean far from 0
                new Kind("variance around 1000", 1, SumsTest::farVariance),
                new Kind("sum of a formula", 1, (x, a) -> x.exp().mul(x.sigmoid()).sum(a)),
                new Kind("sum with what is stored", 1, SumsTest::beside),
                new Kind("gradient of what was added", 1, SumsTest::bias));
    }

    /// The loop also stores its points.
    private static Tensor beside(Tensor x, int[] axes) {
        Tensor y = x.mul(3);
        Tensor sum = y.sum(axes);
        Tensor.realize(y, sum);
        return sum;
    }

    private static Tensor farVariance(Tensor x, int[] axes) {
        return x.cast(F32)
                .mul(256)
                .round()
                .add(10_000)
                .cast(x.dtype())
                .variance(Correction.NONE, axes);
    }

    private static Tensor bias(Tensor x, int[] axes) {
        Shape kept = x.shape();
        for (int a : axes) {
            kept = kept.with(a, 1);
        }
        Variable b = Variable.of("b", Tensor.zeros(x.dtype(), kept.toArray()));
        return Gradients.of(b.add(x).mul(x).sum(), b).of(b);
    }

    @TestFactory
    Stream<DynamicTest> sums() {
        return cases().stream()
                .flatMap(c ->
                        kinds().stream()
                                .map(k ->
                                        DynamicTest.dynamicTest(
                                                k.name + " of " + c.name, () -> check(k, c))));
    }

    private static void check(Kind kind, Case c) {
        double[] got = kind.of.of(c.x, c.axes).toDoubleArray();
        double[] want = kind.of.of(c.x.cast(DType.F64), c.axes).toDoubleArray();
        assertEquals(want.length, got.length);
        for (int i = 0; i < got.length; i++) {
            assertClose(kind.name + " of " + c.name, want[i], got[i], kind.factor * BOUND);
        }
    }

    private static void assertClose(String name, double want, double got, double bound) {
        double error = Math.abs(want - got) / Math.abs(want);
        assertTrue(
                error <= bound,
                () ->
                        name
                                + ": "
                                + got
                                + ", not "
                                + want
                                + ", off by "
                                + error / BOUND
                                + " bounds");
    }

    /// Of f64 too the error grows with the block only.
    @Test
    void doubles() {
        Tensor x = Tensor.full(0.1, DType.F64, 300_000, 2);
        Tensor y = x.add(Tensor.zeros(DType.F64, 300_000, 2).realize()).realize();
        double exact = new java.math.BigDecimal(0.1).doubleValue() * 300_000;
        for (double got : y.sum(0).toDoubleArray()) {
            assertClose("f64", exact, got, (512 + 300) * 0x1p-53);
        }
    }

    /// From the issue.
    @Test
    void varianceOfColumnsIsThatOfRows() {
        int n = 32_767;
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = 1_000_000 + (i * 2654435761L >>> 13 & 1);
        }
        Tensor rows = Tensor.of(x, 1, n);
        double want = rows.cast(DType.F64).variance(1).item();
        for (int width : new int[] {1, 2, 3, 64}) {
            Tensor columns =
                    Tensor.of(x, n, 1).broadcastTo(n, width).mul(Tensor.ones(width)).realize();
            for (double got : columns.variance(0).toDoubleArray()) {
                assertEquals(want, got, 1e-4, "columns");
            }
            for (double got : columns.transpose().variance(1).toDoubleArray()) {
                assertEquals(want, got, 1e-4, "columns of the transpose");
            }
        }
        assertEquals(want, rows.variance(1).item(), 1e-4, "a row");
        assertEquals(want, rows.variance().item(), 1e-4, "all");
    }

    /// What is no reduction, but adds up many terms all the same.
    @TestFactory
    Stream<DynamicTest> others() {
        int n = 100_000;
        Tensor x = numbers(n, 12).realize();
        Tensor index = Tensor.arange(n).mod(2).realize();
        Tensor everywhere = index.unsqueeze(1).broadcastTo(n, 12);
        return Stream.of(
                same("running sum", x, y -> y.cumsum(0).slice(0, n - 1, n, 1)),
                same(
                        "running sum along a row",
                        x.transpose().realize(),
                        y -> y.cumsum(1).slice(1, n - 1, n, 1)),
                same(
                        "scatterAdd",
                        x,
                        y -> Tensor.zeros(y.dtype(), 2, 12).scatterAdd(0, everywhere, y)),
                same(
                        "scatterAdd of a column",
                        x.narrow(1, 0, 1).realize(),
                        y -> Tensor.zeros(y.dtype(), 2, 1).scatterAdd(0, index.unsqueeze(1), y)),
                same(
                        "an embedding's gradient",
                        x,
                        y -> {
                            Variable w = Variable.of("w", Tensor.ones(y.dtype(), 2, 12));
                            return Gradients.of(w.take(index, 0).mul(y).sum(), w).of(w);
                        }),
                same(
                        "pooling of large windows",
                        x.reshape(1, 1, 1000, 1200),
                        y -> y.avgPool2d(500, 500, 0)),
                same(
                        "pooling of all",
                        x.reshape(1, 3, 1000, 400),
                        y -> y.avgPool(List.of(Window.of(1000), Window.of(400)), false)),
                same("cross-entropy", x, y -> y.crossEntropy(index, 0).mean()),
                same("softmax down a column", x, y -> y.softmax(0).sum(0)),
                same("logSoftmax down a column", x, y -> y.logSoftmax(0).slice(0, 0, 1, 1)),
                same(
                        "layerNorm of a long row",
                        x.transpose().realize(),
                        y -> y.layerNorm(1, 1e-5).square().mean(1)));
    }

    private static DynamicTest same(String name, Tensor x, UnaryOperator<Tensor> of) {
        return DynamicTest.dynamicTest(
                name,
                () -> {
                    double[] got = of.apply(x).toDoubleArray();
                    double[] want = of.apply(x.cast(DType.F64)).toDoubleArray();
                    for (int i = 0; i < got.length; i++) {
                        assertClose(name, want[i], got[i], BOUND);
                    }
                });
    }
}
