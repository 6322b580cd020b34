package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.util.List;

/// Modules one after the other: the output of each is the input of the next. Their keys are `0`, `1`, …
public record Sequential(@Key("") List<Module> layers) implements Module {
    public Sequential {
        layers = List.copyOf(layers);
    }

    public static Sequential of(Module... layers) {
        return new Sequential(List.of(layers));
    }

    @Override
    public Tensor forward(Tensor x, Mode mode) {
        Tensor y = x;
        for (int i = 0; i < layers.size(); i++) {
            y = layers.get(i).forward(y, mode);
            Calls.gave(this, i, y);
        }
        return y;
    }

    /// The first layers, up to but without number `end`.
    public Sequential first(int end) {
        if (end < 0 || end > layers.size()) {
            throw new NacreException(
                    "first: "
                            + end
                            + " is not between 0 and the number of layers, "
                            + layers.size());
        }
        return new Sequential(layers.subList(0, end));
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
