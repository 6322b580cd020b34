package dev.nacre.cpu.loops;

import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.type.DType;
import java.util.HashMap;
import java.util.Map;

/// Runs a loop as its documentation says, row by row and instruction by instruction, in double or long arithmetic with every
/// result rounded to its type. Slow and obvious.
final class Oracle {
    private final Program program;
    private final Loop.Instance instance;
    private final long[] addresses;
    private final boolean[] points;
    private final boolean hasRows;

    /// Elements combined into, by address.
    private final Map<Long, Object> combined = new HashMap<>();

    private Oracle(Program program, Loop.Instance instance, long[] addresses) {
        this.program = program;
        this.instance = instance;
        this.addresses = addresses;
        this.points = points();
        this.hasRows = program.code().stream().anyMatch(Instr.RowFold.class::isInstance);
    }

    static void run(Loop loop, long[] addresses) {
        for (var instance : loop.instances()) new Oracle(loop.program(), instance, addresses).run();
    }

    private void run() {
        for (var instr : program.code())
            if (instr instanceof Instr.Accumulate a)
                start(a, new long[instance.extents().length], 0);
        var at = new long[instance.extents().length];
        rows(at, 0);
        for (var instr : program.code())
            if (instr instanceof Instr.Accumulate a)
                finish(a, new long[instance.extents().length], 0);
    }

    private void start(Instr.Accumulate a, long[] at, int axis) {
        var view = instance.views().get(a.view());
        if (axis == at.length) {
            combined.put(address(view, at), neutral(a));
            return;
        }
        long n = view.strides()[axis] == 0 ? 1 : instance.extents()[axis];
        for (at[axis] = 0; at[axis] < n; at[axis]++) start(a, at, axis + 1);
        at[axis] = 0;
    }

    private static Object neutral(Instr.Accumulate a) {
        return a.dtype().isFloating() ? (Object) a.kind().identity() : a.kind().identity(a.dtype());
    }

    private void finish(Instr.Accumulate a, long[] at, int axis) {
        var view = instance.views().get(a.view());
        if (axis == at.length) {
            long address = address(view, at);
            Buffers.write(address, a.dtype(), combined.get(address));
            return;
        }
        long n = view.strides()[axis] == 0 ? 1 : instance.extents()[axis];
        for (at[axis] = 0; at[axis] < n; at[axis]++) finish(a, at, axis + 1);
        at[axis] = 0;
    }

    private void rows(long[] at, int axis) {
        if (axis == at.length - 1) {
            row(at);
            return;
        }
        for (at[axis] = 0; at[axis] < instance.extents()[axis]; at[axis]++) rows(at, axis + 1);
        at[axis] = 0;
    }

    private void row(long[] at) {
        int n = (int) instance.extents()[at.length - 1];
        var code = program.code();
        // One more, for what is stored of rows without points.
        var values = new Object[code.size()][n + 1];
        for (int i = 0; i < code.size(); i++) instruction(code.get(i), values, values[i], at, n);
        for (int i = 0; i < code.size(); i++)
            if (code.get(i) instanceof Instr.Store s) store(s, values[s.a()], at, n);
    }

    /// Whether a value changes along the inner axis.
    private boolean[] points() {
        var points = new boolean[program.code().size()];
        for (int i = 0; i < points.length; i++)
            points[i] =
                    switch (program.code().get(i)) {
                        case Instr.Load l -> isPoint(l.view());
                        case Instr.Ramp r -> isPoint(r.view());
                        case Instr.Apply1 a -> points[a.a()];
                        case Instr.Apply2 a -> points[a.a()] || points[a.b()];
                        case Instr.Choose c ->
                                points[c.condition()] || points[c.a()] || points[c.b()];
                        case Instr.Convert c -> points[c.a()];
                        default -> false;
                    };
        return points;
    }

    private boolean isPoint(int view) {
        return program.views().get(view) == Access.UNIT
                || program.views().get(view) == Access.STRIDED;
    }

    private void instruction(Instr instr, Object[][] values, Object[] out, long[] at, int n) {
        for (int i = 0; i < n; i++) {
            at[at.length - 1] = i;
            switch (instr) {
                case Instr.Load(int view, DType dtype) ->
                        out[i] = Buffers.read(address(instance.views().get(view), at), dtype);
                case Instr.Ramp(int view, DType dtype) -> {
                    var v = instance.views().get(view);
                    long sum = v.offset();
                    for (int a = 0; a < at.length; a++) sum += at[a] * v.strides()[a];
                    out[i] = dtype.wrap(sum);
                }
                case Instr.Literal(DType dtype, long bits) ->
                        out[i] =
                                dtype.isFloating()
                                        ? (Object) dtype.round(Double.longBitsToDouble(bits))
                                        : dtype.wrap(bits);
                case Instr.Apply1(var f, DType dtype, int a) -> {
                    var x = values[a][i];
                    out[i] =
                            dtype.isFloating()
                                    ? (Object) dtype.round(f.apply((double) x))
                                    : dtype == DType.BOOL
                                            ? f.apply((double) (long) x) == 0 ? 0L : 1L
                                            : dtype.wrap(f.apply((long) x));
                }
                case Instr.Apply2(var f, DType operands, int a, int b) -> {
                    var x = values[a][i];
                    var y = values[b][i];
                    var result = instr.dtype();
                    if (operands.isFloating()) {
                        double r = f.apply((double) x, (double) y);
                        out[i] = result.isFloating() ? (Object) result.round(r) : (Object) (long) r;
                    } else out[i] = result.wrap(f.apply((long) x, (long) y));
                }
                case Instr.Choose(DType dtype, int condition, int a, int b) ->
                        out[i] = (long) values[condition][i] != 0 ? values[a][i] : values[b][i];
                case Instr.Convert(DType dtype, int a) -> out[i] = convert(values[a][i], dtype);
                case Instr.Accumulate(var kind, int view, DType dtype, int a) -> {
                    var once = hasRows && !points[a] && !isPoint(view);
                    if (once && i > 0) continue;
                    var x = values[a][i];
                    combined.merge(
                            address(instance.views().get(view), at),
                            x,
                            (p, q) ->
                                    dtype.isFloating()
                                            ? (Object) kind.apply((double) p, (double) q)
                                            : dtype.wrap(kind.apply((long) p, (long) q)));
                }
                case Instr.RowFold r -> {}
                case Instr.Store s -> {}
            }
        }
        if (instr instanceof Instr.RowFold(var kind, DType dtype, int a)) {
            if (dtype.isFloating()) {
                double sum = kind.identity();
                for (int i = 0; i < n; i++) sum = kind.apply(sum, (double) values[a][i]);
                java.util.Arrays.fill(out, dtype.round(sum));
            } else {
                long sum = kind.identity(dtype);
                for (int i = 0; i < n; i++) sum = dtype.wrap(kind.apply(sum, (long) values[a][i]));
                java.util.Arrays.fill(out, sum);
            }
        }
    }

    private static Object convert(Object x, DType to) {
        if (x instanceof Double d)
            return to.isFloating() ? (Object) to.round(d) : (long) to.round(d);
        if (to == DType.I64) return x;
        return to.isFloating() ? (Object) to.round((double) (long) x) : (Object) to.wrap((long) x);
    }

    private void store(Instr.Store s, Object[] values, long[] at, int n) {
        int count = isPoint(s.view()) ? n : 1;
        for (int i = 0; i < count; i++) {
            at[at.length - 1] = i;
            if (values[i] != null)
                Buffers.write(address(instance.views().get(s.view()), at), s.dtype(), values[i]);
        }
    }

    private long address(View view, long[] at) {
        long element = view.offset();
        for (int a = 0; a < at.length; a++) element += at[a] * view.strides()[a];
        return addresses[view.buffer()] + element * view.dtype().bytes();
    }
}
