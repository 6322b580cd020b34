package dev.nacre.type;

/// What is subtracted from the number of elements before a sum of squared distances is divided by it. A type of its own, so that `x.std(0)` is the deviation along axis 0.
///
/// @param value at least 0
public record Correction(int value) {
    /// Divides by n: the variance of the elements themselves.
    public static final Correction NONE = new Correction(0);

    /// Divides by n − 1: the unbiased estimate of the variance of what they are a sample of.
    public static final Correction BESSEL = new Correction(1);

    public Correction {
        Problem.in("correction").atLeast("value", value, 0).throwValue();
    }

    public static Correction of(int value) {
        return new Correction(value);
    }
}
