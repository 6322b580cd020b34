package dev.nacre.nn.keras;

import dev.nacre.Tensor;
import dev.nacre.nn.train.Batch;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// How `fit` goes about it, as options: `model.fit(x, y, epochs(10), batchSize(64))`.
///
/// Defaults as in Keras: one epoch, 32 examples a batch, shuffled, a line of output per epoch.
public record Fit(
        int epochs,
        int batchSize,
        boolean shuffle,
        long seed,
        double validationSplit,
        Optional<Batch> validation,
        boolean verbose,
        List<Callback> callbacks) {
    static final Fit DEFAULTS = new Fit(1, 32, true, 0, 0, Optional.empty(), true, List.of());

    /// A change of the defaults.
    @FunctionalInterface
    public interface Option {
        Fit applyTo(Fit fit);
    }

    public static Option epochs(int epochs) {
        return f ->
                new Fit(
                        epochs,
                        f.batchSize,
                        f.shuffle,
                        f.seed,
                        f.validationSplit,
                        f.validation,
                        f.verbose,
                        f.callbacks);
    }

    public static Option batchSize(int batchSize) {
        return f ->
                new Fit(
                        f.epochs,
                        batchSize,
                        f.shuffle,
                        f.seed,
                        f.validationSplit,
                        f.validation,
                        f.verbose,
                        f.callbacks);
    }

    public static Option shuffle(boolean shuffle) {
        return f ->
                new Fit(
                        f.epochs,
                        f.batchSize,
                        shuffle,
                        f.seed,
                        f.validationSplit,
                        f.validation,
                        f.verbose,
                        f.callbacks);
    }

    /// The seed of the shuffling; 0 unless set.
    public static Option seed(long seed) {
        return f ->
                new Fit(
                        f.epochs,
                        f.batchSize,
                        f.shuffle,
                        seed,
                        f.validationSplit,
                        f.validation,
                        f.verbose,
                        f.callbacks);
    }

    /// The last part of the examples, before shuffling, is kept for validation.
    public static Option validationSplit(double part) {
        return f ->
                new Fit(
                        f.epochs,
                        f.batchSize,
                        f.shuffle,
                        f.seed,
                        part,
                        f.validation,
                        f.verbose,
                        f.callbacks);
    }

    public static Option validationData(Tensor x, Tensor y) {
        return f ->
                new Fit(
                        f.epochs,
                        f.batchSize,
                        f.shuffle,
                        f.seed,
                        f.validationSplit,
                        Optional.of(new Batch(x, y)),
                        f.verbose,
                        f.callbacks);
    }

    /// 0 prints nothing.
    public static Option verbose(int level) {
        return f ->
                new Fit(
                        f.epochs,
                        f.batchSize,
                        f.shuffle,
                        f.seed,
                        f.validationSplit,
                        f.validation,
                        level > 0,
                        f.callbacks);
    }

    public static Option callback(Callback callback) {
        return f -> {
            List<Callback> all = new ArrayList<>(f.callbacks);
            all.add(callback);
            return new Fit(
                    f.epochs,
                    f.batchSize,
                    f.shuffle,
                    f.seed,
                    f.validationSplit,
                    f.validation,
                    f.verbose,
                    List.copyOf(all));
        };
    }
}
