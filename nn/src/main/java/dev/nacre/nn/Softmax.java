package dev.nacre.nn;

import dev.nacre.Tensor;

/// `eˣ / Σ eˣ` along an axis. A cross-entropy after it loses precision: train on the logits, with [dev.nacre.nn.loss.CrossEntropyLoss].
public record Softmax(int axis) implements Module {
    @Override
    public Tensor forward(Tensor x) {
        return x.softmax(axis);
    }
}
