package dev.nacre.nn.optim;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/// How one parameter changes by its gradient: a pure function over tensors, which an [Optimizer] applies to all its parameters. To write an optimizer, write
/// this.
///
/// What a rule that is a record does is written down once and repeated, as its components are final: a number that shall change from step to step is a [Variable] there, not the element of an array. A rule that is
/// another class is asked anew in each step.
public interface Rule {
    /// The learning rate at the start.
    double learningRate();

    /// The names of the values kept for each parameter, as PyTorch calls them.
    default List<String> slots() {
        return List.of();
    }

    /// What the values kept start with.
    default double initial() {
        return 0;
    }

    /// Whether the number of a step is that of all steps of the optimizer, as Keras counts, instead of those that the parameter has taken part in, as in PyTorch: one that has had no gradient in the first nine
    /// steps then has its first at step 10.
    default boolean countsAllSteps() {
        return false;
    }

    /// The parameter and the values kept after a step. Of a 16-bit parameter all of them are in f32.
    ///
    /// @param parameter before
    /// @param gradient of the loss by it
    /// @param kept before, in the order of [#slots()]
    /// @param at learning rate and number of the step
    Change apply(Tensor parameter, Tensor gradient, List<Tensor> kept, Step at);

    /// An optimizer of parameters by this rule.
    default Optimizer over(List<Variable> parameters) {
        return Optimizer.of(this, parameters);
    }

    /// @param parameter after
    /// @param kept after
    record Change(Tensor parameter, List<Tensor> kept) {
        public Change(Tensor parameter, Tensor... kept) {
            this(parameter, List.of(kept));
        }
    }

    /// The numbers of a step, which are variables, so that one plan serves all steps: f64, for `1 − 0.999ᵗ` is inexact in f32.
    final class Step {
        private final Tensor learningRate;
        private final Tensor number;
        private final Map<Double, Tensor> collected = new HashMap<>();
        private final Optional<Step> all;
        private final int index; // among all

        /// @param learningRate of this step
        /// @param number of this step; the first is 1
        public Step(Tensor learningRate, Tensor number) {
            this(learningRate, number, Optional.empty(), 0);
        }

        private Step(Tensor learningRate, Tensor number, Optional<Step> all, int index) {
            this.learningRate = learningRate;
            this.number = number;
            this.all = all;
            this.index = index;
        }

        /// Of several steps, whose numbers are a vector, one.
        Step one(int index) {
            return new Step(learningRate, number, Optional.of(this), index);
        }

        public Tensor learningRate() {
            return learningRate;
        }

        /// How many steps the parameter has taken part in, with this one; see [#countsAllSteps()].
        public Tensor number() {
            return all.isPresent() ? each(Step::number) : number;
        }

        /// `1 − betaᵗ`: how much of its weight a moving average of t values that began with 0 has collected. Nothing cancels out, as it would in that formula where beta is near 1.
        public Tensor collected(double beta) {
            return all.isPresent()
                    ? each(s -> s.collected(beta))
                    : collected.computeIfAbsent(beta, b -> number.mul(Math.log(b)).expm1().neg());
        }

        /// A number that follows from learning rate and number of the step: `at.each(s -> s.learningRate().div(s.number().sqrt()))`. It is computed for all parameters together, element by element of a
        /// vector, so that however many there are it takes one small kernel. Written with [#number()] alone it is computed for one parameter after the other.
        public Tensor each(Function<Step, Tensor> f) {
            if (all.isEmpty()) {
                return f.apply(this);
            }
            Tensor out = f.apply(all.get());
            return out.rank() == 0 ? out : out.select(0, index);
        }
    }
}
