package dev.nacre.examples;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.Shape;

/// A made-up classification problem: points around one centre per class.
///
/// @param x `[points, features]`
/// @param y `[points]`, class indices
public record Blobs(Tensor x, Tensor y) {
    static Blobs of(long points, long features, long classes, Rng rng) {
        var centres = rng.normal(classes, features).realize();
        var y = rng.integers(classes, Shape.of(points)).realize();
        return new Blobs(centres.take(y, 0).add(rng.normal(points, features).mul(3)).realize(), y);
    }
}
