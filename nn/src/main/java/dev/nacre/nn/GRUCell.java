package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.List;
import java.util.Optional;

/// One step of a [GRU], for loops of one's own.
///
/// Shape: x `[batch, in]`, states `[batch, hidden]` → the next states.
///
/// @param weightIh `[3·hidden, in]`
/// @param weightHh `[3·hidden, hidden]`
/// @param biasIh `[3·hidden]`
/// @param biasHh `[3·hidden]`
public record GRUCell(
        Variable weightIh, Variable weightHh, Optional<Variable> biasIh, Optional<Variable> biasHh)
        implements Module {
    /// With PyTorch's first values: uniform on ±1/√hidden.
    public static GRUCell of(long in, long hidden, Rng rng) {
        Initializer first = Initializer.torchDefault(hidden);
        return new GRUCell(
                Layers.parameter("weight_ih", Shape.of(3 * hidden, in), first, rng),
                Layers.parameter("weight_hh", Shape.of(3 * hidden, hidden), first, rng),
                Optional.of(Layers.parameter("bias_ih", Shape.of(3 * hidden), first, rng)),
                Optional.of(Layers.parameter("bias_hh", Shape.of(3 * hidden), first, rng)));
    }

    public GRUCell withoutBias() {
        return new GRUCell(weightIh, weightHh, Optional.empty(), Optional.empty());
    }

    public long hidden() {
        return weightHh.size(1);
    }

    /// The state after one step from a state of zeros.
    @Override
    public Tensor forward(Tensor x) {
        return forward(x, Tensor.zeros(x.dtype(), x.size(0), hidden()));
    }

    /// The next state.
    public Tensor forward(Tensor x, Tensor h) {
        check(x, h);
        return GRU.step(x, List.of(h), new Recurrent.Weights(weightIh, weightHh, biasIh, biasHh))
                .getFirst();
    }

    private void check(Tensor x, Tensor... states) {
        Problem p = Problem.in("gru_cell").operand("x", x.type(), x.origin());
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
