package dev.nacre.nn.keras;

import dev.nacre.Tensor;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.metric.BinaryAccuracy;
import dev.nacre.nn.metric.Each;
import dev.nacre.nn.metric.Metric;
import java.util.Optional;
import java.util.OptionalLong;

/// What Keras's `"accuracy"` means, which the shapes decide: one output is on the right side of 0.5 or not, more are classes along the last axis.
///
/// @param ignoreIndex a class index whose examples do not count
record ShapedAccuracy(OptionalLong ignoreIndex) implements Metric {
    ShapedAccuracy() {
        this(OptionalLong.empty());
    }

    @Override
    public String name() {
        return "accuracy";
    }

    private static boolean isBinary(Tensor prediction) {
        return prediction.rank() < 2 || prediction.size(-1) == 1;
    }

    private static Tensor target(Tensor prediction, Tensor target) {
        return target.shape().equals(prediction.shape()) ? ClassesLast.moved(target) : target;
    }

    @Override
    public Tensor of(Tensor prediction, Tensor target) {
        return isBinary(prediction)
                ? new BinaryAccuracy().of(prediction, target)
                : new Accuracy(ignoreIndex)
                        .of(ClassesLast.moved(prediction), target(prediction, target));
    }

    @Override
    public Optional<Tensor> counted(Tensor prediction, Tensor target) {
        return isBinary(prediction)
                ? Optional.empty()
                : new Accuracy(ignoreIndex)
                        .counted(ClassesLast.moved(prediction), target(prediction, target));
    }

    @Override
    public Each each(Tensor prediction, Tensor target) {
        return isBinary(prediction)
                ? new BinaryAccuracy().each(prediction, target)
                : new Accuracy(ignoreIndex)
                        .each(ClassesLast.moved(prediction), target(prediction, target));
    }

    @Override
    public Metric ignoring(long classNumber) {
        return new ShapedAccuracy(OptionalLong.of(classNumber));
    }
}
