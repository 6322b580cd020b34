package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Recurrent.Cell;
import dev.nacre.nn.Recurrent.Weights;
import java.util.List;

/// One step of an [RNN], for loops of one's own.
///
/// Shape: x `[batch, in]`, states `[batch, hidden]` → the next states.
///
/// @param weights of one gate
/// @param cell [Recurrent.Cell#RNN_TANH] or [Recurrent.Cell#RNN_RELU]
public record RNNCell(@Key("") Weights weights, Cell cell) implements Module {
    public RNNCell {
        if (cell != Cell.RNN_RELU) {
            Cell.RNN_TANH.require(cell);
        }
    }

    /// With PyTorch's first values: uniform on ±1/√hidden.
    public static RNNCell of(long in, long hidden, Rng rng) {
        return new RNNCell(Weights.of(Cell.RNN_TANH, in, hidden, "", rng), Cell.RNN_TANH);
    }

    public RNNCell withoutBias() {
        return new RNNCell(weights.withoutBias(), cell);
    }

    /// With `max(0, x)` in place of tanh.
    public RNNCell relu() {
        return new RNNCell(weights, Cell.RNN_RELU);
    }

    /// The state after one step from a state of zeros.
    @Override
    public Tensor forward(Tensor x) {
        return forward(x, weights.zeros(x));
    }

    /// The next state.
    public Tensor forward(Tensor x, Tensor h) {
        return cell.step(x, List.of(h), weights).getFirst();
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
