package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.List;
import java.util.Optional;

/// One step of an [LSTM], for loops of one's own.
///
/// Shape: x `[batch, in]`, states `[batch, hidden]` → the next states.
///
/// @param weightIh `[4·hidden, in]`
/// @param weightHh `[4·hidden, hidden]`
/// @param biasIh `[4·hidden]`
/// @param biasHh `[4·hidden]`
public record LSTMCell(
        Variable weightIh, Variable weightHh, Optional<Variable> biasIh, Optional<Variable> biasHh)
        implements Module {
    /// With PyTorch's first values: uniform on ±1/√hidden.
    public static LSTMCell of(long in, long hidden, Rng rng) {
        Initializer first = Initializer.torchDefault(hidden);
        return new LSTMCell(
                Layers.parameter("weight_ih", Shape.of(4 * hidden, in), first, rng),
                Layers.parameter("weight_hh", Shape.of(4 * hidden, hidden), first, rng),
                Optional.of(Layers.parameter("bias_ih", Shape.of(4 * hidden), first, rng)),
                Optional.of(Layers.parameter("bias_hh", Shape.of(4 * hidden), first, rng)));
    }

    public LSTMCell withoutBias() {
        return new LSTMCell(weightIh, weightHh, Optional.empty(), Optional.empty());
    }

    public long hidden() {
        return weightHh.size(1);
    }

    /// Hidden state and cell state.
    public record State(Tensor h, Tensor c) {}

    /// The hidden state after one step from states of zeros.
    @Override
    public Tensor forward(Tensor x) {
        Tensor zero = Tensor.zeros(x.dtype(), x.size(0), hidden());
        return forward(x, new State(zero, zero)).h;
    }

    /// The next states.
    public State forward(Tensor x, State state) {
        check(x, state.h, state.c);
        List<Tensor> next =
                LSTM.step(
                        x,
                        List.of(state.h, state.c),
                        new Recurrent.Weights(weightIh, weightHh, biasIh, biasHh));
        return new State(next.get(0), next.get(1));
    }

    private void check(Tensor x, Tensor... states) {
        Problem p = Problem.in("lstm_cell").operand("x", x.type(), x.origin());
        boolean fits = x.rank() == 2 && x.size(1) == weightIh.size(1);
        p.require(fits, "x must be [batch, " + weightIh.size(1) + "]");
        for (Tensor s : states) {
            p.operand("state", s.type(), s.origin());
            p.require(
                    !fits || s.shape().equals(Shape.of(x.size(0), hidden())),
                    "states must be [" + x.size(0) + ", " + hidden() + "]");
        }
        p.operand("weight_ih", weightIh.type(), weightIh.origin()).throwShape();
    }
}
