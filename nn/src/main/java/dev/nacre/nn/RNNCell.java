package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.List;
import java.util.Optional;

/// One step of an [RNN], for loops of one's own.
///
/// Shape: x `[batch, in]`, states `[batch, hidden]` → the next states.
///
/// @param weightIh `[hidden, in]`
/// @param weightHh `[hidden, hidden]`
/// @param biasIh `[hidden]`
/// @param biasHh `[hidden]`
/// @param nonlinearity what is applied to the sum
public record RNNCell(
        Variable weightIh,
        Variable weightHh,
        Optional<Variable> biasIh,
        Optional<Variable> biasHh,
        RNN.Nonlinearity nonlinearity)
        implements Module {
    /// With PyTorch's first values: uniform on ±1/√hidden.
    public static RNNCell of(long in, long hidden, Rng rng) {
        Initializer first = Initializer.torchDefault(hidden);
        return new RNNCell(
                Layers.parameter("weight_ih", Shape.of(hidden, in), first, rng),
                Layers.parameter("weight_hh", Shape.of(hidden, hidden), first, rng),
                Optional.of(Layers.parameter("bias_ih", Shape.of(hidden), first, rng)),
                Optional.of(Layers.parameter("bias_hh", Shape.of(hidden), first, rng)),
                RNN.Nonlinearity.TANH);
    }

    public RNNCell withoutBias() {
        return new RNNCell(weightIh, weightHh, Optional.empty(), Optional.empty(), nonlinearity);
    }

    public long hidden() {
        return weightHh.size(1);
    }

    /// With `max(0, x)` in place of tanh.
    public RNNCell relu() {
        return new RNNCell(weightIh, weightHh, biasIh, biasHh, RNN.Nonlinearity.RELU);
    }

    /// The state after one step from a state of zeros.
    @Override
    public Tensor forward(Tensor x) {
        return forward(x, Tensor.zeros(x.dtype(), x.size(0), hidden()));
    }

    /// The next state.
    public Tensor forward(Tensor x, Tensor h) {
        check(x, h);
        return RNN.step(
                        x,
                        List.of(h),
                        new Recurrent.Weights(weightIh, weightHh, biasIh, biasHh),
                        nonlinearity)
                .getFirst();
    }

    private void check(Tensor x, Tensor... states) {
        Problem p = Problem.in("rnn_cell").operand("x", x.type(), x.origin());
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
