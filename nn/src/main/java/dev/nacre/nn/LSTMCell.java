package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Recurrent.Cell;
import dev.nacre.nn.Recurrent.Weights;
import java.util.List;

/// One step of an [LSTM], for loops of one's own.
///
/// Shape: x `[batch, in]`, states `[batch, hidden]` → the next states.
///
/// @param weights of four gates
public record LSTMCell(@Key("") Weights weights) implements Module {
    /// Hidden state and cell state.
    public record State(Tensor h, Tensor c) {}

    /// With PyTorch's first values: uniform on ±1/√hidden.
    public static LSTMCell of(long in, long hidden, Rng rng) {
        return new LSTMCell(Weights.of(Cell.LSTM, in, hidden, "", rng));
    }

    public LSTMCell withoutBias() {
        return new LSTMCell(weights.withoutBias());
    }

    /// The hidden state after one step from states of zeros.
    @Override
    public Tensor forward(Tensor x) {
        Tensor zero = weights.zeros(x);
        return forward(x, new State(zero, zero)).h;
    }

    /// The next states.
    public State forward(Tensor x, State state) {
        List<Tensor> next = Cell.LSTM.step(x, List.of(state.h, state.c), weights);
        return new State(next.get(0), next.get(1));
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
