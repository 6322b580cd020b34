package dev.nacre.nn.optim;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import java.util.ArrayList;
import java.util.List;

/// Adam (Kingma and Ba 2015), as PyTorch's:
///
/// - `g ← gradient + weightDecay·w`
/// - `m ← beta1·m + (1 − beta1)·g`, `v ← beta2·v + (1 − beta2)·g²`
/// - `w ← w − learningRate/(1 − beta1ᵗ)·m / (√v/√(1 − beta2ᵗ) + epsilon)`
///
/// @param amsgrad whether the largest v so far is used instead of v (Reddi et al. 2018)
public record Adam(
        double learningRate,
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay,
        boolean amsgrad)
        implements Rule {
    public Adam {
        Problem.in("adam")
                .notNegative("learningRate", learningRate)
                .fraction("beta1", beta1)
                .fraction("beta2", beta2)
                .notNegative("epsilon", epsilon)
                .notNegative("weightDecay", weightDecay)
                .throwValue();
    }

    /// Betas 0.9 and 0.999, epsilon 1e-8, no weight decay.
    public static Adam of(double learningRate) {
        return new Adam(learningRate, 0.9, 0.999, 1e-8, 0, false);
    }

    public static Optimizer of(List<Variable> parameters, double learningRate) {
        return of(learningRate).over(parameters);
    }

    /// Learning rate 0.001.
    public static Optimizer of(List<Variable> parameters) {
        return of(parameters, 1e-3);
    }

    public Adam betas(double beta1, double beta2) {
        return new Adam(learningRate, beta1, beta2, epsilon, weightDecay, amsgrad);
    }

    public Adam epsilon(double epsilon) {
        return new Adam(learningRate, beta1, beta2, epsilon, weightDecay, amsgrad);
    }

    /// A pull towards 0 added to the gradient; decoupled from it in [AdamW].
    public Adam weightDecay(double weightDecay) {
        return new Adam(learningRate, beta1, beta2, epsilon, weightDecay, amsgrad);
    }

    public Adam withAmsgrad() {
        return new Adam(learningRate, beta1, beta2, epsilon, weightDecay, true);
    }

    @Override
    public List<String> slots() {
        return amsgrad
                ? List.of("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
                : List.of("exp_avg", "exp_avg_sq");
    }

    @Override
    public Change apply(Tensor w, Tensor gradient, List<Tensor> kept, Step at) {
        Tensor g = weightDecay == 0 ? gradient : gradient.add(w.mul(weightDecay));
        return moved(w, g, kept, at);
    }

    private Tensor root(Step s) {
        return s.collected(beta2).sqrt();
    }

    /// The step without weight decay. The fraction is multiplied by √(1 − beta2ᵗ) above and below, which leaves one division for each element.
    Change moved(Tensor w, Tensor g, List<Tensor> kept, Step at) {
        Tensor rate =
                at.each(s -> s.learningRate().mul(root(s)).div(s.collected(beta1)).cast(w.dtype()));
        Tensor least = at.each(s -> root(s).mul(epsilon).cast(w.dtype()));
        Tensor m = kept.get(0).add(g.sub(kept.get(0)).mul(1 - beta1));
        Tensor v = kept.get(1).mul(beta2).add(g.square().mul(1 - beta2));
        List<Tensor> after = new ArrayList<>(List.of(m, v));
        if (amsgrad) {
            v = kept.get(2).maximum(v);
            after.add(v);
        }
        return new Change(w.sub(m.div(v.sqrt().add(least)).mul(rate)), after);
    }
}
