package dev.nacre;

import dev.nacre.compile.Compiler;
import dev.nacre.compile.Plan;
import dev.nacre.compile.Profile;
import dev.nacre.ir.Body;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Places;
import dev.nacre.ir.Recent;
import dev.nacre.ir.Replay;
import dev.nacre.ir.Sizes;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.type.NacreException;
import dev.nacre.type.Precision;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/// A computation compiled once per types of its inputs (and [Precision] of the calls) and then replayed: outputs, and updates to variables that happen at each call.
///
/// There are two ways to make one: from a Java lambda over tensors, which is run once per input types to record what it does; or, as in Theano, from symbolic
/// inputs, outputs and updates. Variables read inside have the value of the time of the call. Code that is not tensor math (printing, random numbers from
/// elsewhere, `if` on Java values) runs only while recording.
///
/// Thread-safe: calls that update the same variables, of this function or of others, take place one after the other, each with what the one before has left.
public final class Function {
    /// A variable and what it becomes at each call.
    public record Update(Variable variable, Tensor value) {
        /// The numbers are not computed for this.
        @Override
        public String toString() {
            return variable.name() + " " + variable.declared() + " becomes " + value.origin();
        }
    }

    /// A function of three tensors.
    @FunctionalInterface
    public interface Three {
        Tensor apply(Tensor a, Tensor b, Tensor c);
    }

    private record Recording(List<Node> outputs, List<Engine.Root> updates) {}

    /// What a stretch of an eager step does.
    ///
    /// @param body on the function's inputs and `free`; its outputs are the function's and the new values of what it sets
    /// @param free leaves that it reads
    private record Stretch(Signature signature, Body body, List<Node> free, Trace.Sets sets) {}

    /// Records what is computed from inputs of the given types.
    @FunctionalInterface
    private interface Recorder {
        Recording record(List<Tensor> inputs);
    }

    /// What a recording depends on.
    private record Signature(List<TensorType> types, Precision precision) {
        static Signature of(Tensor[] inputs) {
            return new Signature(
                    Arrays.stream(inputs).map(Tensor::type).toList(), Precision.current());
        }
    }

    /// A plan for inputs of fixed types.
    private record Entry(
            Signature signature,
            Plan plan,
            List<Source> leaves,
            Map<Symbol, Integer> inputs,
            Engine.Targets targets,
            List<String> names,
            int outputs,
            Optional<Steady> steady) {}

    /// Signatures for which what is made of variables alone is kept: each has a copy of the weights.
    private static final int KEEPING = 4;

    private static final int STRETCHES = 8;

    private final Recorder recorder;
    private final int arity; // -1: any
    private final List<String> names;
    private final Map<Signature, Entry> entries = new ConcurrentHashMap<>();
    private final Map<Signature, Stretch> stretches =
            Collections.synchronizedMap(new Recent<>(STRETCHES));
    private final Deque<Steady> keeping = new ArrayDeque<>(); // the last used first
    private volatile Entry last; // null: none
    private volatile Stretch lastStretch; // null: none

    private Function(Recorder recorder, int arity, List<String> names) {
        this.recorder = recorder;
        this.arity = arity;
        this.names = names;
    }

    // ---------------------------------------------------------------------------------------------
    // from lambdas

    /// A function of nothing: of variables, and what is random.
    public static Function of(Supplier<Tensor> body) {
        return traced(_ -> Collections.singletonList(body.get()), 0);
    }

    /// A function of one tensor.
    ///
    /// ```java
    /// var f = Function.of((Tensor x) -> x.matmul(w).relu());
    /// Tensor y = f.apply(x);
    /// ```
    public static Function of(UnaryOperator<Tensor> body) {
        return traced(in -> Collections.singletonList(body.apply(in.get(0))), 1);
    }

    /// A function of two tensors, such as a training step: of a batch and its labels, giving the loss.
    public static Function of(BiFunction<Tensor, Tensor, Tensor> body) {
        return traced(in -> Collections.singletonList(body.apply(in.get(0), in.get(1))), 2);
    }

    /// A function of three tensors.
    public static Function of(Three body) {
        return traced(
                in -> Collections.singletonList(body.apply(in.get(0), in.get(1), in.get(2))), 3);
    }

    /// A function of any number of tensors with any number of results.
    public static Function ofMany(java.util.function.Function<List<Tensor>, List<Tensor>> body) {
        return traced(body, -1);
    }

    private static List<Node> nodes(List<Tensor> results) {
        if (results == null || results.stream().anyMatch(t -> t == null)) {
            throw new NacreException(
                    "function: what was traced gave null\n  hint: give a tensor, such as the loss of a step");
        }
        return results.stream().map(Tensor::node).toList();
    }

    private static Function traced(
            java.util.function.Function<List<Tensor>, List<Tensor>> body, int arity) {
        Recorder recorder =
                inputs -> {
                    // inside another function: a stretch of its body, which sees what it has set
                    if (Trace.current().isPresent()) {
                        return new Recording(nodes(body.apply(inputs)), List.of());
                    }
                    Trace trace = new Trace(false);
                    List<Node> outputs = trace.in(() -> nodes(body.apply(inputs)));
                    return new Recording(outputs, trace.updates());
                };
        return new Function(recorder, arity, List.of());
    }

    // --------------------------------------------------------------------------------------------
    // from symbols

    /// Theano's form: what is computed from symbolic inputs ([Tensor#symbol]), and what variables become.
    public static Function of(List<Tensor> inputs, List<Tensor> outputs, Update... updates) {
        List<Node> symbols = inputs.stream().map(Tensor::node).toList();
        for (Tensor t : inputs) {
            if (!(t.node().op() instanceof Op.Leaf l && l.source() instanceof Symbol)) {
                throw new NacreException(
                        "function: inputs must be symbols, but got the " + t.origin());
            }
        }
        unique(
                "function: %s is given twice as an input",
                inputs.stream().map(Tensor::origin).toList(), symbols);
        unique(
                "function: %s is updated twice",
                Arrays.stream(updates).map(u -> u.variable.origin()).toList(),
                Arrays.stream(updates).map(Update::variable).toList());
        List<Node> roots = new ArrayList<>(outputs.stream().map(Tensor::node).toList());
        for (Update u : updates) {
            if (!u.value.type().equals(u.variable.type())) {
                Problem.in("update")
                        .rule("the new value must be " + u.variable.type())
                        .operand("variable", u.variable.type(), u.variable::origin)
                        .operand("value", u.value.type(), u.value::origin)
                        .throwShape();
            }
            roots.add(u.value.node());
        }
        List<Node> graph = Variable.symbolic(Graph.cut(roots).roots());
        requireInputs(graph, symbols.stream().map(n -> ((Op.Leaf) n.op()).source()).toList());
        List<Sizes.Pair> assumed = Sizes.assumed(graph);
        Recorder recorder =
                given ->
                        bind(
                                graph,
                                assumed,
                                symbols,
                                given.stream().map(Tensor::node).toList(),
                                outputs.size(),
                                updates);
        return new Function(recorder, inputs.size(), symbols.stream().map(Node::origin).toList());
    }

    private static void unique(String message, List<String> names, List<?> things) {
        Map<Object, Boolean> seen = new IdentityHashMap<>();
        for (int i = 0; i < things.size(); i++) {
            if (seen.put(things.get(i), true) != null) {
                throw new NacreException(message.formatted(names.get(i)));
            }
        }
    }

    private static void requireInputs(List<Node> graph, Collection<? extends Source> sources) {
        Set<Source> inputs = Collections.newSetFromMap(new IdentityHashMap<>());
        inputs.addAll(sources);
        for (Node n : Graph.leaves(graph)) {
            Source s = ((Op.Leaf) n.op()).source();
            if (s instanceof Symbol && !inputs.contains(s)) {
                throw new NacreException(
                        "function: "
                                + s.origin()
                                + " is used, but is not an input of the function");
            }
        }
    }

    /// The recorded graph on inputs of known types: unknown sizes become what they are in the inputs, and all types are inferred again.
    private static Recording bind(
            List<Node> graph,
            List<Sizes.Pair> assumed,
            List<Node> symbols,
            List<Node> given,
            int outputs,
            Update[] updates) {
        Map<Long, Long> sizes = new HashMap<>();
        Map<Node, Node> places = new IdentityHashMap<>();
        Problem p = Problem.in("call");
        for (int i = 0; i < symbols.size(); i++) {
            TensorType declared = symbols.get(i).type();
            TensorType here = declared.withShape(declared.shape().bind(s -> bound(s, sizes)));
            p.require(
                    fits(declared, given.get(i).type(), sizes),
                    symbols.get(i).origin()
                            + " is declared "
                            + declared
                            + (here.equals(declared)
                                    ? ""
                                    : ", which is " + here + " by the inputs before it"));
            p.operand(
                    ((Symbol) ((Op.Leaf) symbols.get(i).op()).source()).name(),
                    given.get(i).type(),
                    () -> "");
            places.put(symbols.get(i), given.get(i));
        }
        p.throwShape();
        for (Sizes.Pair pair : assumed) {
            long a = bound(pair.a(), sizes);
            long b = bound(pair.b(), sizes);
            if (a != b && a >= 0 && b >= 0) {
                p.rule(
                        "%s and %s meet in the function, so their sizes must be equal, but are %d and %d"
                                .formatted(
                                        place(pair.a(), symbols), place(pair.b(), symbols), a, b));
            }
        }
        p.throwShape();
        Places.compiling(); // symbols were written down long before
        List<Node> bound =
                Graph.rewrite(
                        graph,
                        (n, in) ->
                                places.containsKey(n)
                                        ? places.get(n)
                                        : n.op() instanceof Op.Leaf
                                                ? Trace.here(n)
                                                : Node.of(n.op().bind(s -> bound(s, sizes)), in));
        List<Engine.Root> changes = new ArrayList<>();
        for (int k = 0; k < updates.length; k++) {
            changes.add(new Engine.Root(bound.get(outputs + k), Optional.of(updates[k].variable)));
        }
        return new Recording(bound.subList(0, outputs), changes);
    }

    /// What a size is where unknown ones are known.
    private static long bound(long size, Map<Long, Long> sizes) {
        return Shape.bound(size, s -> s < 0 ? sizes.getOrDefault(s, s) : s);
    }

    /// The axis of an input that an unknown size is declared by.
    private static String place(long size, List<Node> symbols) {
        for (Node s : symbols) {
            for (int i = 0; i < s.rank(); i++) {
                if (s.size(i) == size) {
                    return "axis " + i + " of " + s.origin();
                }
            }
        }
        return Arrays.stream(Shape.factors(size))
                .filter(Shape::isUnknown)
                .mapToObj(s -> s == size ? "a size of no input" : place(s, symbols))
                .collect(Collectors.joining(" times "));
    }

    /// Whether a type is one of those declared; notes what unknown sizes are.
    private static boolean fits(TensorType declared, TensorType actual, Map<Long, Long> sizes) {
        boolean fits =
                declared.shape().rank() == actual.shape().rank()
                        && declared.dtype() == actual.dtype();
        for (int a = 0; fits && a < declared.shape().rank(); a++) {
            long size = declared.shape().size(a);
            long known = bound(size, sizes);
            if (known < 0) {
                sizes.put(size, actual.shape().size(a));
            }
            fits = known < 0 || known == actual.shape().size(a);
        }
        return fits;
    }

    // ----------------------------------------------------------------------------------------------- execution

    /// Calls the function: all results.
    public List<Tensor> call(Tensor... inputs) {
        if (arity >= 0 && inputs.length != arity) {
            throw new NacreException(
                    "call: the function takes "
                            + arity
                            + (arity == 1 ? " input" : " inputs")
                            + (names.isEmpty() ? "" : " " + names)
                            + ", but got "
                            + inputs.length);
        }
        Optional<Trace> trace = Trace.current();
        if (trace.isPresent() && trace.get().isImmediate()) {
            return stretch(inputs, trace.get());
        }
        if (trace.isPresent()) { // inside another function: becomes part of it
            Recording r = recorder.record(List.of(inputs));
            r.updates.forEach(u -> trace.get().write(u.target().get(), u.node()));
            return r.outputs.stream().map(Tensor::new).toList();
        }
        Steps.flush();
        Entry entry = entry(inputs);
        List<Stored> results = run(entry, inputs, Plan.Call::run);
        List<Tensor> out = new ArrayList<>(entry.outputs);
        for (int i = 0; i < entry.outputs; i++) {
            out.add(new Tensor(results.get(i)));
        }
        return out;
    }

    /// Becomes a part of a step that is carried out at once ([Variable#update]), recorded once as well.
    private List<Tensor> stretch(Tensor[] inputs, Trace trace) {
        Stretch s = lastStretch;
        if (s == null || !matches(s.signature, inputs)) {
            Signature signature = Signature.of(inputs);
            s = stretches.get(signature);
            if (s == null) {
                s = Replay.aside(() -> record(signature));
                stretches.put(signature, s);
            }
            lastStretch = s;
        }
        Node[] arguments = new Node[inputs.length + s.free.size()];
        for (int i = 0; i < inputs.length; i++) {
            arguments[i] = inputs[i].node();
        }
        for (int i = inputs.length; i < arguments.length; i++) {
            arguments[i] = trace.inside(s.free.get(i - inputs.length));
        }
        List<Node> results = s.body.applied(arguments);
        int outputs = results.size() - s.sets.variables().size();
        trace.write(s.sets, results.subList(outputs, results.size()));
        List<Tensor> out = new ArrayList<>(outputs);
        for (int k = 0; k < outputs; k++) {
            out.add(new Tensor(results.get(k)));
        }
        return out;
    }

    private Stretch record(Signature signature) {
        List<Node> symbols = new ArrayList<>();
        for (TensorType t : signature.types) {
            symbols.add(Symbol.node("input " + symbols.size(), t));
        }
        Trace inner = new Trace(false);
        Recording r = inner.in(() -> recorder.record(symbols.stream().map(Tensor::new).toList()));
        List<Engine.Root> updates = new ArrayList<>(r.updates);
        updates.addAll(inner.updates());
        // in the order in which they are locked, each time
        updates.sort(Comparator.comparingLong(u -> u.target().orElseThrow().number()));
        List<Node> outputs = new ArrayList<>(r.outputs);
        updates.forEach(u -> outputs.add(u.node()));
        Set<Node> given = new HashSet<>(symbols);
        List<Node> free = Graph.leaves(outputs).stream().filter(n -> !given.contains(n)).toList();
        // what is kept of runs keeps bodies, and must not keep variables
        List<Node> stands = free.stream().map(Symbol::standing).toList();
        List<Node> all = new ArrayList<>(symbols);
        all.addAll(stands);
        return new Stretch(
                signature,
                Body.over(all, Graph.substitute(outputs, free, stands)),
                free,
                Trace.Sets.of(updates.stream().map(u -> u.target().orElseThrow()).toList(), free));
    }

    private static List<Stored> run(Entry entry, Tensor[] inputs, Consumer<Plan.Call> how) {
        List<Source> leaves = new ArrayList<>(entry.leaves);
        for (int i = 0; i < leaves.size(); i++) {
            if (leaves.get(i) instanceof Symbol s) {
                int number = entry.inputs.get(s);
                if (number < inputs.length) {
                    Stored given = inputs[number].value();
                    given.share(); // an input may be a variable that the function updates
                    leaves.set(i, new Stored.Ref(given));
                } else {
                    leaves.set(i, entry.steady.get().value(number - inputs.length));
                }
            }
        }
        return Engine.run(entry.plan, leaves, entry.targets, entry.names::get, how);
    }

    /// Calls the function: its first result.
    public Tensor apply(Tensor... inputs) {
        return call(inputs).getFirst();
    }

    /// What inputs of these types are compiled to: kernels, bytes, operations, memory, and for each kernel the modules and lines it comes from: `[encoder.0.linear1 (Net.java:42)]`.
    /// The function is recorded and compiled once more for that, with notes that otherwise are not taken.
    public String explain(Tensor... inputs) {
        Entry e = explained(inputs);
        return e.steady.map(Steady::explain).orElse("") + e.plan.explain();
    }

    /// Where the time of a call goes: [#explain] with each kernel's median time, from a few warm calls of a second or more in all. They are calls like any others: variables
    /// change.
    ///
    /// ```java
    /// System.out.println(step.profile(x, y));
    /// ```
    public Profile profile(Tensor... inputs) {
        call(inputs);
        Entry entry = entry(inputs);
        return Profile.of(entry.plan, explained(inputs).plan, how -> run(entry, inputs, how));
    }

    /// Recorded and compiled once more, with a note of where each node is written.
    private Entry explained(Tensor[] inputs) {
        return Places.keeping(() -> compile(Signature.of(inputs)));
    }

    Plan plan(Tensor... inputs) {
        return entry(inputs).plan;
    }

    private Entry entry(Tensor[] inputs) {
        Entry e = last;
        if (e != null && matches(e.signature, inputs)) {
            return e;
        }
        Signature signature = Signature.of(inputs);
        e = entries.get(signature);
        if (e == null) {
            e = compile(signature);
            entries.put(signature, e);
            Entry made = e;
            e.plan.orForget(() -> forget(made));
        }
        last = e;
        e.steady.ifPresent(this::keep);
        return e;
    }

    /// Lets go of a plan: the next call with such inputs compiles it again.
    private void forget(Entry e) {
        entries.remove(e.signature, e);
        if (last == e) {
            last = null; // or is by now another thread's, which costs that a look into the table
        }
        e.steady.ifPresent(s -> {
            s.release();
            synchronized (keeping) {
                keeping.remove(s);
            }
        });
    }

    /// For how many kinds of inputs there are plans.
    int plans() {
        return entries.size();
    }

    private void keep(Steady used) {
        synchronized (keeping) {
            keeping.remove(used);
            keeping.addFirst(used);
            if (keeping.size() > KEEPING) {
                keeping.removeLast().release();
            }
        }
    }

    /// For how many signatures values are kept.
    int keeping() {
        synchronized (keeping) {
            return keeping.size();
        }
    }

    private static boolean matches(Signature signature, Tensor[] inputs) {
        List<TensorType> types = signature.types;
        if (types.size() != inputs.length || signature.precision != Precision.current()) {
            return false;
        }
        for (int i = 0; i < inputs.length; i++) {
            if (!types.get(i).equals(inputs[i].type())) {
                return false;
            }
        }
        return true;
    }

    private Entry compile(Signature signature) {
        return Replay.aside(() -> compiled(signature));
    }

    private Entry compiled(Signature signature) {
        Map<Symbol, Integer> numbers = new HashMap<>();
        List<Tensor> inputs = new ArrayList<>();
        for (TensorType t : signature.types) {
            Symbol s =
                    new Symbol(
                            names.isEmpty()
                                    ? "input " + inputs.size()
                                    : names.get(inputs.size()).replaceAll("^input '|'$", ""),
                            t);
            numbers.put(s, inputs.size());
            inputs.add(new Tensor(Node.of(new Op.Leaf(s))));
        }
        Recording r = recorder.record(inputs);
        List<Node> recorded = new ArrayList<>(r.outputs);
        r.updates.forEach(u -> recorded.add(u.node()));
        Places.compiling();
        List<Node> graph = Graph.cut(recorded).roots();
        requireInputs(graph, numbers.keySet());
        List<Optional<Variable>> targets = new ArrayList<>();
        List<Optional<Source>> sources = new ArrayList<>();
        List<String> what = new ArrayList<>();
        for (Node n : r.outputs) {
            targets.add(Optional.empty());
            sources.add(Optional.empty());
            what.add(n.origin());
        }
        for (Engine.Root u : r.updates) {
            targets.add(u.target());
            sources.add(Optional.of(((Op.Leaf) u.target().get().current().op()).source()));
            what.add(u.target().get().origin());
        }
        Steady.Compiled compiled =
                r.updates.isEmpty() && !inputs.isEmpty()
                        ? Steady.compile(graph)
                        : new Steady.Compiled(
                                Compiler.compile(
                                        graph, Graph.sources(graph), sources, Engine.backend()),
                                Optional.empty());
        compiled.steady().ifPresent(s -> s.symbols().forEach(k -> numbers.put(k, numbers.size())));
        return new Entry(
                signature,
                compiled.plan(),
                compiled.plan().inputs(),
                numbers,
                Engine.Targets.of(targets),
                what,
                r.outputs.size(),
                compiled.steady());
    }

    /// What it takes, and for which types it has been compiled.
    @Override
    public String toString() {
        String inputs =
                !names.isEmpty()
                        ? String.join(", ", names)
                        : arity < 0 ? "any tensors" : arity + (arity == 1 ? " tensor" : " tensors");
        String compiled =
                entries.keySet().stream()
                        .map(s -> s.types + (s.precision == Precision.F32 ? "" : " " + s.precision))
                        .sorted()
                        .collect(Collectors.joining(", "));
        return "Function of "
                + inputs
                + (compiled.isEmpty() ? ", not compiled yet" : ", compiled for " + compiled);
    }
}
