package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Recurrent.Cell;
import java.util.List;
import java.util.Optional;

/// A simple recurrent network (Elman 1990): `h' = tanh(x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh)`.
///
/// Shape: `[time, batch, in]` → `[time, batch, hidden·directions]`, or with [#withBatchFirst()] `[batch, time, …]`; `[time, in]` of one example. The weights have PyTorch's names, layouts and
/// order of gates (there is one); for Keras's see [dev.nacre.nn.keras.RecurrentWeights].
///
/// @param layers whose weights have 1 gate, `[hidden, …]`
public record RNN(@Key("") Recurrent layers) implements Module {
    /// The outputs of all steps and the states after the last, `[layers·directions, batch, hidden]`, of one example `[layers·directions, hidden]`.
    public record Output(Tensor outputs, Tensor state) {}

    public RNN {
        if (layers.cell() != Cell.RNN_RELU) {
            Cell.RNN_TANH.require(layers.cell());
        }
    }

    /// One layer with PyTorch's first values: uniform on ±1/√hidden.
    public static RNN of(long in, long hidden, Rng rng) {
        return of(in, hidden, 1, false, rng);
    }

    /// Several layers, in one direction or both.
    public static RNN of(long in, long hidden, int layers, boolean bidirectional, Rng rng) {
        return new RNN(Recurrent.of(Cell.RNN_TANH, in, hidden, layers, bidirectional, rng));
    }

    public RNN withBatchFirst() {
        return new RNN(layers.withBatchFirst());
    }

    /// With dropout between layers.
    public RNN dropout(double p, Rng rng) {
        return new RNN(layers.withDropout(Dropout.of(p, rng)));
    }

    public RNN withoutBias() {
        return new RNN(layers.withoutBias());
    }

    /// With `max(0, x)` in place of tanh.
    public RNN relu() {
        return new RNN(layers.withCell(Cell.RNN_RELU));
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
    public Output run(Tensor x, Optional<Tensor> first, Optional<Tensor> lengths, Mode mode) {
        List<Tensor> states = first.map(List::of).orElse(List.of());
        Recurrent.Run r = layers.run(x, states, lengths, mode);
        return new Output(r.outputs(), r.states().getFirst());
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
