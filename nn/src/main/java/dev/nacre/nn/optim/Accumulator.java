package dev.nacre.nn.optim;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Adds up the gradients of several small batches before one step, so that a large batch needs no more memory than a small one.
///
/// ```java
/// for (Batch part : parts) {
///     optimizer.zeroGrad();
///     loss(part).backward();
///     sum.add(1.0 / parts.size()); // of the mean over all parts
/// }
/// sum.give();
/// optimizer.step();
/// ```
///
/// The sums are variables, so that adding a part and taking the step can each be a traced function, whose plan holds the intermediate values of one part.
public final class Accumulator {
    private final Map<Variable, Variable> sums = new LinkedHashMap<>();

    /// What has had a gradient: since the last step, or in a function (true), which is traced once and may add in every step from then on.
    private final Map<Variable, Boolean> used = new IdentityHashMap<>();

    private final Variable number = Variable.of("number", Tensor.of(0f), false); // never set

    private Accumulator() {}

    public static Accumulator of(List<Variable> parameters) {
        Accumulator a = new Accumulator();
        for (Variable p : parameters) {
            Tensor zeros = Tensor.zeros(p.dtype().arithmetic(), p.shape().toArray());
            a.sums.put(p, Variable.of("sum." + p.name(), zeros, false));
        }
        return a;
    }

    /// Adds the gradients that `backward()` has left, multiplied by `weight`, and forgets them.
    public void add(double weight) {
        Problem.in("accumulator").finite("weight", weight).throwValue();
        add(Tensor.of(weight));
    }

    /// The same with a weight that is a scalar.
    public void add(Tensor weight) {
        boolean traced = !number.isRealized();
        Variable.update(
                List.copyOf(sums.keySet()),
                () ->
                        sums.forEach((p, sum) ->
                                p.grad()
                                        .ifPresent(g -> {
                                            used.merge(p, traced, Boolean::logicalOr);
                                            DType t = sum.dtype();
                                            sum.set(sum.add(g.cast(t).mul(weight.cast(t))));
                                        })));
        sums.keySet().forEach(Variable::zeroGrad);
    }

    /// Gives up what has been added since the last step, as when a part has failed.
    public void clear() {
        Variable.update(List.of(), () -> sums.values().forEach(sum -> sum.set(sum.zerosLike())));
        used.values().removeIf(inFunction -> !inFunction);
    }

    /// The sums themselves.
    public List<Variable> sums() {
        return List.copyOf(sums.values());
    }

    /// Makes the sums the parameters' gradients, and starts again from zero, also if no step is taken by them. A parameter that had no gradient since the last step gets none;
    /// one that had it in a traced function gets its sum in every step.
    public void give() {
        sums.forEach((p, sum) -> {
            if (used.containsKey(p)) {
                p.setGrad(sum.add(0).cast(p.dtype()));
            }
        });
        clear();
    }
}
