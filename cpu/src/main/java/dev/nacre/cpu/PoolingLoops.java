package dev.nacre.cpu;

import dev.nacre.compile.Kernel.Call;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Pooling;
import dev.nacre.ir.Pooling.Kind;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Pooling and its derivative as loops over the windows' positions: each tap of the window is a view of the image. Positions whose windows have the same taps inside of the
/// image share a loop.
///
/// ```
/// max_pool 2 stride 2     loop over positions: y = max(x[2i, 2j], x[2i, 2j+1], x[2i+1, 2j], x[2i+1, 2j+1])
/// max_pool'               the same, finding which of the four is the largest, and storing g or 0 to each of them
/// ```
///
/// Where windows overlap, so do the pixels that the derivative adds to. Then positions are taken in turns, such that the windows of one turn do not overlap.
final class PoolingLoops {
    /// More taps are too much for one loop.
    private static final long MOST = 32;

    private static final long MOST_SOUGHT = 9;

    private final Pooling pooling;
    private final int lead;
    private final View x;
    private final View pooled;
    private final DType type; // of what is computed
    private final List<Loop> loops = new ArrayList<>();

    /// Some positions along one axis, `step` apart, and the taps that are inside of the image at all of them.
    private record Run(long from, long count, long step, long tap, long end) {}

    private PoolingLoops(Pooling pooling, View x, View pooled) {
        this.pooling = pooling;
        this.lead = x.rank() - pooling.windows().size();
        this.x = x;
        this.pooled = pooled;
        this.type = x.dtype().arithmetic();
    }

    /// The loops to run one after the other; empty if it is no pooling, or one of large windows.
    static Optional<List<Loop>> of(Call call) {
        View x = call.in().getFirst();
        View out = call.out().getFirst();
        if (x.count() == 0 || out.count() == 0) {
            return Optional.empty();
        }
        return switch (call.what()) {
            case Pooling p when taps(p) <= MOST ->
                    Optional.of(new PoolingLoops(p, x, out).forward());
            case Composite.Derivative d
                    when d.of() instanceof Pooling p
                            && taps(p) <= (p.kind() == Kind.MAX ? MOST_SOUGHT : MOST)
                            && call.in().get(1).count() > 0 ->
                    Optional.of(new PoolingLoops(p, x, call.in().get(1)).backward(out));
            default -> Optional.empty();
        };
    }

    private static long taps(Pooling p) {
        return p.windows().stream().mapToLong(Window::size).reduce(1, (a, b) -> a * b);
    }

    private List<Loop> forward() {
        for (List<Run> region : regions(i -> 1)) {
            Body body = new Body(region);
            List<Integer> taps = body.loadAll(x);
            int value = taps.isEmpty() ? body.literal(none()) : taps.getFirst();
            for (int tap : taps.subList(Math.min(1, taps.size()), taps.size())) {
                value =
                        body.emit(
                                new Instr.Apply2(
                                        pooling.kind() == Kind.MAX ? Binary.MAX : Binary.ADD,
                                        type,
                                        value,
                                        tap));
            }
            if (pooling.kind() != Kind.MAX) {
                value =
                        body.emit(
                                new Instr.Apply2(
                                        Binary.DIV,
                                        type,
                                        value,
                                        body.literal(divisor(taps.size()))));
            }
            body.store(value, positions(pooled, region));
            loops.add(body.loop());
        }
        return loops;
    }

    private double none() {
        return pooling.kind() == Kind.MAX ? Double.NEGATIVE_INFINITY : 0;
    }

    private double divisor(int inside) {
        return pooling.kind() == Kind.MEAN ? inside : taps(pooling);
    }

    private List<Loop> backward(View dx) {
        boolean overlap = pooling.windows().stream().anyMatch(w -> turns(w) > 1);
        if (overlap || !isCovered()) {
            loops.add(clearing(dx));
        }
        for (List<Run> region : regions(i -> turns(pooling.windows().get(i)))) {
            Body body = new Body(region);
            int gradient = body.load(positions(pooled, region));
            List<Integer> shares =
                    pooling.kind() == Kind.MAX ? body.toLargest(gradient) : body.toAll(gradient);
            List<View> places = body.places(dx);
            for (int i = 0; i < places.size(); i++) {
                int share = shares.get(i);
                if (overlap) {
                    share =
                            body.emit(
                                    new Instr.Apply2(
                                            Binary.ADD, type, body.load(places.get(i)), share));
                }
                body.store(share, places.get(i));
            }
            if (!places.isEmpty()) {
                loops.add(body.loop());
            }
        }
        return loops;
    }

    /// In how many turns an axis must be taken so that windows of one turn do not overlap.
    private static long turns(Window w) {
        return Math.ceilDiv(w.reach(), w.stride());
    }

    /// Whether windows that do not overlap leave no pixel out.
    private boolean isCovered() {
        for (int i = 0; i < pooling.windows().size(); i++) {
            Window w = pooling.windows().get(i);
            long end = pooled.sizes()[lead + i] * w.stride() - w.before();
            if (w.dilation() != 1 || w.stride() != w.size() || end < x.sizes()[lead + i]) {
                return false;
            }
        }
        return true;
    }

    private static Loop clearing(View v) {
        List<Instr> code =
                List.of(new Instr.Literal(v.dtype(), 0), new Instr.Store(0, v.dtype(), 0));
        return new Loop(
                        new Program(code, List.of()),
                        List.of(new Loop.Instance(v.sizes(), List.of(v))))
                .withAccesses();
    }

    // -------------------------------------------------------------------------------------------
    // regions

    @FunctionalInterface
    private interface Turns {
        long of(int axis);
    }

    /// All combinations of the axes' runs.
    private List<List<Run>> regions(Turns turns) {
        List<List<Run>> all = List.of(List.of());
        for (int i = 0; i < pooling.windows().size(); i++) {
            List<List<Run>> longer = new ArrayList<>();
            for (List<Run> prefix : all) {
                for (Run run : runs(i, turns.of(i))) {
                    List<Run> next = new ArrayList<>(prefix);
                    next.add(run);
                    longer.add(next);
                }
            }
            all = longer;
        }
        return all;
    }

    private List<Run> runs(int axis, long turns) {
        Window w = pooling.windows().get(axis);
        long size = x.sizes()[lead + axis];
        List<Run> runs = new ArrayList<>();
        for (long turn = 0; turn < turns; turn++) {
            Run open = new Run(0, 0, turns, 0, 0);
            for (long p = turn; p < pooled.sizes()[lead + axis]; p += turns) {
                long start = p * w.stride() - w.before();
                long tap = Math.clamp(Math.ceilDiv(-start, w.dilation()), 0, w.size());
                long end = Math.clamp(Math.ceilDiv(size - start, w.dilation()), tap, w.size());
                if (open.count > 0 && open.tap == tap && open.end == end) {
                    open = new Run(open.from, open.count + 1, turns, tap, end);
                    runs.removeLast();
                } else {
                    open = new Run(p, 1, turns, tap, end);
                }
                runs.add(open);
            }
        }
        return runs;
    }

    private View positions(View v, List<Run> region) {
        long offset = v.offset();
        long[] sizes = v.sizes().clone();
        long[] strides = v.strides().clone();
        for (int i = 0; i < region.size(); i++) {
            Run r = region.get(i);
            offset += r.from * strides[lead + i];
            sizes[lead + i] = r.count;
            strides[lead + i] *= r.step;
        }
        return new View(v.buffer(), v.dtype(), offset, sizes, strides);
    }

    /// Where one tap of the windows at some positions lies in an image.
    private View tap(View image, List<Run> region, long[] tap) {
        long offset = image.offset();
        long[] sizes = image.sizes().clone();
        long[] strides = image.strides().clone();
        for (int i = 0; i < region.size(); i++) {
            Run r = region.get(i);
            Window w = pooling.windows().get(i);
            long first = r.from * w.stride() - w.before() + tap[i] * w.dilation();
            offset += first * strides[lead + i];
            sizes[lead + i] = r.count;
            strides[lead + i] *= w.stride() * r.step;
        }
        return new View(image.buffer(), image.dtype(), offset, sizes, strides);
    }

    /// A loop in the making.
    private final class Body {
        private final List<Run> region;
        private final List<Instr> code = new ArrayList<>();
        private final List<View> views = new ArrayList<>();
        private final List<Instr> stores = new ArrayList<>();

        Body(List<Run> region) {
            this.region = region;
        }

        /// The taps in row-major order.
        List<View> places(View image) {
            List<View> all = new ArrayList<>();
            long[] tap = region.stream().mapToLong(Run::tap).toArray();
            boolean more = region.stream().allMatch(r -> r.tap < r.end);
            while (more) {
                all.add(tap(image, region, tap.clone()));
                int axis = tap.length - 1;
                while (axis >= 0 && ++tap[axis] == region.get(axis).end) {
                    tap[axis] = region.get(axis).tap;
                    axis--;
                }
                more = axis >= 0;
            }
            return all;
        }

        List<Integer> loadAll(View image) {
            return places(image).stream().map(this::load).toList();
        }

        int load(View v) {
            views.add(v);
            int raw = emit(new Instr.Load(views.size() - 1, v.dtype()));
            return v.dtype() == type ? raw : emit(new Instr.Convert(type, raw));
        }

        void store(int value, View v) {
            views.add(v);
            int stored = v.dtype() == type ? value : emit(new Instr.Convert(v.dtype(), value));
            stores.add(new Instr.Store(views.size() - 1, v.dtype(), stored));
        }

        int literal(double value) {
            return emit(new Instr.Literal(type, Double.doubleToLongBits(type.round(value))));
        }

        int emit(Instr i) {
            code.add(i);
            return code.size() - 1;
        }

        private int compare(Binary f, int a, int b) {
            return emit(new Instr.Apply2(f, type, a, b));
        }

        private int choose(int condition, int a, int b) {
            return emit(new Instr.Choose(type, condition, a, b));
        }

        List<Integer> toAll(int gradient) {
            int inside = places(x).size();
            int share =
                    inside == 0
                            ? gradient
                            : emit(
                                    new Instr.Apply2(
                                            Binary.DIV, type, gradient, literal(divisor(inside))));
            return places(x).stream().map(_ -> share).toList();
        }

        /// The gradient for the first largest tap, or the first NaN, and 0 for the others: each tap in turn that is the largest takes what is left.
        List<Integer> toLargest(int gradient) {
            List<Integer> taps = loadAll(x);
            if (taps.isEmpty()) {
                return List.of();
            }
            int largest = largest(taps);
            int zero = literal(0);
            int left = gradient;
            List<Integer> shares = new ArrayList<>();
            for (int v : taps.subList(0, taps.size() - 1)) {
                int equal = compare(Binary.EQ, v, largest);
                int isNaN = compare(Binary.NE, v, v);
                int takes = emit(new Instr.Apply2(Binary.OR, DType.BOOL, equal, isNaN));
                shares.add(choose(takes, left, zero));
                left = choose(takes, zero, left);
            }
            shares.add(left);
            return shares;
        }

        int largest(List<Integer> taps) {
            int value = taps.getFirst();
            for (int tap : taps.subList(1, taps.size())) {
                value = emit(new Instr.Apply2(Binary.MAX, type, value, tap));
            }
            return value;
        }

        Loop loop() {
            code.addAll(stores);
            long[] extents = views.getFirst().sizes();
            return new Loop(
                            new Program(List.copyOf(code), List.of()),
                            List.of(new Loop.Instance(extents, List.copyOf(views))))
                    .withAccesses();
        }
    }
}
