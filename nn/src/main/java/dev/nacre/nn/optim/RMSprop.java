package dev.nacre.nn.optim;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import java.util.ArrayList;
import java.util.List;

/// RMSprop (Tieleman and Hinton 2012), as PyTorch's:
///
/// - `g ← gradient + weightDecay·w`
/// - `v ← alpha·v + (1 − alpha)·g²`; centred, also `a ← alpha·a + (1 − alpha)·g`, and `v − a²` in place of v below
/// - `s ← g / (√v + epsilon)`; with momentum, `b ← momentum·b + s`, and b in place of s below
/// - `w ← w − learningRate·s`
public record RMSprop(
        double learningRate,
        double alpha,
        double epsilon,
        double weightDecay,
        double momentum,
        boolean centred)
        implements Rule {
    public RMSprop {
        Problem.in("rmsprop")
                .notNegative("learningRate", learningRate)
                .fraction("alpha", alpha)
                .notNegative("epsilon", epsilon)
                .notNegative("weightDecay", weightDecay)
                .fraction("momentum", momentum)
                .throwValue();
    }

    /// Alpha 0.99, epsilon 1e-8, no momentum.
    public static RMSprop of(double learningRate) {
        return new RMSprop(learningRate, 0.99, 1e-8, 0, 0, false);
    }

    public static Optimizer of(List<Variable> parameters, double learningRate) {
        return of(learningRate).over(parameters);
    }

    /// Learning rate 0.01.
    public static Optimizer of(List<Variable> parameters) {
        return of(parameters, 1e-2);
    }

    public RMSprop alpha(double alpha) {
        return new RMSprop(learningRate, alpha, epsilon, weightDecay, momentum, centred);
    }

    public RMSprop epsilon(double epsilon) {
        return new RMSprop(learningRate, alpha, epsilon, weightDecay, momentum, centred);
    }

    public RMSprop weightDecay(double weightDecay) {
        return new RMSprop(learningRate, alpha, epsilon, weightDecay, momentum, centred);
    }

    public RMSprop momentum(double momentum) {
        return new RMSprop(learningRate, alpha, epsilon, weightDecay, momentum, centred);
    }

    /// Normalised by the estimated variance instead of the mean square.
    public RMSprop withCentring() {
        return new RMSprop(learningRate, alpha, epsilon, weightDecay, momentum, true);
    }

    @Override
    public List<String> slots() {
        List<String> out = new ArrayList<>(List.of("square_avg"));
        if (centred) {
            out.add("grad_avg");
        }
        if (momentum != 0) {
            out.add("momentum_buffer");
        }
        return out;
    }

    @Override
    public Change apply(Tensor w, Tensor gradient, List<Tensor> kept, Step at) {
        Tensor g = weightDecay == 0 ? gradient : gradient.add(w.mul(weightDecay));
        Tensor v = kept.get(0).mul(alpha).add(g.square().mul(1 - alpha));
        List<Tensor> after = new ArrayList<>(List.of(v));
        if (centred) {
            Tensor a = kept.get(1).add(g.sub(kept.get(1)).mul(1 - alpha));
            after.add(a);
            v = v.sub(a.square()).maximum(0); // rounding may end below 0
        }
        Tensor s = g.div(v.sqrt().add(epsilon));
        if (momentum != 0) {
            s = kept.getLast().mul(momentum).add(s);
            after.add(s);
        }
        return new Change(w.sub(s.mul(at.learningRate().cast(w.dtype()))), after);
    }
}
