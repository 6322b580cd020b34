package dev.nacre.nn.loss;

import dev.nacre.Tensor;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Arrays;

/// Weights of examples, or of steps within them, beside what they belong to: `[n]`, `[n, 1]`, `[n, steps]` beside `[n, steps, …]`.
public final class SampleWeights {
    private SampleWeights() {}

    /// Losses times their weights; what has the weight 0 is 0, whatever it is.
    static Tensor times(Tensor losses, Tensor weights) {
        Tensor w = along("weights", losses, weights);
        return w.eq(0).where(losses.zerosLike(), losses.mul(w.cast(losses.dtype())));
    }

    /// Predictions `[n, …]` in which those of weight 0 are 0, so that no NaN comes out of them, neither forward nor backward. Only weights of whole examples are looked at.
    static Tensor seen(Tensor prediction, Tensor weights) {
        return weights.rank() == 1 && prediction.rank() > 0
                ? masked(prediction, along("weights", prediction, weights))
                : prediction;
    }

    /// The same for predictions `[n, classes, …]` of which each vector of classes has a weight.
    static Tensor seenByClass(Tensor prediction, Tensor weights) {
        return prediction.rank() > 1 && weights.rank() == prediction.rank() - 1
                ? masked(prediction, weights.unsqueeze(1))
                : seen(prediction, weights);
    }

    private static Tensor masked(Tensor x, Tensor weights) {
        return weights.eq(0).where(x.zerosLike(), x);
    }

    /// The weights with axes of size 1 behind their own, so that they broadcast along what they belong to.
    ///
    /// @param what asks, for messages
    /// @throws dev.nacre.type.ShapeException if they are not one for each example or step
    public static Tensor along(String what, Tensor x, Tensor weights) {
        Tensor w =
                weights.rank() == x.rank() + 1 && weights.size(-1) == 1
                        ? weights.squeeze(-1)
                        : weights;
        int own = w.rank();
        boolean column = own > 1 && w.size(-1) == 1;
        boolean fits =
                own >= 1
                        && own <= x.rank()
                        && w.shape()
                                .range(0, own - (column ? 1 : 0))
                                .mayEqual(x.shape().range(0, own - (column ? 1 : 0)));
        Problem.in(what)
                .require(
                        fits,
                        () ->
                                "there must be one weight for each example, or for each step of an"
                                        + " example, of "
                                        + x.shape())
                .operand("weights", weights.type(), weights::origin)
                .throwShape();
        long[] ones = new long[x.rank() - own];
        Arrays.fill(ones, 1);
        return ones.length == 0 ? w : w.reshape(w.shape().concat(Shape.of(ones)));
    }
}
