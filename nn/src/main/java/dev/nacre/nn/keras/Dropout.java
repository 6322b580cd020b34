package dev.nacre.nn.keras;

import dev.nacre.Rng;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;

/// Elements dropped in training with probability `rate`.
public record Dropout(double rate) implements Layer {
    public Dropout {
        if (!(rate >= 0 && rate <= 1)) {
            throw new NacreException("dropout: the rate must be from 0 to 1, but is " + rate);
        }
    }

    public static Dropout of(double rate) {
        return new Dropout(rate);
    }

    @Override
    public Built build(Shape input, Rng rng) {
        return new Built(dev.nacre.nn.Dropout.of(rate, rng), input);
    }
}
