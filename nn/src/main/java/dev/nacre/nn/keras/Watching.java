package dev.nacre.nn.keras;

import java.util.List;

/// A callback that needs certain values in the logs: one that will not be there is an error before training, not an epoch later.
interface Watching {
    /// @param batch names in the logs of a batch
    /// @param epoch names in the logs of an epoch
    void check(List<String> batch, List<String> epoch);
}
