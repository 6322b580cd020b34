package dev.nacre.nn.metric;

import dev.nacre.Tensor;

/// A number that says how good predictions are. It is a mean over examples, so that means over batches can be put together.
public interface Metric {
    /// The name in logs.
    String name();

    /// The mean over the examples of a batch, as a single f32.
    Tensor of(Tensor prediction, Tensor target);
}
