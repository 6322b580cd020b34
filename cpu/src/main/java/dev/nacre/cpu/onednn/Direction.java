package dev.nacre.cpu.onednn;

/// Which way a convolution or a pooling is computed.
public enum Direction {
    /// Forward, when no gradient will follow: a max pooling then keeps no workspace.
    INFERENCE(96),
    /// Forward.
    FORWARD(64),
    /// The gradient of the input.
    BACKWARD_DATA(160),
    /// The gradient of the weights and of the bias.
    BACKWARD_WEIGHTS(192);

    final int code;

    Direction(int code) {
        this.code = code;
    }
}
