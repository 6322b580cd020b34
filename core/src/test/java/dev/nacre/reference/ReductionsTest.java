package dev.nacre.reference;

import static dev.nacre.reference.Graphs.random;
import static dev.nacre.reference.Graphs.run;
import static dev.nacre.reference.Graphs.run1;
import static dev.nacre.reference.Graphs.vector;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.ir.Node;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/// Reductions, activations and losses against their formulas in plain Java.
class ReductionsTest {
    private static final double NEAR = 1e-14;
    private static final double INF = Double.POSITIVE_INFINITY;

    /// A reduction of `[2, 3, 4]` by the middle axis, by the outer ones and by all.
    private static void assertReduction(
            UnaryOperator<Node> middle,
            UnaryOperator<Node> outer,
            UnaryOperator<Node> all,
            ToDoubleFunction<double[]> f) {
        Array x = random(4, 2, 3, 4);
        double[] m = new double[8];
        for (int i = 0; i < 8; i++) {
            double[] line = new double[3];
            for (int j = 0; j < 3; j++) {
                line[j] = x.number((i / 4 * 3 + j) * 4 + i % 4);
            }
            m[i] = f.applyAsDouble(line);
        }
        assertArrayEquals(m, run1(middle::apply, x).toDoubles(), NEAR);
        double[] o = new double[3];
        for (int j = 0; j < 3; j++) {
            double[] line = new double[8];
            for (int i = 0; i < 8; i++) {
                line[i] = x.number((i / 4 * 3 + j) * 4 + i % 4);
            }
            o[j] = f.applyAsDouble(line);
        }
        assertArrayEquals(o, run1(outer::apply, x).toDoubles(), NEAR);
        assertEquals(f.applyAsDouble(x.toDoubles()), run1(all::apply, x).number(0), NEAR);
    }

    private static double mean(double[] x) {
        return Arrays.stream(x).sum() / x.length;
    }

    private static double squares(double[] x) {
        double m = mean(x);
        return Arrays.stream(x).map(v -> (v - m) * (v - m)).sum();
    }

    @Test
    void sumsAndTheirKin() {
        assertReduction(n -> n.sum(1), n -> n.sum(0, 2), n -> n.sum(), x -> Arrays.stream(x).sum());
        assertReduction(
                n -> n.prod(1),
                n -> n.prod(-1, 0),
                n -> n.prod(),
                x -> Arrays.stream(x).reduce(1, (a, b) -> a * b));
        assertReduction(
                n -> n.max(1),
                n -> n.max(0, 2),
                n -> n.max(),
                x -> Arrays.stream(x).max().orElseThrow());
        assertReduction(
                n -> n.min(1),
                n -> n.min(0, 2),
                n -> n.min(),
                x -> Arrays.stream(x).min().orElseThrow());
        assertReduction(n -> n.mean(1), n -> n.mean(0, 2), n -> n.mean(), ReductionsTest::mean);
        assertReduction(
                n -> n.variance(1),
                n -> n.variance(0, 2),
                n -> n.variance(),
                x -> squares(x) / (x.length - 1));
        assertReduction(
                n -> n.variance(Correction.NONE, 1),
                n -> n.variance(Correction.NONE, 0, 2),
                n -> n.variance(Correction.NONE),
                x -> squares(x) / x.length);
        assertReduction(
                n -> n.std(1),
                n -> n.std(0, 2),
                n -> n.std(),
                x -> Math.sqrt(squares(x) / (x.length - 1)));
        assertReduction(
                n -> n.norm(1, 1),
                n -> n.norm(1, 0, 2),
                n -> n.norm(1),
                x -> Arrays.stream(x).map(Math::abs).sum());
        assertReduction(
                n -> n.norm(2, 1),
                n -> n.norm(2, 0, 2),
                n -> n.norm(2),
                x -> Math.sqrt(Arrays.stream(x).map(v -> v * v).sum()));
        assertReduction(
                n -> n.norm(3, 1),
                n -> n.norm(3, 0, 2),
                n -> n.norm(3),
                x -> Math.cbrt(Arrays.stream(x).map(v -> Math.pow(Math.abs(v), 3)).sum()));
        assertReduction(
                n -> n.norm(INF, 1),
                n -> n.norm(INF, 0, 2),
                n -> n.norm(INF),
                x -> Arrays.stream(x).map(Math::abs).max().orElseThrow());
        assertReduction(
                n -> n.logSumExp(1),
                n -> n.logSumExp(0, 2),
                n -> n.logSumExp(),
                x -> Math.log(Arrays.stream(x).map(Math::exp).sum()));
    }

    @Test
    void varianceWithoutFreedomIsNotANumber() {
        assertEquals(Double.NaN, run1(n -> n.variance(), vector(3)).number(0));
        assertEquals(0, run1(n -> n.variance(Correction.NONE), vector(3)).number(0));
        assertEquals(Double.NaN, run1(n -> n.mean(), vector()).number(0));
    }

    @Test
    void integersAreSummedInI64() {
        Array x = Array.ofLongs(TensorType.of(DType.U8, 3), 200, 100, 255);
        assertEquals(Array.ofLongs(TensorType.of(DType.I64), 555), run1(n -> n.sum(), x));
        assertEquals(
                Array.ofLongs(TensorType.of(DType.I64), 200 * 100 * 255), run1(n -> n.prod(), x));
        assertEquals(
                Array.ofLongs(TensorType.of(DType.I64, 3), 200, 300, 555),
                run1(n -> n.cumsum(0), x));
        assertEquals(Array.ofLongs(TensorType.of(DType.U8), 255), run1(n -> n.max(), x));
        assertEquals(Array.ofLongs(TensorType.of(DType.I64), 2), run1(n -> n.gt(150).sum(), x));
    }

    @Test
    void logSumExpOfFarNumbers() {
        assertEquals(
                1000 + Math.log(2), run1(n -> n.logSumExp(), vector(1000, 1000)).number(0), 1e-12);
        assertEquals(-1000, run1(n -> n.logSumExp(), vector(-1000)).number(0));
        assertEquals(-INF, run1(n -> n.logSumExp(), vector(-INF, -INF)).number(0));
        assertEquals(INF, run1(n -> n.logSumExp(), vector(3, INF)).number(0));
    }

    // --------------------------------------------------------------------------------------------
    // running sums

    @Test
    void runningSumsAndProducts() {
        Array x = random(5, 2, 4, 3);
        double[] sums = x.toDoubles();
        double[] products = x.toDoubles();
        for (int i = 0; i < 2; i++) {
            for (int t = 1; t < 4; t++) {
                for (int k = 0; k < 3; k++) {
                    sums[(i * 4 + t) * 3 + k] += sums[(i * 4 + t - 1) * 3 + k];
                    products[(i * 4 + t) * 3 + k] *= products[(i * 4 + t - 1) * 3 + k];
                }
            }
        }
        assertArrayEquals(sums, run1(n -> n.cumsum(1), x).toDoubles(), NEAR);
        assertArrayEquals(products, run1(n -> n.cumprod(-2), x).toDoubles(), NEAR);
    }

    @Test
    void recurrences() {
        Array a = random(6, 5);
        Array b = random(7, 5);
        double[] forward = new double[5];
        double[] backward = new double[5];
        for (int t = 0; t < 5; t++) {
            forward[t] = b.number(t) + (t == 0 ? 0 : a.number(t) * forward[t - 1]);
            int r = 4 - t;
            backward[r] = b.number(r) + (t == 0 ? 0 : a.number(r) * backward[r + 1]);
        }
        assertArrayEquals(
                forward,
                run(in -> in.get(1).recurrence(in.get(0), 0, false), a, b).toDoubles(),
                NEAR);
        assertArrayEquals(
                backward,
                run(in -> in.get(1).recurrence(in.get(0), 0, true), a, b).toDoubles(),
                NEAR);
    }

    // ------------------------------------------------------------------------------------------------ sorting

    @Test
    void sortsAndTopk() {
        Array x = random(8, 3, 6);
        Array up = run1(n -> n.sort(1, false), x);
        Array down = run1(n -> n.sort(1, true), x);
        Array best = run1(n -> n.topk(2, 1).values(), x);
        Array where = run1(n -> n.topk(2, 1).indices(), x);
        for (int i = 0; i < 3; i++) {
            double[] row = Arrays.copyOfRange(x.toDoubles(), 6 * i, 6 * i + 6);
            double[] sorted = row.clone();
            Arrays.sort(sorted);
            for (int j = 0; j < 6; j++) {
                assertEquals(sorted[j], up.number(6 * i + j));
                assertEquals(sorted[5 - j], down.number(6 * i + j));
            }
            for (int j = 0; j < 2; j++) {
                assertEquals(sorted[5 - j], best.number(2 * i + j));
                assertEquals(sorted[5 - j], row[(int) where.whole(2 * i + j)]);
            }
        }
    }

    // --------------------------------------------------------------------------------------------
    // activations

    private static void assertActivation(UnaryOperator<Node> f, DoubleUnaryOperator formula) {
        double[] x = {-30, -3.5, -3, -1.2, -0.1, -1e-9, 0, 1e-9, 0.1, 1.2, 3, 5.9, 6, 30};
        assertArrayEquals(
                Arrays.stream(x).map(formula).toArray(),
                run1(f::apply, vector(x)).toDoubles(),
                1e-13);
    }

    private static double logistic(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    @Test
    void activations() {
        assertActivation(n -> n.relu(), x -> Math.max(x, 0));
        assertActivation(n -> n.sigmoid(), ReductionsTest::logistic);
        assertActivation(n -> n.silu(), x -> x * logistic(x));
        assertActivation(
                n -> n.softplus(), x -> x > 20 ? x + Math.exp(-x) : Math.log1p(Math.exp(x)));
        assertActivation(
                n -> n.logSigmoid(), x -> x < -20 ? x - Math.exp(x) : -Math.log1p(Math.exp(-x)));
        assertActivation(n -> n.mish(), x -> x * Math.tanh(Math.log1p(Math.exp(x))));
        assertActivation(n -> n.leakyRelu(0.1), x -> x > 0 ? x : 0.1 * x);
        assertActivation(n -> n.elu(1.5), x -> x > 0 ? x : 1.5 * Math.expm1(x));
        assertActivation(
                n -> n.selu(),
                x -> 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)));
        assertActivation(n -> n.relu6(), x -> Math.clamp(x, 0, 6));
        assertActivation(n -> n.hardSigmoid(), x -> Math.clamp(x / 6 + 0.5, 0, 1));
        assertActivation(n -> n.hardSwish(), x -> x * Math.clamp(x / 6 + 0.5, 0, 1));
        assertActivation(n -> n.hardTanh(-1, 2), x -> Math.clamp(x, -1, 2));
        assertActivation(n -> n.softsign(), x -> x / (1 + Math.abs(x)));
        assertActivation(n -> n.gelu(), x -> x * normal(x));
        assertActivation(
                n -> n.geluTanh(),
                x -> x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))));
    }

    /// The normal distribution function by Simpson's rule.
    private static double normal(double x) {
        int n = 20_000;
        double h = x / n;
        double sum = 0;
        for (int i = 0; i <= n; i++) {
            double t = i * h;
            sum += (i == 0 || i == n ? 1 : i % 2 == 1 ? 4 : 2) * Math.exp(-t * t / 2);
        }
        return Math.clamp(0.5 + sum * h / 3 / Math.sqrt(2 * Math.PI), 0, 1);
    }

    // ------------------------------------------------------------------------------------------
    // normalisation

    @Test
    void normalisation() {
        Array x = random(9, 2, 5);
        for (int i = 0; i < 2; i++) {
            double[] row = Arrays.copyOfRange(x.toDoubles(), 5 * i, 5 * i + 5);
            double total = Arrays.stream(row).map(Math::exp).sum();
            double variance = squares(row) / 5;
            double square = Arrays.stream(row).map(v -> v * v).sum() / 5;
            for (int j = 0; j < 5; j++) {
                int k = 5 * i + j;
                assertEquals(Math.exp(row[j]) / total, run1(n -> n.softmax(-1), x).number(k), NEAR);
                assertEquals(
                        row[j] - Math.log(total), run1(n -> n.logSoftmax(1), x).number(k), NEAR);
                assertEquals(
                        (row[j] - mean(row)) / Math.sqrt(variance + 0.1),
                        run1(n -> n.layerNorm(1, 0.1), x).number(k),
                        NEAR);
                assertEquals(
                        row[j] / Math.sqrt(square + 0.1),
                        run1(n -> n.rmsNorm(1, 0.1), x).number(k),
                        NEAR);
            }
        }
        assertArrayEquals(
                new double[] {1, 0}, run1(n -> n.softmax(0), vector(1000, -1000)).toDoubles());
        assertArrayEquals(
                new double[] {0, -2000},
                run1(n -> n.logSoftmax(0), vector(1000, -1000)).toDoubles());
        assertArrayEquals(
                new double[] {1, 0}, run1(n -> n.softmax(0), vector(3, -INF)).toDoubles());
    }

    // ------------------------------------------------------------------------------------------------- losses

    @Test
    void crossEntropies() {
        Array logits = random(10, 2, 3, 4);
        Array labels = Array.ofLongs(TensorType.of(DType.I64, 2, 4), 0, 1, 2, 0, 2, 2, 1, 0);
        for (double smoothing : new double[] {0, 0.1}) {
            double[] expected = new double[8];
            double[] q = new double[24];
            for (int i = 0; i < 8; i++) {
                int n = i / 4;
                double total = 0;
                for (int c = 0; c < 3; c++) {
                    total += Math.exp(logits.number((n * 3 + c) * 4 + i % 4));
                }
                for (int c = 0; c < 3; c++) {
                    int place = (n * 3 + c) * 4 + i % 4;
                    double weight = (labels.whole(i) == c ? 1 - smoothing : 0) + smoothing / 3;
                    q[place] = labels.whole(i) == c ? 1 : 0;
                    expected[i] -= weight * (logits.number(place) - Math.log(total));
                }
            }
            Array hot = Array.of(TensorType.of(DType.F64, 2, 3, 4), q);
            assertArrayEquals(
                    expected,
                    run(in -> in.get(0).crossEntropy(in.get(1), smoothing), logits, labels)
                            .toDoubles(),
                    NEAR);
            assertArrayEquals(
                    expected,
                    run(in -> in.get(0).crossEntropyWith(in.get(1), smoothing), logits, hot)
                            .toDoubles(),
                    NEAR);
        }
    }

    @Test
    void otherLosses() {
        Array x = vector(-40, -1, 0, 2, 40);
        Array t = vector(0, 0.25, 1, 0.5, 1);
        double[] expected = new double[5];
        for (int i = 0; i < 5; i++) {
            double p = logistic(x.number(i));
            double v = x.number(i);
            expected[i] =
                    Math.abs(v) > 30
                            ? 0
                            : -t.number(i) * Math.log(p) - (1 - t.number(i)) * Math.log(1 - p);
        }
        assertArrayEquals(
                expected,
                run(in -> in.get(0).binaryCrossEntropyWithLogits(in.get(1)), x, t).toDoubles(),
                1e-14);
        Array p = vector(0, 1, 0.25, 0.75);
        assertArrayEquals(
                new double[] {100, 100, -Math.log(0.25), -0.5 * Math.log(0.75 * 0.25)},
                run(in -> in.get(0).binaryCrossEntropy(in.get(1)), p, vector(1, 0, 1, 0.5))
                        .toDoubles(),
                1e-14);
        assertArrayEquals(
                new double[] {4, 9},
                run(in -> in.get(0).squaredError(in.get(1)), vector(1, -1), vector(3, 2))
                        .toDoubles());
    }
}
