package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import java.util.Optional;
import java.util.OptionalLong;

/// The fraction of examples that are put in the right class; of equal scores the first wins.
///
/// Shape: probabilities or logits `[n, classes, …]` with class indices `[n, …]`, or with probabilities of the same shape, of which the largest counts.
///
/// @param ignoreIndex a class index whose examples do not count
public record Accuracy(OptionalLong ignoreIndex) implements Metric {
    /// All examples count.
    public Accuracy() {
        this(OptionalLong.empty());
    }

    @Override
    public String name() {
        return "accuracy";
    }

    @Override
    public Tensor of(Tensor prediction, Tensor target) {
        Tensor wanted = Alignment.classes(name(), prediction, target);
        return Counted.share(right(prediction, wanted), wanted, ignoreIndex);
    }

    private static Tensor right(Tensor prediction, Tensor wanted) {
        return prediction.argmax(1).eq(wanted).and(Alignment.sound(prediction));
    }

    @Override
    public Each each(Tensor prediction, Tensor target) {
        Tensor wanted = Alignment.classes(name(), prediction, target);
        return Counted.each(right(prediction, wanted), wanted, ignoreIndex);
    }

    @Override
    public Optional<Tensor> counted(Tensor prediction, Tensor target) {
        return ignoreIndex.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        Counted.number(
                                Alignment.classes(name(), prediction, target),
                                ignoreIndex.getAsLong()));
    }

    @Override
    public Accuracy ignoring(long classNumber) {
        return new Accuracy(OptionalLong.of(classNumber));
    }
}
