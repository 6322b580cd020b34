package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;

/// A module that predicts each token of a text from those before it: tokens `[n, time]` → logits `[n, time, vocabulary]`.
public interface LanguageModel extends Module {
    /// The longest text, in tokens.
    long positions();

    /// The texts with `count` more tokens each: i64 `[n, time + count]`.
    ///
    /// @param tokens `[n, time]`, at least one each
    Tensor generate(Tensor tokens, int count, Sampling how, Rng rng);
}
