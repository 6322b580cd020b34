package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Two reductions of one tensor that may share a loop, against plain loops: of a tensor that is repeated along some axes, each along axes of its own. What a value counts for in such a loop depends on
/// along which axes it is the same and on where it is added up.
class FoldsTogetherTest {
    private static final int RANK = 3;

    /// A tensor of whole numbers in three equal axes, repeated along some of them (those in the mask), then reduced along others.
    private record Fold(int repeated, int axes, Reduction kind) {
        Tensor of(Tensor x, int n) {
            Tensor wide = x.reshape(sizes(n)).broadcastTo(n, n, n);
            int[] over = IntStream.range(0, RANK).filter(a -> (axes >> a & 1) == 1).toArray();
            Tensor folded =
                    switch (kind) {
                        case SUM -> wide.sum(over);
                        case PROD -> wide.prod(over);
                        case MAX -> wide.max(over);
                        case MIN -> wide.min(over);
                    };
            return folded.reshape(-1);
        }

        private long[] sizes(int n) {
            return IntStream.range(0, RANK)
                    .mapToLong(a -> (repeated >> a & 1) == 1 ? 1 : n)
                    .toArray();
        }

        /// The number of elements that are not repeated.
        int count(int n) {
            return (int) Math.pow(n, RANK - Integer.bitCount(repeated));
        }

        List<Double> expected(double[] x, int n) {
            int kept = (int) Math.pow(n, RANK - Integer.bitCount(axes));
            double[] out = new double[kept];
            Arrays.fill(out, kind.identity());
            for (int i = 0; i < n * n * n; i++) {
                int[] at = {i / n / n, i / n % n, i % n};
                int from = 0;
                int to = 0;
                for (int a = 0; a < RANK; a++) {
                    from = (repeated >> a & 1) == 1 ? from : from * n + at[a];
                    to = (axes >> a & 1) == 1 ? to : to * n + at[a];
                }
                double v = x[from];
                out[to] =
                        switch (kind) {
                            case SUM -> out[to] + v;
                            case PROD -> out[to] * v;
                            case MAX -> Math.max(out[to], v);
                            case MIN -> Math.min(out[to], v);
                        };
            }
            return Arrays.stream(out).boxed().toList();
        }
    }

    private static void check(int step) {
        int number = 0;
        List<String> wrong = new ArrayList<>();
        for (int repeated = 0; repeated < 7; repeated++) {
            for (int again = 0; again < 7; again++) {
                for (int axes = 1; axes < 8; axes++) {
                    for (int others = 1; others < 8; others++) {
                        if (number++ % step == 0) {
                            Reduction kind = Reduction.values()[number / step % 4];
                            DType type =
                                    List.of(DType.F32, DType.F64, DType.I32).get(number / step % 3);
                            check(
                                    new Fold(repeated, axes, kind),
                                    new Fold(again, others, Reduction.SUM),
                                    type,
                                    wrong);
                        }
                    }
                }
            }
        }
        assertEquals(List.of(), wrong, wrong.size() + " are wrong");
    }

    private static void check(Fold a, Fold b, DType type, List<String> wrong) {
        int n = 3;
        double[] numbers = new double[27];
        for (int i = 0; i < 27; i++) {
            numbers[i] = i % 5 == 0 ? -1 : i % 7 == 0 ? 2 : 1;
        }
        Tensor all = Tensor.of(numbers).cast(type).realize();
        Tensor x = all.slice(0, 0, a.count(n));
        Tensor y = all.slice(0, 0, b.count(n));
        Tensor both = Tensor.concat(0, a.of(x, n), b.of(y, n));
        List<Double> expected = new ArrayList<>(a.expected(numbers, n));
        expected.addAll(b.expected(numbers, n));
        List<Double> got = Arrays.stream(both.toDoubleArray()).boxed().toList();
        if (!got.equals(expected)) {
            wrong.add("\n" + a + " and " + b + " of " + type + ": " + got + " for " + expected);
        }
    }

    @Test
    void someShareALoop() {
        check(7);
    }

    @Test
    @Tag("nightly")
    void allShareALoop() {
        check(1);
    }
}
