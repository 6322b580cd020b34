package dev.nacre.ir;

import dev.nacre.type.TensorType;

/// Something that supplies the numbers of a leaf when a graph is computed: a symbolic input, a stored tensor, a variable's value.
/// Compared by identity.
public interface Source {
    TensorType type();

    /// For error messages: `input 'x'`, `parameter head.weight`.
    String origin();

    /// Whether it is the value of a variable that gradients are asked for by.
    default boolean isTrainable() {
        return false;
    }

    /// The part of a model that a parameter belongs to, by name: `encoder.0.linear1`. Empty for all others.
    default String module() {
        return "";
    }
}
