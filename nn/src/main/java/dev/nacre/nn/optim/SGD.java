package dev.nacre.nn.optim;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import java.util.List;

/// Stochastic gradient descent with momentum, as PyTorch's SGD:
///
/// - `g ← gradient + weightDecay·w`
/// - `b ← momentum·b + (1 − dampening)·g`, at the first step `b ← g`
/// - `w ← w − learningRate·b`, with Nesterov's momentum `w ← w − learningRate·(g + momentum·b)`
///
/// Without momentum it is gradient descent, `w ← w − learningRate·g`: [#gradientDescent].
public record SGD(
        double learningRate,
        double momentum,
        double dampening,
        boolean nesterov,
        double weightDecay)
        implements Rule {
    public SGD {
        Problem.in("sgd")
                .notNegative("learningRate", learningRate)
                .fraction("momentum", momentum)
                .fraction("dampening", dampening)
                .notNegative("weightDecay", weightDecay)
                .throwValue();
        if (nesterov && (momentum <= 0 || dampening != 0)) {
            throw new NacreException(
                    "sgd: Nesterov's momentum needs a momentum above 0 and no dampening");
        }
    }

    public static SGD of(double learningRate) {
        return new SGD(learningRate, 0, 0, false, 0);
    }

    public static Optimizer of(List<Variable> parameters, double learningRate) {
        return of(learningRate).over(parameters);
    }

    /// `w ← w − α·∂L/∂w`.
    public static Optimizer gradientDescent(List<Variable> parameters, double learningRate) {
        return of(parameters, learningRate);
    }

    public SGD momentum(double momentum) {
        return new SGD(learningRate, momentum, dampening, nesterov, weightDecay);
    }

    public SGD dampening(double dampening) {
        return new SGD(learningRate, momentum, dampening, nesterov, weightDecay);
    }

    /// With Nesterov's form of the momentum already set.
    public SGD withNesterov() {
        return new SGD(learningRate, momentum, dampening, true, weightDecay);
    }

    public SGD weightDecay(double weightDecay) {
        return new SGD(learningRate, momentum, dampening, nesterov, weightDecay);
    }

    @Override
    public List<String> slots() {
        return momentum == 0 ? List.of() : List.of("momentum_buffer");
    }

    @Override
    public Change apply(Tensor w, Tensor gradient, List<Tensor> kept, Step at) {
        Tensor rate = at.learningRate().cast(w.dtype());
        Tensor g = weightDecay == 0 ? gradient : gradient.add(w.mul(weightDecay));
        if (momentum == 0) {
            return new Change(w.sub(g.mul(rate)));
        }
        Tensor b = kept.getFirst().mul(momentum).add(g.mul(1 - dampening));
        if (dampening != 0) {
            b = at.each(s -> s.number().eq(1)).where(g, b);
        }
        Tensor step = nesterov ? g.add(b.mul(momentum)) : b;
        return new Change(w.sub(step.mul(rate)), b);
    }
}
