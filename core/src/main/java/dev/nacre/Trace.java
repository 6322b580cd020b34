package dev.nacre;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import dev.nacre.ir.PerThread;
import java.util.ArrayList;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/// A stretch of code in which variables are symbols: reading one gives its current value, setting one is recorded instead of carried out. At the end the
/// recorded values are what the variables shall become.
final class Trace {
    private static final ScopedValue<Trace> CURRENT = ScopedValue.newInstance();

    private final Map<Variable, Node> values = new LinkedHashMap<>();
    private Sets sets; // all that has been set, as a rule, and not in `values` yet; null: none
    private List<Node> setTo = List.of();
    private Map<Variable, Node> byHand = Map.of(); // set by no step
    private final boolean immediate;
    private final Optional<Function<Variable, Node>>
            outside; // where values come from, of a stretch

    /// @param immediate whether it is carried out at once, rather than kept to be replayed: then values not computed yet are part of it
    Trace(boolean immediate) {
        this(immediate, Optional.empty());
    }

    private Trace(boolean immediate, Optional<Function<Variable, Node>> outside) {
        this.immediate = immediate;
        this.outside = outside;
    }

    /// A stretch of the code that runs now, in a trace or not, whose changes to variables are collected instead of carried out.
    static Trace within() {
        if (CURRENT.isBound()) {
            return new Trace(false, Optional.of(CURRENT.get()::read));
        }
        flush();
        return new Trace(false, Optional.of(Variable::present));
    }

    static Optional<Trace> current() {
        return CURRENT.isBound() ? Optional.of(CURRENT.get()) : Optional.empty();
    }

    /// Whether it is carried out at once.
    boolean isImmediate() {
        return immediate;
    }

    /// Runs code in this trace.
    <R> R in(Supplier<R> code) {
        return ScopedValue.where(CURRENT, this).call(code::get);
    }

    /// What a recorded stretch sets.
    ///
    /// @param read whether it reads all of that, so that the point of a run at which it was applied says which variables they are
    /// @param targets after as many other outputs as the place says
    record Sets(List<Variable> variables, boolean read, List<Engine.Targets> targets) {
        /// @param free leaves that are read
        static Sets of(List<Variable> variables, List<Node> free) {
            Engine.Targets alone = Engine.Targets.of(variables.stream().map(Optional::of).toList());
            return new Sets(
                    variables,
                    free.containsAll(variables.stream().map(Variable::current).toList()),
                    List.of(alone, alone.after(1)));
        }

        Engine.Targets targets(int others) {
            return others < targets.size() ? targets.get(others) : targets.getFirst().after(others);
        }
    }

    Node read(Variable v) {
        Node n = values().get(v);
        if (n == null && outside.isPresent()) {
            return outside.get().apply(v);
        }
        if (n != null) {
            return n;
        }
        Optional<Tensor> pending = immediate ? v.pending() : Optional.empty();
        return pending.isPresent() ? pending.get().node() : v.current();
    }

    /// A leaf where it is read: within a trace, a variable is what it was set to there.
    static Node here(Node leaf) {
        return CURRENT.isBound() ? CURRENT.get().inside(leaf) : leaf;
    }

    /// A leaf where it is read in this trace.
    Node inside(Node leaf) {
        return ((Op.Leaf) leaf.op()).source() instanceof Variable.Current c
                ? read(c.variable())
                : leaf;
    }

    void write(Variable v, Node value) {
        values().put(v, value);
    }

    /// Sets what a stretch sets.
    void write(Sets what, List<Node> to) {
        if (isEmpty() && !to.isEmpty()) {
            sets = what;
            setTo = to;
        } else {
            for (int k = 0; k < to.size(); k++) {
                write(what.variables.get(k), to.get(k));
            }
        }
    }

    private boolean isEmpty() {
        return sets == null && values.isEmpty();
    }

    /// What each variable was set to.
    private Map<Variable, Node> values() {
        if (sets != null) {
            for (int k = 0; k < setTo.size(); k++) {
                values.put(sets.variables.get(k), setTo.get(k));
            }
            sets = null;
        }
        return values;
    }

    /// Lets what has been set take place only if a condition holds.
    private void onlyIf(Tensor condition) {
        Node c = condition.node();
        values().replaceAll((v, n) -> c.where(n, before(v)));
    }

    /// A variable as it is before anything set here; outside of functions, as it was before this step. Computing a loss changes no parameters, so one that was set and not computed was set by hand.
    private Node before(Variable v) {
        Node set = byHand.get(v);
        if (set != null) {
            return set;
        }
        Stored old = immediate ? STEPS.get().before.get(v) : null;
        return old != null ? old.node() : outside.map(o -> o.apply(v)).orElse(v.current());
    }

    /// Finds the variables that the program has set by hand and that were not computed: parameters, and what was set before the step began. But if the loss is computed from the same as one of the values set before, they
    /// are those of its forward computation, after which gradients were dropped.
    ///
    /// @param losses and what else is computed with the step
    private void findByHand(List<Tensor> losses) {
        Map<Variable, Tensor> early = STEPS.get().early;
        byHand = new IdentityHashMap<>();
        for (Variable v : PENDING.get()) {
            if (v.isTrainable()) {
                v.pending().ifPresent(p -> byHand.put(v, p.node()));
            }
        }
        if (!early.isEmpty() && !haveInCommon(early.values(), losses)) {
            early.forEach((v, p) -> byHand.putIfAbsent(v, p.node()));
        }
    }

    /// Whether something is computed for both.
    private static boolean haveInCommon(Collection<Tensor> some, Collection<Tensor> others) {
        Order a = Graph.written(some.stream().map(Tensor::node).toList());
        Order b = Graph.written(others.stream().map(Tensor::node).toList());
        return a.stream().anyMatch(n -> a.arity(n) > 0 && b.contains(n));
    }

    /// The variables set, with their new values.
    List<Engine.Root> updates() {
        List<Engine.Root> out = new ArrayList<>(values().size());
        for (Map.Entry<Variable, Node> e : values.entrySet()) {
            out.add(new Engine.Root(e.getValue(), Optional.of(e.getKey())));
        }
        return out;
    }

    /// The same after further values.
    private Engine.Roots after(List<Node> wanted) {
        if (sets != null) {
            return new Engine.Roots(wanted, setTo, sets.read, sets.targets(wanted.size()));
        }
        List<Engine.Root> all = new ArrayList<>();
        wanted.forEach(n -> all.add(new Engine.Root(n, Optional.empty())));
        all.addAll(updates());
        return Engine.Roots.of(all);
    }

    private void forgetPending() {
        (sets != null ? sets.variables : values.keySet()).forEach(Variable::forgetPending);
    }

    /// Variables set on this thread outside any trace and not computed yet.
    private static final PerThread<Set<Variable>> PENDING = new PerThread<>(LinkedHashSet::new);

    /// Of more variables nothing is remembered: that is no step of a training, but something that follows one.
    private static final int REMEMBERED = 4096;

    /// What this thread knows of its steps, which are changes of variables that were carried out.
    private static final class Steps {
        private final Set<Variable> summed = new LinkedHashSet<>();
        private final Map<Variable, Stored> before = new IdentityHashMap<>();
        private final Map<Variable, Tensor> early =
                new IdentityHashMap<>(0); // set before it began, and not computed yet
        private boolean marked; // whether somebody wants to know where a step begins
        private long taken;
    }

    private static final PerThread<Steps> STEPS = new PerThread<>(Steps::new);

    /// How many steps this thread has taken.
    static long steps() {
        return STEPS.get().taken;
    }

    /// What this thread changes from now on, outside of functions, belongs to a new step.
    static void startStep() {
        if (!CURRENT.isBound()) {
            Steps s = STEPS.get();
            s.marked = true;
            s.before.clear();
            s.early.clear();
            PENDING.get().forEach(v -> v.pending().ifPresent(p -> s.early.put(v, p)));
        }
    }

    /// Remembers what a variable is before this thread changes it outside of functions, if it is one that computing a loss changes: a running statistic or the state of a random source.
    static void changing(Variable v) {
        Steps s = STEPS.get();
        if (s.marked && !v.isTrainable()) {
            s.before.computeIfAbsent(v, Variable::keep);
            if (s.before.size() > REMEMBERED) {
                s.marked = false;
                s.before.clear();
            }
        }
    }

    /// Has a variable's gradient computed with the next step.
    static void sum(Variable v) {
        STEPS.get().summed.add(v);
    }

    private static List<Tensor> sums() {
        Steps s = STEPS.get();
        if (s.summed.isEmpty()) {
            return List.of();
        }
        List<Tensor> out = s.summed.stream().flatMap(v -> v.grad().stream()).toList();
        s.summed.clear();
        return out;
    }

    static void remember(Variable v) {
        PENDING.get().add(v);
    }

    /// Computes the values that variables were set to on this thread.
    static void flush() {
        if (!PENDING.get().isEmpty()) {
            commit(List.of(), () -> {}, Optional.empty());
        }
    }

    /// Runs code that sets variables and carries all of it out in one plan, together with tensors that are wanted at the same time. Inside another trace it is
    /// just recorded there.
    ///
    /// If it fails nothing has been changed, and values that were set before are given up with it.
    ///
    /// @param condition what must hold for any change to take place
    static void commit(List<Tensor> wanted, Runnable code, Optional<Tensor> condition) {
        if (CURRENT.isBound()) {
            code.run();
            condition.ifPresent(CURRENT.get()::onlyIf);
            return;
        }
        Trace t = new Trace(true);
        t.in(() -> {
            code.run();
            return null;
        });
        Steps s = STEPS.get();
        if (condition.isEmpty() && !s.before.isEmpty()) {
            t.values().keySet().forEach(s.before::remove); // set at once is by hand
        }
        if (condition.isPresent()) {
            t.findByHand(wanted);
        }
        Set<Variable> set = PENDING.get();
        for (Variable v : set) {
            Optional<Tensor> p = v.pending();
            boolean ofStep = p.isEmpty() || s.early.get(v) != p.get();
            if (ofStep && (condition.isPresent() || !t.values().containsKey(v))) {
                changing(v);
            }
            p.ifPresent(x -> t.values().putIfAbsent(v, x.node()));
        }
        set.clear();
        s.early.clear();
        t.forgetPending();
        if (condition.isPresent()) { // what was set and computed since the step began belongs to it
            s.before.keySet().forEach(v -> t.values().putIfAbsent(v, v.current()));
            t.onlyIf(condition.get());
        }
        boolean step = !t.isEmpty();
        if (!step && wanted.isEmpty()) {
            return;
        }
        List<Tensor> all = new ArrayList<>(wanted);
        if (step) {
            all.addAll(sums());
        }
        List<Tensor> pending = new ArrayList<>(all.size());
        List<Node> nodes = new ArrayList<>(all.size());
        for (Tensor w : all) {
            if (!(w instanceof Variable) && !w.isRealized()) {
                pending.add(w);
                nodes.add(w.node());
            }
        }
        List<Stored> results = Engine.evaluate(t.after(nodes));
        if (step) {
            STEPS.get().taken++;
        }
        for (int i = 0; i < pending.size(); i++) {
            pending.get(i).realize(results.get(i));
        }
    }
}
