package dev.nacre.compile;

import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Program.Instr;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// A loop in the making: nodes that share one walk over a domain.
///
/// Each value in it belongs to a run of `inner` consecutive points: 1 for values per element, the row's length for values per row.
final class Group {
    /// Where an instruction finds an operand.
    sealed interface Ref {
        record Literal(Op.Constant value) implements Ref {}

        record Computed(Node node) implements Ref {}

        record Loaded(View view, long inner) implements Ref {}
    }

    private record Item(Op op, List<Ref> operands) {}

    /// What leaves the loop: `kind` is null for a plain store.
    private record Exit(Reduction kind, Ref value, View view, long inner) {}

    private static final int ROW = 1;
    private static final int ELEMENT = 2;

    final int step;
    private Domain domain;
    private long row;
    private int weight;
    private final Map<Node, Item> items = new LinkedHashMap<>();
    private final List<Exit> exits = new ArrayList<>();
    private final List<Ref.Loaded> loads = new ArrayList<>();

    Group(int step, Shape shape) {
        this.step = step;
        this.domain = Domain.of(shape);
    }

    /// A loop that copies a view to another of its sizes.
    static Loop copy(View from, View to) {
        Group g = new Group(0, Shape.of(from.sizes()));
        g.store(new Ref.Loaded(from, 1), to, 1);
        return g.loop();
    }

    long count() {
        return domain.count();
    }

    /// How much of [LoopSize#LIMIT] is used.
    int weight() {
        return weight + LoopSize.ACCESS * (loads.size() + exits.size());
    }

    /// What the loop computes.
    Set<Node> nodes() {
        return items.keySet();
    }

    /// Where it writes.
    List<View> stores() {
        return exits.stream().map(Exit::view).toList();
    }

    boolean computes(Node n) {
        return items.containsKey(n);
    }

    /// What a value is computed from.
    List<Ref> operands(Node n) {
        return items.get(n).operands;
    }

    boolean loads(View v) {
        return loads.stream().anyMatch(l -> l.view.equals(v));
    }

    /// Length of a row, 0 while rows are not fixed.
    long row() {
        return row;
    }

    /// Points that share a value of this shape; 0 if such values do not fit the loop.
    long inner(Shape shape) {
        long n = shape.count();
        long inner = n == count() ? 1 : row > 1 && n * row == count() ? row : 0;
        return inner > 0 && domain.refine(shape, inner).isPresent() ? inner : 0;
    }

    /// Whether a view of values shared by `inner` points can be loaded in this loop.
    boolean fits(View view, long inner) {
        Shape shape = Shape.of(view.sizes());
        return domain.refine(shape, inner).isPresent()
                && (row == 0 || inner > 1 || view.mergesInner(row));
    }

    /// Whether the loop can be walked in rows of this length.
    boolean fitsRows(Shape shape, long length) {
        if (row != 0) {
            return row == length;
        }
        return domain.refine(shape, 1).isPresent()
                && loads.stream().allMatch(l -> l.view.mergesInner(length))
                && exits.stream().allMatch(e -> e.view.mergesInner(length));
    }

    private void refine(Shape shape, long inner) {
        domain = domain.refine(shape, inner).orElseThrow();
    }

    void compute(Node n, List<Ref> operands, long inner) {
        refine(n.shape(), inner);
        items.put(n, new Item(n.op(), operands));
        weight += LoopSize.of(n);
        for (Ref r : operands) {
            if (r instanceof Ref.Loaded l) {
                refine(Shape.of(l.view.sizes()), l.inner);
                loads.add(l);
            }
        }
    }

    /// Combines `value`, which has `shape`, along rows of the given length.
    void foldRows(Node n, Ref value, Shape shape, long length) {
        refine(shape, 1);
        row = length;
        use(value);
        items.put(n, new Item(n.op(), List.of(value)));
        weight += LoopSize.of(n);
    }

    void store(Ref value, View view, long inner) {
        use(value);
        refine(Shape.of(view.sizes()), inner);
        exits.add(new Exit(null, value, view, inner));
    }

    /// Combines values over all points that fall on one element of the view.
    void accumulate(Reduction kind, Ref value, View view, long inner) {
        use(value);
        refine(Shape.of(view.sizes()), inner);
        exits.add(new Exit(kind, value, view, inner));
    }

    private void use(Ref r) {
        if (r instanceof Ref.Loaded l) {
            refine(Shape.of(l.view.sizes()), l.inner);
            loads.add(l);
        }
    }

    /// Whether a computed value may be stored to `view` in this loop.
    boolean fitsStore(View view, long inner) {
        return fits(view, inner);
    }

    Set<Integer> reads() {
        Set<Integer> out = new TreeSet<>();
        loads.forEach(l -> out.add(l.view.buffer()));
        out.remove(Scheduler.RAMP);
        return out;
    }

    boolean isEmpty() {
        return exits.isEmpty();
    }

    Loop loop() {
        return new Builder().build();
    }

    /// Turns items and exits into a program.
    private final class Builder {
        private final long[] extents = domain.extents(row);
        private final List<Instr> code = new ArrayList<>();
        private final Map<Instr, Integer> known = new HashMap<>();
        private final Map<Node, Integer> values = new HashMap<>();
        private final List<View> views = new ArrayList<>();
        private final List<Access> accesses = new ArrayList<>();

        Loop build() {
            Set<Node> wanted = wanted();
            items.forEach((n, item) -> {
                if (wanted.contains(n)) {
                    values.put(n, instruction(n, item));
                }
            });
            for (Exit e : exits) {
                int value = operand(e.value);
                int view = view(e.view, e.inner, true);
                if (row > 0
                        && e.kind != null
                        && e.inner == 1
                        && level(value) < ELEMENT
                        && level(accesses.get(view)) < ELEMENT) {
                    value = repeated(e.kind, value); // else each falls on an element of its own
                }
                DType t = code.get(value).dtype();
                code.add(
                        e.kind == null
                                ? new Instr.Store(view, t, value)
                                : new Instr.Accumulate(e.kind, view, t, value));
            }
            return new Loop(
                    new Program(List.copyOf(code), List.copyOf(accesses)),
                    List.of(new Loop.Instance(extents, List.copyOf(views))));
        }

        /// What the exits depend on; the rest was computed again elsewhere.
        private Set<Node> wanted() {
            Set<Node> out = Collections.newSetFromMap(new IdentityHashMap<>());
            Deque<Ref> open = new ArrayDeque<>();
            exits.forEach(e -> open.add(e.value));
            while (!open.isEmpty()) {
                if (open.poll() instanceof Ref.Computed c && out.add(c.node)) {
                    open.addAll(items.get(c.node).operands);
                }
            }
            return out;
        }

        /// 2 for a value per element, 1 for a value per row, 0 for one value.
        private int level(int value) {
            return switch (code.get(value)) {
                case Instr.Load l -> level(accesses.get(l.view()));
                case Instr.Ramp r -> level(accesses.get(r.view()));
                case Instr.Literal _ -> 0;
                case Instr.Apply1 a -> level(a.a());
                case Instr.Apply2 a -> Math.max(level(a.a()), level(a.b()));
                case Instr.Choose c ->
                        Math.max(level(c.condition()), Math.max(level(c.a()), level(c.b())));
                case Instr.Convert c -> level(c.a());
                case Instr.RowFold _ -> ROW;
                case Instr.Store s -> level(s.a());
                case Instr.Accumulate a -> level(a.a());
            };
        }

        private static int level(Access a) {
            return a == Access.UNIFORM ? 0 : a == Access.ROW ? ROW : ELEMENT;
        }

        /// A value that is the same along a row, combined with itself as often as the row is long.
        private int repeated(Reduction kind, int value) {
            long n = extents[extents.length - 1];
            DType t = code.get(value).dtype();
            if (n == 1 || kind == Reduction.MAX || kind == Reduction.MIN) {
                return value;
            }
            int times =
                    emit(
                            new Instr.Literal(
                                    t,
                                    t.isFloating()
                                            ? Double.doubleToLongBits(t.round(n))
                                            : t.wrap(n)));
            return emit(
                    new Instr.Apply2(
                            kind == Reduction.SUM ? Binary.MUL : Binary.POW, t, value, times));
        }

        private int instruction(Node n, Item item) {
            int[] in = item.operands.stream().mapToInt(this::operand).toArray();
            return switch (item.op) {
                case Op.Map1 m -> emit(new Instr.Apply1(m.f(), n.dtype(), in[0]));
                case Op.Map2 m -> emit(new Instr.Apply2(m.f(), n.input(0).dtype(), in[0], in[1]));
                case Op.Select _ -> emit(new Instr.Choose(n.dtype(), in[0], in[1], in[2]));
                case Op.Cast c -> emit(new Instr.Convert(c.dtype(), in[0]));
                case Op.Reduce r -> emit(new Instr.RowFold(r.kind(), n.dtype(), in[0]));
                default -> throw new IllegalStateException(item.op + " is not computed in loops");
            };
        }

        private int operand(Ref ref) {
            return switch (ref) {
                case Ref.Literal l -> emit(new Instr.Literal(l.value.dtype(), l.value.bits()));
                case Ref.Computed c -> values.get(c.node);
                case Ref.Loaded l -> load(l);
            };
        }

        private int load(Ref.Loaded l) {
            int view = view(l.view, l.inner, false);
            DType t = l.view.dtype();
            if (l.view.buffer() != Scheduler.RAMP) {
                return emit(new Instr.Load(view, t));
            }
            DType whole = t == DType.I64 ? DType.I64 : DType.I32;
            int ramp = emit(new Instr.Ramp(view, whole));
            return t == whole ? ramp : emit(new Instr.Convert(t, ramp));
        }

        private int emit(Instr i) {
            return known.computeIfAbsent(
                    i,
                    _ -> {
                        code.add(i);
                        return code.size() - 1;
                    });
        }

        private int view(View v, long inner, boolean fresh) {
            View spread = Domain.spread(v, inner, extents);
            int at = fresh ? -1 : views.indexOf(spread);
            if (at < 0) {
                at = views.size();
                views.add(spread);
                accesses.add(Access.of(spread));
            }
            return at;
        }
    }
}
