package dev.nacre.nn.keras;

import dev.nacre.Tensor;
import dev.nacre.nn.train.Batch;
import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// How `fit` goes about it, as options: `model.fit(x, y, epochs(10), batchSize(64))`.
///
/// Defaults as in Keras: one epoch, 32 examples a batch, shuffled, a line of output per epoch.
public final class Fit {
    private int epochs = 1;
    private int batchSize = 32;
    private boolean shuffle = true;
    private long seed;
    private double validationSplit;
    private Optional<Batch> validation = Optional.empty();
    private boolean verbose = true;
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

    public static Option epochs(int epochs) {
        if (epochs < 0) {
            throw new NacreException("fit: epochs must be at least 0, but is " + epochs);
        }
        return f -> f.epochs = epochs;
    }

    public static Option batchSize(int batchSize) {
        if (batchSize < 1) {
            throw new NacreException("fit: batchSize must be at least 1, but is " + batchSize);
        }
        return f -> f.batchSize = batchSize;
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

    /// 0 prints nothing; any other level, a line per epoch (Keras's 2; there is no progress bar, its 1).
    public static Option verbose(int level) {
        return f -> f.verbose = level != 0;
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

    boolean verbose() {
        return verbose;
    }

    List<Callback> callbacks() {
        return callbacks;
    }
}
