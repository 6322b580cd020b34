package dev.nacre.bench.workload;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Activation;
import dev.nacre.nn.BatchNorm2d;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.Flatten;
import dev.nacre.nn.Linear;
import dev.nacre.nn.MaxPool2d;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.ImageSet;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.train.Batch;
import dev.nacre.nn.train.Batches;
import dev.nacre.nn.train.Prefetch;
import dev.nacre.nn.train.Trainer;
import java.util.List;

/// What `nacre train digits` does, without end: the same network, batches of 32 in a new order in each epoch, prepared in the background, AdamW.
public final class Digits {
    private record Net(ImageSet images, Sequential layers) implements Module {
        static Net of(ImageSet images, Rng rng) {
            return new Net(
                    images,
                    new Sequential(
                            List.of(
                                    Conv2d.of(1, 16, 3, rng).padding(1),
                                    MaxPool2d.of(2),
                                    BatchNorm2d.of(16),
                                    Activation.RELU,
                                    Conv2d.of(16, 32, 3, rng).padding(1),
                                    MaxPool2d.of(2),
                                    BatchNorm2d.of(32),
                                    Activation.RELU,
                                    new Flatten(),
                                    Linear.of(128, 128, rng),
                                    Activation.RELU,
                                    Dropout.of(0.25, rng),
                                    Linear.of(128, 10, rng))));
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return layers.forward(images.preprocessing().normalise(images.toUnit(x)), mode);
        }
    }

    private final Net net;
    private final Optimizer optimizer;
    private final Trainer trainer;
    private final Batches batches;
    private Prefetch epoch;

    public Digits() {
        ImageSet images = dev.nacre.nn.data.Digits.split().train();
        net = Net.of(images, Rng.seed(0));
        optimizer = AdamW.of(1e-3).weightDecay(0.01).over(net.parameters());
        trainer = Trainer.of(net, new CrossEntropyLoss(), optimizer, new Accuracy());
        batches = Batches.of(images.images(), images.labels(), 32).shuffled(0).whole();
        epoch = batches.iterator();
    }

    private Batch next() {
        if (!epoch.hasNext()) {
            epoch = batches.iterator();
        }
        return epoch.next();
    }

    /// A step of a [Trainer], which is one plan.
    ///
    /// @return the loss
    public double compiled() {
        Batch b = next();
        return trainer.step(b.x(), b.y()).loss();
    }

    /// A step as a user's own loop takes it.
    ///
    /// @return the loss
    public double eager() {
        Batch b = next();
        optimizer.zeroGrad();
        Tensor loss = new CrossEntropyLoss().forward(net.forward(b.x(), Mode.TRAIN), b.y());
        loss.backward();
        optimizer.step();
        return loss.item();
    }
}
