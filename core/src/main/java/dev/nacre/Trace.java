package dev.nacre;

import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/// A stretch of code in which variables are symbols: reading one gives its current value, setting one is recorded instead of carried out. At the end the
/// recorded values are what the variables shall become.
final class Trace {
    private static final ScopedValue<Trace> CURRENT = ScopedValue.newInstance();

    private final Map<Variable, Node> values = new LinkedHashMap<>();
    private Sets sets; // all that has been set, as a rule, and not in `values` yet; null: none
    private List<Node> setTo = List.of();
    private final boolean immediate;
    private final Optional<Function<Variable, Node>> outside; // values, of a stretch

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
        Steps.flush();
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

    boolean isEmpty() {
        return sets == null && values.isEmpty();
    }

    /// What each variable was set to.
    Map<Variable, Node> values() {
        if (sets != null) {
            for (int k = 0; k < setTo.size(); k++) {
                values.put(sets.variables.get(k), setTo.get(k));
            }
            sets = null;
        }
        return values;
    }

    /// Lets what has been set take place only if a condition holds.
    ///
    /// @param before what a variable remains otherwise
    void onlyIf(Tensor condition, Function<Variable, Node> before) {
        Node c = condition.node();
        values().replaceAll((v, n) -> c.where(n, before.apply(v)));
    }

    /// A variable as it is before anything set here.
    Node before(Variable v) {
        return outside.map(o -> o.apply(v)).orElse(v.current());
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
    Engine.Roots after(List<Node> wanted) {
        if (sets != null) {
            return new Engine.Roots(wanted, setTo, sets.read, sets.targets(wanted.size()));
        }
        List<Engine.Root> all = new ArrayList<>();
        wanted.forEach(n -> all.add(new Engine.Root(n, Optional.empty())));
        all.addAll(updates());
        return Engine.Roots.of(all);
    }

    void forgetPending() {
        (sets != null ? sets.variables : values.keySet()).forEach(Variable::forgetPending);
    }
}
