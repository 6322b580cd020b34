package dev.nacre.examples;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Adam;
import java.util.ArrayList;
import java.util.List;

/// A module, a criterion, an optimizer and an explicit loop, as in PyTorch.
public final class PyTorchStyle {
    record Net(Linear fc1, Linear fc2) implements Module {
        Net(Rng rng) {
            this(Linear.of(100, 64, rng), Linear.of(64, 10, rng));
        }

        @Override
        public Tensor forward(Tensor x) {
            return fc2.forward(fc1.forward(x).relu());
        }
    }

    private PyTorchStyle() {}

    /// The loss of each epoch.
    static List<Double> train(Net net, Tensor xTrain, Tensor yTrain, int epochs) {
        var losses = new ArrayList<Double>();
        var criterion = new CrossEntropyLoss();
        var optimizer = Adam.of(net.parameters());
        for (int epoch = 0; epoch < epochs; epoch++) {
            optimizer.zeroGrad();
            var loss = criterion.forward(net.forward(xTrain, Mode.TRAIN), yTrain);
            loss.backward();
            optimizer.step();
            losses.add(loss.item());
        }
        return losses;
    }

    public static void main(String[] args) {
        var data = Blobs.of(1000, 100, 10, Rng.seed(1));
        var net = new Net(Rng.seed(0));
        IO.print(net.summary());
        var losses = train(net, data.x(), data.y(), 10);
        for (int epoch = 0; epoch < losses.size(); epoch++) {
            IO.println("epoch %2d  loss %.4f".formatted(epoch + 1, losses.get(epoch)));
        }
    }
}
