package dev.nacre.cli;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.RandomHorizontalFlip;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.ImageSet;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.nn.data.Split;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Schedule;
import dev.nacre.nn.train.Batch;
import dev.nacre.nn.train.Batches;
import dev.nacre.nn.train.Prefetch;
import dev.nacre.nn.train.Trainer;
import dev.nacre.type.Precision;
import dev.nacre.type.ValueException;
import java.util.Map;

/// Trains a network that classifies images: cross-entropy, AdamW, a learning rate that rises for a tenth of the steps and then falls to nothing along a
/// cosine. A step is one plan.
final class Training {
    static final String METHOD =
            "AdamW, weight decay 0.01, a tenth of the steps warming up, then a cosine to 0";

    private static final double WEIGHT_DECAY = 0.01;
    private static final int TEST_BATCH = 1000;

    /// What the user chooses.
    ///
    /// @param flips whether images are mirrored at random: for things that have no left and right
    record Settings(
            int epochs,
            int batch,
            double learningRate,
            long seed,
            Precision precision,
            boolean flips) {
        static Settings of(int epochs, int batch, double learningRate) {
            return new Settings(epochs, batch, learningRate, 0, Precision.F32, false);
        }

        Settings withFlips() {
            return new Settings(epochs, batch, learningRate, seed, precision, true);
        }
    }

    /// How well a network does.
    record Score(double loss, double accuracy) {}

    /// From pixels as they are stored to scores of the classes.
    private record FromPixels(
            ImageSet stored,
            Preprocessing preprocessing,
            RandomHorizontalFlip flip,
            Sequential network)
            implements Module {
        @Override
        public Tensor forward(Tensor images, Mode mode) {
            Tensor x = preprocessing.normalise(stored.toUnit(images));
            return network.forward(flip.p() > 0 ? flip.forward(x, mode) : x, mode);
        }
    }

    private final Split data;
    private final Settings settings;
    private final Sequential network;
    private final Optimizer optimizer;
    private final Trainer trainer;
    private final Batches batches;

    Training(ModelSpec spec, Split data, Preprocessing preprocessing, Settings settings) {
        this.data = data;
        this.settings = settings;
        this.network = spec.build(Rng.seed(settings.seed));
        this.optimizer =
                AdamW.of(settings.learningRate)
                        .weightDecay(WEIGHT_DECAY)
                        .over(network.parameters());
        RandomHorizontalFlip flip =
                new RandomHorizontalFlip(
                        settings.flips ? 0.5 : 0, Rng.seed(settings.seed).split(1));
        Module model = new FromPixels(data.train(), preprocessing, flip, network);
        this.trainer =
                Trainer.of(model, new CrossEntropyLoss(), optimizer, new Accuracy())
                        .precision(settings.precision);
        this.batches = batches(data.train(), settings.batch).shuffled(settings.seed).whole();
    }

    private static Batches batches(ImageSet set, int size) {
        return Batches.of(set.images(), set.labels(), Math.min(size, Math.max(1, set.size())));
    }

    Sequential network() {
        return network;
    }

    /// How many examples a step takes.
    int batch() {
        return (int) (batches.examples() / batches.count());
    }

    /// How many steps an epoch has. Examples that do not fill a last batch are left out; which ones changes from epoch to epoch.
    int batches() {
        return batches.count();
    }

    void train(Progress progress) {
        long steps = (long) settings.epochs * batches();
        long warmup = steps / 10;
        Schedule schedule =
                Schedule.cosine(settings.learningRate, steps - warmup, 0).warmup(warmup);
        for (int epoch = 1; epoch <= settings.epochs; epoch++) {
            try (Prefetch all = batches.iterator()) {
                for (int k = 1; all.hasNext(); k++) {
                    Batch b = all.next();
                    optimizer.learningRate(schedule.at(trainer.steps()));
                    Trainer.Step s = step(b);
                    long right = Math.round(s.metrics().getFirst() * b.size());
                    progress.step(epoch, k, (int) b.size(), s.loss(), right);
                }
            }
        }
    }

    private Trainer.Step step(Batch b) {
        try {
            return trainer.step(b.x(), b.y());
        } catch (ValueException e) {
            String hint = "\n  hint: the learning rate is %s; try a tenth of it";
            throw new ValueException(e.getMessage() + hint.formatted(settings.learningRate));
        }
    }

    /// How well the network does on the test images.
    Score test() {
        Map<String, Double> means = trainer.evaluate(batches(data.test(), TEST_BATCH));
        return new Score(means.get("loss"), means.get("accuracy"));
    }
}
