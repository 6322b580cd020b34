package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.loss.BCEWithLogitsLoss;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.HalfMSELoss;
import dev.nacre.nn.loss.HuberLoss;
import dev.nacre.nn.loss.KLDivLoss;
import dev.nacre.nn.loss.L1Loss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.Loss.Reduction;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.loss.NLLLoss;
import dev.nacre.nn.loss.SmoothL1Loss;
import dev.nacre.type.Shape;
import java.util.List;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LossParityTest {
    private final Rng rng = Rng.seed(11);

    private interface Oracle {
        org.bytedeco.pytorch.Tensor of(
                org.bytedeco.pytorch.Tensor x, org.bytedeco.pytorch.Tensor t, long reduction);
    }

    private void check(Loss ours, Reduction reduction, Tensor x, Tensor target, Oracle theirs) {
        // The targets are constants here; their own gradients are tested by the ops.
        var t = Torch.of(target);
        Torch.compare(
                ours + " of " + x.type(),
                Closeness.SUMS,
                List.of(x),
                in -> ours.forward(in.getFirst(), target),
                in -> theirs.of(in.getFirst(), t, number(reduction)));
    }

    private static long number(Reduction r) {
        return switch (r) {
            case NONE -> 0;
            case MEAN -> 1;
            case SUM -> 2;
        };
    }

    private Tensor normal(long... sizes) {
        return rng.normal(Shape.of(sizes)).mul(2).realize();
    }

    @ParameterizedTest
    @EnumSource
    void regression(Reduction r) {
        Tensor x = normal(7, 5);
        Tensor t = normal(7, 5);
        check(new MSELoss(r), r, x, t, torch::mse_loss);
        check(new L1Loss(r), r, x, t, torch::l1_loss);
        for (double d : new double[] {0.5, 1, 2}) {
            check(new HuberLoss(d, r), r, x, t, (a, b, n) -> torch.huber_loss(a, b, n, d));
            check(new SmoothL1Loss(d, r), r, x, t, (a, b, n) -> torch.smooth_l1_loss(a, b, n, d));
        }
    }

    @Test
    void halfMeanSquaredError() {
        check(
                new HalfMSELoss(),
                Reduction.MEAN,
                normal(9),
                normal(9),
                (a, b, n) -> torch.mse_loss(a, b, n).mul(Torch.scalar(0.5)));
        assertEquals(
                new MSELoss().forward(Tensor.of(3f), Tensor.of(1f)).item() / 2,
                new HalfMSELoss().forward(Tensor.of(3f), Tensor.of(1f)).item());
    }

    @ParameterizedTest
    @EnumSource
    void binaryCrossEntropy(Reduction r) {
        Tensor x = normal(6, 4).mul(20).realize();
        check(
                new BCEWithLogitsLoss(r),
                r,
                x,
                rng.uniform(6, 4).realize(),
                (a, b, n) ->
                        torch.binary_cross_entropy_with_logits(
                                a, b, Torch.none(), Torch.none(), n));
    }

    @ParameterizedTest
    @EnumSource
    void crossEntropyOfClasses(Reduction r) {
        for (double smoothing : new double[] {0, 0.1}) {
            Loss loss = new CrossEntropyLoss().reduction(r).labelSmoothing(smoothing);
            Oracle oracle =
                    (a, b, n) -> torch.cross_entropy_loss(a, b, Torch.none(), n, -100, smoothing);
            check(loss, r, normal(8, 5), rng.integers(5, Shape.of(8)).realize(), oracle);
            check(
                    loss,
                    r,
                    normal(3, 5, 4, 2),
                    rng.integers(5, Shape.of(3, 4, 2)).realize(),
                    oracle);
            check(loss, r, normal(5), Tensor.of(3L), oracle);
            check(
                    loss,
                    r,
                    normal(8, 5).mul(1000).realize(),
                    rng.integers(5, Shape.of(8)).realize(),
                    oracle);
        }
    }

    @ParameterizedTest
    @EnumSource
    void crossEntropyOfWeightedClasses(Reduction r) {
        Tensor w = Tensor.of(new float[] {0.5f, 2, 1, 0.1f, 3});
        for (double smoothing : new double[] {0, 0.2}) {
            Loss loss =
                    new CrossEntropyLoss()
                            .reduction(r)
                            .labelSmoothing(smoothing)
                            .weight(w)
                            .ignoreIndex(2);
            Oracle oracle =
                    (a, b, n) ->
                            torch.cross_entropy_loss(
                                    a, b, Torch.optional(Torch.of(w)), n, 2, smoothing);
            check(loss, r, normal(8, 5), rng.integers(5, Shape.of(8)).realize(), oracle);
            check(loss, r, normal(3, 5, 6), rng.integers(5, Shape.of(3, 6)).realize(), oracle);
        }
        Tensor padded = Tensor.of(new long[] {0, -100, 4, -100});
        check(
                new CrossEntropyLoss().reduction(r).ignoreIndex(-100),
                r,
                normal(4, 5),
                padded,
                (a, b, n) -> torch.cross_entropy_loss(a, b, Torch.none(), n, -100, 0));
    }

    @ParameterizedTest
    @EnumSource
    void crossEntropyOfProbabilities(Reduction r) {
        Tensor w = Tensor.of(new float[] {0.5f, 2, 1, 0.1f, 3});
        for (double smoothing : new double[] {0, 0.1}) {
            CrossEntropyLoss loss = new CrossEntropyLoss().reduction(r).labelSmoothing(smoothing);
            Tensor x = normal(8, 5, 3);
            Tensor q = normal(8, 5, 3).softmax(1).realize();
            check(
                    loss,
                    r,
                    x,
                    q,
                    (a, b, n) -> torch.cross_entropy_loss(a, b, Torch.none(), n, -100, smoothing));
            check(
                    loss.weight(w),
                    r,
                    x,
                    q,
                    (a, b, n) ->
                            torch.cross_entropy_loss(
                                    a, b, Torch.optional(Torch.of(w)), n, -100, smoothing));
        }
    }

    @ParameterizedTest
    @EnumSource
    void logLikelihood(Reduction r) {
        Tensor x = normal(8, 5).logSoftmax(1).realize();
        check(
                new NLLLoss(r),
                r,
                x,
                rng.integers(5, Shape.of(8)).realize(),
                (a, b, n) -> torch.nll_loss(a, b, Torch.none(), n, -100));
        check(
                new NLLLoss(r),
                r,
                normal(2, 5, 3),
                rng.integers(5, Shape.of(2, 3)).realize(),
                (a, b, n) -> torch.nll_loss_nd(a, b, Torch.none(), n, -100));
    }

    @ParameterizedTest
    @EnumSource
    void divergence(Reduction r) {
        Tensor x = normal(6, 5).logSoftmax(1).realize();
        Tensor q = normal(6, 5).softmax(1).mul(Tensor.of(new float[] {1, 0, 1, 1, 0})).realize();
        check(new KLDivLoss(r, false), r, x, q, (a, b, n) -> torch.kl_div(a, b, n, false));
        check(
                KLDivLoss.ofBatch(),
                Reduction.SUM,
                x,
                q,
                (a, b, _) -> torch.kl_div(a, b, 2, false).div(Torch.scalar(6)));
    }
}
