package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.Gradients;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.loss.BCEWithLogitsLoss;
import dev.nacre.nn.loss.HuberLoss;
import dev.nacre.nn.loss.KLDivLoss;
import dev.nacre.nn.loss.L1Loss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.Loss.Reduction;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.loss.SmoothL1Loss;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Losses of single elements on the edges of every floating type, of all pairs of a prediction and a target, and their derivatives by the prediction: the digits that libtorch has in f64, rounded once, and
/// its infinities. Where it has NaN, a number will do; where the loss is NaN, any derivative.
class LossEdgeParityTest {
    private static final double INF = Double.POSITIVE_INFINITY;

    private static final double[] ANY = {
        0,
        -0.0,
        1,
        -1,
        0.3,
        5,
        -5,
        10,
        -10,
        20,
        -20,
        88,
        -88,
        200,
        -200,
        1e4,
        -65504,
        1e10,
        1e20,
        -1e20,
        1e38,
        -1e38,
        1e-5,
        -1e-10,
        1e-20,
        1e-40,
        INF,
        -INF,
        Double.NaN
    };

    private static final double[] LOGITS = {
        0,
        -0.0,
        1,
        -1,
        0.3,
        5,
        -5,
        10,
        -10,
        20,
        -20,
        40,
        -40,
        80,
        -80,
        200,
        -200,
        1e4,
        -65504,
        1e20,
        -1e38,
        INF,
        -INF,
        Double.NaN
    };

    private static final double[] SHARES = {0, 1, 0.5, 0.25, 1e-3, 0.999, 1e-20};

    private record Row(
            String name,
            Loss ours,
            double[] predictions,
            double[] targets,
            BinaryOperator<org.bytedeco.pytorch.Tensor> theirs) {}

    private static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        rows.add(
                new Row(
                        "bceWithLogits",
                        new BCEWithLogitsLoss(),
                        LOGITS,
                        SHARES,
                        (x, t) -> // libtorch's own has lost its digits where x is far below 0
                        torch.softplus(x.neg(), Torch.scalar(1), Torch.scalar(1e300))
                                        .mul(t)
                                        .add(
                                                torch.softplus(
                                                                x,
                                                                Torch.scalar(1),
                                                                Torch.scalar(700))
                                                        .mul(t.neg().add(Torch.scalar(1))))));
        rows.add(new Row("mse", new MSELoss(), ANY, ANY, (x, t) -> torch.mse_loss(x, t, 0)));
        rows.add(new Row("l1", new L1Loss(), ANY, ANY, (x, t) -> torch.l1_loss(x, t, 0)));
        for (double d : new double[] {1, 1e-3, 1e4}) {
            rows.add(
                    new Row(
                            "huber " + d,
                            new HuberLoss(d, Reduction.MEAN),
                            ANY,
                            ANY,
                            (x, t) -> torch.huber_loss(x, t, 0, d)));
            rows.add(
                    new Row(
                            "smoothL1 " + d,
                            new SmoothL1Loss(d, Reduction.MEAN),
                            ANY,
                            ANY,
                            (x, t) -> torch.smooth_l1_loss(x, t, 0, d)));
        }
        rows.add(
                new Row(
                        "klDiv",
                        new KLDivLoss(),
                        ANY,
                        new double[] {0, 1, 0.5, 1e-3, 1e-20, 1e-40},
                        (x, t) -> torch.kl_div(x, t, 0, false)));
        return rows;
    }

    @TestFactory
    List<DynamicTest> asLibtorch() {
        return rows().stream().map(r -> DynamicTest.dynamicTest(r.name, () -> compare(r))).toList();
    }

    private static void compare(Row r) {
        int n = r.predictions.length * r.targets.length;
        double[] a = new double[n];
        double[] b = new double[n];
        for (int i = 0; i < n; i++) {
            a[i] = r.predictions[i / r.targets.length];
            b[i] = r.targets[i % r.targets.length];
        }
        List<String> wrong = new ArrayList<>();
        for (DType t : List.of(DType.F16, DType.BF16, DType.F32, DType.F64)) {
            Tensor x = Tensor.of(a).cast(t).realize();
            Tensor y = Tensor.of(b).cast(t).realize();
            Variable v = Variable.of("x", x);
            Tensor loss = r.ours.each(v, y);
            Tensor gradient = Gradients.of(loss.sum(), v).of(v);
            org.bytedeco.pytorch.Tensor p = Torch.parameter(x.cast(DType.F64));
            org.bytedeco.pytorch.Tensor z = r.theirs.apply(p, Torch.of(y.cast(DType.F64)));
            z.sum().backward();
            double[] value = wide(loss);
            double[] slope = wide(gradient);
            double[] values = Torch.doubles(z);
            double[] slopes = Torch.doubles(p.grad());
            for (int i = 0; i < n; i++) {
                String at = " " + t + " of " + wide(x)[i] + ", " + wide(y)[i];
                check(wrong, r.name + at, t, values[i], value[i]);
                if (!Double.isNaN(values[i])) {
                    check(wrong, "derivative of " + r.name + at, t, slopes[i], slope[i]);
                }
            }
        }
        assertEquals(List.of(), wrong);
    }

    private static double[] wide(Tensor x) {
        return x.cast(DType.F64).toDoubleArray();
    }

    private static void check(List<String> wrong, String what, DType t, double want, double got) {
        double rounded = t.round(want);
        double digits =
                switch (t) {
                    case F64 -> 1e-13;
                    case F32 -> 1e-6;
                    case F16 -> 1e-3;
                    default -> 8e-3;
                };
        double tiny = t == DType.F16 ? 6e-8 : 1e-42;
        boolean fits =
                Double.isNaN(want)
                        || got == rounded
                        || Math.abs(got - want) <= digits * Math.abs(want) + tiny;
        if (!fits) {
            wrong.add(what + ": " + got + ", not " + want);
        }
    }
}
