package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// Predictions and targets whose shapes say the same in different ways. Nothing is ever broadcast: `[n, 1]` beside `[n]` would be `[n, n]`.
final class Alignment {
    private Alignment() {}

    /// The target in the prediction's shape, which it may differ from by a last axis of size 1.
    static Tensor alike(String metric, Tensor prediction, Tensor target) {
        if (prediction.shape().equals(target.shape())) {
            return target;
        }
        if (isColumn(prediction, target)) {
            return target.unsqueeze(-1);
        }
        if (isColumn(target, prediction)) {
            return target.squeeze(-1);
        }
        problem(metric, prediction, target)
                .rule("prediction and target must have one shape")
                .throwShape();
        throw new IllegalStateException();
    }

    private static boolean isColumn(Tensor column, Tensor flat) {
        return column.rank() == flat.rank() + 1
                && column.size(-1) == 1
                && column.shape().range(0, flat.rank()).equals(flat.shape());
    }

    /// The class indices that belong to scores `[n, classes, …]`: `[n, …]`, given so, with a last axis of size 1, or as probabilities of the scores' shape, of which the largest counts.
    static Tensor classes(String metric, Tensor scores, Tensor target) {
        Problem p = problem(metric, scores, target);
        p.require(scores.rank() >= 2, "scores must be [n, classes, …]");
        if (scores.rank() >= 2 && scores.size(1) == 1) {
            p.rule("there must be at least two classes on axis 1")
                    .hint("of one score for each example BinaryAccuracy tells two classes apart");
        }
        p.throwShape();
        if (target.shape().equals(scores.shape())) {
            return target.argmax(1);
        }
        Shape wanted = scores.shape().range(0, 1).concat(scores.shape().range(2, scores.rank()));
        Tensor flat =
                target.rank() == scores.rank() && target.size(-1) == 1
                        ? target.squeeze(-1)
                        : target;
        p.require(
                        flat.shape().equals(wanted),
                        "the target must have the scores' shape, or that without the class axis 1, "
                                + wanted)
                .throwShape();
        p.require(target.dtype().isInteger(), "class numbers must be integers")
                .hint("cast them to i64")
                .throwDType();
        return flat;
    }

    private static Problem problem(String metric, Tensor prediction, Tensor target) {
        return Problem.in(metric)
                .operand("prediction", prediction.type(), prediction::origin)
                .operand("target", target.type(), target::origin);
    }

    /// Whether the scores of an example are in order: one of which a score is NaN is never right.
    static Tensor sound(Tensor scores) {
        return scores.dtype().isFloating()
                ? scores.isNan().any(1).not()
                : scores.select(1, 0).eq(scores.select(1, 0));
    }
}
