package dev.nacre.formats.model;

/// What a model's network gives for an example.
public enum Output {
    /// Scores of the classes, of which softmax makes probabilities; a single one, of the second of two classes, goes through a sigmoid.
    LOGITS,
    /// Probabilities of the classes; a single one is that of the second of two.
    PROBABILITIES,
    /// Numbers that are no classes.
    NUMBERS
}
