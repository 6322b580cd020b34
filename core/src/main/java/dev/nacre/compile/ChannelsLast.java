package dev.nacre.compile;

import dev.nacre.compile.Program.Instr;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Pooling;
import dev.nacre.type.DType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// Lays intermediate images out with their channels as neighbours in memory, where the backend's convolutions and poolings like them so.
///
/// Only the order of axes in memory changes, so a view's strides say everything, and a loop takes images of either kind. An image's order passes on through
/// loops to what they compute from it. Whoever needs another order than a buffer has (a result, a flattened image that is a matrix's row) reads a copy, which is
/// made once.
///
/// ```
/// before   conv(x) → b1 [8, 16, 12, 12]; loop(b1) → b2; conv(b2) → b3         the convolutions rearrange b1, b2 and b3 each time
/// after    the same, with strides [2304, 1, 192, 16] for [2304, 144, 12, 1]
/// ```
final class ChannelsLast {
    /// With fewer, neighbours along the channels are too few to be worth it.
    private static final long LEAST_CHANNELS = 8;

    private final List<Scheduler.Buffer> buffers;
    private final int leaves;
    private final Map<Integer, Image> images = new HashMap<>();
    private final Map<Kernel, Set<Integer>> turnable = new IdentityHashMap<>();
    private final Map<Integer, Integer> otherOrder = new HashMap<>(); // buffer → its copy
    private final Set<Integer> rowMajor = new HashSet<>(); // images that stay so at home

    private ChannelsLast(List<Scheduler.Buffer> buffers, int leaves) {
        this.buffers = new ArrayList<>(buffers);
        this.leaves = leaves;
    }

    /// @param leaves how many buffers, the first ones, are given from outside and row-major
    /// @param prefers types of which convolutions and poolings are faster on such images
    static Scheduler.Schedule run(Scheduler.Schedule s, int leaves, Predicate<DType> prefers) {
        ChannelsLast pass = new ChannelsLast(s.buffers(), leaves);
        s.kernels().stream()
                .flatMap(k -> imagesOf(k).stream())
                .filter(v -> prefers.test(v.dtype()))
                .forEach(pass::begin);
        if (pass.images.isEmpty()) {
            return s;
        }
        pass.spread(s.kernels());
        pass.settle(s.kernels());
        return pass.rewritten(s);
    }

    /// The nodes of a graph that are images from a convolution or pooling, or computed from one pixel by pixel.
    static Set<Node> images(List<Node> roots, Predicate<DType> prefers) {
        Set<Node> images = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Node n : Graph.topological(roots)) {
            boolean image =
                    switch (n.op()) {
                        case Op.Convolve c ->
                                c.kind() != Op.Convolve.Kind.KERNEL && isImage(n, prefers);
                        case Op.Fused f ->
                                poolingOf(f.what())
                                        .filter(p -> n.rank() == p.windows().size() + 2)
                                        .filter(_ -> isImage(n, prefers))
                                        .isPresent();
                        case Op.Map1 _, Op.Map2 _, Op.Select _, Op.Cast _ ->
                                n.inputs().stream().anyMatch(images::contains);
                        default -> false;
                    };
            if (image) {
                images.add(n);
            }
        }
        return images;
    }

    private static boolean isImage(Node n, Predicate<DType> prefers) {
        return prefers.test(n.dtype()) && n.size(1) >= LEAST_CHANNELS;
    }

    // ------------------------------------------------------------------------------------------------------
    // which buffers

    /// A kernel's operands and result that are images `[n, channels, …]`.
    private static List<View> imagesOf(Kernel k) {
        return switch (k) {
            case Kernel.Convolution c ->
                    switch (c.op().kind()) {
                        case FORWARD, DATA ->
                                Stream.concat(
                                                Stream.of(c.a(), c.out()),
                                                c.epilogue().addend().stream())
                                        .toList();
                        case KERNEL -> List.of(c.a(), c.b());
                    };
            case Kernel.Call c ->
                    poolingOf(c.what())
                            .map(p ->
                                    Stream.concat(c.in().stream(), c.out().stream())
                                            .filter(v -> v.rank() == p.windows().size() + 2)
                                            .toList())
                            .orElse(List.of());
            default -> List.of();
        };
    }

    private static Optional<Pooling> poolingOf(Composite what) {
        return what instanceof Pooling p
                ? Optional.of(p)
                : what instanceof Composite.Derivative d ? poolingOf(d.of()) : Optional.empty();
    }

    private void begin(View v) {
        long plane = v.count() / Math.max(1, v.sizes()[0] * v.sizes()[1]);
        if (isWhole(v) && v.sizes()[1] >= LEAST_CHANNELS && plane > 1) {
            images.putIfAbsent(v.buffer(), new Image(v.sizes()[1], plane));
        }
    }

    private boolean isWhole(View v) {
        return v.buffer() != Scheduler.RAMP
                && v.offset() == 0
                && v.isDense()
                && v.count() == buffers.get(v.buffer()).count();
    }

    /// What a loop walks like an image is an image too.
    private void spread(List<Kernel> kernels) {
        Map<Integer, List<Loop>> users = new HashMap<>();
        for (Kernel k : kernels) {
            if (k instanceof Loop loop) {
                touched(loop)
                        .forEach(b -> users.computeIfAbsent(b, _ -> new ArrayList<>()).add(loop));
            }
        }
        Deque<Integer> open = new ArrayDeque<>(images.keySet());
        while (!open.isEmpty()) {
            int known = open.pop();
            for (Loop loop : users.getOrDefault(known, List.of())) {
                for (View like : walkedLike(known, loop)) {
                    if (images.putIfAbsent(like.buffer(), images.get(known)) == null) {
                        open.push(like.buffer());
                    }
                }
            }
        }
    }

    private List<View> walkedLike(int image, Loop loop) {
        List<View> out = new ArrayList<>();
        for (Loop.Instance i : loop.instances()) {
            for (View v : i.views()) {
                if (v.buffer() == image && isWhole(v)) {
                    i.views().stream().filter(this::isWhole).forEach(out::add);
                }
            }
        }
        return out;
    }

    private static Set<Integer> touched(Kernel k) {
        Set<Integer> out = new HashSet<>();
        k.reads().forEach(v -> out.add(v.buffer()));
        k.writes().forEach(v -> out.add(v.buffer()));
        return out;
    }

    /// An image stays row-major where it is given from outside, or written by a kernel that cannot write it in the other order.
    private void settle(List<Kernel> kernels) {
        images.keySet().stream().filter(b -> b < leaves).forEach(rowMajor::add);
        for (Kernel k : kernels) {
            Kernel turned = k;
            Set<Integer> could = new HashSet<>();
            for (int b : touched(k)) {
                Optional<Kernel> next =
                        images.containsKey(b)
                                ? turn(turned, b, images.get(b), b)
                                : Optional.empty();
                if (next.isPresent()) {
                    turned = next.get();
                    could.add(b);
                }
            }
            turnable.put(k, could);
            for (View v : k.writes()) {
                if (images.containsKey(v.buffer()) && !could.contains(v.buffer())) {
                    rowMajor.add(v.buffer());
                }
            }
        }
    }

    // --------------------------------------------------------------------------------------------------
    // rewriting

    /// The kernel with all its views of a buffer turned, on a buffer that has the other order; empty if they cannot be.
    private static Optional<Kernel> turn(Kernel k, int buffer, Image image, int turnedBuffer) {
        Kernel cut = k instanceof Loop loop ? cut(loop, buffer, image) : k;
        List<View> views = Stream.concat(cut.reads().stream(), cut.writes().stream()).toList();
        boolean fits =
                views.stream()
                        .filter(v -> v.buffer() == buffer)
                        .allMatch(v -> image.turn(v).filter(t -> takes(cut, t)).isPresent());
        if (!fits) {
            return Optional.empty();
        }
        Kernel turned =
                cut.map(v ->
                        v.buffer() == buffer ? image.turn(v).orElse(v).on(turnedBuffer, 0) : v);
        return Optional.of(turned instanceof Loop loop ? loop.withAccesses() : turned);
    }

    private static boolean takes(Kernel k, View turned) {
        int r = turned.rank();
        return switch (k) {
            case Kernel.Contraction _ ->
                    turned.strides()[r - 1] == 1 || turned.strides()[r - 2] == 1;
            case Kernel.Random _, Repeat _, Kernel.Pack _, Kernel.Packed _ -> false;
            case Loop _, Kernel.Convolution _, Kernel.Call _, Kernel.Indexed _, Kernel.Ordered _ ->
                    true;
        };
    }

    /// Cuts the axes of a loop that go on from one row of an image to the next, so that each has one stride in the other order too. An axis that is combined
    /// into one value is left whole.
    private static Loop cut(Loop loop, int buffer, Image image) {
        boolean rows = loop.program().code().stream().anyMatch(i -> i instanceof Instr.RowFold);
        List<Loop.Instance> out = new ArrayList<>();
        for (Loop.Instance instance : loop.instances()) {
            Loop.Instance i = instance;
            for (int axis = 0; axis < i.extents().length - (rows ? 1 : 0); axis++) {
                long run = i.extents()[axis];
                for (View v : i.views()) {
                    run =
                            v.buffer() == buffer
                                    ? Math.min(run, image.run(i.extents()[axis], v.strides()[axis]))
                                    : run;
                }
                i = i.cut(axis, run);
            }
            out.add(i);
        }
        return new Loop(loop.program(), out);
    }

    private Scheduler.Schedule rewritten(Scheduler.Schedule s) {
        Map<Integer, Integer> lastWrite = new HashMap<>();
        for (int i = 0; i < s.kernels().size(); i++) {
            for (View v : s.kernels().get(i).writes()) {
                lastWrite.put(v.buffer(), i);
            }
        }
        List<Kernel> rewritten = s.kernels().stream().map(this::rewritten).toList();
        List<View> roots = s.roots().stream().map(this::root).toList();
        Map<Integer, List<Integer>> copiesAfter = new HashMap<>();
        otherOrder.forEach((b, _) ->
                copiesAfter
                        .computeIfAbsent(lastWrite.getOrDefault(b, -1), _ -> new ArrayList<>())
                        .add(b));
        List<Kernel> out = new ArrayList<>();
        copies(copiesAfter.getOrDefault(-1, List.of()), out);
        for (int i = 0; i < rewritten.size(); i++) {
            out.add(rewritten.get(i));
            copies(copiesAfter.getOrDefault(i, List.of()), out);
        }
        return new Scheduler.Schedule(s.leaves(), buffers, out, roots);
    }

    private Kernel rewritten(Kernel k) {
        Set<Integer> written = new HashSet<>();
        k.writes().forEach(v -> written.add(v.buffer()));
        Kernel out = k;
        for (int b : touched(k)) {
            if (!images.containsKey(b)) {
                continue;
            }
            boolean turns =
                    turnable.get(k).contains(b) && !(written.contains(b) && rowMajor.contains(b));
            if (turns) {
                int to = rowMajor.contains(b) ? copy(b) : b;
                out = turn(out, b, images.get(b), to).orElseThrow();
            } else if (!rowMajor.contains(b)) {
                out = out.map(v -> v.buffer() == b ? v.on(copy(b), 0) : v);
            }
        }
        return out;
    }

    private View root(View v) {
        if (!images.containsKey(v.buffer()) || rowMajor.contains(v.buffer())) {
            return v;
        }
        return v.on(copy(v.buffer()), 0);
    }

    /// The buffer that holds the image in the order that it does not have at home.
    private int copy(int buffer) {
        return otherOrder.computeIfAbsent(
                buffer,
                b -> {
                    buffers.add(buffers.get(b));
                    return buffers.size() - 1;
                });
    }

    private void copies(List<Integer> images, List<Kernel> out) {
        for (int b : images) {
            out.add(copying(b, otherOrder.get(b)));
        }
    }

    private Loop copying(int from, int to) {
        Image image = images.get(from);
        View dense = image.dense(from, buffers.get(from));
        View turned = image.turn(dense).orElseThrow();
        return rowMajor.contains(from)
                ? Group.copy(dense, turned.on(to, 0))
                : Group.copy(turned, dense.on(to, 0));
    }
}
