package dev.nacre.nn.loss;

import dev.nacre.Tensor;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// How far predictions are from what they should be.
@FunctionalInterface
public interface Loss {
    /// The loss of a prediction; a single number unless the reduction is [Reduction#NONE].
    Tensor forward(Tensor prediction, Tensor target);

    /// Refuses a target whose values are known and wrong: a class number that is out of range. [#forward] does so itself where it can see the values; a
    /// traced function cannot.
    ///
    /// @param prediction shape of the prediction
    default void checkTarget(Shape prediction, Tensor target) {}

    /// What becomes of the losses of single elements or examples.
    enum Reduction {
        MEAN,
        SUM,
        NONE;

        Tensor apply(Tensor losses) {
            return switch (this) {
                case MEAN -> losses.mean();
                case SUM -> losses.sum();
                case NONE -> losses;
            };
        }
    }

    /// Refuses a target of another shape than the prediction: broadcasting here is nearly always a mistake.
    static void requireSameShape(String loss, Tensor prediction, Tensor target) {
        boolean same = prediction.shape().mayEqual(target.shape());
        Problem p =
                Problem.in(loss)
                        .require(same, "prediction and target must have one shape")
                        .operand("prediction", prediction.type(), prediction::origin)
                        .operand("target", target.type(), target::origin);
        if (!same && prediction.rank() == target.rank() + 1 && prediction.size(-1) == 1) {
            p.hint("prediction.squeeze(-1) is " + prediction.shape().range(0, target.rank()));
        }
        p.throwShape();
    }
}
