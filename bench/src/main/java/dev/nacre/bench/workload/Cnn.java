package dev.nacre.bench.workload;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Module;

/// Two convolutions and two linear layers on 28×28 images.
public record Cnn(Conv2d conv1, Conv2d conv2, Linear fc1, Linear fc2) implements Module {
    public static Cnn of() {
        Rng rng = Rng.seed(0);
        return new Cnn(
                Conv2d.of(1, 32, 3, rng),
                Conv2d.of(32, 64, 3, rng),
                Linear.of(9216, 128, rng),
                Linear.of(128, 10, rng));
    }

    @Override
    public Tensor forward(Tensor x) {
        Tensor h = conv2.forward(conv1.forward(x).relu()).relu().maxPool2d(2, 2, 0).flatten(1);
        return fc2.forward(fc1.forward(h).relu());
    }
}
