package dev.nacre.nn.keras;

import dev.nacre.Rng;
import dev.nacre.type.Shape;

/// All axes but the batch's joined into one.
public record Flatten() implements Layer {
    public static Flatten of() {
        return new Flatten();
    }

    @Override
    public Built build(Shape input, Rng rng) {
        return new Built(new dev.nacre.nn.Flatten(), Shape.of(input.count()));
    }
}
