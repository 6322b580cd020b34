package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Recurrent.Cell;
import dev.nacre.nn.Recurrent.Weights;
import java.util.List;

/// One step of a [GRU], for loops of one's own.
///
/// Shape: x `[batch, in]`, states `[batch, hidden]` → the next states.
///
/// @param weights of three gates
public record GRUCell(@Key("") Weights weights) implements Module {
    /// With PyTorch's first values: uniform on ±1/√hidden.
    public static GRUCell of(long in, long hidden, Rng rng) {
        return new GRUCell(Weights.of(Cell.GRU, in, hidden, "", rng));
    }

    public GRUCell withoutBias() {
        return new GRUCell(weights.withoutBias());
    }

    /// The state after one step from a state of zeros.
    @Override
    public Tensor forward(Tensor x) {
        return forward(x, weights.zeros(x));
    }

    /// The next state.
    public Tensor forward(Tensor x, Tensor h) {
        return Cell.GRU.step(x, List.of(h), weights).getFirst();
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
