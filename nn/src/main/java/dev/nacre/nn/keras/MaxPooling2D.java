package dev.nacre.nn.keras;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Module;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// The largest element of each square of `[height, width, channels]`, squares side by side.
public record MaxPooling2D(long poolSize) implements Layer {
    public MaxPooling2D {
        Problem.in("maxPooling2D").atLeast("poolSize", poolSize, 1).throwValue();
        Checks.positive("maxPooling2D", "poolSize", poolSize);
    }

    public static MaxPooling2D of(long poolSize) {
        return new MaxPooling2D(poolSize);
    }

    private record ChannelsLast(long size) implements Module {
        @Override
        public Tensor forward(Tensor x) {
            return x.permute(0, 3, 1, 2).maxPool2d(size, size, 0).permute(0, 2, 3, 1);
        }
    }

    @Override
    public Built build(Shape input, Rng rng) {
        Checks.image("maxPooling2D", input, poolSize);
        return new Built(
                new ChannelsLast(poolSize),
                Shape.of(input.size(0) / poolSize, input.size(1) / poolSize, input.size(2)));
    }
}
