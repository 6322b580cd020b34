package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import java.util.Optional;
import java.util.OptionalLong;

/// The fraction of examples whose class is among the k with the highest scores: fewer than k classes have a higher score than it, so of equal scores all win. A class that is not there is never among them.
///
/// Shape: scores `[n, classes, …]` with class indices `[n, …]`, or with probabilities of the same shape, of which the largest counts.
///
/// @param ignoreIndex a class index whose examples do not count
public record TopKAccuracy(int k, OptionalLong ignoreIndex) implements Metric {
    public TopKAccuracy {
        Problem.in("topKAccuracy").atLeast("k", k, 1).throwValue();
    }

    /// All examples count.
    public TopKAccuracy(int k) {
        this(k, OptionalLong.empty());
    }

    @Override
    public String name() {
        return "top_" + k + "_accuracy";
    }

    @Override
    public Tensor of(Tensor prediction, Tensor target) {
        Tensor wanted = Alignment.classes(name(), prediction, target).cast(DType.I64);
        return Counted.share(right(prediction, wanted), wanted, ignoreIndex);
    }

    @Override
    public Each each(Tensor prediction, Tensor target) {
        Tensor wanted = Alignment.classes(name(), prediction, target).cast(DType.I64);
        return Counted.each(right(prediction, wanted), wanted, ignoreIndex);
    }

    private Tensor right(Tensor prediction, Tensor wanted) {
        Tensor known = wanted.ge(0).and(wanted.lt(prediction.extent(Axes.range(1, 2), DType.I64)));
        Tensor rows = known.where(wanted, wanted.zerosLike());
        Tensor own = prediction.gather(1, rows.unsqueeze(1));
        return prediction.gt(own).sum(1).lt(k).and(known).and(Alignment.sound(prediction));
    }

    @Override
    public Optional<Tensor> counted(Tensor prediction, Tensor target) {
        return new Accuracy(ignoreIndex).counted(prediction, target);
    }

    @Override
    public TopKAccuracy ignoring(long classNumber) {
        return new TopKAccuracy(k, OptionalLong.of(classNumber));
    }
}
