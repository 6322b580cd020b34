package dev.nacre.nn.optim;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.ir.Recent;
import dev.nacre.nn.Parameters;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// Changes parameters by their gradients, step by step.
///
/// ```java
/// var optimizer = Adam.of(net.parameters());
/// optimizer.zeroGrad();
/// var loss = criterion.forward(net.forward(x, Mode.TRAIN), y);
/// loss.backward();
/// optimizer.step(); // one plan: forward, backward, update
/// ```
///
/// Parameters in groups can have rules and learning rates of their own: `AdamW.of(1e-3).over(weights).and(AdamW.of(1e-3).weightDecay(0), biases)`.
///
/// Learning rates, numbers of steps and moments are variables: changing a rate recompiles nothing, and [#state()] is what a checkpoint needs. A parameter without a gradient is left alone in a step,
/// moments and weight decay included: one that the loss does not depend on, or only where no gradient passes, is frozen. The steps of each parameter are counted, as in PyTorch: bias correction and what else depends on their number
/// begin with its first gradient. Steps of 16-bit parameters are computed in f32, in which their moments are kept, and rounded once. Not thread-safe.
public final class Optimizer {
    /// @param steps how many the optimizer has taken, and after that how many of them each parameter has taken part in
    private record Group(
            Rule rule,
            List<Variable> parameters,
            List<String> keys,
            List<List<Variable>> kept,
            Variable learningRate,
            Variable steps) {}

    /// Sets of parameters for which what a step does is kept: steps may take them in turn.
    private static final int KNOWN = 8;

    private final List<Group> groups = new ArrayList<>();
    private final List<Double> ownRates = new ArrayList<>(); // of the groups
    private final Set<Variable> all = Collections.newSetFromMap(new IdentityHashMap<>());
    private boolean recorded = true;
    private Optional<Change> last = Optional.empty();
    private final Map<List<Variable>, Change> known = new Recent<>(KNOWN); // by its parameters

    /// What a step does to the parameters that have gradients.
    ///
    /// @param function of their gradients
    private record Change(List<Variable> parameters, Function function) {}

    private Optimizer() {}

    public static Optimizer of(Rule rule, List<Variable> parameters) {
        return new Optimizer().and(rule, parameters);
    }

    /// Matrices and kernels by one rule, and by another what has fewer than two axes: biases, and gains of normalisations, which weight decay would only pull away from where they
    /// have to be.
    ///
    /// ```java
    /// var rule = AdamW.of(3e-4).weightDecay(0.1);
    /// var optimizer = Optimizer.ofMatricesAndVectors(rule, rule.weightDecay(0), net.parameters());
    /// ```
    public static Optimizer ofMatricesAndVectors(
            Rule matrices, Rule vectors, List<Variable> parameters) {
        Optimizer out = new Optimizer();
        List<Variable> first = those(parameters, p -> p.rank() >= 2);
        List<Variable> second = those(parameters, p -> p.rank() < 2);
        if (!first.isEmpty() || second.isEmpty()) {
            out.and(matrices, first);
        }
        return second.isEmpty() ? out : out.and(vectors, second);
    }

    private static List<Variable> those(List<Variable> all, Predicate<Variable> condition) {
        return all instanceof Parameters p
                ? p.with(condition)
                : all.stream().filter(condition).toList();
    }

    /// The keys of the parameters in the module they were asked from, else their names of this moment, numbered where several have the same.
    private static List<String> keys(List<Variable> parameters) {
        if (parameters instanceof Parameters p) {
            return p.keys();
        }
        Set<String> taken = new LinkedHashSet<>();
        for (Variable p : parameters) {
            String key = p.name();
            for (int i = 2; !taken.add(key); i++) {
                key = p.name() + "." + i;
            }
        }
        return List.copyOf(taken);
    }

    /// Adds a group of parameters with a rule of its own.
    public Optimizer and(Rule rule, List<Variable> parameters) {
        if (parameters.isEmpty()) {
            throw new NacreException("optimizer: there are no parameters to optimize");
        }
        Problem.in("optimizer")
                .notNegative("learningRate", rule.learningRate())
                .finite("initial", rule.initial())
                .throwValue();
        List<String> keys = keys(parameters);
        List<List<Variable>> kept = new ArrayList<>();
        for (int i = 0; i < parameters.size(); i++) {
            Variable p = parameters.get(i);
            String key = keys.get(i);
            if (!p.isTrainable() || !p.dtype().isFloating()) {
                throw new NacreException(
                        "optimizer: " + p.origin() + " " + p.type() + " is not trainable");
            }
            if (!all.add(p)) {
                throw new NacreException("optimizer: " + p.origin() + " is given twice");
            }
            kept.add(
                    rule.slots().stream()
                            .map(s ->
                                    Variable.of(
                                            s + "." + key,
                                            Tensor.full(
                                                    rule.initial(),
                                                    p.dtype().arithmetic(),
                                                    p.shape().toArray()),
                                            false))
                            .toList());
        }
        last = Optional.empty();
        known.clear();
        recorded &= rule.getClass().isRecord();
        ownRates.add(rule.learningRate());
        Variable rate = Variable.of("learning_rate", Tensor.of(rule.learningRate()), false);
        double[] steps = new double[parameters.size() + 1];
        steps[0] = groups.isEmpty() ? 0 : steps();
        groups.add(
                new Group(
                        rule,
                        List.copyOf(parameters),
                        keys,
                        kept,
                        rate,
                        Variable.of("step", Tensor.of(steps), false)));
        return this;
    }

    /// Forgets the gradients: a new step begins.
    public void zeroGrad() {
        all.forEach(Variable::zeroGrad);
        Variable.startStep();
    }

    /// Changes all parameters that have gradients. Together with the computation of those gradients and of their loss, this is one plan.
    public void step() {
        step(Optional.empty());
    }

    /// Takes the step if the loss and all gradients are finite; otherwise nothing is changed, so that what went wrong can be looked at: neither parameters and moments nor what the forward computation has changed since
    /// [#zeroGrad()] or the last step, such as running statistics and random sources. In the same plan. See [Variable#updateIf].
    ///
    /// @return whether the step is taken, a single bool
    public Tensor stepIfFinite(Tensor loss) {
        Tensor finite = loss.detach().isFinite().all();
        Tensor zero = Tensor.zeros(DType.F32);
        for (Variable p : parameters()) {
            if (p.grad().isPresent()) {
                Tensor g = p.grad().get();
                Tensor zeros =
                        g.cast(g.dtype().arithmetic()).mul(0).sum(); // NaN of what is not finite
                zero = zero.add(zeros.cast(DType.F32));
            }
        }
        Tensor condition = finite.and(zero.eq(0));
        step(Optional.of(condition));
        return condition;
    }

    private void step(Optional<Tensor> condition) {
        List<Variable> changed = new ArrayList<>();
        List<Tensor> inputs = new ArrayList<>();
        for (Group g : groups) {
            for (Variable p : g.parameters) {
                if (p.grad().isPresent()) {
                    changed.add(p);
                    inputs.add(p.grad().get());
                }
            }
        }
        if (changed.isEmpty()) {
            throw new NacreException(
                    "step: no parameter has a gradient\n  hint: call backward() on the loss first");
        }
        Runnable changes = () -> change(changed, inputs);
        if (condition.isPresent()) {
            Variable.updateIf(condition.get(), changed, changes);
        } else {
            Variable.update(changed, changes);
        }
        Variable.startStep();
    }

    /// Rules that are records do the same in each step, so that it is written down once.
    ///
    /// @param inputs the gradients of `changed`
    private void change(List<Variable> changed, List<Tensor> inputs) {
        if (recorded) {
            if (last.isEmpty() || !last.get().parameters.equals(changed)) {
                last = Optional.of(known.computeIfAbsent(changed, this::newChange));
            }
            last.get().function.call(inputs.toArray(Tensor[]::new));
        } else {
            written(changed, inputs);
        }
    }

    private Change newChange(List<Variable> parameters) {
        return new Change(parameters, Function.ofMany(in -> written(parameters, in)));
    }

    private List<Tensor> written(List<Variable> changed, List<Tensor> inputs) {
        Map<Variable, Tensor> gradients = new IdentityHashMap<>();
        for (int i = 0; i < changed.size(); i++) {
            gradients.put(changed.get(i), inputs.get(i));
        }
        groups.forEach(g -> change(g, gradients));
        return List.of();
    }

    private static void change(Group g, Map<Variable, Tensor> gradients) {
        Tensor numbers = g.steps.add(taking(g, gradients));
        Rule.Step all = new Rule.Step(g.learningRate, numbers);
        for (int i = 0; i < g.parameters.size(); i++) {
            Variable p = g.parameters.get(i);
            Tensor gradient = gradients.get(p);
            if (gradient != null) {
                List<Variable> kept = g.kept.get(i);
                DType wide = p.dtype().arithmetic();
                Rule.Step at = all.one(g.rule.countsAllSteps() ? 0 : i + 1);
                Rule.Change c =
                        g.rule.apply(p.cast(wide), gradient.cast(wide), List.copyOf(kept), at);
                p.set(c.parameter().cast(p.dtype()));
                if (c.kept().size() != kept.size()) {
                    throw new NacreException(
                            "optimizer: "
                                    + g.rule
                                    + " keeps "
                                    + g.rule.slots()
                                    + ", but its change has "
                                    + c.kept().size()
                                    + " kept values");
                }
                for (int k = 0; k < kept.size(); k++) {
                    kept.get(k).set(c.kept().get(k));
                }
            }
        }
        g.steps.set(numbers);
    }

    /// What is added to the numbers of steps: 1 for the optimizer and for each parameter that takes part.
    private static Tensor taking(Group g, Map<Variable, Tensor> gradients) {
        if (gradients.keySet().containsAll(g.parameters)) {
            return Tensor.of(1.0);
        }
        double[] out = new double[g.parameters.size() + 1];
        out[0] = 1;
        for (int i = 0; i < g.parameters.size(); i++) {
            out[i + 1] = gradients.containsKey(g.parameters.get(i)) ? 1 : 0;
        }
        return Tensor.of(out);
    }

    /// All parameters, group by group.
    public List<Variable> parameters() {
        return groups.stream().flatMap(g -> g.parameters.stream()).toList();
    }

    /// The learning rate of the first group.
    public double learningRate() {
        return groups.getFirst().learningRate.item();
    }

    /// Sets the learning rate of the first group, and multiplies those of the others by the same factor, as PyTorch's schedulers do: the ratios of the groups stay as rules and [#groupLearningRate] have made them, also over a
    /// time in which all rates are 0.
    ///
    /// @throws NacreException if there are several groups of which the first has had no rate but 0: then there is no ratio
    public void learningRate(double rate) {
        requireRate(rate);
        noteRates();
        double first = ownRates.getFirst();
        Problem.in("optimizer")
                .require(
                        first > 0 || groups.size() == 1,
                        "the rates of the other groups go with the first one's, which is 0")
                .hint("groupLearningRate(group, rate) for each of them")
                .throwValue();
        for (int i = 0; i < groups.size(); i++) {
            setRate(i, i == 0 ? rate : rate * (ownRates.get(i) / first));
        }
    }

    /// The ratios of these are those of the groups. While the first one's rate is 0 they stay as they were.
    private void noteRates() {
        double first = learningRate();
        for (int i = 0; first > 0 && i < groups.size(); i++) {
            ownRates.set(i, groupLearningRate(i));
        }
    }

    private void setRate(int group, double rate) {
        assign(
                groups.get(group).learningRate,
                Tensor.of(new double[] {rate}).reshape(Shape.SCALAR));
    }

    /// Number of groups.
    public int groups() {
        return groups.size();
    }

    /// The learning rate of a group.
    public double groupLearningRate(int group) {
        return group(group).learningRate.item();
    }

    /// Sets the learning rate of one group.
    public void groupLearningRate(int group, double rate) {
        requireRate(rate);
        group(group);
        noteRates();
        ownRates.set(group, group == 0 && rate == 0 ? ownRates.getFirst() : rate);
        setRate(group, rate);
    }

    private Group group(int number) {
        Problem.in("optimizer")
                .require(
                        number >= 0 && number < groups.size(),
                        () -> "there is no group " + number + ", but " + groups.size() + " from 0")
                .throwValue();
        return groups.get(number);
    }

    private static void requireRate(double rate) {
        Problem.in("optimizer").notNegative("learningRate", rate).throwValue();
    }

    /// Number of steps that have been taken.
    public long steps() {
        return (long) groups.getFirst().steps.toDoubleArray()[0];
    }

    /// All that the optimizer remembers, by key: `step`, `learning_rate`, and `exp_avg.fc1.weight` and the like, with the group's number before them from the second group on. `step` has the number of the optimizer's steps, and
    /// after it how many of them each parameter of the group has taken part in. The keys of parameters are those of the module
    /// whose `parameters()` were given, even if they have been renamed by another module since; of other lists, the variables' names when they were given.
    public Map<String, Variable> state() {
        Map<String, Variable> out = new LinkedHashMap<>();
        for (int i = 0; i < groups.size(); i++) {
            Group g = groups.get(i);
            String prefix = i == 0 ? "" : i + ".";
            out.put(prefix + "step", g.steps);
            out.put(prefix + "learning_rate", g.learningRate);
            for (int k = 0; k < g.parameters.size(); k++) {
                for (int s = 0; s < g.rule.slots().size(); s++) {
                    out.put(
                            prefix + g.rule.slots().get(s) + "." + g.keys.get(k),
                            g.kept.get(k).get(s));
                }
            }
        }
        return out;
    }

    /// Takes over a state with exactly this optimizer's keys. A learning rate or number of steps that cannot be is refused. A `step` that is a single number, as earlier versions saved it, is the number of all
    /// parameters.
    public void load(Map<String, ? extends Tensor> state) {
        Map<String, Tensor> all = new LinkedHashMap<>(state);
        Problem p = Problem.in("optimizer");
        for (int i = 0; i < groups.size(); i++) {
            String prefix = i == 0 ? "" : i + ".";
            for (double rate : numbers(state, prefix + "learning_rate", Shape.SCALAR)) {
                p.notNegative("the state's learning_rate", rate);
            }
            Shape shape = groups.get(i).steps.shape();
            all.computeIfPresent(
                    prefix + "step", (_, t) -> t.rank() == 0 ? t.broadcastTo(shape).realize() : t);
            for (double n : numbers(all, prefix + "step", shape)) {
                p.require(
                        n >= 0 && n == Math.rint(n) && Double.isFinite(n),
                        () -> "the state's step must be a whole number from 0, but is " + n);
            }
        }
        p.throwValue();
        dev.nacre.nn.Tree.load("the optimizer", state(), all);
    }

    /// Different floating numbers of the state, if they have the shape that they should.
    private static double[] numbers(Map<String, ? extends Tensor> state, String key, Shape shape) {
        Tensor t = state.get(key);
        return t != null && t.shape().equals(shape) && t.dtype().isFloating()
                ? Arrays.stream(t.cast(DType.F64).toDoubleArray()).distinct().toArray()
                : new double[0];
    }

    /// Sets a variable at once, so that it becomes no part of the next step, neither of its plan nor of what is taken back if it is refused.
    private static void assign(Variable v, Tensor value) {
        Variable.update(List.of(v), () -> v.set(value.cast(DType.F64)));
        v.realize();
    }

    /// Rule, number of parameters, learning rate and number of steps of each group.
    @Override
    public String toString() {
        StringBuilder out = new StringBuilder("Optimizer");
        for (Group g : groups) {
            long numbers = g.parameters.stream().mapToLong(p -> p.shape().count()).sum();
            out.append(groups.size() == 1 ? ": " : "\n  ")
                    .append(g.rule)
                    .append(" over ")
                    .append(g.parameters.size())
                    .append(g.parameters.size() == 1 ? " parameter (" : " parameters (")
                    .append(String.format(Locale.ROOT, "%,d", numbers))
                    .append(numbers == 1 ? " number)" : " numbers)")
                    .append(", learning rate ")
                    .append(shown(g.learningRate))
                    .append(", step ")
                    .append(shown(g.steps));
        }
        return out.toString();
    }

    private static String shown(Variable v) {
        try {
            double value = v.toDoubleArray()[0];
            return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
        } catch (NacreException _) {
            return "?"; // while a function is traced
        }
    }
}
