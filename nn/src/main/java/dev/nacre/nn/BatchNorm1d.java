package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;

/// Batch normalisation of vectors and sequences (Ioffe and Szegedy 2015): `(x − mean) / √(variance + epsilon) · weight + bias` per channel.
///
/// In training, mean and (biased) variance are the batch's, and the running ones move towards them, the variance in its unbiased form:
/// `running ← (1 − momentum)·running + momentum·batch`. In evaluation the running ones are used.
///
/// Shape: `[n, features]` or `[n, features, l]` → the same.
///
/// @param weight `[features]`
/// @param bias `[features]`
public record BatchNorm1d(
        Variable weight,
        Variable bias,
        Variable runningMean,
        Variable runningVar,
        Variable numBatchesTracked,
        double momentum,
        double epsilon)
        implements Module {
    public BatchNorm1d {
        Problem.in("batchNorm1d")
                .within("momentum", momentum, 0, 1)
                .notNegative("epsilon", epsilon)
                .throwValue();
    }

    /// Momentum 0.1, epsilon 1e-5.
    public static BatchNorm1d of(long features) {
        Problem.in("batchNorm1d").atLeast("features", features, 1).throwShape();
        BatchStatistics s = BatchStatistics.of(features);
        return new BatchNorm1d(
                Layers.ones("weight", features),
                Variable.zeros("bias", features),
                s.mean(),
                s.variance(),
                s.batches(),
                0.1,
                1e-5);
    }

    public BatchNorm1d momentum(double momentum) {
        return new BatchNorm1d(
                weight, bias, runningMean, runningVar, numBatchesTracked, momentum, epsilon);
    }

    public BatchNorm1d epsilon(double epsilon) {
        return new BatchNorm1d(
                weight, bias, runningMean, runningVar, numBatchesTracked, momentum, epsilon);
    }

    @Override
    public boolean dependsOnMode() {
        return true;
    }

    @Override
    public Tensor forward(Tensor x, Mode mode) {
        Layers.requireChannels("batchNorm1d", x, weight.size(0), 2, 3, weight);
        return new BatchStatistics(runningMean, runningVar, numBatchesTracked)
                .normalise(x, mode, momentum, epsilon, weight, bias);
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
