package dev.nacre.bench.workload;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Module;
import java.util.List;

/// Linear layers `fc1`, `fc2`, … with ReLU between them.
public record Mlp(List<Linear> layers) implements Module {
    public static Mlp of(long... sizes) {
        Rng rng = Rng.seed(0);
        Linear[] layers = new Linear[sizes.length - 1];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = Linear.of(sizes[i], sizes[i + 1], rng);
        }
        return new Mlp(List.of(layers));
    }

    @Override
    public Tensor forward(Tensor x) {
        Tensor h = layers.getFirst().forward(x);
        for (Linear l : layers.subList(1, layers.size())) {
            h = l.forward(h.relu());
        }
        return h;
    }
}
