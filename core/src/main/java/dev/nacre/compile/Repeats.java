package dev.nacre.compile;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Iteration;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Makes the kernel of a loop: gives its states and results memory, compiles its body, and says how the body's addresses move.
///
/// A state lives in two rows, read from one and written to the other in turn. If the states of all steps are wanted, before or after each step, it has a row for each of them instead, and
/// the results are views of those rows: nothing is copied.
final class Repeats {
    /// A loop on its operands, of which several nodes are results.
    record Key(Iteration loop, List<Node> operands) {
        static Key of(Node n) {
            return new Key(((Op.Scan) n.op()).loop(), n.inputs());
        }
    }

    /// The results that are wanted of each loop below the roots.
    static Map<Key, Set<Integer>> wanted(List<Node> roots) {
        Map<Key, Set<Integer>> out = new HashMap<>();
        for (Node n : Graph.topological(roots)) {
            if (n.op() instanceof Op.Scan s) {
                out.computeIfAbsent(Key.of(n), _ -> new TreeSet<>()).add(s.result());
            }
        }
        return out;
    }

    private final Scheduler scheduler;
    private final Key key;
    private final Iteration loop;
    private final Set<Integer> wanted;

    private final List<View> in = new ArrayList<>();
    private final List<View> out = new ArrayList<>();
    private final List<Repeat.Slot> slots = new ArrayList<>();
    private final List<View> sources = new ArrayList<>(); // how values lie from their slots on
    private final List<Node> roots = new ArrayList<>();
    private final List<Repeat.Slot> targets = new ArrayList<>(); // of the roots
    private final Map<Integer, View> results = new HashMap<>();
    private final List<Repeat.Rest> rests = new ArrayList<>();
    private final List<Repeat.Last> lasts = new ArrayList<>();

    private Repeats(Scheduler scheduler, Key key, Set<Integer> wanted) {
        this.scheduler = scheduler;
        this.key = key;
        this.loop = key.loop;
        this.wanted = wanted;
    }

    /// A kernel and where each wanted result is after it.
    record Made(Repeat kernel, Map<Integer, View> results) {}

    static Made of(Scheduler scheduler, Key key, Set<Integer> wanted, Backend backend) {
        return new Repeats(scheduler, key, wanted).make(backend);
    }

    private Made make(Backend backend) {
        for (int i = 0; i < key.operands.size() - loop.states(); i++) {
            int operand = i < loop.sequences() ? i : i + loop.states();
            in.add(scheduler.memory(key.operands.get(operand)));
        }
        for (int i = 0; i < loop.sequences(); i++) {
            element(i);
        }
        for (int k = 0; k < loop.states(); k++) {
            state(k);
        }
        for (int i = loop.sequences(); i < in.size(); i++) {
            View v = in.get(i);
            slots.add(fixed(i));
            sources.add(new View(sources.size(), v.dtype(), 0, v.sizes(), v.strides()));
        }
        for (int k = 0; k < loop.outputs(); k++) {
            output(k);
        }
        Optional<Repeat.Halt> halt = halt();
        List<Source> leaves =
                loop.body().inputs().stream().map(n -> ((Op.Leaf) n.op()).source()).toList();
        Block body = Compiler.body(roots, leaves, sources, backend);
        slots.addAll(targets);
        slots.add(fixed(owned(DType.I8, Shape.of(Math.max(1, body.bytes())))));
        return new Made(
                new Repeat(
                        body.kernels(),
                        List.copyOf(slots),
                        List.copyOf(in),
                        List.copyOf(out),
                        loop.length(),
                        halt),
                results);
    }

    private static Repeat.Slot fixed(int view) {
        return new Repeat.Slot(view, 0, 0, 1);
    }

    private static Repeat.Slot moving(int view, long first, long step) {
        return new Repeat.Slot(view, first, step, Long.MAX_VALUE);
    }

    /// Memory of the loop's own; gives its number.
    private int owned(DType dtype, Shape shape) {
        out.add(scheduler.newView(new TensorType(dtype, shape)));
        return in.size() + out.size() - 1;
    }

    private View view(int number) {
        return out.get(number - in.size());
    }

    private void element(int i) {
        View v = in.get(i);
        long step = v.strides()[0];
        slots.add(
                loop.reverse() ? moving(i, (loop.length() - 1) * step, -step) : moving(i, 0, step));
        sources.add(
                new View(
                        sources.size(),
                        v.dtype(),
                        0,
                        Arrays.copyOfRange(v.sizes(), 1, v.rank()),
                        Arrays.copyOfRange(v.strides(), 1, v.rank())));
    }

    /// Whether the state of every step is wanted. A loop that may stop has zeros after the last, which are no states.
    private boolean isKept(int k) {
        boolean after = false;
        for (int o = 0; o < loop.outputs(); o++) {
            after |= wanted.contains(loop.stacked(o)) && loop.output(o) == loop.next(k);
        }
        return !loop.stops() && (after || wanted.contains(loop.before(k)));
    }

    private void state(int k) {
        TensorType type = loop.state(k).type();
        boolean kept = isKept(k);
        long rows = kept ? loop.length() + 1 : 2;
        int store = owned(type.dtype(), Shape.of(rows).concat(type.shape()));
        View all = view(store);
        long row = type.shape().count();
        boolean back = kept && loop.reverse();
        long first = back ? loop.length() * row : 0;
        scheduler.write(
                key.operands.get(loop.sequences() + k), rows(all, back ? rows - 1 : 0, 1, true));
        sources.add(View.dense(sources.size(), type));
        roots.add(loop.next(k));
        if (kept) {
            long step = back ? -row : row;
            slots.add(moving(store, first, step));
            targets.add(moving(store, first + step, step));
            results.put(loop.before(k), rows(all, back ? 1 : 0, loop.length(), false));
            results.put(loop.last(k), rows(all, back ? 0 : loop.length(), 1, true));
            for (int o = 0; o < loop.outputs(); o++) {
                if (loop.output(o) == loop.next(k)) {
                    results.putIfAbsent(
                            loop.stacked(o), rows(all, back ? 0 : 1, loop.length(), false));
                }
            }
        } else {
            slots.add(new Repeat.Slot(store, 0, row, 2));
            targets.add(new Repeat.Slot(store, row, -row, 2));
            results.put(loop.last(k), rows(all, loop.length() % 2, 1, true));
        }
        if (loop.stops() && wanted.contains(loop.last(k))) {
            int place = owned(type.dtype(), type.shape());
            lasts.add(new Repeat.Last(slots.size() - 1, place));
            results.put(loop.last(k), view(place));
        }
    }

    /// Some rows of a dense view, or the only one without its axis.
    private static View rows(View all, long from, long count, boolean single) {
        int skip = single ? 1 : 0;
        long[] sizes = Arrays.copyOfRange(all.sizes(), skip, all.rank());
        if (!single) {
            sizes[0] = count;
        }
        return new View(
                all.buffer(),
                all.dtype(),
                all.offset() + from * all.strides()[0],
                sizes,
                Arrays.copyOfRange(all.strides(), skip, all.rank()));
    }

    private void output(int k) {
        if (!wanted.contains(loop.stacked(k)) || results.containsKey(loop.stacked(k))) {
            return;
        }
        TensorType type = loop.output(k).type();
        int place = owned(type.dtype(), Shape.of(loop.length()).concat(type.shape()));
        long row = type.shape().count();
        roots.add(loop.output(k));
        targets.add(
                loop.reverse()
                        ? moving(place, (loop.length() - 1) * row, -row)
                        : moving(place, 0, row));
        results.put(loop.stacked(k), view(place));
        rests.add(new Repeat.Rest(place, loop.reverse()));
    }

    private Optional<Repeat.Halt> halt() {
        if (!loop.stops()) {
            return Optional.empty();
        }
        roots.add(loop.stop());
        targets.add(fixed(owned(DType.BOOL, Shape.SCALAR)));
        return Optional.of(
                new Repeat.Halt(
                        slots.size() + targets.size() - 1, List.copyOf(rests), List.copyOf(lasts)));
    }
}
