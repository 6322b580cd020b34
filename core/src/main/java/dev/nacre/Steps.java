package dev.nacre;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Order;
import dev.nacre.ir.PerThread;
import java.util.ArrayList;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The steps of a thread outside of functions. Variables that are set remain what they were until somebody reads or a step ends; then all of it is computed in one plan. A step that
/// is refused puts back what it has changed, which is less than what was changed since it began: the program may have set variables by hand meanwhile.
final class Steps {
    private static final PerThread<Steps> OF_THREAD = new PerThread<>(Steps::new);

    /// Of more variables nothing is remembered: that is no step of a training, but something that follows one.
    private static final int REMEMBERED = 4096;

    private final Set<Variable> pending = new LinkedHashSet<>(); // set, and not computed yet
    private final Set<Variable> summed =
            new LinkedHashSet<>(); // whose gradients the next step computes
    private final Map<Variable, Stored> before = new IdentityHashMap<>(); // this step changed them
    private final Map<Variable, Tensor> early =
            new IdentityHashMap<>(0); // set before this step began, and not computed yet
    private boolean marked; // whether somebody wants to know where a step begins
    private long taken;

    private Steps() {}

    /// How many this thread has taken.
    static long taken() {
        return OF_THREAD.get().taken;
    }

    /// What this thread changes from now on, outside of functions, belongs to a new step.
    static void begin() {
        if (Trace.current().isEmpty()) {
            Steps s = OF_THREAD.get();
            s.marked = true;
            s.before.clear();
            s.early.clear();
            s.pending.forEach(v -> v.pending().ifPresent(p -> s.early.put(v, p)));
        }
    }

    /// A variable has been set.
    static void remember(Variable v) {
        OF_THREAD.get().pending.add(v);
    }

    /// Has a variable's gradient computed with the next step.
    static void sum(Variable v) {
        OF_THREAD.get().summed.add(v);
    }

    /// Remembers what a variable is before this thread changes it outside of functions.
    static void changing(Variable v) {
        OF_THREAD.get().change(v);
    }

    /// If it is one that computing a loss changes: a running statistic or the state of a random source.
    private void change(Variable v) {
        if (marked && !v.isTrainable()) {
            before.computeIfAbsent(v, Variable::keep);
            if (before.size() > REMEMBERED) {
                marked = false;
                before.clear();
            }
        }
    }

    /// Computes the values that variables were set to on this thread.
    static void flush() {
        if (!OF_THREAD.get().pending.isEmpty()) {
            commit(List.of(), () -> {}, Optional.empty());
        }
    }

    /// Runs code that sets variables and carries all of it out in one plan, together with tensors that are wanted at the same time. Inside a trace it is
    /// just recorded there.
    ///
    /// If it fails nothing has been changed, and values that were set before are given up with it.
    ///
    /// @param condition what must hold for any change to take place
    static void commit(List<Tensor> wanted, Runnable code, Optional<Tensor> condition) {
        Optional<Trace> trace = Trace.current();
        if (trace.isPresent()) {
            code.run();
            condition.ifPresent(c -> trace.get().onlyIf(c, trace.get()::before));
        } else {
            OF_THREAD.get().carryOut(wanted, code, condition);
        }
    }

    private void carryOut(List<Tensor> wanted, Runnable code, Optional<Tensor> condition) {
        Trace t = new Trace(true);
        t.in(() -> {
            code.run();
            return null;
        });
        if (condition.isPresent()) {
            Map<Variable, Node> byHand = byHand(wanted);
            addPending(t, true);
            // what was set and computed since the step began belongs to it
            before.keySet().forEach(v -> t.values().putIfAbsent(v, v.current()));
            t.onlyIf(condition.get(), v -> before(v, byHand));
        } else {
            if (!before.isEmpty()) {
                t.values().keySet().forEach(before::remove); // set at once is by hand
            }
            addPending(t, false);
        }
        compute(t, wanted);
    }

    /// Adds what has been set before to what is set now.
    private void addPending(Trace t, boolean step) {
        for (Variable v : pending) {
            Optional<Tensor> p = v.pending();
            boolean ofStep = p.isEmpty() || early.get(v) != p.get();
            if (ofStep && (step || !t.values().containsKey(v))) {
                change(v);
            }
            p.ifPresent(x -> t.values().putIfAbsent(v, x.node()));
        }
        pending.clear();
        early.clear();
        t.forgetPending();
    }

    /// A variable as it was before this step.
    private Node before(Variable v, Map<Variable, Node> byHand) {
        Node set = byHand.get(v);
        if (set != null) {
            return set;
        }
        Stored old = before.get(v);
        return old != null ? old.node() : v.current();
    }

    /// What the program has set by hand and what is not computed yet: parameters, for computing a loss changes none, and what was set before the step began. But if a loss is computed from the same as one of the values set
    /// before, they are those of its forward computation, after which gradients were dropped.
    ///
    /// @param losses and what else is computed with the step
    private Map<Variable, Node> byHand(List<Tensor> losses) {
        Map<Variable, Node> out = new IdentityHashMap<>();
        for (Variable v : pending) {
            if (v.isTrainable()) {
                v.pending().ifPresent(p -> out.put(v, p.node()));
            }
        }
        if (!early.isEmpty() && !haveInCommon(early.values(), losses)) {
            early.forEach((v, p) -> out.putIfAbsent(v, p.node()));
        }
        return out;
    }

    /// Whether something is computed for both.
    private static boolean haveInCommon(Collection<Tensor> some, Collection<Tensor> others) {
        Order a = Graph.written(some.stream().map(Tensor::node).toList());
        Order b = Graph.written(others.stream().map(Tensor::node).toList());
        return a.stream().anyMatch(n -> a.arity(n) > 0 && b.contains(n));
    }

    private void compute(Trace t, List<Tensor> wanted) {
        boolean step = !t.isEmpty();
        if (!step && wanted.isEmpty()) {
            return;
        }
        List<Tensor> all = new ArrayList<>(wanted);
        if (step) {
            all.addAll(sums());
        }
        List<Tensor> missing = new ArrayList<>(all.size());
        List<Node> nodes = new ArrayList<>(all.size());
        for (Tensor w : all) {
            if (!(w instanceof Variable) && !w.isRealized()) {
                missing.add(w);
                nodes.add(w.node());
            }
        }
        List<Stored> results = Engine.evaluate(t.after(nodes));
        if (step) {
            taken++;
        }
        for (int i = 0; i < missing.size(); i++) {
            missing.get(i).realize(results.get(i));
        }
    }

    private List<Tensor> sums() {
        if (summed.isEmpty()) {
            return List.of();
        }
        List<Tensor> out = summed.stream().flatMap(v -> v.grad().stream()).toList();
        summed.clear();
        return out;
    }
}
