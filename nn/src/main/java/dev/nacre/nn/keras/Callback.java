package dev.nacre.nn.keras;

import java.util.Map;

/// Told about the epochs of a `fit`. A lambda is a callback: `callback((epoch, logs) -> logs.get("loss") > 0.1)`.
@FunctionalInterface
public interface Callback {
    /// Before the first epoch of a `fit`.
    default void onTrainBegin(Sequential model) {}

    /// Before an epoch.
    ///
    /// @param epoch from 0
    default void onEpochBegin(int epoch) {}

    /// Before a batch.
    ///
    /// @param batch from 0 in each epoch
    default void onTrainBatchBegin(int batch) {}

    /// After a batch.
    ///
    /// @param batch from 0 in each epoch
    /// @param logs the means over the epoch so far, by name
    default void onTrainBatchEnd(int batch, Map<String, Double> logs) {}

    /// After an epoch and its validation.
    ///
    /// @param epoch from 0
    /// @param logs the values that [History] keeps, by name
    /// @return whether to go on; see also [Sequential#stopTraining]
    boolean onEpochEnd(int epoch, Map<String, Double> logs);

    /// After the last epoch.
    default void onTrainEnd() {}
}
