package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Pooling;
import dev.nacre.ir.Unary;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A pooling of few elements without padding is a loop over its result, which loads each element of the window by a view of its own; its derivative, if windows tile the operand, stores each by
/// a view of its own:
///
///     max_pool 2 stride 2   →   y = max(x[2i, 2j], x[2i, 2j+1], x[2i+1, 2j], x[2i+1, 2j+1])
final class PoolingLoop {
    /// Elements of a window beyond which registers run out.
    private static final long MOST_TAPS = 16;

    private final Pooling pooling;
    private final DType dtype;
    private final DType real;
    private final View places; // one point for each result
    private final List<View> views = new ArrayList<>();
    private final List<Instr> code = new ArrayList<>();

    private PoolingLoop(Pooling pooling, View places) {
        this.pooling = pooling;
        this.dtype = places.dtype();
        this.real = dtype.arithmetic();
        this.places = places;
    }

    /// The loop that a pooling or its derivative is, if it is one.
    static Optional<Loop> of(Kernel.Call call) {
        View x = call.in().getFirst();
        View out = call.out().getFirst();
        if (call.what() instanceof Pooling p && fits(p)) {
            return Optional.of(new PoolingLoop(p, out).forward(x));
        }
        if (call.what() instanceof Composite.Derivative d
                && d.of() instanceof Pooling p
                && fits(p)
                && tiles(p, x)) {
            return Optional.of(new PoolingLoop(p, call.in().get(1)).backward(x, out));
        }
        return Optional.empty();
    }

    private static boolean fits(Pooling p) {
        long taps = p.windows().stream().mapToLong(Window::size).reduce(1, (a, b) -> a * b);
        return taps <= MOST_TAPS
                && p.windows().stream().allMatch(w -> w.before() == 0 && w.after() == 0);
    }

    private static boolean tiles(Pooling p, View x) {
        int first = x.rank() - p.windows().size();
        for (int i = 0; i < p.windows().size(); i++) {
            Window w = p.windows().get(i);
            if (w.stride() != w.size()
                    || w.dilation() != 1
                    || x.sizes()[first + i] % w.size() != 0) {
                return false;
            }
        }
        return true;
    }

    private Loop forward(View x) {
        List<Integer> taps = new ArrayList<>();
        for (View tap : taps(x)) {
            taps.add(load(tap));
        }
        int y = combined(taps);
        if (pooling.kind() != Pooling.Kind.MAX) {
            y = add(new Instr.Apply2(Binary.DIV, real, y, literal(taps.size())));
        }
        store(places, y);
        return loop();
    }

    private int combined(List<Integer> taps) {
        Binary f = pooling.kind() == Pooling.Kind.MAX ? Binary.MAX : Binary.ADD;
        int y = taps.getFirst();
        for (int tap : taps.subList(1, taps.size())) {
            y = add(new Instr.Apply2(f, real, y, tap));
        }
        return y;
    }

    /// The first of the largest gets the gradient, or the first NaN; of a mean all get the same.
    private Loop backward(View x, View dx) {
        int g = load(places);
        List<View> into = taps(dx);
        if (pooling.kind() != Pooling.Kind.MAX) {
            int each = add(new Instr.Apply2(Binary.DIV, real, g, literal(into.size())));
            into.forEach(v -> store(v, each));
            return loop();
        }
        List<Integer> taps = new ArrayList<>();
        for (View tap : taps(x)) {
            taps.add(load(tap));
        }
        int most = combined(taps);
        int zero = literal(0);
        int open = add(new Instr.Literal(DType.BOOL, 1));
        for (int i = 0; i < taps.size(); i++) {
            int tap = taps.get(i);
            int equal = add(new Instr.Apply2(Binary.EQ, real, tap, most));
            int unordered = add(new Instr.Apply2(Binary.NE, real, tap, tap));
            int wins = add(new Instr.Apply2(Binary.OR, DType.BOOL, equal, unordered));
            int first = add(new Instr.Apply2(Binary.AND, DType.BOOL, wins, open));
            store(into.get(i), add(new Instr.Choose(real, first, g, zero)));
            int lost = add(new Instr.Apply1(Unary.NOT, DType.BOOL, first));
            open = add(new Instr.Apply2(Binary.AND, DType.BOOL, open, lost));
        }
        return loop();
    }

    /// For each element of the window the view of it at all places.
    private List<View> taps(View x) {
        int first = x.rank() - pooling.windows().size();
        long[] strides = x.strides().clone();
        List<Long> offsets = List.of(x.offset());
        for (int i = 0; i < pooling.windows().size(); i++) {
            Window w = pooling.windows().get(i);
            long step = x.strides()[first + i];
            strides[first + i] = step * w.stride();
            List<Long> more = new ArrayList<>();
            for (long offset : offsets) {
                for (long tap = 0; tap < w.size(); tap++) {
                    more.add(offset + tap * w.dilation() * step);
                }
            }
            offsets = more;
        }
        return offsets.stream()
                .map(o -> new View(x.buffer(), x.dtype(), o, places.sizes(), strides))
                .toList();
    }

    private int add(Instr i) {
        code.add(i);
        return code.size() - 1;
    }

    private int load(View v) {
        views.add(v);
        int loaded = add(new Instr.Load(views.size() - 1, dtype));
        return dtype == real ? loaded : add(new Instr.Convert(real, loaded));
    }

    private void store(View v, int value) {
        views.add(v);
        int narrow = dtype == real ? value : add(new Instr.Convert(dtype, value));
        add(new Instr.Store(views.size() - 1, dtype, narrow));
    }

    private int literal(double value) {
        return add(new Instr.Literal(real, Double.doubleToRawLongBits(value)));
    }

    private Loop loop() {
        List<Access> accesses = views.stream().map(_ -> Access.STRIDED).toList();
        Loop.Instance instance = new Loop.Instance(places.sizes(), views);
        return new Loop(new Program(code, accesses), List.of(instance)).withAccesses();
    }
}
