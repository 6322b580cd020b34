package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import java.util.Optional;

/// A metric in which each example counts by its weight, where the examples have weights: Keras's weighted metrics. Without weights it is the metric itself.
public record Weighted(Metric metric) implements Metric {
    @Override
    public String name() {
        return metric.name();
    }

    @Override
    public Tensor of(Tensor prediction, Tensor target) {
        return metric.of(prediction, target);
    }

    /// `Σ w·v / Σ w`; NaN if the weights are all 0.
    public Tensor of(Tensor prediction, Tensor target, Tensor weights) {
        return metric.each(prediction, target).mean(weights);
    }

    @Override
    public Optional<Tensor> counted(Tensor prediction, Tensor target) {
        return metric.counted(prediction, target);
    }

    /// The sum of the weights of those examples that count.
    public Tensor counted(Tensor prediction, Tensor target, Tensor weights) {
        return metric.each(prediction, target).weight(weights);
    }

    @Override
    public Each each(Tensor prediction, Tensor target) {
        return metric.each(prediction, target);
    }

    @Override
    public Weighted ignoring(long classNumber) {
        return new Weighted(metric.ignoring(classNumber));
    }
}
