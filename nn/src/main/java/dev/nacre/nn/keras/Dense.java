package dev.nacre.nn.keras;

import dev.nacre.Rng;
import dev.nacre.nn.Activation;
import dev.nacre.nn.Initializer;
import dev.nacre.nn.Linear;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// An affine map of the last axis and an activation. Glorot's uniform first values, biases of 0.
public record Dense(long units, Activation activation) implements Layer {
    public Dense {
        Problem.in("dense").atLeast("units", units, 1).throwValue();
        Checks.positive("dense", "units", units);
    }

    public static Dense of(long units) {
        return new Dense(units, Activation.LINEAR);
    }

    public static Dense of(long units, Activation activation) {
        return new Dense(units, activation);
    }

    @Override
    public Built build(Shape input, Rng rng) {
        if (input.rank() == 0) {
            throw new NacreException(
                    "dense: an example must have an axis, but is a single number\n  hint: x.unsqueeze(1)");
        }
        Linear linear = Linear.of(input.size(-1), units, Initializer.xavierUniform(), rng);
        return new Built(linear, activation, input.with(-1, units));
    }
}
