package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;

/// Batch normalisation of images (Ioffe and Szegedy 2015): `(x − mean) / √(variance + epsilon) · weight + bias` per channel.
///
/// In training, mean and (biased) variance are the batch's, and the running ones move towards them, the variance in its unbiased form:
/// `running ← (1 − momentum)·running + momentum·batch`. In evaluation the running ones are used.
///
/// Shape: `[n, features, h, w]` → the same.
///
/// @param weight `[features]`
/// @param bias `[features]`
public record BatchNorm2d(
        Variable weight,
        Variable bias,
        Variable runningMean,
        Variable runningVar,
        Variable numBatchesTracked,
        double momentum,
        double epsilon)
        implements Module {
    public BatchNorm2d {
        Problem.in("batchNorm2d")
                .within("momentum", momentum, 0, 1)
                .notNegative("epsilon", epsilon)
                .throwValue();
    }

    /// Momentum 0.1, epsilon 1e-5.
    public static BatchNorm2d of(long features) {
        Problem.in("batchNorm2d").atLeast("features", features, 1).throwShape();
        BatchStatistics s = BatchStatistics.of(features);
        return new BatchNorm2d(
                Layers.ones("weight", features),
                Variable.zeros("bias", features),
                s.mean(),
                s.variance(),
                s.batches(),
                0.1,
                1e-5);
    }

    public BatchNorm2d momentum(double momentum) {
        return new BatchNorm2d(
                weight, bias, runningMean, runningVar, numBatchesTracked, momentum, epsilon);
    }

    public BatchNorm2d epsilon(double epsilon) {
        return new BatchNorm2d(
                weight, bias, runningMean, runningVar, numBatchesTracked, momentum, epsilon);
    }

    @Override
    public boolean dependsOnMode() {
        return true;
    }

    @Override
    public Tensor forward(Tensor x, Mode mode) {
        Layers.requireChannels("batchNorm2d", x, weight.size(0), 4, 4, weight);
        return new BatchStatistics(runningMean, runningVar, numBatchesTracked)
                .normalise(x, mode, momentum, epsilon, weight, bias);
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
