package dev.nacre.ir;

/// The whole math library, written once over [Expression]: users call it on tensors, derivative rules and graph passes on nodes.
///
/// Where things are: arithmetic and functions in [Elementwise], shapes and indexing in [Movement], sums and sorting in [Reductions], products and convolutions in
/// [Linear], activations, normalisation and losses in [Neural].
///
/// @param <T> the implementing type
public interface Algebra<T extends Algebra<T>>
        extends Elementwise<T>, Movement<T>, Reductions<T>, Linear<T>, Neural<T> {}
