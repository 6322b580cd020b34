package dev.nacre;

import dev.nacre.compile.Compiler;
import dev.nacre.compile.Folding;
import dev.nacre.compile.Kept;
import dev.nacre.compile.Plan;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What a function of inputs makes of its variables alone: weights that a normalisation was folded into, weights rounded to bf16, weights in the form in which the library multiplies by
/// them. It is made after each change of one of those variables, and kept; the function's plan takes it as further inputs.
///
/// ```
/// before   f(x) = conv(x, w·γ/√(σ² + ε)) + (β − μ·γ/√(σ² + ε))
/// after    when a variable has changed: a = pack(w·γ/√(σ² + ε)), b = β − μ·γ/√(σ² + ε);   f(x) = conv(x, a) + b
/// ```
///
/// Only for functions that have inputs and change no variables: what a training step computes from its parameters is new at every step. It happens in two stages, each a plan of its own:
/// values of the graph, and then packed operands. A value that is wanted packed alone is not kept.
/// When memory is short all is given up, and made again by the next call.
final class Steady {
    /// A graph in which symbols stand for what is kept, and the plan that computes that.
    private record Divided(List<Node> roots, List<Symbol> symbols, Optional<Plan> plan) {}

    /// What a function is compiled to.
    ///
    /// @param plan of a call
    /// @param steady what is kept between calls
    record Compiled(Plan plan, Optional<Steady> steady) {}

    /// One of the values as an input of the function's plan: what it is when a call takes hold of its inputs, so that it goes with the values of variables that the call reads themselves.
    record Value(Steady steady, int number) implements Source {
        @Override
        public TensorType type() {
            return steady.symbols.get(number).type();
        }

        @Override
        public String origin() {
            return "kept value";
        }
    }

    private record Values(long[] versions, List<Stored> values) {
        static final Values NONE = new Values(new long[0], List.of());
    }

    private final Divided divided;
    private final Compiler.Prepared prepared;
    private final List<Symbol> symbols;
    private final List<Variable> variables;
    private final Kept ticket = Kept.of(0, this::release);
    private volatile Values kept = Values.NONE;

    private Steady(Divided divided, Compiler.Prepared prepared) {
        this.divided = divided;
        this.prepared = prepared;
        List<Source> read = prepared.plan().inputs();
        this.symbols =
                Stream.concat(divided.symbols.stream(), prepared.packed().stream())
                        .filter(read::contains)
                        .toList();
        this.variables =
                Stream.of(divided.plan, prepared.packing())
                        .flatMap(Optional::stream)
                        .flatMap(p -> p.inputs().stream())
                        .filter(Variable.Current.class::isInstance)
                        .map(s -> ((Variable.Current) s).variable())
                        .distinct()
                        .toList();
        ticket.begin();
    }

    /// Compiles the graph of a function that changes no variables.
    static Compiled compile(List<Node> graph) {
        Divided divided = divide(graph);
        Set<Source> kept = Collections.newSetFromMap(new IdentityHashMap<>());
        kept.addAll(divided.symbols);
        Compiler.Prepared prepared =
                Compiler.prepare(
                        divided.roots,
                        Graph.sources(divided.roots),
                        s ->
                                s instanceof Variable.Current
                                        || s instanceof Stored.Ref
                                        || kept.contains(s),
                        Engine.backend());
        Steady s = new Steady(divided, prepared);
        if (s.symbols.isEmpty()) {
            return new Compiled(prepared.plan(), Optional.empty());
        }
        return new Compiled(prepared.plan(), Optional.of(s));
    }

    private static Divided divide(List<Node> graph) {
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
        Plan plan =
                Compiler.compile(
                        kept,
                        Graph.sources(kept),
                        Collections.nCopies(kept.size(), Optional.empty()),
                        Engine.backend());
        return new Divided(Graph.substitute(roots, kept, stands), symbols, Optional.of(plan));
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

    /// Inputs of the function's plan that stand for what is kept.
    List<Symbol> symbols() {
        return symbols;
    }

    /// What stands for a symbol at a call.
    Value value(int number) {
        return new Value(this, number);
    }

    /// What all of it is made of.
    List<Variable> variables() {
        return variables;
    }

    /// Whether nobody but this thread can change any of it.
    boolean areLocked() {
        return variables.stream().allMatch(Variable::isLocked);
    }

    /// The values, in the order of the symbols; made again if a variable has changed since the last call.
    List<Stored> values() {
        ticket.touch();
        Values v = kept;
        if (isFresh(v)) {
            return v.values;
        }
        synchronized (this) {
            v = kept;
            if (!isFresh(v)) {
                release(); // whoever runs with them still holds them
                long[] versions = variables.stream().mapToLong(Variable::version).toArray();
                Map<Source, Stored> made = new HashMap<>();
                divided.plan.ifPresent(p -> run(p, divided.symbols, made));
                prepared.packing().ifPresent(p -> run(p, prepared.packed(), made));
                v = new Values(versions, symbols.stream().map(made::get).toList());
                kept = v;
                ticket.resize(v.values.stream().mapToLong(x -> x.memory().byteSize()).sum());
            }
            return v.values;
        }
    }

    /// Runs one of the two plans.
    ///
    /// @param made what has been made so far; the results join it
    private static void run(Plan plan, List<Symbol> results, Map<Source, Stored> made) {
        List<Source> leaves = new ArrayList<>();
        for (Source s : plan.inputs()) {
            leaves.add(made.containsKey(s) ? new Stored.Ref(made.get(s)) : s);
        }
        List<Stored> values =
                Engine.run(
                        plan,
                        leaves,
                        Engine.Targets.unchecked(results.size()), // by versions
                        _ -> "kept value",
                        Plan.Call::run);
        for (int i = 0; i < values.size(); i++) {
            made.put(results.get(i), values.get(i));
        }
    }

    /// Keeps nothing until the next call, which makes it again.
    void release() {
        kept = Values.NONE;
        ticket.resize(0);
    }

    private boolean isFresh(Values v) {
        if (v == Values.NONE) {
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
        return "when a variable has changed:\n"
                + Stream.of(divided.plan, prepared.packing())
                        .flatMap(Optional::stream)
                        .map(Plan::explain)
                        .collect(Collectors.joining());
    }
}
