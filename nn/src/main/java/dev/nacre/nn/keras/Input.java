package dev.nacre.nn.keras;

import dev.nacre.Rng;
import dev.nacre.nn.Identity;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import java.util.Arrays;

/// The shape of one example.
public record Input(Shape shape) implements Layer {
    public Input {
        if (!shape.isKnown()) {
            throw new NacreException(
                    "input: the sizes of an example must be known and not negative, but are "
                            + Arrays.toString(shape.toArray())
                            + "\n  hint: the batch is no size of an example");
        }
    }

    public static Input of(long... sizes) {
        return new Input(Shape.of(sizes));
    }

    @Override
    public Built build(Shape input, Rng rng) {
        if (!input.equals(shape)) {
            throw new NacreException("input: examples must be " + shape + ", but are " + input);
        }
        return new Built(new Identity(), shape);
    }
}
