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

    /// After an epoch and its validation.
    ///
    /// @param epoch from 0
    /// @param logs the values that [History] keeps, by name
    /// @return whether to go on
    boolean onEpochEnd(int epoch, Map<String, Double> logs);

    /// After the last epoch.
    default void onTrainEnd() {}
}
