package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import java.util.List;
import java.util.Map;
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
/// @param in width of an element
/// @param hidden width of a state
/// @param layers how many layers; each takes the outputs of the one before
/// @param bidirectional whether each layer also goes backwards; outputs of both are side by side
/// @param batchFirst whether the batch comes before the time
/// @param dropout on the outputs of all layers but the last, if any
/// @param weights `weight_ih_l0` `[4·hidden, in]`, `weight_hh_l0` `[4·hidden, hidden]`, `bias_ih_l0`, `bias_hh_l0`, `…_l0_reverse`, `…_l1`, …
public record LSTM(
        long in,
        long hidden,
        int layers,
        boolean bidirectional,
        boolean batchFirst,
        Optional<Dropout> dropout,
        @Key("") Map<String, Variable> weights)
        implements Module {
    /// Hidden states and cell states, each `[layers·directions, batch, hidden]`, of one example `[layers·directions, hidden]`.
    public record State(Tensor h, Tensor c) {}

    /// The outputs of all steps and the states after the last.
    public record Output(Tensor outputs, State state) {}

    /// One layer with PyTorch's first values: uniform on ±1/√hidden.
    public static LSTM of(long in, long hidden, Rng rng) {
        return of(in, hidden, 1, false, rng);
    }

    /// Several layers, in one direction or both.
    public static LSTM of(long in, long hidden, int layers, boolean bidirectional, Rng rng) {
        Recurrent r = Recurrent.of("lstm", 4, in, hidden, layers, bidirectional, rng);
        return new LSTM(in, hidden, layers, bidirectional, false, Optional.empty(), r.weights());
    }

    public LSTM withBatchFirst() {
        return new LSTM(in, hidden, layers, bidirectional, true, dropout, weights);
    }

    /// With dropout between layers.
    public LSTM dropout(double p, Rng rng) {
        return new LSTM(
                in,
                hidden,
                layers,
                bidirectional,
                batchFirst,
                Optional.of(Dropout.of(p, rng)),
                weights);
    }

    public LSTM withoutBias() {
        return new LSTM(
                in,
                hidden,
                layers,
                bidirectional,
                batchFirst,
                dropout,
                recurrent().withoutBiases());
    }

    private Recurrent recurrent() {
        return new Recurrent(
                "lstm", in, hidden, layers, bidirectional, batchFirst, dropout, weights);
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
        Recurrent.Run r =
                recurrent()
                        .run(
                                x,
                                2,
                                first.map(s -> List.of(s.h, s.c)).orElse(List.of()),
                                lengths,
                                mode,
                                LSTM::step);
        return new Output(r.outputs(), new State(r.states().get(0), r.states().get(1)));
    }

    static List<Tensor> step(Tensor x, List<Tensor> states, Recurrent.Weights w) {
        Tensor h = states.get(0);
        long n = h.size(-1);
        Tensor gates = w.fromBoth(x, h);
        Tensor input = gates.narrow(-1, 0, n).sigmoid();
        Tensor forget = gates.narrow(-1, n, n).sigmoid();
        Tensor cell = gates.narrow(-1, 2 * n, n).tanh();
        Tensor output = gates.narrow(-1, 3 * n, n).sigmoid();
        Tensor c = forget.mul(states.get(1)).add(input.mul(cell));
        return List.of(output.mul(c.tanh()), c);
    }
}
