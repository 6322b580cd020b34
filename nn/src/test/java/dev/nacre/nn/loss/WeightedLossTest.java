package dev.nacre.nn.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Losses of examples that have weights, against loops over the textbook's formulas.
class WeightedLossTest {
    private static final int N = 5;
    private static final int D = 3;

    /// The losses of an example's elements.
    private interface Formula {
        double[] of(double[] prediction, double[] target);
    }

    /// @param labels whether a target is one class number
    /// @param classWeights that the mean divides by, by class; an ignored class has 0
    private record Row(String name, Loss loss, boolean labels, double[] classWeights, Formula f) {}

    private interface Element {
        double of(double p, double t);
    }

    private static Formula each(Element e) {
        return (p, t) -> {
            double[] out = new double[p.length];
            for (int i = 0; i < out.length; i++) {
                out[i] = e.of(p[i], t[i]);
            }
            return out;
        };
    }

    private static double logSoftmax(double[] x, int k) {
        double sum = 0;
        for (double v : x) {
            sum += Math.exp(v);
        }
        return x[k] - Math.log(sum);
    }

    private static double huber(double d, double delta) {
        return Math.abs(d) <= delta ? d * d / 2 : delta * (Math.abs(d) - delta / 2);
    }

    private static List<Row> rows() {
        List<Row> out = new ArrayList<>();
        double[] none = null;
        out.add(new Row("mse", new MSELoss(), false, none, each((p, t) -> (p - t) * (p - t))));
        out.add(
                new Row(
                        "half mse",
                        new HalfMSELoss(),
                        false,
                        none,
                        each((p, t) -> (p - t) * (p - t) / 2)));
        out.add(new Row("mae", new L1Loss(), false, none, each((p, t) -> Math.abs(p - t))));
        out.add(
                new Row(
                        "huber",
                        new HuberLoss(0.4, Loss.Reduction.MEAN),
                        false,
                        none,
                        each((p, t) -> huber(p - t, 0.4))));
        out.add(
                new Row(
                        "smooth l1",
                        new SmoothL1Loss(0.4, Loss.Reduction.MEAN),
                        false,
                        none,
                        each((p, t) -> huber(p - t, 0.4) / 0.4)));
        out.add(
                new Row(
                        "bce",
                        new BCEWithLogitsLoss(),
                        false,
                        none,
                        each((p, t) -> Math.log1p(Math.exp(p)) - p * t)));
        out.add(new Row("kl", new KLDivLoss(), false, none, each((p, t) -> t * (Math.log(t) - p))));
        out.add(
                new Row(
                        "sum",
                        new MSELoss(Loss.Reduction.SUM),
                        false,
                        none,
                        each((p, t) -> (p - t) * (p - t))));
        Formula ce = (p, t) -> new double[] {-logSoftmax(p, (int) t[0])};
        out.add(new Row("cross-entropy", new CrossEntropyLoss(), true, none, ce));
        out.add(
                new Row(
                        "cross-entropy smoothed",
                        new CrossEntropyLoss().labelSmoothing(0.3),
                        true,
                        none,
                        (p, t) -> {
                            double sum = 0;
                            for (int k = 0; k < D; k++) {
                                double q = (k == (int) t[0] ? 0.7 : 0) + 0.3 / D;
                                sum -= q * logSoftmax(p, k);
                            }
                            return new double[] {sum};
                        }));
        double[] classes = {0.5, 2, 3};
        out.add(
                new Row(
                        "cross-entropy of weighted classes",
                        new CrossEntropyLoss().weight(Tensor.of(new float[] {0.5f, 2, 3})),
                        true,
                        classes,
                        (p, t) -> new double[] {-classes[(int) t[0]] * logSoftmax(p, (int) t[0])}));
        out.add(
                new Row(
                        "cross-entropy ignoring",
                        new CrossEntropyLoss().ignoreIndex(1),
                        true,
                        new double[] {1, 0, 1},
                        (p, t) -> new double[] {t[0] == 1 ? 0 : -logSoftmax(p, (int) t[0])}));
        out.add(
                new Row(
                        "cross-entropy of distributions",
                        new CrossEntropyLoss(),
                        false,
                        none,
                        (p, t) -> {
                            double sum = 0;
                            for (int k = 0; k < D; k++) {
                                sum -= t[k] * logSoftmax(p, k);
                            }
                            return new double[] {sum};
                        }));
        out.add(new Row("nll", new NLLLoss(), true, none, (p, t) -> new double[] {-p[(int) t[0]]}));
        return out;
    }

    private static double expected(Row r, double[][] p, double[][] t, double[] w) {
        double sum = 0;
        double count = 0;
        for (int i = 0; i < N; i++) {
            double[] losses = r.f.of(p[i], t[i]);
            for (double l : losses) {
                sum += w[i] == 0 ? 0 : w[i] * l;
            }
            count += r.classWeights == null ? losses.length : r.classWeights[(int) t[i][0]];
        }
        return r.loss.reduction() == Loss.Reduction.SUM ? sum : sum / count;
    }

    private static Tensor matrix(double[][] rows, DType type) {
        double[] flat = Stream.of(rows).flatMapToDouble(java.util.Arrays::stream).toArray();
        return Tensor.of(flat).reshape(rows.length, rows[0].length).cast(type);
    }

    private static double[][] copy(double[][] m) {
        return Stream.of(m).map(double[]::clone).toArray(double[][]::new);
    }

    @TestFactory
    Stream<DynamicTest> valuesAndGradients() {
        double[][] weights = {{1, 1, 1, 1, 1}, {0.5, 2, 0, 1, 3}, {0, 0, 0, 0, 0}, {0, 0, 7, 0, 0}};
        return rows().stream()
                .map(r ->
                        DynamicTest.dynamicTest(
                                r.name,
                                () -> {
                                    for (double[] w : weights) {
                                        check(r, w, DType.F64, false);
                                    }
                                    check(r, weights[1], DType.F32, true);
                                }));
    }

    /// @param broken whether what has no weight is NaN
    private static void check(Row r, double[] w, DType type, boolean broken) {
        SplittableRandom random = new SplittableRandom(7);
        double[][] p = new double[N][D];
        double[][] t = new double[N][r.labels ? 1 : D];
        for (int i = 0; i < N; i++) {
            for (int k = 0; k < D; k++) {
                p[i][k] = random.nextDouble(-1, 1);
            }
            for (int k = 0; k < t[i].length; k++) {
                t[i][k] = r.labels ? (i + 1) % D : random.nextDouble(0.1, 0.9);
            }
        }
        double[][] given = copy(p);
        for (int i = 0; i < N && broken; i++) {
            given[i][1] = w[i] == 0 ? Double.NaN : p[i][1];
        }
        Tensor target = matrix(t, r.labels ? DType.I64 : type);
        Tensor y = r.labels ? target.squeeze(1) : target;
        Variable x = Variable.of("x", matrix(given, type));
        for (Tensor weight :
                new Tensor[] {Tensor.of(w), Tensor.of(w).cast(DType.F32).unsqueeze(1)}) {
            if (broken && weight.rank() == 2) {
                continue; // a column is squeezed where batches are made
            }
            x.zeroGrad();
            Tensor loss = r.loss.weighted(x, y, weight);
            assertEquals(type, loss.dtype());
            double tolerance = type == DType.F64 ? 1e-7 : 1e-5;
            assertEquals(expected(r, p, t, w), loss.item(), tolerance, r.name);
            loss.backward();
            double[] gradient = x.grad().orElseThrow().cast(DType.F64).toDoubleArray();
            for (int i = 0; i < N * D; i++) {
                double[][] up = copy(p);
                double[][] down = copy(p);
                up[i / D][i % D] += 1e-5;
                down[i / D][i % D] -= 1e-5;
                double slope = (expected(r, up, t, w) - expected(r, down, t, w)) / 2e-5;
                assertEquals(slope, gradient[i], 1e-4, r.name + " gradient " + i);
            }
        }
    }

    @Test
    void weightsOfSteps() {
        Tensor scores = Tensor.arange(24).cast(DType.F32).sin().reshape(2, 3, 4); // [n, classes, t]
        Tensor y = Tensor.of(new long[] {0, 1, 2, 0, 2, 1, 1, 0}).reshape(2, 4);
        Tensor w = Tensor.of(new float[] {1, 0, 2, 0.5f, 0, 0, 1, 3}).reshape(2, 4);
        Tensor broken = w.eq(0).unsqueeze(1).where(Tensor.of(Float.NaN), scores);
        double sum = 0;
        for (int i = 0; i < 2; i++) {
            for (int t = 0; t < 4; t++) {
                double[] p = new double[3];
                for (int k = 0; k < 3; k++) {
                    p[k] = Math.sin(i * 12 + k * 4 + t);
                }
                int label = (int) y.select(0, i).select(0, t).item();
                sum -= w.select(0, i).select(0, t).item() * logSoftmax(p, label);
            }
        }
        Variable x = Variable.of("x", broken);
        Tensor loss = new CrossEntropyLoss().weighted(x, y, w);
        assertEquals(sum / 8, loss.item(), 1e-5);
        loss.backward();
        assertTrue(x.grad().orElseThrow().isFinite().all().item() != 0);
    }

    @Test
    void misuse() {
        Loss own = (p, t) -> p.sub(t).abs().max();
        Tensor two = Tensor.ones(2, 3);
        String message =
                assertThrows(NacreException.class, () -> own.weighted(two, two, Tensor.ones(2)))
                        .getMessage();
        assertTrue(message.contains("cannot weigh examples"), message);
        for (Tensor w : new Tensor[] {Tensor.ones(3), Tensor.of(1f), Tensor.ones(2, 2)}) {
            String m =
                    assertThrows(NacreException.class, () -> new MSELoss().weighted(two, two, w))
                            .getMessage();
            assertTrue(m.startsWith("weights: "), m);
        }
    }
}
