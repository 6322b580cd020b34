package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.type.Problem;

/// `x` where positive, else `slope·x`.
public record LeakyReLU(double slope) implements Module {
    public LeakyReLU {
        Problem.in("leakyRelu").finite("slope", slope).throwValue();
    }

    /// Slope 0.01.
    public LeakyReLU() {
        this(0.01);
    }

    @Override
    public Tensor forward(Tensor x) {
        return x.leakyRelu(slope);
    }
}
