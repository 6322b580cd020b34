package dev.nacre.compile;

import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// From a graph to a [Plan]: stabilize, fold, simplify, schedule into kernels, merge equal loops, lay out memory, hand over to the backend.
public final class Compiler {
    private final Backend backend;
    private final List<Source> sources;
    private final List<Optional<Source>> targets;
    private List<Scheduler.Buffer> buffers;
    private final Map<Integer, Integer> slots =
            new HashMap<>(); // buffer → place in the table of addresses

    private Compiler(Backend backend, List<Source> sources, List<Optional<Source>> targets) {
        this.backend = backend;
        this.sources = sources;
        this.targets = targets;
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
        return new Compiler(backend, sources, targets).run(roots);
    }

    private Plan run(List<Node> roots) {
        List<Node> simple =
                Simplify.run(
                        Folding.run(Stabilize.run(roots), _ -> false),
                        (f, n) -> backend.claims(f, n.inputs().stream().map(Node::type).toList()));
        List<Node> leaves = new ArrayList<>();
        Map<Source, Node> bySource = new java.util.IdentityHashMap<>();
        dev.nacre.ir.Graph.leaves(simple)
                .forEach(n -> bySource.put(((Op.Leaf) n.op()).source(), n));
        for (Source s : sources) {
            leaves.add(bySource.computeIfAbsent(s, x -> Node.of(new Op.Leaf(x))));
        }
        Scheduler.Schedule schedule = Scheduler.run(simple, leaves);
        buffers = new ArrayList<>(schedule.buffers());
        List<Kernel> kernels = new ArrayList<>(Merging.run(schedule.kernels()));
        for (int i = 0; i < leaves.size(); i++) {
            slots.put(i, i);
        }
        for (int k = 0; k < roots.size(); k++) {
            assign(k, schedule.roots().get(k), kernels);
        }
        kernels = Commit.last(kernels, this::isUpdated);
        keepOldValues(kernels);
        int arena = sources.size() + roots.size();
        Arena.Layout layout =
                Arena.of(kernels, buffers, b -> b != Scheduler.RAMP && !slots.containsKey(b));
        List<Kernel> placed =
                kernels.stream().map(k -> k.map(v -> place(v, layout, arena))).toList();
        List<TensorType> types = roots.stream().map(Node::type).toList();
        return new Plan(placed, sources, types, layout.bytes(), backend.prepare(placed));
    }

    /// Gives root k a place of its own: the buffer it fills becomes the output, or it is copied there.
    private void assign(int k, View root, List<Kernel> kernels) {
        int slot = sources.size() + k;
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
        int k = slots.getOrDefault(buffer, -1) - sources.size();
        return k >= 0 && targets.get(k).isPresent();
    }

    private void copy(View from, int slot, List<Kernel> kernels) {
        buffers.add(new Scheduler.Buffer(from.dtype(), from.count()));
        int to = buffers.size() - 1;
        slots.put(to, slot);
        TensorType type = TensorType.of(from.dtype(), from.sizes());
        if (from.count() > 0) {
            Group g = new Group(0, type.shape());
            g.store(new Group.Ref.Loaded(from, 1), View.dense(to, type), 1);
            kernels.add(g.loop());
        }
    }

    /// An update may overwrite its variable only where nobody reads the old value any more and nothing fails any more; otherwise it is computed aside and copied at
    /// the end.
    private void keepOldValues(List<Kernel> kernels) {
        Map<Integer, Integer> bufferAt = new HashMap<>();
        slots.forEach((buffer, slot) -> bufferAt.put(slot, buffer));
        List<Integer> unsafe = new ArrayList<>();
        for (int k = 0; k < targets.size(); k++) {
            if (targets.get(k).isPresent()) {
                int variable = sources.indexOf(targets.get(k).get()); // -1: not read at all
                if (!mayOverwrite(kernels, bufferAt.get(sources.size() + k), variable)) {
                    unsafe.add(k);
                }
            }
        }
        for (int k : unsafe) {
            int aside = bufferAt.get(sources.size() + k);
            slots.remove(aside);
            Scheduler.Buffer b = buffers.get(aside);
            copy(
                    View.dense(aside, TensorType.of(b.dtype(), b.count())),
                    sources.size() + k,
                    kernels);
        }
    }

    private static boolean mayOverwrite(List<Kernel> kernels, int written, int variable) {
        boolean begun = false;
        for (Kernel k : kernels) {
            Optional<View> write =
                    k.writes().stream().filter(v -> v.buffer() == written).findFirst();
            boolean reads =
                    variable >= 0 && k.reads().stream().anyMatch(v -> v.buffer() == variable);
            boolean wrong =
                    write.isPresent()
                            && (k.mayFail()
                                    || reads
                                            && !(k instanceof Loop loop
                                                    && pointwise(loop, written, variable)));
            if (wrong || begun && (k.mayFail() || reads)) {
                return false;
            }
            begun |= write.isPresent();
        }
        return true;
    }

    /// Whether within the loop each element of the variable is read only at the point that writes it.
    private static boolean pointwise(Loop loop, int written, int variable) {
        for (Loop.Instance i : loop.instances()) {
            Loop alone = new Loop(loop.program(), List.of(i));
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

    private View place(View v, Arena.Layout layout, int arena) {
        if (v.buffer() == Scheduler.RAMP) {
            return v;
        }
        Integer slot = slots.get(v.buffer());
        return slot != null
                ? v.on(slot, 0)
                : v.on(arena, layout.places().get(v.buffer()) / v.dtype().bytes());
    }
}
