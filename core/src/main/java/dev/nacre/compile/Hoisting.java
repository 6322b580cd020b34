package dev.nacre.compile;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Symbol;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Moves out of a loop, before it, what does not depend on its states: what depends on constants only is computed once; products of elements with constants are computed for all
/// steps at once, with the elementwise functions before and after them; and outputs that depend on no state at all.
final class Hoisting {
    /// What a node of the body depends on.
    private enum Level {
        NUMBER,
        CONSTANT,
        ELEMENT,
        STATE
    }

    private final Draft draft;
    private final List<Node> order;
    private final Map<Node, Level> levels = new IdentityHashMap<>();
    private final Set<Node> possible = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Set<Node> hoisted = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Stacked outside;

    private Hoisting(Draft draft) {
        this.draft = draft;
        this.order = Graph.topological(draft.roots());
        this.outside = new Stacked(draft.length);
        draft.sequences.forEach(g -> outside.stack(g.leaf, g.outer));
        draft.constants.forEach(g -> outside.fix(g.leaf, g.outer));
    }

    static void run(Draft draft) {
        new Hoisting(draft).run();
    }

    private void run() {
        draft.states.forEach(s -> levels.put(s.leaf, Level.STATE));
        draft.sequences.forEach(g -> levels.put(g.leaf, Level.ELEMENT));
        draft.constants.forEach(g -> levels.put(g.leaf, Level.CONSTANT));
        for (Node n : order) {
            mark(n);
        }
        if (!draft.stops()) {
            for (Draft.Output o : draft.pending()) {
                if (possible.contains(o.value)) {
                    o.stacked = outside.all(o.value);
                }
            }
        }
        List<Node> roots = draft.roots();
        Set<Node> border = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Node n : Graph.topological(roots)) {
            for (Node in : n.inputs()) {
                if (hoisted.contains(in) && !hoisted.contains(n)) {
                    border.add(in);
                }
            }
        }
        roots.stream().filter(hoisted::contains).forEach(border::add);
        replace(order.stream().filter(border::contains).toList());
        draft.prune();
    }

    private void mark(Node n) {
        Level level = levels.getOrDefault(n, Level.NUMBER);
        boolean rest = true;
        for (Node in : n.inputs()) {
            Level l = levels.get(in);
            level = l.compareTo(level) > 0 ? l : level;
            rest &= possible.contains(in);
        }
        levels.put(n, level);
        boolean fixed = level == Level.NUMBER || level == Level.CONSTANT;
        if (fixed
                || level == Level.ELEMENT && rest && (n.arity() == 0 || Stacked.supports(n.op()))) {
            possible.add(n);
            if (level == Level.CONSTANT && n.arity() > 0 && !Stacked.isMove(n.op())
                    || level == Level.ELEMENT && isWorth(n)) {
                hoisted.add(n);
            }
        }
    }

    /// Products, and what follows them element by element.
    private boolean isWorth(Node n) {
        if (n.op() instanceof Op.Contract) {
            return true;
        }
        boolean elementwise =
                n.op() instanceof Op.Map1
                        || n.op() instanceof Op.Map2
                        || n.op() instanceof Op.Select
                        || n.op() instanceof Op.Cast
                        || n.op() instanceof Op.Reshape
                        || n.op() instanceof Op.Permute;
        List<Node> elements =
                n.inputs().stream().filter(in -> levels.get(in) == Level.ELEMENT).toList();
        return elementwise && !elements.isEmpty() && hoisted.containsAll(elements);
    }

    /// What is computed outside comes in as an element or a constant.
    private void replace(List<Node> border) {
        List<Node> stands = new ArrayList<>();
        for (Node n : border) {
            boolean constant = levels.get(n) == Level.CONSTANT;
            Node stand = Symbol.node(constant ? "constant" : "element", n.type());
            Draft.Given given = new Draft.Given(stand, constant ? outside.once(n) : outside.all(n));
            (constant ? draft.constants : draft.sequences).add(given);
            stands.add(stand);
        }
        if (!border.isEmpty()) {
            draft.rewrite(roots -> Graph.substitute(roots, border, stands));
        }
    }
}
