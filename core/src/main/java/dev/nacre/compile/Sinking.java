package dev.nacre.compile;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Reduction;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Moves out of a loop, behind it, what its states do not depend on: products that are outputs are computed for all steps at once from their stacked operands; products and sums that are
/// added up from step to step become one product or sum over all steps, as the gradients of weights do.
///
/// ```
/// before   scan(x, g; W̄): W̄ ← W̄ + xᵀ·f(g), out f(g)·wᵀ
/// after    scan(g): out d = f(g);   W̄ = W̄₀ + Xᵀ·D;   D·wᵀ
/// ```
final class Sinking {
    private final Draft draft;
    private final Map<Draft.State, Node> sums = new LinkedHashMap<>(); // state → what is added
    private final List<Draft.Output> products = new ArrayList<>();

    private Sinking(Draft draft) {
        this.draft = draft;
    }

    /// Makes the loop too.
    static void run(Draft draft) {
        new Sinking(draft).run();
    }

    private void run() {
        if (!draft.stops()) {
            find();
        }
        Set<Node> leaves = Collections.newSetFromMap(new IdentityHashMap<>());
        draft.sequences.forEach(g -> leaves.add(g.leaf));
        draft.constants.forEach(g -> leaves.add(g.leaf));
        Map<Node, Draft.State> states = new IdentityHashMap<>();
        draft.states.forEach(s -> states.put(s.leaf, s));
        Map<Node, Draft.Output> stacks = new IdentityHashMap<>();
        Set<Node> wanted = new LinkedHashSet<>();
        sums.values().forEach(v -> wanted.addAll(operands(v)));
        products.forEach(o -> wanted.addAll(operands(o.value)));
        Stacked outside = new Stacked(draft.length);
        draft.sequences.forEach(g -> outside.stack(g.leaf, g.outer));
        draft.constants.forEach(g -> outside.fix(g.leaf, g.outer));
        draft.states.removeAll(sums.keySet());
        draft.outputs.removeAll(products);
        for (Node n : wanted) {
            if (states.containsKey(n)) {
                states.get(n).beforeWanted = true;
            } else if (!leaves.contains(n) && !isNumber(n)) {
                stacks.put(n, draft.output(n));
            }
        }
        draft.emit();
        states.forEach((leaf, s) -> {
            if (s.before != null) {
                outside.stack(leaf, s.before);
            }
        });
        stacks.forEach((n, o) -> outside.stack(n, o.stacked));
        sums.forEach((s, v) -> {
            Node total = total(v, outside);
            s.last = s.first.is(0) ? total : s.first.add(total);
        });
        products.forEach(o -> o.stacked = outside.all(o.value));
    }

    private void find() {
        Map<Node, Integer> uses = new IdentityHashMap<>();
        for (Node n : Graph.topological(draft.roots())) {
            n.inputs().forEach(in -> uses.merge(in, 1, Integer::sum));
        }
        draft.roots().forEach(r -> uses.merge(r, 1, Integer::sum));
        Map<Draft.State, Node> added = new LinkedHashMap<>();
        for (Draft.State s : draft.states) {
            addend(s, uses).ifPresent(v -> added.put(s, v));
        }
        Set<Node> heart = heart(added.keySet());
        added.forEach((s, v) -> {
            Node core = core(v);
            boolean there = operands(v).stream().allMatch(x -> x.arity() == 0 || heart.contains(x));
            boolean product = core.op() instanceof Op.Contract && !heart.contains(core);
            boolean sum = core.op() instanceof Op.Reduce r && r.kind() == Reduction.SUM;
            if (product || sum && there) {
                sums.put(s, v);
            }
        });
        for (Draft.Output o : draft.pending()) {
            Node core = core(o.value);
            if (core.op() instanceof Op.Contract && !heart.contains(core)) {
                products.add(o);
            }
        }
    }

    /// What a state is the running sum of, if it is used for nothing else.
    private static Optional<Node> addend(Draft.State s, Map<Node, Integer> uses) {
        boolean sum =
                !s.beforeWanted
                        && s.next.op() instanceof Op.Map2 m
                        && m.f() == Binary.ADD
                        && uses.get(s.next) == 1
                        && uses.getOrDefault(s.leaf, 0) == 1;
        return !sum
                ? Optional.empty()
                : s.next.input(0) == s.leaf
                        ? Optional.of(s.next.input(1))
                        : s.next.input(1) == s.leaf
                                ? Optional.of(s.next.input(0))
                                : Optional.empty();
    }

    /// What the loop has to compute in any case: all that its states depend on, without those that are sums.
    private Set<Node> heart(Set<Draft.State> without) {
        List<Node> ends = new ArrayList<>();
        draft.states.stream().filter(s -> !without.contains(s)).forEach(s -> ends.add(s.next));
        draft.pending().stream()
                .filter(o -> !(core(o.value).op() instanceof Op.Contract))
                .forEach(o -> ends.add(o.value));
        Set<Node> out = Collections.newSetFromMap(new IdentityHashMap<>());
        out.addAll(Graph.topological(ends));
        return out;
    }

    private static Node core(Node n) {
        Node x = n;
        while (isStill(x)) {
            x = x.input(0);
        }
        return x;
    }

    /// Whether a node is its input's elements in another order or a wider type.
    private static boolean isStill(Node n) {
        return n.op() instanceof Op.Reshape
                || n.op() instanceof Op.Permute
                || n.op() instanceof Op.Cast && n.dtype() == n.input(0).dtype().arithmetic();
    }

    /// What a product or sum is computed of, moves aside.
    private static List<Node> operands(Node v) {
        List<Node> out = new ArrayList<>();
        for (Node x : core(v).inputs()) {
            Node base = x;
            while (Stacked.isMove(base.op())) {
                base = base.input(0);
            }
            out.add(base);
        }
        return out;
    }

    private static boolean isNumber(Node n) {
        return n.number().isPresent() || n.op() instanceof Op.Iota;
    }

    /// The sum over all steps, in the type of what is added; moves of the sum are moves of that.
    private static Node total(Node v, Stacked outside) {
        List<Node> moves = new ArrayList<>();
        Node x = v;
        for (; isStill(x); x = x.input(0)) {
            moves.add(x);
        }
        Node sum =
                x.op() instanceof Op.Contract
                        ? outside.total(x, v.dtype())
                        : outside.totalSum(x).cast(v.dtype());
        for (Node move : moves.reversed()) {
            sum = move.op() instanceof Op.Cast ? sum : Node.of(move.op(), sum);
        }
        return sum;
    }
}
