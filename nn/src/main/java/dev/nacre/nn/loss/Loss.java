package dev.nacre.nn.loss;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.BinaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// How far predictions are from what they should be.
@FunctionalInterface
public interface Loss {
    /// The loss of a prediction; a single number unless the reduction is [Reduction#NONE].
    Tensor forward(Tensor prediction, Tensor target);

    /// Refuses a target whose values are known and wrong: a class index that is out of range. [#forward] does so itself where it can see the values; a
    /// traced function cannot.
    ///
    /// @param prediction shape of the prediction
    default void checkTarget(Shape prediction, Tensor target) {}

    /// The losses of single elements or examples, not yet reduced: `[n, …]`. Losses that know them can be weighted; see [#weighted].
    ///
    /// @throws NacreException if the loss has only the reduced form
    default Tensor each(Tensor prediction, Tensor target) {
        if (reduction() == Reduction.NONE) {
            return forward(prediction, target);
        }
        throw new NacreException(
                "loss: "
                        + getClass().getSimpleName()
                        + " cannot weigh examples: it gives one number for all of them\n"
                        + "  hint: override each(prediction, target) with the losses of the"
                        + " examples");
    }

    /// The loss in which the loss of an example counts as many times as its weight says. The mean divides by what it would divide by without: the number of elements, as Keras does, and not
    /// the sum of the weights. What has the weight 0 is not looked at: it may be NaN.
    ///
    /// @param weights `[n]`, or more of the axes of [#each]
    default Tensor weighted(Tensor prediction, Tensor target, Tensor weights) {
        return prediction.wide(x -> {
            Tensor seen = SampleWeights.seen(x, weights);
            return reduction().apply(SampleWeights.times(each(seen, target), weights));
        });
    }

    /// What becomes of the losses of examples; see [Reduction].
    default Reduction reduction() {
        return Reduction.MEAN;
    }

    /// A class index whose examples do not count, if there is one.
    default OptionalLong ignoreIndex() {
        return OptionalLong.empty();
    }

    /// What the loss of these examples weighs where it is averaged with that of others, so that the result is the loss of all of them: what the mean divides by, or a number
    /// proportional to it, such as that of examples. Empty where losses are added instead.
    ///
    /// @param prediction shape of the prediction
    default OptionalDouble weight(Shape prediction, Tensor target) {
        return reduction() == Reduction.SUM
                ? OptionalDouble.empty()
                : OptionalDouble.of(prediction.rank() == 0 ? 1 : prediction.size(0));
    }

    /// The losses added up of examples that have one though their [#weight] is 0: the mean divides that by the weight of all. Empty as a rule, as what weighs nothing has no loss. Smoothed labels
    /// have one for every class, also where the example's own weighs nothing.
    default Optional<Loss> weightless() {
        return Optional.empty();
    }

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

    /// The reduced losses of single elements of two tensors of one shape, computed wide and rounded once ([Tensor#wide]).
    static Tensor of(
            String loss,
            Reduction reduction,
            Tensor prediction,
            Tensor target,
            BinaryOperator<Tensor> each) {
        requireSameShape(loss, prediction, target);
        return prediction.wide(target, (p, t) -> reduction.apply(each.apply(p, t)));
    }

    /// What to do about a target that stands for classes and cannot; nothing where it can.
    ///
    /// @param scores `[n, classes, …]`
    static void requireClasses(
            String loss, String name, Tensor scores, Tensor target, boolean orDistributions) {
        boolean alike = target.shape().equals(scores.shape());
        boolean distribution = orDistributions && target.dtype().isFloating();
        if (target.dtype().isInteger() && !alike
                || distribution && alike
                || !scores.shape().isKnown()) {
            return;
        }
        Problem p =
                Problem.in(loss)
                        .operand(name, scores.type(), scores::origin)
                        .operand("target", target.type(), target::origin);
        if (alike && orDistributions) {
            p.rule(
                            "a target of the "
                                    + name
                                    + "' shape must be floating: a distribution for each example")
                    .hint("target.cast(DType.F32), or class numbers: target.argmax(1)")
                    .throwDType();
        }
        p.require(
                        target.dtype().isInteger(),
                        "class numbers must be integers"
                                + (orDistributions
                                        ? ", and distributions have the " + name + "' shape"
                                        : ""))
                .hint("target.cast(DType.I64)")
                .throwDType();
    }

    /// Whether class indices of this shape belong to scores `[n, classes, …]`.
    static boolean areClassesOf(Shape scores, Shape target) {
        int axis = scores.rank() == 1 ? 0 : 1;
        return scores.rank() > 0
                && target.mayEqual(
                        scores.range(0, axis).concat(scores.range(axis + 1, scores.rank())));
    }

    /// Refuses class indices whose shape does not belong to scores `[n, classes, …]`.
    ///
    /// @param name of the scores
    static void requireClassShape(String loss, String name, Tensor scores, Tensor target) {
        if (areClassesOf(scores.shape(), target.shape())) {
            return;
        }
        Problem p =
                Problem.in(loss)
                        .rule(
                                "the target must have the "
                                        + name
                                        + "' shape without the class axis "
                                        + (scores.rank() == 1 ? 0 : 1))
                        .operand(name, scores.type(), scores::origin)
                        .operand("target", target.type(), target::origin);
        int n = scores.rank();
        if (target.rank() == n && n > 0 && target.size(-1) == 1) {
            p.hint("target.squeeze(-1)");
        } else if (n > 2 && target.shape().equals(scores.shape().range(0, n - 1))) {
            p.hint(
                    "the classes seem to come last; use "
                            + name
                            + ".permute(0, "
                            + (n - 1)
                            + IntStream.range(1, n - 1)
                                    .mapToObj(i -> ", " + i)
                                    .collect(Collectors.joining())
                            + ")");
        }
        p.throwShape();
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
        } else if (!same && target.rank() == prediction.rank() + 1 && target.size(-1) == 1) {
            p.hint("target.squeeze(-1) is " + target.shape().range(0, prediction.rank()));
        }
        p.throwShape();
    }
}
