package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import java.util.List;
import java.util.Map;
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
/// @param in width of an element
/// @param hidden width of a state
/// @param layers how many layers; each takes the outputs of the one before
/// @param bidirectional whether each layer also goes backwards; outputs of both are side by side
/// @param batchFirst whether the batch comes before the time
/// @param dropout on the outputs of all layers but the last, if any
/// @param weights `weight_ih_l0` `[3·hidden, in]`, `weight_hh_l0` `[3·hidden, hidden]`, `bias_ih_l0`, `bias_hh_l0`, `…_l0_reverse`, `…_l1`, …
public record GRU(
        long in,
        long hidden,
        int layers,
        boolean bidirectional,
        boolean batchFirst,
        Optional<Dropout> dropout,
        @Key("") Map<String, Variable> weights)
        implements Module {
    /// The outputs of all steps and the states after the last, `[layers·directions, batch, hidden]`, of one example `[layers·directions, hidden]`.
    public record Output(Tensor outputs, Tensor state) {}

    /// One layer with PyTorch's first values: uniform on ±1/√hidden.
    public static GRU of(long in, long hidden, Rng rng) {
        return of(in, hidden, 1, false, rng);
    }

    /// Several layers, in one direction or both.
    public static GRU of(long in, long hidden, int layers, boolean bidirectional, Rng rng) {
        Recurrent r = Recurrent.of("gru", 3, in, hidden, layers, bidirectional, rng);
        return new GRU(in, hidden, layers, bidirectional, false, Optional.empty(), r.weights());
    }

    public GRU withBatchFirst() {
        return new GRU(in, hidden, layers, bidirectional, true, dropout, weights);
    }

    /// With dropout between layers.
    public GRU dropout(double p, Rng rng) {
        return new GRU(
                in,
                hidden,
                layers,
                bidirectional,
                batchFirst,
                Optional.of(Dropout.of(p, rng)),
                weights);
    }

    public GRU withoutBias() {
        return new GRU(
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
                "gru", in, hidden, layers, bidirectional, batchFirst, dropout, weights);
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
                        .run(x, 1, first.map(List::of).orElse(List.of()), lengths, mode, GRU::step);
        return new Output(r.outputs(), r.states().getFirst());
    }

    static List<Tensor> step(Tensor x, List<Tensor> states, Recurrent.Weights w) {
        Tensor h = states.get(0);
        long n = h.size(-1);
        Tensor a = w.fromElement(x);
        Tensor b = w.fromState(h);
        Tensor reset = a.narrow(-1, 0, n).add(b.narrow(-1, 0, n)).sigmoid();
        Tensor update = a.narrow(-1, n, n).add(b.narrow(-1, n, n)).sigmoid();
        Tensor fresh = a.narrow(-1, 2 * n, n).add(reset.mul(b.narrow(-1, 2 * n, n))).tanh();
        return List.of(fresh.add(update.mul(h.sub(fresh))));
    }
}
