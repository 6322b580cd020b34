package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A simple recurrent network (Elman 1990): `h' = tanh(x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh)`.
///
/// Shape: `[time, batch, in]` → `[time, batch, hidden·directions]`, or with [#withBatchFirst()] `[batch, time, …]`; `[time, in]` of one example. The weights have PyTorch's names, layouts and
/// order of gates (there is one); for Keras's see [dev.nacre.nn.keras.RecurrentWeights].
///
/// @param in width of an element
/// @param hidden width of a state
/// @param layers how many layers; each takes the outputs of the one before
/// @param bidirectional whether each layer also goes backwards; outputs of both are side by side
/// @param batchFirst whether the batch comes before the time
/// @param dropout on the outputs of all layers but the last, if any
/// @param weights `weight_ih_l0` `[hidden, in]`, `weight_hh_l0` `[hidden, hidden]`, `bias_ih_l0`, `bias_hh_l0`, `…_l0_reverse`, `…_l1`, …
public record RNN(
        long in,
        long hidden,
        int layers,
        boolean bidirectional,
        boolean batchFirst,
        Optional<Dropout> dropout,
        @Key("") Map<String, Variable> weights,
        Nonlinearity nonlinearity)
        implements Module {
    /// The outputs of all steps and the states after the last, `[layers·directions, batch, hidden]`, of one example `[layers·directions, hidden]`.
    public record Output(Tensor outputs, Tensor state) {}

    /// What a cell applies to its sum.
    public enum Nonlinearity {
        TANH,
        RELU;

        Tensor apply(Tensor x) {
            return this == TANH ? x.tanh() : x.relu();
        }
    }

    /// One layer with PyTorch's first values: uniform on ±1/√hidden.
    public static RNN of(long in, long hidden, Rng rng) {
        return of(in, hidden, 1, false, rng);
    }

    /// Several layers, in one direction or both.
    public static RNN of(long in, long hidden, int layers, boolean bidirectional, Rng rng) {
        Recurrent r = Recurrent.of("rnn", 1, in, hidden, layers, bidirectional, rng);
        return new RNN(
                in,
                hidden,
                layers,
                bidirectional,
                false,
                Optional.empty(),
                r.weights(),
                Nonlinearity.TANH);
    }

    public RNN withBatchFirst() {
        return new RNN(in, hidden, layers, bidirectional, true, dropout, weights, nonlinearity);
    }

    /// With dropout between layers.
    public RNN dropout(double p, Rng rng) {
        return new RNN(
                in,
                hidden,
                layers,
                bidirectional,
                batchFirst,
                Optional.of(Dropout.of(p, rng)),
                weights,
                nonlinearity);
    }

    public RNN withoutBias() {
        return new RNN(
                in,
                hidden,
                layers,
                bidirectional,
                batchFirst,
                dropout,
                recurrent().withoutBiases(),
                nonlinearity);
    }

    /// With `max(0, x)` in place of tanh.
    public RNN relu() {
        return new RNN(
                in, hidden, layers, bidirectional, batchFirst, dropout, weights, Nonlinearity.RELU);
    }

    private Recurrent recurrent() {
        return new Recurrent(
                "rnn", in, hidden, layers, bidirectional, batchFirst, dropout, weights);
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
        Recurrent.Run r =
                recurrent()
                        .run(
                                x,
                                1,
                                first.map(List::of).orElse(List.of()),
                                lengths,
                                mode,
                                (e, s, w) -> step(e, s, w, nonlinearity));
        return new Output(r.outputs(), r.states().getFirst());
    }

    static List<Tensor> step(
            Tensor x, List<Tensor> states, Recurrent.Weights w, Nonlinearity nonlinearity) {
        return List.of(nonlinearity.apply(w.fromBoth(x, states.get(0))));
    }
}
