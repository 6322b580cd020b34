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
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/// Trains a network that classifies images: cross-entropy, AdamW, a learning rate that rises for a tenth of the steps and then falls to nothing along a
/// cosine. A step is one plan.
final class Training implements Resumable {
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

        /// Those of a training that was stopped.
        static Settings of(State s) {
            return new Settings(
                    s.count("epochs"),
                    s.count("batch"),
                    s.rate("learning rate"),
                    s.value("seed", Long::parseLong),
                    s.value("precision", Precision::valueOf),
                    s.value("flips", Boolean::parseBoolean));
        }

        Map<String, String> texts() {
            return State.texts(
                    "epochs", epochs,
                    "batch", batch,
                    "learning rate", learningRate,
                    "seed", seed,
                    "precision", precision.name(),
                    "flips", flips);
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
    private final Sequential whole; // with what changes the images in training
    private final Sequential network;
    private final Optimizer optimizer;
    private final Trainer trainer;
    private final Batches batches;
    private final long before; // steps of earlier runs

    private Training(
            RandomHorizontalFlip flip,
            Sequential network,
            Split data,
            Preprocessing preprocessing,
            Settings settings,
            long before) {
        this.data = data;
        this.settings = settings;
        this.network = network;
        this.whole = Sequential.of(flip, network);
        whole.state(); // names the variables, also for the optimizer
        this.optimizer =
                AdamW.of(settings.learningRate)
                        .weightDecay(WEIGHT_DECAY)
                        .over(network.parameters());
        Module model = new FromPixels(data.train(), preprocessing, flip, network);
        this.trainer =
                Trainer.of(model, new CrossEntropyLoss(), optimizer, new Accuracy())
                        .precision(settings.precision);
        this.batches = batches(data.train(), settings.batch).shuffled(settings.seed).whole();
        this.before = before;
    }

    static Training of(
            Sequential network, Split data, Preprocessing preprocessing, Settings settings) {
        RandomHorizontalFlip flip =
                new RandomHorizontalFlip(
                        settings.flips ? 0.5 : 0, Rng.seed(settings.seed).split(1));
        return new Training(flip, network, data, preprocessing, settings, 0);
    }

    /// Goes on where another run was stopped.
    static Training of(State state, Split data, Preprocessing preprocessing) {
        List<Module> parts = state.module(Sequential.class).layers();
        if (parts.size() != 2
                || !(parts.get(0) instanceof RandomHorizontalFlip flip)
                || !(parts.get(1) instanceof Sequential network)) {
            throw state.broken("it holds other parts");
        }
        state.requireSame("training images", data.train().sha256());
        long before = state.value("step", Long::parseLong);
        Settings settings = Settings.of(state);
        Training out = new Training(flip, network, data, preprocessing, settings, before);
        if (before < 0 || before > out.steps()) {
            throw state.broken("it has done " + before + " of " + out.steps() + " steps");
        }
        out.optimizer.load(state.checkpoint().optimizer());
        return out;
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

    @Override
    public long steps() {
        return (long) settings.epochs * batches();
    }

    @Override
    public long done() {
        return before + trainer.steps();
    }

    /// Until all steps are done or somebody asks to stop.
    void train(Progress progress, BooleanSupplier asked) {
        long warmup = steps() / 10;
        Schedule schedule =
                Schedule.cosine(settings.learningRate, steps() - warmup, 0).warmup(warmup);
        long skipped = before % batches();
        batches.startAt(before / batches());
        while (done() < steps() && !asked.getAsBoolean()) {
            try (Prefetch epoch = batches.iterator()) {
                for (; skipped > 0; skipped--) {
                    epoch.next();
                }
                while (epoch.hasNext() && !asked.getAsBoolean()) {
                    Batch b = epoch.next();
                    optimizer.learningRate(schedule.at(done()));
                    Trainer.Step s = step(b);
                    long right = Math.round(s.metrics().getFirst() * b.size());
                    progress.step(done(), b.size(), s.loss(), right);
                }
            }
        }
    }

    @Override
    public Module learning() {
        return whole;
    }

    @Override
    public Optimizer optimizer() {
        return optimizer;
    }

    @Override
    public Map<String, String> texts() {
        Map<String, String> texts = settings.texts();
        texts.put("training images", data.train().sha256());
        return texts;
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
