package dev.nacre.nn.keras;

import dev.nacre.Tensor;
import dev.nacre.nn.train.Batch;
import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// How `fit` goes about it, as options: `model.fit(x, y, epochs(10), batchSize(64))`.
///
/// Defaults as in Keras: one epoch, 32 examples a batch, shuffled, with a progress bar.
public final class Fit {
    private int epochs = 1;
    private int initialEpoch;
    private int batchSize = 32;
    private OptionalInt stepsPerEpoch = OptionalInt.empty();
    private boolean shuffle = true;
    private long seed;
    private Optional<Tensor> sampleWeight = Optional.empty();
    private Optional<Map<Integer, Double>> classWeight = Optional.empty();
    private double validationSplit;
    private Optional<Batch> validation = Optional.empty();
    private OptionalInt validationSteps = OptionalInt.empty();
    private OptionalInt validationBatchSize = OptionalInt.empty();
    private int verbose = 1;
    private final List<Callback> callbacks = new ArrayList<>();

    private Fit() {}

    /// A change of the defaults.
    @FunctionalInterface
    public interface Option {
        void applyTo(Fit fit);
    }

    static Fit of(Option... options) {
        Fit fit = new Fit();
        for (Option o : options) {
            o.applyTo(fit);
        }
        return fit;
    }

    private static int atLeast(int least, String name, int value) {
        if (value < least) {
            throw new NacreException(
                    "fit: " + name + " must be at least " + least + ", but is " + value);
        }
        return value;
    }

    /// How often the examples are gone through; with [#initialEpoch], the number of the epoch before which training stops.
    public static Option epochs(int epochs) {
        atLeast(0, "epochs", epochs);
        return f -> f.epochs = epochs;
    }

    /// The number of the first epoch, from 0, to go on with a training: callbacks and output count from it, and `epochs(10), initialEpoch(4)` trains for six.
    public static Option initialEpoch(int epoch) {
        atLeast(0, "initialEpoch", epoch);
        return f -> f.initialEpoch = epoch;
    }

    /// How many examples are in a batch, at most.
    public static Option batchSize(int batchSize) {
        atLeast(1, "batchSize", batchSize);
        return f -> f.batchSize = batchSize;
    }

    /// So many batches make an epoch, instead of all examples once. The next epoch goes on where this one stopped; when all examples have been seen, they come again, in a new order if shuffled.
    public static Option stepsPerEpoch(int steps) {
        atLeast(1, "stepsPerEpoch", steps);
        return f -> f.stepsPerEpoch = OptionalInt.of(steps);
    }

    /// How much each example counts in the loss, and in the weighted metrics: `[n]`, or `[n, steps]` for outputs `[n, steps, …]`. The loss is the sum of weighted losses divided by the number of examples, as in Keras.
    /// With a [#validationSplit] the weights are divided as the examples are.
    public static Option sampleWeight(Tensor weights) {
        return f -> f.sampleWeight = Optional.of(weights);
    }

    /// How much the examples of each class count, 1 for classes that are not there; as a [#sampleWeight] by class. Targets are class indices, one-hot rows or distributions, of which the largest counts. Validation does not go by it.
    public static Option classWeight(Map<Integer, Double> weights) {
        weights.forEach((k, w) -> {
            if (k < 0 || !(w >= 0 && w < Double.POSITIVE_INFINITY)) {
                throw new NacreException(
                        "fit: class weights must be finite and at least 0, but class "
                                + k
                                + " has "
                                + w);
            }
        });
        Map<Integer, Double> kept = Map.copyOf(weights);
        return f -> f.classWeight = Optional.of(kept);
    }

    /// Whether the training examples come in a new order in every epoch. Validation examples never do.
    public static Option shuffle(boolean shuffle) {
        return f -> f.shuffle = shuffle;
    }

    /// The seed of the shuffling; 0 unless set. The order of an epoch depends on it and on how many epochs the model has been trained for, so that a second `fit` goes on with new orders.
    public static Option seed(long seed) {
        return f -> f.seed = seed;
    }

    /// The last part of the examples, before shuffling, is kept for validation: all from number ⌊n·(1 − part)⌋ on. Without effect if there is [#validationData].
    public static Option validationSplit(double part) {
        if (!(part >= 0 && part < 1)) {
            throw new NacreException(
                    "fit: validationSplit must be at least 0 and below 1, but is " + part);
        }
        return f -> f.validationSplit = part;
    }

    /// Examples on which loss and metrics are measured after each epoch, as `val_loss` and so on.
    public static Option validationData(Tensor x, Tensor y) {
        return f -> f.validation = Optional.of(new Batch(x, y));
    }

    /// The same with weights, by which `val_loss` and the weighted metrics go.
    public static Option validationData(Tensor x, Tensor y, Tensor weights) {
        return f -> f.validation = Optional.of(new Batch(x, y, weights));
    }

    /// Only the first so many validation batches are looked at, the same ones each time.
    public static Option validationSteps(int steps) {
        atLeast(1, "validationSteps", steps);
        return f -> f.validationSteps = OptionalInt.of(steps);
    }

    /// Examples of a validation batch, if not [#batchSize]. Means over all examples do not depend on it.
    public static Option validationBatchSize(int size) {
        atLeast(1, "validationBatchSize", size);
        return f -> f.validationBatchSize = OptionalInt.of(size);
    }

    /// 0 prints nothing, 1, the default, a progress bar where output goes to a terminal, 2 a line per epoch, which 1 also does elsewhere.
    public static Option verbose(int level) {
        if (level < 0 || level > 2) {
            throw new NacreException("fit: verbose must be 0, 1 or 2, but is " + level);
        }
        return f -> f.verbose = level;
    }

    public static Option callback(Callback callback) {
        return f -> f.callbacks.add(callback);
    }

    int epochs() {
        return epochs;
    }

    int batchSize() {
        return batchSize;
    }

    boolean shuffle() {
        return shuffle;
    }

    long seed() {
        return seed;
    }

    double validationSplit() {
        return validationSplit;
    }

    Optional<Batch> validation() {
        return validation;
    }

    int initialEpoch() {
        return initialEpoch;
    }

    OptionalInt stepsPerEpoch() {
        return stepsPerEpoch;
    }

    Optional<Tensor> sampleWeight() {
        return sampleWeight;
    }

    Optional<Map<Integer, Double>> classWeight() {
        return classWeight;
    }

    OptionalInt validationSteps() {
        return validationSteps;
    }

    int validationBatchSize() {
        return validationBatchSize.orElse(batchSize);
    }

    int verbose() {
        return verbose;
    }

    List<Callback> callbacks() {
        return callbacks;
    }
}
