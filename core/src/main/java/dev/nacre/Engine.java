package dev.nacre;

import dev.nacre.compile.Backend;
import dev.nacre.compile.Compiler;
import dev.nacre.compile.Plan;
import dev.nacre.ir.Graph;
import dev.nacre.ir.GraphKey;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import dev.nacre.ir.Paths;
import dev.nacre.ir.Places;
import dev.nacre.ir.Replay;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.type.NacreException;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.Stream;

/// Computes graphs: finds the plan of an equal graph or compiles one, and runs it.
final class Engine {
    private static final Plans PLANS = new Plans();

    private static final int NO_TARGET = -2;

    private static final class Found {
        static final Optional<Backend> BACKEND =
                ServiceLoader.load(Backend.class, Engine.class.getClassLoader()).stream()
                        .map(ServiceLoader.Provider::get)
                        .max(Comparator.comparingInt(Backend::priority));
    }

    private Engine() {}

    static Backend backend() {
        return Found.BACKEND.orElseThrow(() ->
                new NacreException(
                        "no backend found to compute with\n  hint: put the artifact dev.nacre:nacre-cpu on the class path or module path"));
    }

    /// A value to compute and the variable it is for, if any.
    record Root(Node node, Optional<Variable> target) {}

    /// What is computed at once: first what is wanted, as in a function, whose outputs come before what it sets; so both have one order, and the same kernels.
    ///
    /// @param wanted values for no variables
    /// @param set values of variables, and others
    /// @param told whether the point of the run that `set` comes from says which variables those are for
    record Roots(List<Node> wanted, List<Node> set, boolean told, Targets targets) {
        static Roots of(List<Root> roots) {
            List<Node> nodes = new ArrayList<>(roots.size());
            List<Optional<Variable>> targets = new ArrayList<>(roots.size());
            for (Root r : roots) {
                nodes.add(r.node);
                targets.add(r.target);
            }
            return new Roots(List.of(), nodes, false, Targets.of(targets));
        }

        int size() {
            return wanted.size() + set.size();
        }

        Node node(int k) {
            return k < wanted.size() ? wanted.get(k) : set.get(k - wanted.size());
        }
    }

    static List<Stored> evaluate(List<Root> roots) {
        return evaluate(Roots.of(roots));
    }

    /// Computes all roots in one plan. Values of variables are written over the old ones where nobody else holds those.
    static List<Stored> evaluate(Roots roots) {
        Replay replay = Replay.here();
        try {
            Optional<Replay.Point> point = point(replay, roots);
            replay.leave();
            if (point.isPresent() && point.get().note().orElse(null) instanceof Repeated again) {
                Optional<List<Stored>> results = again.compute(roots, replay);
                if (results.isPresent()) {
                    return results.get();
                }
            }
            return evaluate(roots, replay, point);
        } finally {
            replay.begin();
        }
    }

    /// What this computation is for the graph that has been written down.
    private static Optional<Replay.Point> point(Replay replay, Roots roots) {
        // of all those that the point tells, one is enough
        int asked = roots.told ? roots.wanted.size() + 1 : roots.size();
        int[] details = new int[2 * asked];
        for (int k = 0; k < asked; k++) {
            details[2 * k] = replay.number(roots.node(k));
            if (details[2 * k] < 0) {
                return Optional.empty();
            }
            Optional<Variable> target = roots.targets.outputs.get(k);
            details[2 * k + 1] =
                    target.isPresent() ? replay.use(target.get().current()) : NO_TARGET;
        }
        return replay.ask(roots.told ? Roots.class : Engine.class, details);
    }

    /// A computation that was made before, of another graph of the same structure.
    ///
    /// @param plan gone where there was too much that is kept
    /// @param leaves in the order of the plan's inputs
    /// @param numbers further inputs
    /// @param same whether they still are those
    /// @param places of the nodes that are written down in a row, in the graph
    /// @param names of the results
    private record Repeated(
            WeakReference<Plan> plan,
            Paths leaves,
            List<Op.Constant> numbers,
            BooleanSupplier same,
            Reuse reuse,
            int[] places,
            List<String> names) {
        static Repeated of(
                Plan plan,
                Plans.Found found,
                Order order,
                Inputs inputs,
                Replay replay,
                Replay.Point point,
                List<Node> results) {
            int[] leaves = inputs.places.stream().mapToInt(Integer::intValue).toArray();
            return new Repeated(
                    new WeakReference<>(plan),
                    Paths.of(order, leaves),
                    List.copyOf(found.literals().inputs()),
                    found.same(),
                    found.reuse(),
                    replay.places(order, point),
                    results.stream().map(Node::origin).toList());
        }

        /// The results; empty if something is not as it was.
        Optional<List<Stored>> compute(Roots roots, Replay replay) {
            Plan p = plan.get();
            if (p == null || !same.getAsBoolean() || !reuse.isEmpty()) {
                return Optional.empty();
            }
            Node[] found = leaves.follow(roots::node);
            List<Source> sources = new ArrayList<>(found.length + numbers.size());
            for (Node n : found) {
                Source s = ((Op.Leaf) n.op()).source();
                if (s instanceof Stored.Ref r && r.stored().kept().isPresent()) {
                    return Optional.empty();
                }
                sources.add(s);
            }
            for (Op.Constant c : numbers) {
                sources.add(new Stored.Ref(Stored.number(c)));
            }
            List<Stored> results = run(p, sources, roots.targets, names::get, Plan.Call::run);
            replay.computedIn(reuse, places);
            Node.nextEra();
            return Optional.of(results);
        }
    }

    private static List<Stored> evaluate(Roots roots, Replay replay, Optional<Replay.Point> point) {
        List<Node> nodes = new ArrayList<>(roots.wanted);
        nodes.addAll(roots.set);
        List<Optional<Variable>> targets = new ArrayList<>(roots.targets.outputs);
        Graph.Cut cut = Graph.cutting(nodes);
        Order order = cut.order();
        Inputs inputs = Inputs.of(order);
        List<Integer> written =
                targets.stream()
                        .map(t -> t.isPresent() ? inputs.place(t.get()) : Integer.valueOf(-1))
                        .toList();
        Plans.Key key = new Plans.Key(GraphKey.withoutNumbers(order), written);
        Plans.Found plain = PLANS.find(key, inputs.numbers);
        List<Reuse.Kept> kept = plain.reuse().of(cut);
        List<Node> more = kept.stream().map(k -> order.get(k.place())).toList();
        Plans.Found found =
                kept.isEmpty()
                        ? plain
                        : PLANS.findKeeping(
                                key, plain, kept.stream().map(Reuse.Kept::place).toList());
        nodes.addAll(more);
        targets.addAll(Collections.nCopies(more.size(), Optional.empty()));
        Plan plan =
                found.plan()
                        .orElseGet(() -> {
                            Growth.compiled(cut);
                            Plan p = compile(order, more, written, found.literals());
                            PLANS.keep(key, found.literals(), p);
                            return p;
                        });
        if (point.isPresent() && kept.isEmpty() && cut.places() == null) {
            Repeated again = Repeated.of(plan, found, order, inputs, replay, point.get(), nodes);
            point.get().note(again, order.size());
        }
        List<Stored> results =
                run(
                        plan,
                        inputs.with(found.literals().inputs()),
                        Targets.of(targets),
                        k -> nodes.get(k).origin(),
                        Plan.Call::run);
        found.reuse()
                .computed(
                        cut,
                        kept,
                        results.subList(roots.size(), results.size()),
                        inputs.carried + 1);
        Node.nextEra();
        return results.subList(0, roots.size());
    }

    /// What a graph is computed from.
    ///
    /// @param leaves and their places in the graph
    /// @param numbers its floating constants
    /// @param variables by their places among the leaves
    /// @param carried how many times in a row it was computed from what was kept
    private record Inputs(
            List<Source> leaves,
            List<Integer> places,
            List<Op.Constant> numbers,
            Map<Variable, Integer> variables,
            int carried) {
        static Inputs of(Order order) {
            List<Source> leaves = new ArrayList<>();
            List<Integer> places = new ArrayList<>();
            List<Op.Constant> numbers = new ArrayList<>();
            Map<Variable, Integer> variables = new IdentityHashMap<>();
            int carried = 0;
            for (int i = 0; i < order.size(); i++) {
                if (order.get(i).op() instanceof Op.Leaf leaf) {
                    if (leaf.source() instanceof Variable.Current c) {
                        variables.put(c.variable(), leaves.size());
                    } else if (leaf.source() instanceof Stored.Ref r) {
                        carried = Math.max(carried, Reuse.used(r.stored()));
                    }
                    leaves.add(leaf.source());
                    places.add(i);
                } else if (isNumber(order.get(i))) {
                    numbers.add((Op.Constant) order.get(i).op());
                }
            }
            return new Inputs(leaves, places, numbers, variables, carried);
        }

        /// The place of a variable among the leaves; −2 if it is none.
        int place(Variable v) {
            return variables.getOrDefault(v, -2);
        }

        /// The leaves, and numbers that have become inputs.
        List<Source> with(List<Op.Constant> more) {
            List<Source> all = new ArrayList<>(leaves);
            for (Op.Constant c : more) {
                all.add(new Stored.Ref(Stored.number(c)));
            }
            return all;
        }
    }

    /// The variable that each output is the new value of, if any.
    ///
    /// @param ordered those there are, in the order in which their locks are taken
    /// @param whole whether values of several variables must be from between two changes
    record Targets(List<Optional<Variable>> outputs, List<Variable> ordered, boolean whole) {
        static Targets of(List<Optional<Variable>> outputs) {
            List<Variable> ordered = new ArrayList<>(outputs.size());
            boolean sorted = true;
            for (Optional<Variable> target : outputs) {
                if (target.isPresent()) {
                    sorted &=
                            ordered.isEmpty() || ordered.getLast().number() < target.get().number();
                    ordered.add(target.get());
                }
            }
            if (!sorted) {
                ordered.sort(Comparator.comparingLong(Variable::number));
            }
            return new Targets(outputs, ordered, true);
        }

        /// After outputs that are for no variables.
        Targets after(int others) {
            List<Optional<Variable>> all =
                    new ArrayList<>(Collections.nCopies(others, Optional.empty()));
            all.addAll(outputs);
            return new Targets(all, ordered, whole);
        }

        static Targets none(int outputs) {
            return new Targets(Collections.nCopies(outputs, Optional.empty()), List.of(), true);
        }

        /// None, for a call of which the caller finds out itself whether all is from one moment.
        static Targets unchecked(int outputs) {
            return new Targets(Collections.nCopies(outputs, Optional.empty()), List.of(), false);
        }
    }

    private static boolean isNumber(Node n) {
        return n.op() instanceof Op.Constant c && c.dtype().isFloating();
    }

    /// The floating constants among nodes.
    private static List<Node> numbers(List<Node> order) {
        List<Node> out = new ArrayList<>();
        for (Node n : order) {
            if (isNumber(n)) {
                out.add(n);
            }
        }
        return out;
    }

    /// Compiles a graph to a plan that keeps no numbers alive. The graph itself, which may be huge, is copied only where numbers become inputs.
    ///
    /// @param more nodes that are results, too
    private static Plan compile(
            Order order, List<Node> more, List<Integer> targets, Plans.Literals literals) {
        Places.compiling();
        List<Node> roots = new ArrayList<>(order.roots());
        roots.addAll(more);
        List<Node> leaves = new ArrayList<>();
        List<Node> stands = new ArrayList<>();
        for (Node n : order) {
            if (n.op() instanceof Op.Leaf) {
                leaves.add(n);
                stands.add(Symbol.standing(n));
            }
        }
        List<Node> given =
                literals.inputs().stream()
                        .map(c -> Symbol.node("a number", TensorType.of(c.dtype())))
                        .toList();
        List<Source> inputs = sources(Stream.concat(stands.stream(), given.stream()));
        boolean asItIs = given.isEmpty();
        List<Source> sources = asItIs ? sources(leaves.stream()) : inputs;
        List<Optional<Source>> overwritten = new ArrayList<>();
        for (int k = 0; k < roots.size(); k++) {
            int target = k < targets.size() ? targets.get(k) : -1;
            overwritten.add(target >= 0 ? Optional.of(sources.get(target)) : Optional.empty());
        }
        if (asItIs) {
            return Compiler.compile(roots, sources, inputs, overwritten, backend());
        }
        List<Node> numbers = numbers(order);
        for (int i = 0; i < numbers.size(); i++) {
            if (literals.form().get(i) instanceof Integer input) {
                leaves.add(numbers.get(i));
                stands.add(given.get(input));
            }
        }
        return Compiler.compile(
                Graph.substitute(roots, leaves, stands), sources, inputs, overwritten, backend());
    }

    private static List<Source> sources(Stream<Node> leaves) {
        return leaves.map(n -> ((Op.Leaf) n.op()).source()).toList();
    }

    /// The plans kept.
    static List<Plan> kept() {
        return PLANS.all();
    }

    /// How many plans have been compiled to be kept.
    static long compiled() {
        return PLANS.compiled();
    }

    /// The plan that [#evaluate] would use, for explanations.
    static Plan planOf(List<Node> expressions) {
        Order order = Graph.cut(expressions);
        List<Object> form = new ArrayList<>(numbers(order));
        return Places.keeping(() ->
                compile(
                        order,
                        List.of(),
                        order.roots().stream().map(_ -> -1).toList(),
                        new Plans.Literals(form, List.of())));
    }

    /// Runs a plan. Of calls that update a variable in common, each reads what the one before has left.
    ///
    /// @param leaves where each input comes from; no symbols
    /// @param names what the outputs are, for messages
    /// @param how the call is run once everything has its place
    static List<Stored> run(
            Plan plan,
            List<Source> leaves,
            Targets targets,
            IntFunction<String> names,
            Consumer<Plan.Call> how) {
        List<Stored> out = new ArrayList<>(targets.outputs.size());
        // may compute: not while this plan's turn lasts
        try (Access access = Access.of(leaves, targets)) {
            Plan.Call call = plan.begin();
            try {
                List<Stored> mapped = List.of();
                for (int i = 0; i < leaves.size(); i++) {
                    Stored value = access.value(i);
                    call.input(i, value.address());
                    if (value.isMapped()) {
                        mapped = with(value, mapped);
                    }
                }
                for (int k = 0; k < targets.outputs.size(); k++) {
                    Stored room =
                            targets.outputs.get(k).isPresent()
                                    ? access.room(k)
                                    : Stored.room(plan.outputs().get(k), names.apply(k));
                    out.add(room);
                    call.output(k, room.address());
                }
                if (mapped.isEmpty()) {
                    how.accept(call);
                } else {
                    Mapped.during(mapped, () -> how.accept(call));
                }
            } finally {
                plan.end(call);
            }
            access.commit();
            Reference.reachabilityFence(access);
        }
        return out;
    }

    /// One of each arena.
    private static List<Stored> with(Stored value, List<Stored> others) {
        MemorySegment.Scope arena = value.memory().scope();
        return others.stream().anyMatch(o -> o.memory().scope().equals(arena))
                ? others
                : Stream.concat(others.stream(), Stream.of(value)).toList();
    }

    static Stored stored(Source s) {
        return switch (s) {
            case Stored.Ref r -> r.stored();
            case Variable.Current v -> v.variable().value();
            case Symbol x ->
                    throw new NacreException(
                            x.isTraced()
                                    ? x.origin()
                                            + " has a value only in the function that was traced with it\n"
                                            + "  hint: return as an output what is needed outside, and take the optimizer's"
                                            + " step in the function that calls backward()"
                                    : x.origin()
                                            + " has no value: pass it to a Function that names it as an input");
            default -> throw new NacreException(s.origin() + " has no value");
        };
    }
}
