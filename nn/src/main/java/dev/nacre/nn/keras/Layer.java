package dev.nacre.nn.keras;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Activation;
import dev.nacre.nn.Key;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.type.Shape;

/// What a layer shall be like. It becomes a module when the shape of its input is known.
public interface Layer {
    /// The module for inputs of a shape.
    ///
    /// @param input without the batch axis
    Built build(Shape input, Rng rng);

    /// @param module takes `[batch, input…]`
    /// @param output shape without the batch axis
    record Built(Module module, Activation activation, Shape output) {
        public Built(Module module, Shape output) {
            this(module, Activation.LINEAR, output);
        }

        /// The module with its activation.
        Activated activated() {
            return new Activated(module, activation);
        }
    }

    /// A module followed by an activation, which can be left out.
    record Activated(@Key("") Module module, Activation activation) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return activation.forward(module.forward(x, mode));
        }
    }
}
