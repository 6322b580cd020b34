package dev.nacre.compile;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Places;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/// From a graph to a [Plan]: stabilize, fold, simplify, schedule into kernels, order images' axes, spare copies, merge equal loops, advance what frees memory, take out the packing of what stays the
/// same, lay out memory, hand over to the backend.
public final class Compiler {
    /// Lines named for one kernel.
    private static final int PLACES = 3;

    private final List<Source> sources;
    private final List<Optional<Source>> targets;
    private final Predicate<Source> fixed;
    private List<Source> inputs = List.of(); // of the plan, in the order of its table of addresses
    private List<Kernel.Pack> packs = List.of(); // on the numbers of sources and of buffers
    private List<Scheduler.Buffer> buffers;
    private List<String> places = List.of();
    private final Map<Integer, Integer> slots =
            new HashMap<>(); // buffer → place in the table of addresses

    private Compiler(
            List<Source> sources, List<Optional<Source>> targets, Predicate<Source> fixed) {
        this.sources = sources;
        this.targets = targets;
        this.fixed = fixed;
    }

    /// Compiles roots whose leaves are among `sources`.
    ///
    /// @param roots what is computed
    /// @param sources the leaves' sources in the order of the plan's inputs
    /// @param targets for each root, the source whose memory it may overwrite (a variable it updates), if any
    public static Plan compile(
            List<Node> roots,
            List<Source> sources,
            List<Optional<Source>> targets,
            Backend backend) {
        return compile(roots, sources, sources, targets, backend);
    }

    /// The same for a plan that keeps no numbers alive.
    ///
    /// @param inputs stand for the sources in the plan
    public static Plan compile(
            List<Node> roots,
            List<Source> sources,
            List<Source> inputs,
            List<Optional<Source>> targets,
            Backend backend) {
        return new Compiler(sources, targets, _ -> false).plan(roots, Optional.of(inputs), backend);
    }

    /// A plan and what it has others prepare.
    ///
    /// @param plan its inputs are those sources that it reads, and packed operands
    /// @param packed the packed operands among its inputs
    /// @param packing computes them, in this order; empty if there are none
    public record Prepared(Plan plan, List<Symbol> packed, Optional<Plan> packing) {}

    /// Compiles roots that change no sources.
    ///
    /// @param fixed whether the value of a source stays the same from one call to the next, as a rule
    public static Prepared prepare(
            List<Node> roots, List<Source> sources, Predicate<Source> fixed, Backend backend) {
        Compiler c =
                new Compiler(sources, Collections.nCopies(roots.size(), Optional.empty()), fixed);
        Plan plan = c.plan(roots, Optional.empty(), backend);
        int read = c.inputs.size() - c.packs.size();
        List<Symbol> packed =
                c.inputs.subList(read, c.inputs.size()).stream().map(Symbol.class::cast).toList();
        return new Prepared(
                plan,
                packed,
                packed.isEmpty() ? Optional.empty() : Optional.of(c.packing(packed, backend)));
    }

    /// @param named what the plan has for inputs; empty: what it reads
    private Plan plan(List<Node> roots, Optional<List<Source>> named, Backend backend) {
        List<View> views = new ArrayList<>();
        for (Source s : sources) {
            views.add(View.dense(views.size(), s.type()));
        }
        List<TensorType> types = roots.stream().map(Node::type).toList();
        Block b = run(roots, views, backend);
        return new Plan(
                b.kernels(),
                named.orElse(inputs),
                types,
                b.bytes(),
                backend.prepare(b.kernels()),
                places);
    }

    /// The plan that packs operands.
    private Plan packing(List<Symbol> packed, Backend backend) {
        List<Integer> read = packs.stream().map(p -> p.product().b().buffer()).distinct().toList();
        Map<Integer, Integer> places = new HashMap<>();
        read.forEach(b -> places.put(b, places.size()));
        List<Kernel> kernels = new ArrayList<>();
        for (Kernel.Pack p : packs) {
            int out = read.size() + kernels.size();
            kernels.add(
                    p.map(v ->
                            v.buffer() == p.out().buffer()
                                    ? v.on(out, 0)
                                    : v.on(places.get(v.buffer()), 0)));
        }
        return new Plan(
                kernels,
                read.stream().map(sources::get).toList(),
                packed.stream().map(Symbol::type).toList(),
                0,
                backend.prepare(kernels),
                List.of());
    }

    /// Compiles the body of a loop.
    ///
    /// @param views how the value of each source lies from the source's address on
    static Block body(List<Node> roots, List<Source> sources, List<View> views, Backend backend) {
        return new Compiler(
                        sources, Collections.nCopies(roots.size(), Optional.empty()), _ -> false)
                .run(roots, views, backend);
    }

    private Block run(List<Node> roots, List<View> views, Backend backend) {
        Places.compiling();
        UnaryOperator<List<Node>> simplify =
                x ->
                        Simplify.run(
                                Slices.run(Winners.run(Folding.run(Stabilize.run(x), _ -> false))),
                                (f, n) ->
                                        backend.claims(
                                                f, n.inputs().stream().map(Node::type).toList()));
        List<Node> ordered = Graph.topological(roots).roots(); // for all passes
        List<Node> simple = Scans.run(simplify.apply(ordered), simplify);
        List<Node> leaves = new ArrayList<>();
        Map<Source, Node> bySource = new IdentityHashMap<>();
        Graph.leaves(simple).forEach(n -> bySource.put(((Op.Leaf) n.op()).source(), n));
        for (Source s : sources) {
            leaves.add(bySource.computeIfAbsent(s, x -> Node.of(new Op.Leaf(x))));
        }
        Scheduler.Schedule schedule =
                Placing.run(
                        ChannelsLast.run(
                                Scheduler.run(simple, leaves, views, backend),
                                leaves.size(),
                                backend::prefersChannelsLast),
                        leaves.size());
        buffers = new ArrayList<>(schedule.buffers());
        Set<Integer> results = new HashSet<>();
        schedule.roots().forEach(v -> results.add(v.buffer()));
        IntPredicate isTemporary = b -> b >= leaves.size() && !results.contains(b);
        List<Kernel> merged = Merging.run(schedule.kernels(), buffers, isTemporary);
        List<Kernel> kernels =
                packed(Advancing.run(merged, buffers, isTemporary), schedule.roots(), backend);
        for (int k = 0; k < schedule.roots().size(); k++) { // the graph may be huge: let it go
            assign(k, schedule.roots().get(k), kernels);
        }
        kernels = Commit.last(kernels, this::isUpdated);
        keepOldValues(kernels);
        places = Places.areKept() ? kernels.stream().map(this::place).toList() : List.of();
        int arena = inputs.size() + schedule.roots().size();
        Arena.Layout layout =
                Arena.of(kernels, buffers, b -> b != Scheduler.RAMP && !slots.containsKey(b));
        return new Block(
                kernels.stream().map(k -> k.map(v -> place(v, layout, arena))).toList(),
                layout.bytes());
    }

    /// Gives sources their places, but for those that are read in another form only: these have it in their place.
    private List<Kernel> packed(List<Kernel> kernels, List<View> roots, Backend backend) {
        Packs p =
                Packs.of(
                        kernels,
                        buffers,
                        b -> b >= 0 && b < sources.size() && fixed.test(sources.get(b)),
                        backend);
        packs = p.packs();
        Set<Integer> dropped = new HashSet<>();
        packs.forEach(k -> dropped.add(k.product().b().buffer()));
        Stream.concat(p.kernels().stream().flatMap(k -> k.reads().stream()), roots.stream())
                .forEach(v -> dropped.remove(v.buffer()));
        inputs = new ArrayList<>();
        for (int i = 0; i < sources.size(); i++) {
            if (!dropped.contains(i)) {
                slots.put(i, inputs.size());
                inputs.add(sources.get(i));
            }
        }
        for (Kernel.Pack k : packs) {
            slots.put(k.out().buffer(), inputs.size());
            inputs.add(
                    new Symbol(
                            "packed " + inputs.size(), TensorType.of(DType.U8, k.out().sizes())));
        }
        return new ArrayList<>(p.kernels());
    }

    /// Gives root k a place of its own: the buffer it fills becomes the output, or it is copied there.
    private void assign(int k, View root, List<Kernel> kernels) {
        int slot = inputs.size() + k;
        boolean owns =
                root.buffer() >= sources.size()
                        && !slots.containsKey(root.buffer())
                        && root.isDense()
                        && root.offset() == 0;
        if (owns && root.count() == buffers.get(root.buffer()).count()) {
            slots.put(root.buffer(), slot);
        } else {
            copy(root, slot, kernels);
        }
    }

    private boolean isUpdated(int buffer) {
        int k = slots.getOrDefault(buffer, -1) - inputs.size();
        return k >= 0 && targets.get(k).isPresent();
    }

    private void copy(View from, int slot, List<Kernel> kernels) {
        buffers.add(new Scheduler.Buffer(from.dtype(), from.count()));
        int to = buffers.size() - 1;
        slots.put(to, slot);
        TensorType type = TensorType.of(from.dtype(), from.sizes());
        if (from.count() > 0) {
            kernels.add(Group.copy(from, View.dense(to, type)));
        }
    }

    /// An update may overwrite its variable only where nobody reads the old value any more and nothing fails any more; otherwise it is computed aside and copied at
    /// the end.
    private void keepOldValues(List<Kernel> kernels) {
        Map<Integer, Integer> bufferAt = new HashMap<>();
        slots.forEach((buffer, slot) -> bufferAt.put(slot, buffer));
        Map<Integer, Integer> firstWrite = new HashMap<>();
        Map<Integer, Integer> lastRead = new HashMap<>();
        int lastFailure = -1;
        for (int i = 0; i < kernels.size(); i++) {
            lastFailure = kernels.get(i).mayFail() ? i : lastFailure;
            for (View v : kernels.get(i).writes()) {
                firstWrite.putIfAbsent(v.buffer(), i);
            }
            for (View v : kernels.get(i).reads()) {
                lastRead.put(v.buffer(), i);
            }
        }
        Map<Source, Integer> numbers = new HashMap<>();
        for (int i = 0; i < sources.size(); i++) {
            numbers.putIfAbsent(sources.get(i), i);
        }
        Map<Loop, Map<Integer, List<Loop.Instance>>> users = new IdentityHashMap<>();
        List<Integer> unsafe = new ArrayList<>();
        for (int k = 0; k < targets.size(); k++) {
            if (targets.get(k).isEmpty()) {
                continue;
            }
            int variable = numbers.getOrDefault(targets.get(k).get(), -1); // -1: not read at all
            int written = bufferAt.get(inputs.size() + k);
            int write = firstWrite.getOrDefault(written, Integer.MAX_VALUE);
            int read = variable < 0 ? -1 : lastRead.getOrDefault(variable, -1);
            boolean safe =
                    read < write
                            || read == write
                                    && kernels.get(read) instanceof Loop loop
                                    && pointwise(
                                            loop.program(),
                                            users.computeIfAbsent(loop, Compiler::users)
                                                    .get(variable),
                                            written,
                                            variable);
            if (!safe || lastFailure >= write) {
                unsafe.add(k);
            }
        }
        for (int k : unsafe) {
            int aside = bufferAt.get(inputs.size() + k);
            slots.remove(aside);
            Scheduler.Buffer b = buffers.get(aside);
            copy(
                    View.dense(aside, TensorType.of(b.dtype(), b.count())),
                    inputs.size() + k,
                    kernels);
        }
    }

    /// The instances that have to do with a buffer.
    private static Map<Integer, List<Loop.Instance>> users(Loop loop) {
        Map<Integer, List<Loop.Instance>> out = new HashMap<>();
        for (Loop.Instance i : loop.instances()) {
            for (View v : i.views()) {
                List<Loop.Instance> of = out.computeIfAbsent(v.buffer(), _ -> new ArrayList<>());
                if (of.isEmpty() || of.getLast() != i) {
                    of.add(i);
                }
            }
        }
        return out;
    }

    /// Whether within the instances each element of the variable is read only at the point that writes it.
    private static boolean pointwise(
            Program program, List<Loop.Instance> instances, int written, int variable) {
        for (Loop.Instance i : instances) {
            Loop alone = new Loop(program, List.of(i));
            Optional<View> out =
                    alone.writes().stream().filter(v -> v.buffer() == written).findFirst();
            boolean reads = alone.reads().stream().anyMatch(v -> v.buffer() == variable);
            if (reads
                    && (out.isEmpty()
                            || !Arena.isPointwise(alone, out.get())
                            || !Arena.walksAlike(alone, variable, out.get()))) {
                return false;
            }
        }
        return true;
    }

    /// Where in the user's program a kernel comes from.
    private String place(Kernel k) {
        List<String> all =
                k.writes().stream()
                        .filter(v -> v.buffer() >= 0)
                        .flatMap(v -> buffers.get(v.buffer()).from().stream())
                        .distinct()
                        .toList();
        return String.join(", ", all.subList(0, Math.min(all.size(), PLACES)))
                + (all.size() > PLACES ? ", …" : "");
    }

    private View place(View v, Arena.Layout layout, int arena) {
        if (v.buffer() == Scheduler.RAMP) {
            return v;
        }
        Integer slot = slots.get(v.buffer());
        if (slot == null && v.count() == 0) { // nobody has written it
            return v.on(arena, 0);
        }
        return slot != null
                ? v.on(slot, 0)
                : v.on(arena, layout.places().get(v.buffer()) / v.dtype().bytes());
    }
}
