package dev.nacre.nn.optim;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

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

    /// The numbers of a step, which are variables, so that one plan serves all steps: f64 scalars, for `1 − 0.999ᵗ` is inexact in f32.
    final class Step {
        private final Tensor learningRate;
        private final Tensor number;
        private final Map<Double, Tensor> collected = new HashMap<>();

        /// @param learningRate of this step
        /// @param number of this step; the first is 1
        public Step(Tensor learningRate, Tensor number) {
            this.learningRate = learningRate;
            this.number = number;
        }

        public Tensor learningRate() {
            return learningRate;
        }

        public Tensor number() {
            return number;
        }

        /// `1 − betaᵗ`: how much of its weight a moving average of t values that began with 0 has collected. One expression for all parameters.
        public Tensor collected(double beta) {
            return collected.computeIfAbsent(beta, b -> Tensor.of(b).pow(number).neg().add(1));
        }
    }
}
