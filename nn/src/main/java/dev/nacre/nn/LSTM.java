package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Recurrent.Cell;
import java.util.List;
import java.util.Optional;

/// Long short-term memory (Hochreiter & Schmidhuber 1997; with forget gates, Gers et al. 2000):
///
/// ```
/// i, f, g, o = x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh
/// c' = σ(f)·c + σ(i)·tanh(g)
/// h' = σ(o)·tanh(c')
/// ```
///
/// Shape: `[time, batch, in]` → `[time, batch, hidden·directions]`, or with [#withBatchFirst()] `[batch, time, …]`; `[time, in]` of one example. The weights have PyTorch's names, layouts and
/// order of gates (input, forget, cell, output); for Keras's see [dev.nacre.nn.keras.RecurrentWeights].
///
/// @param layers whose weights have 4 gates, `[4·hidden, …]`
public record LSTM(@Key("") Recurrent layers) implements Module {
    /// Hidden states and cell states, each `[layers·directions, batch, hidden]`, of one example `[layers·directions, hidden]`.
    public record State(Tensor h, Tensor c) {}

    /// The outputs of all steps and the states after the last.
    public record Output(Tensor outputs, State state) {}

    public LSTM {
        Cell.LSTM.require(layers.cell());
    }

    /// One layer with PyTorch's first values: uniform on ±1/√hidden.
    public static LSTM of(long in, long hidden, Rng rng) {
        return of(in, hidden, 1, false, rng);
    }

    /// Several layers, in one direction or both.
    public static LSTM of(long in, long hidden, int layers, boolean bidirectional, Rng rng) {
        return new LSTM(Recurrent.of(Cell.LSTM, in, hidden, layers, bidirectional, rng));
    }

    public LSTM withBatchFirst() {
        return new LSTM(layers.withBatchFirst());
    }

    /// With dropout between layers.
    public LSTM dropout(double p, Rng rng) {
        return new LSTM(layers.withDropout(Dropout.of(p, rng)));
    }

    public LSTM withoutBias() {
        return new LSTM(layers.withoutBias());
    }

    /// The outputs of all steps, from states of zeros.
    @Override
    public Tensor forward(Tensor x, Mode mode) {
        return run(x, mode).outputs();
    }

    /// Outputs and last states, from states of zeros.
    public Output run(Tensor x, Mode mode) {
        return run(x, Optional.empty(), Optional.empty(), mode);
    }

    /// Outputs and last states.
    ///
    /// @param first the states to begin with; zeros if there are none
    /// @param lengths how many elements of each example count, integers `[batch]`: later outputs are 0, and the last states are those after the last element that counts, which is where a layer
    /// that goes backwards begins
    public Output run(Tensor x, Optional<State> first, Optional<Tensor> lengths, Mode mode) {
        List<Tensor> states = first.map(s -> List.of(s.h, s.c)).orElse(List.of());
        Recurrent.Run r = layers.run(x, states, lengths, mode);
        return new Output(r.outputs(), new State(r.states().get(0), r.states().get(1)));
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
