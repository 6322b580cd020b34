package dev.nacre.nn;

/// What a module is run for. Dropout and batch normalisation differ between the two; nothing else does. There is no hidden state: the mode is an argument
/// of [Module#forward(dev.nacre.Tensor, Mode)].
public enum Mode {
    /// Learning: dropout drops, batch normalisation uses the batch's statistics and updates the running ones.
    TRAIN,
    /// Use: the same input gives the same output.
    EVAL;

    public boolean isTraining() {
        return this == TRAIN;
    }
}
