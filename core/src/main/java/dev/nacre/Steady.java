package dev.nacre;

import dev.nacre.compile.Compiler;
import dev.nacre.compile.Folding;
import dev.nacre.compile.Plan;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What a function of inputs computes from variables alone: weights that a normalisation was folded into, weights rounded to bf16. It is computed by a plan of its own, once
/// after each change of one of those variables, and kept; the function's plan takes the results as further inputs.
///
/// ```
/// before   f(x) = conv(x, w·γ/√(σ² + ε)) + (β − μ·γ/√(σ² + ε))
/// after    when a variable has changed: a = w·γ/√(σ² + ε), b = β − μ·γ/√(σ² + ε);   f(x) = conv(x, a) + b
/// ```
///
/// Only for functions that have inputs and change no variables: what a training step computes from its parameters is new at every step.
final class Steady {
    /// A graph in which symbols stand for what is kept.
    record Divided(List<Node> roots, List<Symbol> symbols, Optional<Steady> steady) {}

    private record Values(long[] versions, List<Stored> values) {}

    private final Plan plan;
    private final List<Source> leaves;
    private final List<Variable> variables;
    private volatile Values kept = new Values(new long[0], List.of());

    private Steady(Plan plan) {
        this.plan = plan;
        this.leaves = plan.inputs();
        this.variables =
                leaves.stream()
                        .filter(Variable.Current.class::isInstance)
                        .map(s -> ((Variable.Current) s).variable())
                        .toList();
    }

    /// Divides the graph of a function that changes no variables.
    static Divided divide(List<Node> graph) {
        Set<Node> first = onVariablesAlone(graph);
        List<Node> roots = Folding.run(graph, first::contains);
        Set<Node> steady = onVariablesAlone(roots);
        Set<Node> wanted = new LinkedHashSet<>();
        for (Node n : Graph.topological(roots)) {
            if (!steady.contains(n)) {
                n.inputs().stream()
                        .filter(steady::contains)
                        .map(Steady::still)
                        .forEach(wanted::add);
            }
        }
        List<Node> kept = wanted.stream().filter(n -> !(n.op() instanceof Op.Leaf)).toList();
        if (kept.isEmpty()) {
            return new Divided(roots, List.of(), Optional.empty());
        }
        List<Symbol> symbols = new ArrayList<>();
        for (Node n : kept) {
            symbols.add(new Symbol("kept " + symbols.size(), n.type()));
        }
        List<Node> stands = symbols.stream().map(s -> Node.of(new Op.Leaf(s))).toList();
        List<Source> sources =
                Graph.leaves(kept).stream()
                        .map(n -> ((Op.Leaf) n.op()).source())
                        .distinct()
                        .toList();
        Plan plan =
                Compiler.compile(
                        kept,
                        sources,
                        Collections.nCopies(kept.size(), Optional.empty()),
                        Engine.backend());
        return new Divided(
                Graph.substitute(roots, kept, stands), symbols, Optional.of(new Steady(plan)));
    }

    /// Nodes that depend on a variable, and on nothing that changes otherwise.
    private static Set<Node> onVariablesAlone(List<Node> roots) {
        Map<Node, Boolean> moving = new IdentityHashMap<>();
        Set<Node> out = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Node n : Graph.topological(roots)) {
            Source source = n.op() instanceof Op.Leaf l ? l.source() : null;
            boolean changes = source instanceof Symbol || n.inputs().stream().anyMatch(moving::get);
            moving.put(n, changes);
            if (source instanceof Variable.Current
                    || !changes && n.inputs().stream().anyMatch(out::contains)) {
                out.add(n);
            }
        }
        return out;
    }

    /// What is moved rather than computed last: moves are free where they are.
    private static Node still(Node n) {
        Node x = n;
        while (x.op() instanceof Op.Reshape
                || x.op() instanceof Op.Permute
                || x.op() instanceof Op.Broadcast
                || x.op() instanceof Op.Slice
                || x.op() instanceof Op.Detach) {
            x = x.input(0);
        }
        return x;
    }

    /// The values, in the order of the symbols; computed again if a variable has changed since the last call.
    List<Stored> values() {
        Values v = kept;
        if (isFresh(v)) {
            return v.values;
        }
        synchronized (this) {
            if (!isFresh(kept)) {
                long[] versions = variables.stream().mapToLong(Variable::version).toArray();
                List<String> names = Collections.nCopies(plan.outputs().size(), "kept value");
                kept =
                        new Values(
                                versions,
                                Engine.run(
                                        plan,
                                        leaves,
                                        Collections.nCopies(names.size(), Optional.empty()),
                                        names,
                                        Plan.Call::run));
            }
            return kept.values;
        }
    }

    private boolean isFresh(Values v) {
        if (v.versions.length != variables.size()) {
            return false;
        }
        for (int i = 0; i < v.versions.length; i++) {
            Variable x = variables.get(i);
            if (x.version() != v.versions[i] || x.pending().isPresent()) {
                return false;
            }
        }
        return true;
    }

    String explain() {
        return "when a variable has changed:\n" + plan.explain();
    }
}
