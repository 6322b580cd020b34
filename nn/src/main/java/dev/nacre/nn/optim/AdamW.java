package dev.nacre.nn.optim;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import java.util.List;

/// [Adam] with decoupled weight decay (Loshchilov and Hutter 2019): first `w ← w − learningRate·weightDecay·w`, then Adam's step.
public record AdamW(
        double learningRate,
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay,
        boolean amsgrad)
        implements Rule {
    public AdamW {
        Problem.in("adamW")
                .notNegative("learningRate", learningRate)
                .fraction("beta1", beta1)
                .fraction("beta2", beta2)
                .notNegative("epsilon", epsilon)
                .notNegative("weightDecay", weightDecay)
                .throwValue();
    }

    /// Betas 0.9 and 0.999, epsilon 1e-8, weight decay 0.01.
    public static AdamW of(double learningRate) {
        return new AdamW(learningRate, 0.9, 0.999, 1e-8, 0.01, false);
    }

    public static Optimizer of(List<Variable> parameters, double learningRate) {
        return of(learningRate).over(parameters);
    }

    /// Learning rate 0.001.
    public static Optimizer of(List<Variable> parameters) {
        return of(parameters, 1e-3);
    }

    public AdamW betas(double beta1, double beta2) {
        return new AdamW(learningRate, beta1, beta2, epsilon, weightDecay, amsgrad);
    }

    public AdamW epsilon(double epsilon) {
        return new AdamW(learningRate, beta1, beta2, epsilon, weightDecay, amsgrad);
    }

    public AdamW weightDecay(double weightDecay) {
        return new AdamW(learningRate, beta1, beta2, epsilon, weightDecay, amsgrad);
    }

    public AdamW withAmsgrad() {
        return new AdamW(learningRate, beta1, beta2, epsilon, weightDecay, true);
    }

    private Adam adam() {
        return new Adam(learningRate, beta1, beta2, epsilon, 0, amsgrad);
    }

    @Override
    public List<String> slots() {
        return adam().slots();
    }

    @Override
    public Change apply(Tensor w, Tensor gradient, List<Tensor> kept, Step at) {
        Tensor decayed =
                weightDecay == 0
                        ? w
                        : w.mul(at.learningRate().mul(weightDecay).neg().add(1).cast(w.dtype()));
        return adam().moved(decayed, gradient, kept, at);
    }
}
