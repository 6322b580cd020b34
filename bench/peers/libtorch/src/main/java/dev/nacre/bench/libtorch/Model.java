package dev.nacre.bench.libtorch;

import org.bytedeco.pytorch.Tensor;

/// From a batch to logits `[n, classes]`, or to whatever an inference gives.
@FunctionalInterface
interface Model {
    Tensor forward(Tensor x);
}
