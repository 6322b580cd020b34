package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.util.Optional;

/// A number that says how good predictions are. It is a mean over examples, so that means over batches can be put together.
///
/// A prediction that is NaN is never right. Shapes are not broadcast, but a last axis of size 1 may be missing on either side.
public interface Metric {
    /// The name in logs.
    String name();

    /// The mean over the examples of a batch that count, as a single f32; NaN if none does.
    Tensor of(Tensor prediction, Tensor target);

    /// How many examples of a batch count, as a single number; empty where all do. Batches are put together with this weight.
    default Optional<Tensor> counted(Tensor prediction, Tensor target) {
        return Optional.empty();
    }

    /// What it says of single examples, which [Weighted] puts together.
    ///
    /// @throws NacreException if the metric has only the mean
    default Each each(Tensor prediction, Tensor target) {
        throw new NacreException(
                "metric: "
                        + name()
                        + " cannot weigh examples: it gives one number for all of them\n"
                        + "  hint: override each(prediction, target) with the values of the"
                        + " examples");
    }

    /// This metric, in which examples of a class index do not count; itself where there are no class indices. What the loss ignores is ignored by the metrics beside it.
    default Metric ignoring(long classNumber) {
        return this;
    }
}
