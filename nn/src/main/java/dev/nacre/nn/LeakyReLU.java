package dev.nacre.nn;

import dev.nacre.Tensor;

/// `x` where positive, else `slope·x`.
public record LeakyReLU(double slope) implements Module {
    /// Slope 0.01.
    public LeakyReLU() {
        this(0.01);
    }

    @Override
    public Tensor forward(Tensor x) {
        return x.leakyRelu(slope);
    }
}
