package dev.nacre;

import dev.nacre.compile.Plan;
import dev.nacre.ir.GraphKey;
import dev.nacre.ir.Op;
import dev.nacre.ir.Recent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// Compiled plans by the structure of their graphs; those used least recently go first.
///
/// A floating constant is part of the structure until its place is seen with a second value, as that of a learning rate that follows a schedule: from then on it
/// is an input of the plan, and further values need no plan of their own. 0, 1, −1 and what is not finite stay constants, for what they simplify to.
final class Plans {
    /// More than memory has room for, as a rule: what plans take together decides ([dev.nacre.compile.Kept]).
    private static final int FAMILIES = 4096;

    /// Plans of one family: its graphs differ in what stays constant.
    private static final int MEMBERS = 8;

    /// @param graph without its numbers
    /// @param targets for each root, which leaf it may overwrite, or −1
    record Key(GraphKey graph, List<Integer> targets) {}

    /// What a graph's constants are in a plan.
    ///
    /// @param form for each of them the constant itself, or the number of the input that it is
    /// @param inputs the values of those inputs: one for all places that have the same
    record Literals(List<Object> form, List<Op.Constant> inputs) {}

    /// What the constants of a graph are, its plan, and what may be worth keeping of it.
    ///
    /// @param same tells whether the same constants would be divided in the same way again
    record Found(Literals literals, Optional<Plan> plan, Reuse reuse, BooleanSupplier same) {}

    /// Plans of graphs that differ in floating constants alone.
    private static final class Family {
        private final Op.Constant[] seen; // null: nothing but 0, 1, …
        private final boolean[] varies;
        private volatile int varying; // how many of those
        private final Reuse reuse = new Reuse();
        private final Map<List<Object>, Plan> members = new Recent<>(MEMBERS);

        Family(int constants) {
            seen = new Op.Constant[constants];
            varies = new boolean[constants];
        }

        Literals divide(List<Op.Constant> constants) {
            List<Object> form = new ArrayList<>(constants.size());
            Map<Op.Constant, Integer> inputs = new LinkedHashMap<>();
            for (int i = 0; i < seen.length; i++) {
                Op.Constant c = constants.get(i);
                if (!c.isSpecial()) {
                    if (!varies[i] && seen[i] != null && !seen[i].equals(c)) {
                        varies[i] = true;
                        varying++; // under the lock of all plans
                    }
                    seen[i] = c;
                }
                if (varies[i] && !c.isSpecial()) {
                    form.add(inputs.computeIfAbsent(c, _ -> inputs.size()));
                } else {
                    form.add(c);
                }
            }
            return new Literals(form, List.copyOf(inputs.keySet()));
        }
    }

    private final Map<Key, Family> families = new Recent<>(FAMILIES);
    private long compiled;

    private Family family(Key key, int constants) {
        return families.computeIfAbsent(key, _ -> new Family(constants));
    }

    /// Which of a graph's constants are inputs now, and the plan for those that are not, if there is one.
    synchronized Found find(Key key, List<Op.Constant> constants) {
        Family f = family(key, constants.size());
        Literals l = f.divide(constants);
        int varying = f.varying;
        return new Found(
                l, Optional.ofNullable(f.members.get(l.form)), f.reuse, () -> f.varying == varying);
    }

    /// The plan that has some more of the graph's nodes as outputs.
    synchronized Found findKeeping(Key key, Found without, List<Integer> places) {
        List<Object> form = new ArrayList<>(without.literals.form);
        form.add(places);
        Literals l = new Literals(form, without.literals.inputs);
        Family f = families.get(key);
        Optional<Plan> plan = Optional.ofNullable(f == null ? null : f.members.get(form));
        return new Found(l, plan, without.reuse, without.same);
    }

    synchronized void keep(Key key, Literals literals, Plan plan) {
        Family f =
                family(key, (int) literals.form.stream().filter(o -> !(o instanceof List)).count());
        f.members.put(literals.form, plan);
        compiled++;
        plan.orForget(() -> forget(key, f, literals.form, plan));
    }

    private synchronized void forget(Key key, Family f, List<Object> form, Plan plan) {
        f.members.remove(form, plan);
        if (f.members.isEmpty()) {
            families.remove(key, f);
        }
    }

    /// All that are kept.
    synchronized List<Plan> all() {
        return families.values().stream().flatMap(f -> f.members.values().stream()).toList();
    }

    /// How many have been kept so far, whether they still are or not.
    synchronized long compiled() {
        return compiled;
    }
}
