package dev.nacre.nn.train;

import dev.nacre.Tensor;
import java.util.Optional;

/// Some examples.
///
/// @param x inputs, the examples along axis 0
/// @param y what they should give, the same number of examples
/// @param weights how much each counts, if not all the same: `[n]`, or `[n, steps]` for each step
public record Batch(Tensor x, Tensor y, Optional<Tensor> weights) {
    /// Examples that all count the same.
    public Batch(Tensor x, Tensor y) {
        this(x, y, Optional.empty());
    }

    /// Examples with weights.
    public Batch(Tensor x, Tensor y, Tensor weights) {
        this(x, y, Optional.of(weights));
    }

    public long size() {
        return x.size(0);
    }

    /// Some neighbours of them.
    Batch narrow(long from, long count) {
        return new Batch(
                x.narrow(0, from, count).realize(),
                y.narrow(0, from, count).realize(),
                weights.map(w -> w.narrow(0, from, count).realize()));
    }

    /// The tensors, of which there are two or three.
    Tensor[] tensors() {
        return weights.map(w -> new Tensor[] {x, y, w}).orElseGet(() -> new Tensor[] {x, y});
    }

    /// The types; the numbers of a batch are many.
    @Override
    public String toString() {
        return "Batch(x "
                + x.type()
                + ", y "
                + y.type()
                + weights.map(w -> ", weights " + w.type()).orElse("")
                + ")";
    }
}
