package dev.nacre.nn.loss;

import dev.nacre.Tensor;
import dev.nacre.nn.Labels;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.OptionalLong;

/// Minus the log-probability of each example's class: [CrossEntropyLoss] after a log-softmax.
///
/// Shape: `[n, classes, …]` with integers `[n, …]` → a single number, or `[n, …]` unreduced.
public record NLLLoss(Reduction reduction) implements Loss {
    /// The mean over all examples.
    public NLLLoss() {
        this(Reduction.MEAN);
    }

    @Override
    public Tensor forward(Tensor logProbabilities, Tensor target) {
        int axis = logProbabilities.rank() == 1 ? 0 : 1;
        Problem p =
                Problem.in("nllLoss")
                        .operand(
                                "logProbabilities",
                                logProbabilities.type(),
                                logProbabilities::origin)
                        .operand("target", target.type(), target::origin);
        Loss.requireClasses("nllLoss", "logProbabilities", logProbabilities, target, false);
        p.require(
                        logProbabilities.dtype().isFloating(),
                        "the log-probabilities must be floating, but are "
                                + logProbabilities.dtype())
                .throwDType();
        Loss.requireClassShape("nllLoss", "logProbabilities", logProbabilities, target);
        checkTarget(logProbabilities.shape(), target);
        Tensor number = target.cast(DType.I64).unsqueeze(axis);
        return logProbabilities.wide(
                x -> reduction.apply(x.gather(axis, number).squeeze(axis).neg()));
    }

    @Override
    public Tensor each(Tensor logProbabilities, Tensor target) {
        return new NLLLoss(Reduction.NONE).forward(logProbabilities, target);
    }

    @Override
    public Tensor weighted(Tensor logProbabilities, Tensor target, Tensor weights) {
        return Loss.super.weighted(
                SampleWeights.seenByClass(logProbabilities, weights), target, weights);
    }

    @Override
    public void checkTarget(Shape logProbabilities, Tensor target) {
        if (target.dtype().isInteger() && Loss.areClassesOf(logProbabilities, target.shape())) {
            Labels.requireClasses(
                    "nllLoss",
                    target,
                    logProbabilities.size(logProbabilities.rank() == 1 ? 0 : 1),
                    OptionalLong.empty());
        }
    }
}
