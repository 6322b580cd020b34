package dev.nacre.nn.keras;

import dev.nacre.Tensor;
import dev.nacre.nn.optim.Rule;
import dev.nacre.type.Problem;
import java.util.ArrayList;
import java.util.List;

/// Keras's optimizers: its defaults, and its formulas where they differ from PyTorch's in [dev.nacre.nn.optim]. Epsilon is 1e-7 and, in Adam, not divided by √(1 − beta2ᵗ) ("epsilon hat"); in RMSprop
/// and Adagrad it is added below the root; a momentum moves by steps that already contain the learning rate.
///
/// ```java
/// model.compile(Optimizers.adam(1e-2), "mse");
/// ```
public final class Optimizers {
    private Optimizers() {}

    /// Betas 0.9 and 0.999.
    public static Adam adam(double learningRate) {
        return new Adam(learningRate, 0.9, 0.999, 1e-7, 0);
    }

    /// [#adam] with decoupled weight decay 0.004.
    public static Adam adamW(double learningRate) {
        return new Adam(learningRate, 0.9, 0.999, 1e-7, 0.004);
    }

    /// Without momentum.
    public static SGD sgd(double learningRate) {
        return new SGD(learningRate, 0, false);
    }

    /// Rho 0.9, no momentum, not centred.
    public static RMSprop rmsprop(double learningRate) {
        return new RMSprop(learningRate, 0.9, 0, 1e-7, false);
    }

    /// Accumulators that begin with 0.1.
    public static Adagrad adagrad(double learningRate) {
        return new Adagrad(learningRate, 0.1, 1e-7);
    }

    private static Tensor rate(Tensor w, Rule.Step at) {
        return at.learningRate().cast(w.dtype());
    }

    /// - `w ← w − learningRate·weightDecay·w`
    /// - `m ← beta1·m + (1 − beta1)·g`, `v ← beta2·v + (1 − beta2)·g²`
    /// - `w ← w − learningRate·√(1 − beta2ᵗ)/(1 − beta1ᵗ)·m / (√v + epsilon)`
    public record Adam(
            double learningRate, double beta1, double beta2, double epsilon, double weightDecay)
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

        @Override
        public List<String> slots() {
            return List.of("momentum", "velocity");
        }

        @Override
        public Change apply(Tensor w, Tensor g, List<Tensor> kept, Step at) {
            Tensor decayed = weightDecay == 0 ? w : w.sub(w.mul(rate(w, at)).mul(weightDecay));
            Tensor m = kept.get(0).add(g.sub(kept.get(0)).mul(1 - beta1));
            Tensor v = kept.get(1).add(g.square().sub(kept.get(1)).mul(1 - beta2));
            Tensor alpha = at.each(s -> alpha(s).cast(w.dtype()));
            Tensor step = m.mul(alpha).div(v.sqrt().add(epsilon));
            return new Change(decayed.sub(step), m, v);
        }

        private Tensor alpha(Step s) {
            return s.learningRate().mul(s.collected(beta2).sqrt()).div(s.collected(beta1));
        }

        /// Keras's `iterations`.
        @Override
        public boolean countsAllSteps() {
            return true;
        }
    }

    /// - `v ← momentum·v − learningRate·g`
    /// - `w ← w + v`, with Nesterov's momentum `w ← w + momentum·v − learningRate·g`
    public record SGD(double learningRate, double momentum, boolean nesterov) implements Rule {
        public SGD {
            Problem.in("sgd")
                    .notNegative("learningRate", learningRate)
                    .fraction("momentum", momentum)
                    .throwValue();
        }

        @Override
        public List<String> slots() {
            return momentum == 0 ? List.of() : List.of("momentum");
        }

        @Override
        public Change apply(Tensor w, Tensor g, List<Tensor> kept, Step at) {
            Tensor step = g.mul(rate(w, at));
            if (momentum == 0) {
                return new Change(w.sub(step));
            }
            Tensor v = kept.getFirst().mul(momentum).sub(step);
            return new Change(w.add(nesterov ? v.mul(momentum).sub(step) : v), v);
        }
    }

    /// - `v ← rho·v + (1 − rho)·g²`; centred, also `a ← rho·a + (1 − rho)·g`, and `v − a²` in place of v below
    /// - `s ← learningRate·g / √(v + epsilon)`; with momentum, `b ← momentum·b + s`, and b in place of s below
    /// - `w ← w − s`
    public record RMSprop(
            double learningRate, double rho, double momentum, double epsilon, boolean centred)
            implements Rule {
        public RMSprop {
            Problem.in("rMSprop")
                    .notNegative("learningRate", learningRate)
                    .fraction("rho", rho)
                    .fraction("momentum", momentum)
                    .notNegative("epsilon", epsilon)
                    .throwValue();
        }

        @Override
        public List<String> slots() {
            List<String> out = new ArrayList<>(List.of("velocity"));
            if (momentum != 0) {
                out.add("momentum");
            }
            if (centred) {
                out.add("average_gradient");
            }
            return out;
        }

        @Override
        public Change apply(Tensor w, Tensor g, List<Tensor> kept, Step at) {
            Tensor v = kept.getFirst().mul(rho).add(g.square().mul(1 - rho));
            List<Tensor> after = new ArrayList<>(List.of(v));
            Tensor spread = v;
            Tensor average = v;
            if (centred) {
                average = kept.getLast().mul(rho).add(g.mul(1 - rho));
                spread = v.sub(average.square()).maximum(v.zerosLike()); // rounding may end below 0
            }
            Tensor s = g.mul(rate(w, at)).div(spread.add(epsilon).sqrt());
            if (momentum != 0) {
                s = kept.get(1).mul(momentum).add(s);
                after.add(s);
            }
            if (centred) {
                after.add(average);
            }
            return new Change(w.sub(s), after);
        }
    }

    /// - `a ← a + g²`
    /// - `w ← w − learningRate·g / √(a + epsilon)`
    ///
    /// @param initial what a begins with
    public record Adagrad(double learningRate, double initial, double epsilon) implements Rule {
        public Adagrad {
            Problem.in("adagrad")
                    .notNegative("learningRate", learningRate)
                    .notNegative("initial", initial)
                    .notNegative("epsilon", epsilon)
                    .throwValue();
        }

        @Override
        public List<String> slots() {
            return List.of("accumulator");
        }

        @Override
        public Change apply(Tensor w, Tensor g, List<Tensor> kept, Step at) {
            Tensor a = kept.getFirst().add(g.square());
            return new Change(w.sub(g.mul(rate(w, at)).div(a.add(epsilon).sqrt())), a);
        }
    }
}
