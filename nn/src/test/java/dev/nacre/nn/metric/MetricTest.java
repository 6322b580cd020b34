package dev.nacre.nn.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Every metric against a loop over the examples, on scores with NaN, infinities and ties, ignored labels, single columns, and batches of all sizes down to none.
class MetricTest {
    private static final int CLASSES = 5;
    private static final long IGNORED = -100;

    /// One batch.
    private record Data(double[][] scores, long[] labels) {
        static Data random(int n, Random random) {
            double[][] s = new double[n][CLASSES];
            long[] l = new long[n];
            for (int i = 0; i < n; i++) {
                for (int k = 0; k < CLASSES; k++) {
                    int r = random.nextInt(40);
                    s[i][k] =
                            r == 0
                                    ? Double.NaN
                                    : r == 1
                                            ? Double.NEGATIVE_INFINITY
                                            : random.nextInt(-3, 4) * 0.5; // many ties
                }
                l[i] = random.nextInt(6) == 0 ? IGNORED : random.nextInt(CLASSES);
            }
            return new Data(s, l);
        }

        int n() {
            return labels.length;
        }

        boolean sound(int i) {
            for (double v : scores[i]) {
                if (Double.isNaN(v)) {
                    return false;
                }
            }
            return true;
        }

        int best(int i) {
            int best = 0;
            for (int k = 1; k < CLASSES; k++) {
                best = scores[i][k] > scores[i][best] ? k : best;
            }
            return best;
        }

        int above(int i) {
            int above = 0;
            for (double v : scores[i]) {
                above += v > scores[i][(int) labels[i]] ? 1 : 0;
            }
            return above;
        }

        Tensor prediction(DType t) {
            double[] flat = new double[n() * CLASSES];
            for (int i = 0; i < n(); i++) {
                System.arraycopy(scores[i], 0, flat, i * CLASSES, CLASSES);
            }
            return Tensor.of(flat, n(), CLASSES).cast(t).realize();
        }

        Tensor target() {
            return Tensor.of(labels, n());
        }
    }

    private static final List<Integer> SIZES = List.of(0, 1, 2, 7, 64);
    private static final List<DType> FLOATING =
            List.of(DType.F16, DType.BF16, DType.F32, DType.F64);

    private static double ratio(int a, int b) {
        return b == 0 ? Double.NaN : (double) a / b;
    }

    @Test
    void classesAgainstLoops() {
        Random random = new Random(1);
        for (int n : SIZES) {
            Data d = Data.random(n, random);
            for (DType t : FLOATING) {
                for (int k = 0; k <= 3; k++) { // 0: plain accuracy
                    int counted = 0;
                    int right = 0;
                    for (int i = 0; i < n; i++) {
                        if (d.labels[i] != IGNORED) {
                            counted++;
                            boolean hit = k == 0 ? d.best(i) == d.labels[i] : d.above(i) < k;
                            right += hit && d.sound(i) ? 1 : 0;
                        }
                    }
                    Metric m = (k == 0 ? new Accuracy() : new TopKAccuracy(k)).ignoring(IGNORED);
                    for (Tensor target : forms(d.target())) {
                        String what = m + " " + t + " " + target.type();
                        Tensor p = d.prediction(t);
                        assertEquals(ratio(right, counted), m.of(p, target).item(), 1e-6, what);
                        assertEquals(counted, m.counted(p, target).orElseThrow().item(), 0, what);
                    }
                }
            }
        }
    }

    /// `[n]` and `[n, 1]`, in the integer types that can hold them.
    private static List<Tensor> forms(Tensor labels) {
        List<Tensor> out = new ArrayList<>();
        for (DType t : List.of(DType.I64, DType.I32, DType.I8)) {
            out.add(labels.cast(t));
            out.add(labels.cast(t).unsqueeze(1));
        }
        return out;
    }

    @Test
    void columnsAgainstLoops() {
        Random random = new Random(2);
        for (int n : SIZES) {
            double[] p = new double[n];
            double[] y = new double[n];
            for (int i = 0; i < n; i++) {
                p[i] = random.nextInt(12) == 0 ? Double.NaN : random.nextInt(-4, 5) * 0.25;
                y[i] = random.nextInt(2);
            }
            int right = 0;
            int atZero = 0;
            double squares = 0;
            double distances = 0;
            for (int i = 0; i < n; i++) {
                right += !Double.isNaN(p[i]) && p[i] > 0.5 == y[i] > 0.5 ? 1 : 0;
                atZero += !Double.isNaN(p[i]) && p[i] > 0 == y[i] > 0.5 ? 1 : 0;
                squares += (p[i] - y[i]) * (p[i] - y[i]);
                distances += Math.abs(p[i] - y[i]);
            }
            for (DType t : FLOATING) {
                Tensor flat = Tensor.of(p, n).cast(t);
                for (Tensor prediction : List.of(flat, flat.unsqueeze(1))) {
                    for (DType u : List.of(t, DType.I64, DType.U8)) {
                        Tensor ys = Tensor.of(y, n).cast(u);
                        for (Tensor target : List.of(ys, ys.unsqueeze(1))) {
                            String what = prediction.type() + " " + target.type();
                            double e = t == DType.F16 || t == DType.BF16 ? 0x1p-7 : 1e-5;
                            assertEquals(
                                    n == 0 ? Double.NaN : (double) right / n,
                                    new BinaryAccuracy().of(prediction, target).item(),
                                    1e-6,
                                    what);
                            assertEquals(
                                    n == 0 ? Double.NaN : (double) atZero / n,
                                    new BinaryAccuracy(0).of(prediction, target).item(),
                                    1e-6,
                                    what);
                            assertEquals(
                                    squares / n,
                                    new MeanError(true).of(prediction, target).item(),
                                    e,
                                    what);
                            assertEquals(
                                    distances / n,
                                    new MeanError(false).of(prediction, target).item(),
                                    e,
                                    what);
                        }
                    }
                }
            }
        }
    }

    /// What no metric can mean.
    @Test
    void misfitsAreRefused() {
        Tensor two = Tensor.zeros(4, 2);
        List<Metric> byClass = List.of(new Accuracy(), new TopKAccuracy(2));
        for (Metric m : byClass) {
            refused("scores must be [n, classes, …]", m, Tensor.zeros(4), Tensor.zeros(4));
            refused("at least two classes", m, Tensor.zeros(4, 1), labels(4));
            refused("BinaryAccuracy", m, Tensor.zeros(4, 1), Tensor.zeros(4, 1));
            refused("the target must have the scores' shape", m, two, labels(3));
            refused("the target must have the scores' shape", m, two, labels(4, 3));
            refused("class numbers must be integers", m, two, Tensor.zeros(4));
        }
        for (Metric m : List.of(new BinaryAccuracy(), new MeanError(true), new MeanError(false))) {
            refused("must have one shape", m, Tensor.zeros(4, 1), Tensor.zeros(3));
            refused("must have one shape", m, Tensor.zeros(4, 2), Tensor.zeros(4));
            refused("must have one shape", m, Tensor.zeros(4), Tensor.zeros(1, 4));
        }
        for (int k : new int[] {0, -1}) {
            assertThrows(NacreException.class, () -> new TopKAccuracy(k));
        }
        assertThrows(NacreException.class, () -> new BinaryAccuracy(Double.NaN));
    }

    private static Tensor labels(long... sizes) {
        return Tensor.zeros(DType.I64, sizes);
    }

    private static void refused(String text, Metric m, Tensor prediction, Tensor target) {
        String message =
                assertThrows(NacreException.class, () -> m.of(prediction, target), m.toString())
                        .getMessage();
        assertTrue(message.contains(text), message);
    }

    @Test
    void imagesAndOneHot() {
        Random random = new Random(3);
        Data d = Data.random(24, random);
        for (int i = 0; i < 24; i++) {
            d.labels[i] = Math.max(d.labels[i], 0);
        }
        Tensor rows = d.prediction(DType.F32);
        Tensor images = rows.reshape(2, 3, 4, CLASSES).permute(0, 3, 1, 2);
        Tensor labels = d.target();
        Tensor hot = labels.unsqueeze(1).eq(Tensor.arange(CLASSES));
        for (Metric m : List.of(new Accuracy(), new TopKAccuracy(2))) {
            double flat = m.of(rows, labels).item();
            assertEquals(flat, m.of(images, labels.reshape(2, 3, 4)).item(), 1e-6);
            assertEquals(flat, m.of(rows, hot.cast(DType.F32)).item(), 1e-6);
            assertEquals(flat, m.of(rows, hot.cast(DType.I32)).item(), 1e-6);
        }
    }

    @Test
    void meansOfNothingCountForNothing() {
        RunningMean m = new RunningMean();
        assertEquals(Double.NaN, m.value());
        m.add(2, 3);
        m.add(Double.NaN, 0);
        m.add(6, 1);
        assertEquals(3, m.value());
        assertThrows(NacreException.class, () -> m.add(1, -1));
        assertThrows(NacreException.class, () -> m.add(1, Double.NaN));
    }

    /// A label that is no class, and is not ignored, was never foreseen.
    @Test
    void labelsOutOfRangeAreNeverRight() {
        Tensor scores = Tensor.of(new float[] {1, 2, 3, 1, 2, 3, 1, 2, 3}).reshape(3, 3);
        Tensor labels = Tensor.of(new long[] {2, 3, -1});
        for (Metric m : List.of(new Accuracy(), new TopKAccuracy(1), new TopKAccuracy(3))) {
            assertEquals(1 / 3f, (float) m.of(scores, labels).item(), m.toString());
            assertEquals(1 / 2f, (float) m.ignoring(-1).of(scores, labels).item(), m.toString());
        }
    }
}
