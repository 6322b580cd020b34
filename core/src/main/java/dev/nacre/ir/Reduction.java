package dev.nacre.ir;

import dev.nacre.type.DType;

/// The ways to combine many elements into one. `any` and `all` are the maximum and the minimum of bools.
public enum Reduction {
    SUM,
    PROD,
    /// NaN if any element is NaN, as NumPy.
    MAX,
    /// NaN if any element is NaN, as NumPy.
    MIN;

    public double apply(double a, double b) {
        return switch (this) {
            case SUM -> a + b;
            case PROD -> a * b;
            case MAX -> Math.max(a, b);
            case MIN -> Math.min(a, b);
        };
    }

    public long apply(long a, long b) {
        return switch (this) {
            case SUM -> a + b;
            case PROD -> a * b;
            case MAX -> Math.max(a, b);
            case MIN -> Math.min(a, b);
        };
    }

    /// The neutral element on floating types.
    public double identity() {
        return switch (this) {
            case SUM -> 0;
            case PROD -> 1;
            case MAX -> Double.NEGATIVE_INFINITY;
            case MIN -> Double.POSITIVE_INFINITY;
        };
    }

    /// The neutral element on an integer type or bool.
    public long identity(DType dtype) {
        return switch (this) {
            case SUM -> 0;
            case PROD -> 1;
            case MAX -> dtype.least();
            case MIN -> dtype.most();
        };
    }
}
