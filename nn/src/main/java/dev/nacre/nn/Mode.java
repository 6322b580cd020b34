package dev.nacre.nn;

import dev.nacre.Tensor;

/// What a module is run for. Dropout and batch normalisation differ between the two; nothing else does. There is no hidden state: the mode is an argument
/// of [Module#forward(dev.nacre.Tensor, Mode)].
public enum Mode {
    /// Learning: dropout drops, batch normalisation uses the batch's statistics and updates the running ones.
    TRAIN,
    /// Use: the same input gives the same output.
    EVAL,
    /// As EVAL, but in a training step, on purpose: the running statistics of a pretrained network are kept while its weights are tuned. A training step through a part that was run for
    /// EVAL is taken for a mistake, and logged as a warning.
    FROZEN;

    public boolean isTraining() {
        return this == TRAIN;
    }

    /// The result of a layer that does otherwise in training: with a remark if it was run for evaluation.
    ///
    /// @param layer its name
    Tensor remarked(String layer, Tensor result) {
        return this != EVAL
                ? result
                : result.remarked(
                        layer
                                + " ran in evaluation mode\n  hint: train with forward(x, Mode.TRAIN), for forward(x) means evaluation; where evaluation mode is meant, forward(x, Mode.FROZEN) says so");
    }
}
