package dev.nacre.bench;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Module;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Optimizer;

/// The networks measured.
final class Nets {
    private Nets() {}

    /// 100 → 64 relu → 10.
    record Small(Linear fc1, Linear fc2) implements Module {
        static Small of(Rng rng) {
            return new Small(Linear.of(100, 64, rng), Linear.of(64, 10, rng));
        }

        @Override
        public Tensor forward(Tensor x) {
            return fc2.forward(fc1.forward(x).relu());
        }
    }

    /// Two convolutions and two linear layers on 28×28 images.
    record Cnn(Conv2d conv1, Conv2d conv2, Linear fc1, Linear fc2) implements Module {
        static Cnn of(Rng rng) {
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

    /// A network with an optimizer: one step of training in PyTorch's words.
    record Training(Module net, Optimizer optimizer) {
        static Training of(Module net) {
            return new Training(net, Adam.of(net.parameters()));
        }

        Tensor step(Tensor x, Tensor y) {
            optimizer.zeroGrad();
            Tensor loss = new CrossEntropyLoss().forward(net.forward(x), y);
            loss.backward();
            optimizer.step();
            return loss;
        }

        Function compiled() {
            return Function.of((Tensor x, Tensor y) -> step(x, y));
        }
    }
}
