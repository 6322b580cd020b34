package dev.nacre.nn.optim;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import java.util.List;

/// Adagrad (Duchi et al. 2011), as PyTorch's:
///
/// - `g ← gradient + weightDecay·w`
/// - `s ← s + g²`
/// - `w ← w − learningRate/(1 + (t − 1)·decay)·g / (√s + epsilon)`
///
/// @param decay of the learning rate
/// @param initial what s starts with
public record Adagrad(
        double learningRate, double decay, double weightDecay, double initial, double epsilon)
        implements Rule {
    public Adagrad {
        Problem.in("adagrad")
                .notNegative("learningRate", learningRate)
                .notNegative("decay", decay)
                .notNegative("weightDecay", weightDecay)
                .notNegative("initial", initial)
                .notNegative("epsilon", epsilon)
                .throwValue();
    }

    /// No decays, s from 0, epsilon 1e-10.
    public static Adagrad of(double learningRate) {
        return new Adagrad(learningRate, 0, 0, 0, 1e-10);
    }

    public static Optimizer of(List<Variable> parameters, double learningRate) {
        return of(learningRate).over(parameters);
    }

    public Adagrad decay(double decay) {
        return new Adagrad(learningRate, decay, weightDecay, initial, epsilon);
    }

    public Adagrad weightDecay(double weightDecay) {
        return new Adagrad(learningRate, decay, weightDecay, initial, epsilon);
    }

    public Adagrad initial(double initial) {
        return new Adagrad(learningRate, decay, weightDecay, initial, epsilon);
    }

    @Override
    public List<String> slots() {
        return List.of("sum");
    }

    @Override
    public Change apply(Tensor w, Tensor gradient, List<Tensor> kept, Step at) {
        Tensor rate = at.each(s -> rate(s).cast(w.dtype()));
        Tensor g = weightDecay == 0 ? gradient : gradient.add(w.mul(weightDecay));
        Tensor s = kept.getFirst().add(g.square());
        return new Change(w.sub(g.div(s.sqrt().add(epsilon)).mul(rate)), s);
    }

    private Tensor rate(Step s) {
        return decay == 0
                ? s.learningRate()
                : s.learningRate().div(s.number().sub(1).mul(decay).add(1));
    }
}
