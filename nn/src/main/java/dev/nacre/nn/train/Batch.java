package dev.nacre.nn.train;

import dev.nacre.Tensor;

/// Some examples.
///
/// @param x inputs, the examples along axis 0
/// @param y what they should give, the same number of examples
public record Batch(Tensor x, Tensor y) {
    public long size() {
        return x.size(0);
    }

    /// The types; the numbers of a batch are many.
    @Override
    public String toString() {
        return "Batch(x " + x.type() + ", y " + y.type() + ")";
    }
}
