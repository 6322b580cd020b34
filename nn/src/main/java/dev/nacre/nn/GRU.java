package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Recurrent.Cell;
import java.util.List;
import java.util.Optional;

/// Gated recurrent units (Cho et al. 2014), with the reset gate after the product, as PyTorch and cuDNN have it:
///
/// ```
/// r = σ(x·W_irᵀ + b_ir + h·W_hrᵀ + b_hr)
/// z = σ(x·W_izᵀ + b_iz + h·W_hzᵀ + b_hz)
/// n = tanh(x·W_inᵀ + b_in + r·(h·W_hnᵀ + b_hn))
/// h' = (1 − z)·n + z·h
/// ```
///
/// Shape: `[time, batch, in]` → `[time, batch, hidden·directions]`, or with [#withBatchFirst()] `[batch, time, …]`; `[time, in]` of one example. The weights have PyTorch's names, layouts and
/// order of gates (reset, update, new); for Keras's see [dev.nacre.nn.keras.RecurrentWeights].
///
/// @param layers whose weights have 3 gates, `[3·hidden, …]`
public record GRU(@Key("") Recurrent layers) implements Module {
    /// The outputs of all steps and the states after the last, `[layers·directions, batch, hidden]`, of one example `[layers·directions, hidden]`.
    public record Output(Tensor outputs, Tensor state) {}

    public GRU {
        Cell.GRU.require(layers.cell());
    }

    /// One layer with PyTorch's first values: uniform on ±1/√hidden.
    public static GRU of(long in, long hidden, Rng rng) {
        return of(in, hidden, 1, false, rng);
    }

    /// Several layers, in one direction or both.
    public static GRU of(long in, long hidden, int layers, boolean bidirectional, Rng rng) {
        return new GRU(Recurrent.of(Cell.GRU, in, hidden, layers, bidirectional, rng));
    }

    public GRU withBatchFirst() {
        return new GRU(layers.withBatchFirst());
    }

    /// With dropout between layers.
    public GRU dropout(double p, Rng rng) {
        return new GRU(layers.withDropout(Dropout.of(p, rng)));
    }

    public GRU withoutBias() {
        return new GRU(layers.withoutBias());
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
