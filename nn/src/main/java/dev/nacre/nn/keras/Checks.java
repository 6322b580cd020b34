package dev.nacre.nn.keras;

import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;

/// What layers refuse.
final class Checks {
    private Checks() {}

    static void positive(String layer, String what, long value) {
        if (value < 1) {
            throw new NacreException(layer + ": " + what + " must be at least 1, but is " + value);
        }
    }

    /// An image `[height, width, channels]` into which a window fits.
    static void image(String layer, Shape example, long window) {
        if (example.rank() != 3) {
            throw new NacreException(
                    layer
                            + ": an example must be [height, width, channels], but is "
                            + example
                            + (example.rank() == 2
                                    ? "\n  hint: x.unsqueeze(-1) gives each image one channel"
                                    : ""));
        }
        if (example.size(0) < window || example.size(1) < window) {
            throw new NacreException(
                    layer
                            + ": a window of "
                            + window
                            + "×"
                            + window
                            + " does not fit into "
                            + example);
        }
    }
}
