package dev.nacre.nn.keras;

import java.util.Map;

/// Told about the epochs of a `fit`.
@FunctionalInterface
public interface Callback {
    /// After an epoch.
    ///
    /// @param epoch from 0
    /// @param logs the values that [History] keeps, by name
    /// @return whether to go on
    boolean onEpochEnd(int epoch, Map<String, Double> logs);
}
