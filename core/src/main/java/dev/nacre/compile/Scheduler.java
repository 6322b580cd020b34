package dev.nacre.compile;

import dev.nacre.compile.Group.Ref;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Places;
import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Divides a simplified graph into kernels in an order that respects all dependencies.
///
/// Nodes are visited inputs first. Moves become views where they can. An elementwise node or reduction joins the latest loop it may join: one that walks the same
/// points and comes after everything the node needs; otherwise it opens a new loop. Since loops and library calls have fixed places in the order, and a node
/// only joins a loop placed after its inputs, no cycle can arise and the work is linear in the number of nodes. A value is written to memory only when somebody
/// outside its loop wants it.
///
/// ```
/// before   t = a·b + bias; u = relu(t); s = sum(exp(u)) by rows; v = exp(u) / s
/// after    matmul(a, b, bias, relu) → u;  loop(u → v)
/// ```
final class Scheduler {
    /// The buffer number of views that are no memory: their value is their position.
    static final int RAMP = -1;

    /// Rows longer than this are summed in pieces rather than as rows, so that all threads take part.
    private static final long LONGEST_ROW = 1 << 16;

    /// Longest chain of nodes put off at once.
    private static final int PATIENCE = 32;

    /// Where a node's values are.
    sealed interface Place {
        record Splat(Op.Constant value) implements Place {}

        /// In memory (or a ramp) once step number `step` has run.
        record Located(View view, int step) implements Place {}

        /// In a loop's registers: `value`'s element order is that of the node, each shared by `inner` points.
        record InLoop(Group group, Node value, long inner) implements Place {}

        /// Nowhere yet: computed in the loop of the first node that wants it, which may come much later than its operands.
        record Deferred(Node value, int depth, int size) implements Place {}
    }

    /// Memory that the plan will provide.
    ///
    /// @param from where in the user's program what fills it comes from, if somebody wants to know ([Places])
    record Buffer(DType dtype, long count, Set<String> from) {
        Buffer(DType dtype, long count) {
            this(dtype, count, Set.of());
        }

        Buffer from(Collection<String> places) {
            Set<String> all = new LinkedHashSet<>(from);
            places.stream().filter(p -> !p.isEmpty()).forEach(all::add);
            return new Buffer(dtype, count, all);
        }

        long bytes() {
            return count * dtype.bytes();
        }
    }

    private final Map<Node, Place> places = new IdentityHashMap<>();
    private final Map<Node, Integer> stored = new IdentityHashMap<>();
    private final Map<Integer, Group> lastReader = new HashMap<>();
    private final List<Object> steps = new ArrayList<>(); // Group or Kernel
    private final List<Buffer> buffers = new ArrayList<>();
    private final List<Node> leaves = new ArrayList<>();
    private final Recomputing again = new Recomputing(this);
    private final Epilogues epilogues;
    private final Backend backend;
    private Node placing;

    /// Nodes whose planes, the last axes, will not lie in one piece: they are not combined by rows.
    private final Set<Node> images;

    private Scheduler(List<Node> roots, Backend backend) {
        this.epilogues = Epilogues.find(roots);
        this.backend = backend;
        this.images = ChannelsLast.images(roots, backend::prefersChannelsLast);
    }

    /// The result of scheduling: kernels in order over numbered buffers, the first of which belong to the leaves.
    record Schedule(
            List<Node> leaves, List<Buffer> buffers, List<Kernel> kernels, List<View> roots) {}

    /// @param views where the leaves' values lie in their buffers, which are the first
    /// @param backend for the bodies of loops
    static Schedule run(List<Node> roots, List<Node> leaves, List<View> views, Backend backend) {
        Scheduler s = new Scheduler(roots, backend);
        for (int i = 0; i < leaves.size(); i++) {
            s.leaves.add(leaves.get(i));
            s.newBuffer(leaves.get(i).type());
            s.places.put(leaves.get(i), new Place.Located(views.get(i), -1));
        }
        s.wanted.putAll(Repeats.wanted(roots));
        for (Node n : Graph.topological(roots)) {
            if (!s.places.containsKey(n) && !s.epilogues.isAbsorbed(n)) {
                s.place(n);
            }
        }
        List<View> results = new ArrayList<>();
        for (Node r : roots) {
            results.add(s.memory(r));
        }
        List<Kernel> kernels = new ArrayList<>();
        for (Object step : s.steps) {
            switch (step) {
                case Kernel k -> kernels.add(k);
                case Group g -> {
                    if (!g.isEmpty() && g.count() > 0) {
                        g.stores().forEach(v -> s.comesFrom(v, g.nodes()));
                        kernels.add(g.loop());
                    }
                }
                default -> throw new IllegalStateException();
            }
        }
        return new Schedule(s.leaves, s.buffers, kernels, results);
    }

    private int newBuffer(TensorType type) {
        buffers.add(new Buffer(type.dtype(), type.shape().count()));
        return buffers.size() - 1;
    }

    /// Whether a buffer belongs to a leaf: an update may overwrite it before a later loop reads it.
    boolean isGiven(int buffer) {
        return buffer < leaves.size();
    }

    /// Whether a value of a loop is in memory, or will be.
    boolean isStored(Node value) {
        return stored.containsKey(value);
    }

    View newView(TensorType type) {
        return View.dense(newBuffer(type), type);
    }

    private Place.Located add(Kernel k, View out) {
        if (out.count() > 0) {
            steps.add(k);
            comesFrom(out, sources(placing));
        }
        return new Place.Located(out, steps.size() - 1);
    }

    /// Notes where what is written to a view comes from.
    private void comesFrom(View out, Collection<Node> nodes) {
        if (Places.areKept() && out.buffer() >= 0) {
            List<String> all = nodes.stream().map(Places::of).toList();
            buffers.set(out.buffer(), buffers.get(out.buffer()).from(all));
        }
    }

    /// A node and those that are computed with it.
    private List<Node> sources(Node end) {
        List<Node> all = new ArrayList<>(List.of(end));
        for (int i = 0; i < all.size(); i++) {
            all.get(i).inputs().stream().filter(epilogues::isAbsorbed).forEach(all::add);
        }
        return all.reversed();
    }

    private void place(Node n) {
        placing = n;
        places.put(n, n.number().<Place>map(Place.Splat::new).orElseGet(() -> placeOp(n)));
    }

    private Place placeOp(Node n) {
        return switch (n.op()) {
            case Op.Leaf leaf ->
                    throw new IllegalStateException(
                            "no value is given for " + leaf.source().origin());
            case Op.Constant c -> new Place.Splat(c);
            case Op.Iota i -> new Place.Located(View.dense(RAMP, n.type()), -1);
            case Op.Detach _ -> placeOf(n.input(0));
            case Op.After _ -> after(n);
            case Op.Reshape r -> reshape(n, r.shape());
            case Op.Broadcast b -> broadcast(n, b.shape());
            case Op.Permute p ->
                    epilogues.endsAt(n) ? product(n) : moved(n, v -> v.permute(p.axes()));
            case Op.Slice s -> moved(n, v -> v.slice(s.spans()));
            case Op.Windows w -> moved(n, v -> v.windows(w.windows()));
            case Op.Map1 _, Op.Map2 _, Op.Select _, Op.Cast _ ->
                    epilogues.endsAt(n) ? product(n) : elementwise(n);
            case Op.Reduce r -> reduce(n, r);
            case Op.Contract _, Op.Convolve _ -> product(n);
            case Op.Pad p -> pad(n, p);
            case Op.Concat c -> concat(n, c);
            case Op.Fused f -> call(n, f);
            case Op.Scan s -> scan(n, s);
            case Op.Gather g -> {
                View out = newView(n.type());
                yield add(
                        new Kernel.Indexed(
                                g.axis(), Optional.empty(), memory(n, 0), memory(n, 1), out),
                        out);
            }
            case Op.ScatterAdd s -> {
                View out = newView(n.type());
                yield add(
                        new Kernel.Indexed(
                                s.axis(),
                                Optional.of(memory(n, 0)),
                                memory(n, 2),
                                memory(n, 1),
                                out),
                        out);
            }
            case Op.ArgReduce _, Op.ArgSort _, Op.Recurrence _ -> {
                List<View> in = new ArrayList<>();
                for (int i = 0; i < n.arity(); i++) {
                    in.add(memory(n, i));
                }
                View out = newView(n.type());
                yield add(new Kernel.Ordered(n.op(), in, out), out);
            }
            case Op.RandomBits _ -> {
                View out = newView(n.type());
                yield add(new Kernel.Random(memory(n, 0), out), out);
            }
            case Op.Extent _ ->
                    throw new IllegalStateException("extent of a type that is not known");
        };
    }

    /// Where a node's values are now.
    private Place placeOf(Node n) {
        Place p = places.get(n);
        if (!(p instanceof Place.Deferred d)) {
            return p;
        }
        Place now = places.get(d.value());
        if (n != d.value() && now instanceof Place.Located at) { // a reshape of what was put off
            places.put(n, reshaped(at, d.value().type(), n.shape()));
            return places.get(n);
        }
        return now;
    }

    private View memory(Node n, int operand) {
        return memory(n.input(operand));
    }

    /// The node's values in memory.
    View memory(Node n) {
        return locateMemory(n).view();
    }

    private Place after(Node n) {
        Place.Located x = locateMemory(n.input(0));
        Place.Located token = locateMemory(n.input(1));
        return new Place.Located(x.view(), Math.max(x.step(), token.step()));
    }

    // ------------------------------------------------------------------------------------------------ movement

    private Place moved(Node n, java.util.function.UnaryOperator<View> move) {
        Place.Located x = locate(n.input(0));
        return new Place.Located(move.apply(x.view()), x.step());
    }

    private Place reshape(Node n, Shape shape) {
        Node x = n.input(0);
        if (placeOf(x) instanceof Place.InLoop p) {
            return p;
        }
        if (placeOf(x) instanceof Place.Deferred d) {
            return d;
        }
        return reshaped(locate(x), x.type(), shape);
    }

    /// The values under another shape: a view, or a copy where strides cannot say it.
    private Place.Located reshaped(Place.Located at, TensorType type, Shape shape) {
        Optional<View> view = at.view().reshape(shape);
        if (view.isPresent()) {
            return new Place.Located(view.get(), at.step());
        }
        Place.Located copy = copy(at, type);
        return new Place.Located(copy.view().reshape(shape).orElseThrow(), copy.step());
    }

    private Place broadcast(Node n, Shape shape) {
        Node x = n.input(0);
        if (placeOf(x) instanceof Place.Deferred d) {
            settle(d.value());
        }
        if (placeOf(x) instanceof Place.InLoop p
                && p.inner() > 1
                && spreadsRows(x.shape(), shape, p)) {
            return new Place.InLoop(p.group(), p.value(), 1);
        }
        return moved(n, v -> v.broadcast(shape));
    }

    /// Whether values per row are repeated along just that row.
    private static boolean spreadsRows(Shape from, Shape to, Place.InLoop p) {
        long inner = 1;
        int i = to.rank() - 1;
        for (; i >= 0 && inner < p.inner(); i--) {
            inner *= to.size(i);
            if (from.size(i) != 1) {
                return false;
            }
        }
        return inner == p.inner()
                && from.range(0, i + 1).equals(to.range(0, i + 1))
                && p.group().inner(to) == 1;
    }

    private Place.Located copy(Place.Located from, TensorType type) {
        View to = newView(type);
        Group g = newGroup(type.shape());
        g.store(new Ref.Loaded(from.view(), 1), to, 1);
        return new Place.Located(to, g.step);
    }

    private Group newGroup(Shape shape) {
        Group g = new Group(steps.size(), shape);
        steps.add(g);
        return g;
    }

    private Place pad(Node n, Op.Pad p) {
        Place.Located x = locateMemory(n.input(0));
        View out = newView(n.type());
        Group fill = newGroup(n.shape());
        fill.store(new Ref.Literal(p.value()), out, 1);
        List<dev.nacre.ir.Span> spans = new ArrayList<>();
        for (int i = 0; i < x.view().rank(); i++) {
            spans.add(
                    new dev.nacre.ir.Span(
                            p.margins().get(i).before(),
                            x.view().sizes()[i],
                            p.margins().get(i).between() + 1));
        }
        return new Place.Located(out, write(x, out.slice(spans)));
    }

    private Place concat(Node n, Op.Concat c) {
        n.inputs().forEach(this::prepareToWrite);
        View out = newView(n.type());
        long start = 0;
        int last = -1;
        for (Node part : n.inputs()) {
            List<dev.nacre.ir.Span> spans = new ArrayList<>();
            for (int i = 0; i < out.rank(); i++) {
                spans.add(
                        i == c.axis()
                                ? new dev.nacre.ir.Span(start, part.size(i), 1)
                                : dev.nacre.ir.Span.all(out.sizes()[i]));
            }
            start += part.size(c.axis());
            last = Math.max(last, write(part, out.slice(spans)));
        }
        return new Place.Located(out, last);
    }

    /// Puts what waits into a loop, so that it can be written by it.
    private void prepareToWrite(Node n) {
        if (placeOf(n) instanceof Place.Deferred d) {
            settle(d.value());
        }
    }

    /// Writes a node's values to a place: by the loop that computes them if it can. Gives the step after which they are there.
    int write(Node n, View to) {
        if (placeOf(n) instanceof Place.InLoop p
                && p.value() == n
                && p.group().inner(n.shape()) == p.inner()
                && p.group().fitsStore(to, p.inner())) {
            p.group().store(new Ref.Computed(n), to, p.inner());
            return p.group().step;
        }
        return placeOf(n) instanceof Place.Splat s ? splat(s.value(), to) : write(locate(n), to);
    }

    private int splat(Op.Constant value, View to) {
        Group g = newGroup(Shape.of(to.sizes()));
        g.store(new Ref.Literal(value), to, 1);
        return g.step;
    }

    /// Copies into part of a buffer.
    private int write(Place.Located from, View to) {
        Group g = newGroup(Shape.of(to.sizes()));
        g.store(new Ref.Loaded(from.view(), 1), to, 1);
        return g.step;
    }

    // --------------------------------------------------------------------------------------------------- loops

    /// A node whose operands are all in memory waits for whoever wants it; one that continues a loop joins a loop now.
    private Place elementwise(Node n) {
        int depth = 1;
        int size = LoopSize.of(n);
        for (Node in : n.inputs()) {
            switch (placeOf(in)) {
                case Place.Deferred d -> {
                    depth = Math.max(depth, d.depth() + 1);
                    size += d.size();
                }
                case Place.InLoop _ -> depth = PATIENCE + 1;
                case Place.Located _ -> size += LoopSize.ACCESS;
                case Place.Splat _ -> {}
            }
        }
        return depth <= PATIENCE && size <= LoopSize.LIMIT / 2
                ? new Place.Deferred(n, depth, size)
                : joined(n);
    }

    private Place.InLoop joined(Node n) {
        Group g = groupFor(n, n.shape()).orElseGet(() -> opened(n, n.shape()));
        return computed(n, g, g.inner(n.shape()));
    }

    private Place.InLoop computed(Node n, Group g, long inner) {
        List<Ref> operands = new ArrayList<>(n.arity());
        for (Node in : n.inputs()) {
            operands.add(ref(in, g, inner));
        }
        g.compute(n, List.copyOf(operands), inner); // the smallest list: there may be very many
        return new Place.InLoop(g, n, inner);
    }

    /// Puts a deferred node into a loop.
    private void settle(Node n) {
        places.put(n, joined(n));
    }

    /// The latest loop that values of this shape, computed from the node's operands, may join.
    private Optional<Group> groupFor(Node n, Shape shape) {
        List<Group> candidates = new ArrayList<>();
        n.inputs().forEach(in -> collect(in, candidates));
        candidates.sort((a, b) -> Integer.compare(b.step, a.step));
        return candidates.stream().distinct().filter(g -> mayJoin(n, shape, g)).findFirst();
    }

    /// Adds the loops that compute or read a node.
    private void collect(Node in, List<Group> candidates) {
        switch (placeOf(in)) {
            case Place.InLoop p -> candidates.add(p.group());
            case Place.Located l -> {
                Group reader =
                        l.view().buffer() == RAMP || isUniform(l.view())
                                ? null
                                : lastReader.get(l.view().buffer());
                if (reader != null) {
                    candidates.add(reader);
                }
            }
            case Place.Deferred d -> d.value().inputs().forEach(x -> collect(x, candidates));
            case Place.Splat _ -> {}
        }
    }

    private static boolean isUniform(View v) {
        for (int i = 0; i < v.rank(); i++) {
            if (v.strides()[i] != 0 && v.sizes()[i] != 1) {
                return false;
            }
        }
        return true;
    }

    private boolean mayJoin(Node n, Shape shape, Group g) {
        long inner = g.inner(shape);
        return inner > 0
                && g.weight() + added(n, g) <= LoopSize.LIMIT
                && n.inputs().stream().allMatch(in -> fits(in, g, inner));
    }

    /// What a node, with the operands that wait for it, would add to a loop.
    private int added(Node n, Group g) {
        Set<Node> fresh = Collections.newSetFromMap(new IdentityHashMap<>());
        ArrayDeque<Node> open = new ArrayDeque<>(List.of(n));
        int size = 0;
        while (!open.isEmpty()) {
            Node x = open.pop();
            if (!g.computes(x) && fresh.add(x)) {
                size += LoopSize.of(x);
                for (Node in : x.inputs()) {
                    switch (placeOf(in)) {
                        case Place.Deferred d -> open.push(d.value());
                        case Place.InLoop p -> size += p.group() == g ? 0 : LoopSize.ACCESS;
                        case Place.Located _ -> size += LoopSize.ACCESS;
                        case Place.Splat _ -> {}
                    }
                }
            }
        }
        return size;
    }

    /// Whether an operand can be had in a loop, for values shared by `inner` points.
    private boolean fits(Node in, Group g, long inner) {
        return switch (placeOf(in)) {
            case Place.Splat _ -> true;
            case Place.Located l -> l.step() < g.step && g.fits(l.view(), inner);
            case Place.InLoop p ->
                    p.group() == g
                            ? p.inner() == inner
                            : p.group().step < g.step
                                    && viewOf(in, p, RAMP)
                                            .filter(v -> g.fits(v, inner))
                                            .isPresent();
            case Place.Deferred d ->
                    g.inner(d.value().shape()) == inner
                            && d.value().inputs().stream().allMatch(x -> fits(x, g, inner));
        };
    }

    /// How the node's elements will lie if its loop's value is written densely to a buffer; empty if only a further copy gives the node's shape.
    private static Optional<View> viewOf(Node n, Place.InLoop p, int buffer) {
        return viewOf(n.shape(), p, buffer);
    }

    static Optional<View> viewOf(Shape shape, Place.InLoop p, int buffer) {
        Node value = p.value();
        View view = View.dense(buffer, value.type());
        long inner = p.group().inner(value.shape());
        if (p.inner() != inner) { // a value per row, seen at every element
            long rows = value.shape().count();
            view = view.reshape(Shape.of(rows, 1)).orElseThrow().broadcast(Shape.of(rows, inner));
        }
        return view.reshape(shape);
    }

    /// A new loop over `shape` for a node whose operands are put in memory first, so that all of them come before it.
    private Group opened(Node n, Shape shape) {
        if (added(n, new Group(steps.size(), shape))
                > LoopSize.LIMIT) { // too much for one loop: what waits gets loops of its own
            n.inputs().stream()
                    .filter(in -> placeOf(in) instanceof Place.Deferred)
                    .forEach(in -> places.put(in, locate(in)));
        }
        prepare(n);
        return newGroup(shape);
    }

    private void prepare(Node n) {
        for (Node in : n.inputs()) {
            switch (placeOf(in)) {
                case Place.InLoop p -> {
                    if (p.inner() != 1
                            || !again.mayCompute(
                                    p.value(), p.group(), new Group(steps.size(), in.shape()))) {
                        places.put(in, locate(in));
                    }
                }
                case Place.Deferred d -> prepareDeferred(in, d.value());
                case Place.Located _, Place.Splat _ -> {}
            }
        }
    }

    /// A deferred operand is computed in the new loop too, unless its shape divides the points in another way.
    private void prepareDeferred(Node in, Node value) {
        if (Domain.of(in.shape()).refine(value.shape(), 1).isPresent()) {
            prepare(value);
        } else {
            places.put(in, locate(in));
        }
    }

    private Ref ref(Node in, Group g, long inner) {
        Place p = placeOf(in);
        if (p instanceof Place.Splat s) {
            return new Ref.Literal(s.value());
        }
        if (p instanceof Place.Deferred d) {
            places.put(d.value(), computed(d.value(), g, inner));
            return new Ref.Computed(d.value());
        }
        if (p instanceof Place.InLoop l && l.group() == g && l.inner() == inner) {
            return new Ref.Computed(l.value());
        }
        if (p instanceof Place.InLoop l
                && l.inner() == 1
                && inner == 1
                && again.mayCompute(l.value(), l.group(), g)) {
            again.compute(l.value(), l.group(), g);
            return new Ref.Computed(l.value());
        }
        View v = locate(in).view();
        if (v.buffer() != RAMP && !isUniform(v)) {
            lastReader.put(v.buffer(), g);
        }
        return new Ref.Loaded(v, inner);
    }

    private Place reduce(Node n, Op.Reduce r) {
        Node x = n.input(0);
        Group g = groupFor(n, x.shape()).orElseGet(() -> opened(n, x.shape()));
        long inner = g.inner(x.shape());
        Ref value = ref(x, g, inner);
        long length = x.shape().count() / Math.max(1, n.shape().count());
        boolean trailing = r.axes().equals(Axes.range(x.rank() - r.axes().count(), x.rank()));
        boolean rows =
                trailing
                        && inner == 1
                        && length > 1
                        && length <= LONGEST_ROW
                        && !images.contains(x);
        if (rows
                && g.fitsRows(x.shape(), length)
                && (!(value instanceof Ref.Loaded l) || l.view().mergesInner(length))) {
            g.foldRows(n, value, x.shape(), length);
            return new Place.InLoop(g, n, length);
        }
        View out = newView(n.type());
        long[] sizes = x.shape().toArray();
        long[] strides = new long[sizes.length];
        for (int i = 0, j = 0; i < sizes.length; i++) {
            strides[i] = r.axes().contains(i) ? 0 : out.strides()[j++];
        }
        View spread = new View(out.buffer(), out.dtype(), 0, sizes, strides);
        if (!g.fits(spread, inner)) {
            Place.Located at = locate(x);
            g = newGroup(x.shape());
            value = new Ref.Loaded(at.view(), 1);
            inner = 1;
        }
        g.accumulate(r.kind(), value, spread, inner);
        return new Place.Located(out, g.step);
    }

    // ------------------------------------------------------------------------------------------------- locating

    /// The node's values as a view of memory or a ramp; writes them if they were only in registers.
    private Place.Located locate(Node n) {
        return switch (placeOf(n)) {
            case Place.Located l -> l;
            case Place.Splat s -> fill(s.value(), n.type());
            case Place.InLoop p -> write(n, p);
            case Place.Deferred d -> {
                settle(d.value());
                yield locate(n);
            }
        };
    }

    /// The same, never a ramp.
    private Place.Located locateMemory(Node n) {
        Place.Located l = locate(n);
        if (l.view().buffer() != RAMP) {
            return l;
        }
        Place.Located real = copy(l, n.type());
        places.put(n, real);
        return real;
    }

    /// One element, broadcast.
    private Place.Located fill(Op.Constant c, TensorType type) {
        View one = newView(new TensorType(c.dtype(), Shape.SCALAR));
        Group g = newGroup(Shape.SCALAR);
        g.store(new Ref.Literal(c), one, 1);
        long[] sizes = type.shape().toArray();
        return new Place.Located(
                new View(one.buffer(), c.dtype(), 0, sizes, new long[sizes.length]), g.step);
    }

    Place.Located write(Node n, Place.InLoop p) {
        Node value = p.value();
        Integer buffer = stored.get(value);
        if (buffer == null) {
            View flat = newView(value.type());
            p.group().store(new Ref.Computed(value), flat, p.group().inner(value.shape()));
            buffer = flat.buffer();
            stored.put(value, buffer);
        }
        Optional<View> view = viewOf(n, p, buffer);
        if (view.isPresent()) {
            return new Place.Located(view.get(), p.group().step);
        }
        long rows = value.shape().count();
        long inner = p.group().inner(value.shape());
        View repeated =
                View.dense(buffer, value.type())
                        .reshape(Shape.of(rows, 1))
                        .orElseThrow()
                        .broadcast(Shape.of(rows, inner));
        Place.Located copy =
                copy(
                        new Place.Located(repeated, p.group().step),
                        value.type().withShape(Shape.of(rows, inner)));
        return new Place.Located(copy.view().reshape(n.shape()).orElseThrow(), copy.step());
    }

    // ------------------------------------------------------------------------------------------------ libraries

    /// A matrix product or convolution, with the elementwise nodes that follow it if [Epilogues] found any.
    private Place product(Node end) {
        Epilogues.Chain chain = epilogues.chain(end);
        Node core = chain.core();
        View a = memory(core, 0);
        View b = memory(core, 1);
        if (chain.isTransposed()) {
            Axes order = ((Op.Permute) chain.product().op()).axes();
            View left = b.permute(order);
            b = a.permute(order);
            a = left;
        }
        Shape shape = chain.product().shape();
        Optional<View> bias = chain.bias().map(n -> locateMemory(n).view());
        View out = newView(new TensorType(end.dtype(), shape));
        Optional<View> addend =
                chain.addend().map(n -> reshaped(locateMemory(n), n.type(), shape).view());
        Kernel.Epilogue epilogue = new Kernel.Epilogue(bias, addend, chain.activation());
        Kernel k =
                core.op() instanceof Op.Convolve c
                        ? new Kernel.Convolution(c, a, b, epilogue, out)
                        : new Kernel.Contraction(a, b, epilogue, out);
        Place.Located at = add(k, out);
        return new Place.Located(out.reshape(end.shape()).orElseThrow(), at.step());
    }

    private final Map<Repeats.Key, Set<Integer>> wanted = new HashMap<>();
    private final Map<Repeats.Key, Map<Integer, Place.Located>> loops = new HashMap<>();

    /// Results of one loop share a kernel.
    private Place scan(Node n, Op.Scan s) {
        Repeats.Key key = Repeats.Key.of(n);
        Map<Integer, Place.Located> known = loops.get(key);
        if (known == null) {
            Repeats.Made made = Repeats.of(this, key, wanted.get(key), backend);
            steps.add(made.kernel());
            Map<Integer, Place.Located> at = new HashMap<>();
            made.results().forEach((k, v) -> at.put(k, new Place.Located(v, steps.size() - 1)));
            loops.put(key, at);
            known = at;
        }
        return known.get(s.result());
    }

    private final Map<List<Object>, List<Place.Located>> calls = new HashMap<>();

    /// Outputs of one call share a kernel.
    private Place call(Node n, Op.Fused f) {
        List<Object> key = new ArrayList<>();
        key.add(f.what());
        n.inputs().forEach(i -> key.add(System.identityHashCode(i)));
        List<Place.Located> known = calls.get(key);
        if (known == null) {
            List<View> in = n.inputs().stream().map(i -> locateMemory(i).view()).toList();
            List<View> out = f.body().outputs().stream().map(o -> newView(o.type())).toList();
            List<Integer> numbers =
                    java.util.stream.IntStream.range(0, out.size()).boxed().toList();
            steps.add(new Kernel.Call(f.what(), in, numbers, out));
            known = out.stream().map(v -> new Place.Located(v, steps.size() - 1)).toList();
            calls.put(key, known);
        }
        return known.get(f.output());
    }
}
