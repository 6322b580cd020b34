package dev.nacre.compile;

import dev.nacre.compile.Program.Instr;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.reference.Array;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/// Executes kernels point by point, as their documentation says and no faster: the oracle for the compiler without any real backend.
public final class PlainBackend implements Backend {
    private static final MemorySegment ALL = Memory.all();

    /// For the service loader.
    public PlainBackend() {}

    @Override
    public String name() {
        return "plain";
    }

    @Override
    public int priority() {
        return -1;
    }

    @Override
    public boolean claims(Op.Fused op, List<TensorType> operands) {
        return false;
    }

    /// Both orders are to be tested.
    @Override
    public boolean prefersChannelsLast(DType type) {
        return type != DType.F64;
    }

    @Override
    public Executable prepare(List<Kernel> kernels) {
        return () ->
                new Frame() {
                    @Override
                    public void run(long[] addresses) {
                        kernels.forEach(k -> PlainBackend.run(k, addresses));
                    }

                    @Override
                    public void run(long[] addresses, long[] nanos) {
                        for (int i = 0; i < nanos.length; i++) {
                            long before = System.nanoTime();
                            PlainBackend.run(kernels.get(i), addresses);
                            nanos[i] = System.nanoTime() - before;
                        }
                    }
                };
    }

    private static void run(Kernel k, long[] at) {
        switch (k) {
            case Repeat r -> repeat(r, at);
            case Loop l -> l.instances().forEach(i -> new Walk(l.program(), i, at).run());
            case Kernel.Pack _, Kernel.Packed _ ->
                    throw new IllegalStateException("this backend packs nothing: " + k);
            case Kernel.Contraction c ->
                    write(
                            c.out(),
                            at,
                            epilogue(
                                    op(new Op.Contract(c.out().dtype()), at, c.a(), c.b()),
                                    c.epilogue(),
                                    -1,
                                    at));
            case Kernel.Convolution c ->
                    write(c.out(), at, epilogue(op(c.op(), at, c.a(), c.b()), c.epilogue(), 1, at));
            case Kernel.Call c ->
                    throw new IllegalStateException("nothing was claimed, but got " + c.what());
            case Kernel.Indexed x ->
                    write(
                            x.out(),
                            at,
                            x.base().isPresent()
                                    ? op(
                                            new Op.ScatterAdd(x.axis()),
                                            at,
                                            x.base().get(),
                                            x.index(),
                                            x.source())
                                    : op(new Op.Gather(x.axis()), at, x.source(), x.index()));
            case Kernel.Ordered o ->
                    write(o.out(), at, op(o.op(), at, o.in().toArray(View[]::new)));
            case Kernel.Random r ->
                    write(
                            r.out(),
                            at,
                            op(new Op.RandomBits(Shape.of(r.out().sizes())), at, r.key()));
        }
    }

    private static void repeat(Repeat r, long[] at) {
        long[] inner = new long[r.slots().size()];
        long done = 0;
        boolean going = true;
        for (; done < r.steps() && going; done++) {
            r.locate(done, at, inner);
            r.body().forEach(k -> run(k, inner));
            going =
                    r.halt().isEmpty()
                            || ALL.get(ValueLayout.JAVA_BYTE, inner[r.halt().get().flag()]) == 0;
        }
        if (r.halt().isPresent()) {
            r.locate(done, at, inner);
            for (Repeat.Rest rest : r.halt().get().rests()) {
                View v = r.view(rest.view());
                long row = v.count() / Math.max(1, r.steps());
                long n = (r.steps() - done) * row * v.dtype().bytes();
                long from = rest.backwards() ? 0 : done * row;
                ALL.asSlice(address(v, at, v.offset() + from), n).fill((byte) 0);
            }
            for (Repeat.Last last : r.halt().get().lasts()) {
                View v = r.view(last.view());
                MemorySegment.copy(
                        ALL,
                        inner[last.slot()],
                        ALL,
                        address(v, at, v.offset()),
                        v.count() * v.dtype().bytes());
            }
        }
    }

    private record Given(Node node, Map<Source, Array> leaves) {}

    private static Given op(Op op, long[] at, View... operands) {
        Map<Source, Array> leaves = new IdentityHashMap<>();
        List<Node> nodes = new ArrayList<>();
        for (View v : operands) {
            nodes.add(leaf(v, at, leaves));
        }
        return new Given(Node.of(op, nodes), leaves);
    }

    private static Node leaf(View v, long[] at, Map<Source, Array> leaves) {
        TensorType t = TensorType.of(v.dtype(), v.sizes());
        Node n = Symbol.node("operand", t);
        leaves.put(((Op.Leaf) n.op()).source(), read(v, at));
        return n;
    }

    private static Given epilogue(Given g, Kernel.Epilogue e, int channel, long[] at) {
        Node n = g.node;
        if (e.bias().isPresent()) {
            Node b = leaf(e.bias().get(), at, g.leaves);
            n = n.add(channel == 1 ? b.reshape(channels(b, n.rank())) : b);
        }
        if (e.addend().isPresent()) {
            n = n.add(leaf(e.addend().get(), at, g.leaves));
        }
        if (e.activation().isPresent()) {
            n =
                    switch (e.activation().get()) {
                        case RELU -> n.relu();
                        case SIGMOID -> n.sigmoid();
                        case TANH -> n.tanh();
                    };
        }
        return new Given(n, g.leaves);
    }

    private static long[] channels(Node b, int rank) {
        long[] s = new long[rank];
        java.util.Arrays.fill(s, 1);
        s[1] = b.size(0);
        return s;
    }

    private static void write(View out, long[] at, Given g) {
        Array a = Interpreter.evaluate(List.of(g.node), g.leaves::get).getFirst();
        long[] index = new long[out.rank()];
        for (int i = 0; i < out.count(); i++) {
            long p = position(out, index);
            store(
                    out,
                    at,
                    p,
                    a.type().dtype().isFloating() ? a.toDoubles()[i] : a.toLongs()[i],
                    a.type().dtype().isFloating() ? 0 : a.toLongs()[i]);
            next(index, out.sizes());
        }
    }

    private static Array read(View v, long[] at) {
        int n = Math.toIntExact(v.count());
        double[] d = new double[n];
        long[] l = new long[n];
        long[] index = new long[v.rank()];
        for (int i = 0; i < n; i++) {
            long p = position(v, index);
            if (v.dtype().isFloating()) {
                d[i] = loadDouble(v, at, p);
            } else {
                l[i] = loadLong(v, at, p);
            }
            next(index, v.sizes());
        }
        TensorType t = TensorType.of(v.dtype(), v.sizes());
        return v.dtype().isFloating() ? Array.of(t, d) : Array.ofLongs(t, l);
    }

    static long position(View v, long[] index) {
        long p = v.offset();
        for (int i = 0; i < index.length; i++) {
            p += index[i] * v.strides()[i];
        }
        return p;
    }

    static boolean next(long[] index, long[] sizes) {
        for (int i = index.length - 1; i >= 0; i--) {
            if (++index[i] < sizes[i]) {
                return true;
            }
            index[i] = 0;
        }
        return false;
    }

    private static long address(View v, long[] at, long p) {
        return at[v.buffer()] + p * v.dtype().bytes();
    }

    private static double loadDouble(View v, long[] at, long p) {
        long a = address(v, at, p);
        return switch (v.dtype()) {
            case F32 -> ALL.get(ValueLayout.JAVA_FLOAT, a);
            case F64 -> ALL.get(ValueLayout.JAVA_DOUBLE, a);
            case F16 -> Float.float16ToFloat(ALL.get(ValueLayout.JAVA_SHORT, a));
            case BF16 -> DType.bf16ToFloat(ALL.get(ValueLayout.JAVA_SHORT, a));
            default -> throw new IllegalStateException();
        };
    }

    private static long loadLong(View v, long[] at, long p) {
        long a = address(v, at, p);
        return switch (v.dtype()) {
            case BOOL, I8 -> ALL.get(ValueLayout.JAVA_BYTE, a);
            case U8 -> ALL.get(ValueLayout.JAVA_BYTE, a) & 0xFF;
            case I32 -> ALL.get(ValueLayout.JAVA_INT, a);
            case I64 -> ALL.get(ValueLayout.JAVA_LONG, a);
            default -> throw new IllegalStateException();
        };
    }

    private static void store(View v, long[] at, long p, double d, long l) {
        long a = address(v, at, p);
        switch (v.dtype()) {
            case F32 -> ALL.set(ValueLayout.JAVA_FLOAT, a, (float) d);
            case F64 -> ALL.set(ValueLayout.JAVA_DOUBLE, a, d);
            case F16 -> ALL.set(ValueLayout.JAVA_SHORT, a, Float.floatToFloat16((float) d));
            case BF16 -> ALL.set(ValueLayout.JAVA_SHORT, a, DType.floatToBf16((float) d));
            case BOOL, I8, U8 -> ALL.set(ValueLayout.JAVA_BYTE, a, (byte) l);
            case I32 -> ALL.set(ValueLayout.JAVA_INT, a, (int) l);
            case I64 -> ALL.set(ValueLayout.JAVA_LONG, a, l);
        }
    }

    /// A number on its way through a program.
    private record Value(double d, long l) {
        static Value of(DType t, double d) {
            return new Value(t.round(d), 0);
        }

        static Value of(long l) {
            return new Value(0, l);
        }
    }

    /// One instance of a loop, point by point; rows are walked once for each fold first.
    private record Walk(Program program, Loop.Instance instance, long[] at) {
        void run() {
            long[] sizes = instance.extents();
            if (instance.points() == 0) {
                return;
            }
            start();
            long[] outer = java.util.Arrays.copyOf(sizes, sizes.length - 1);
            long[] row = new long[outer.length];
            do {
                Map<Integer, Value> folds = new HashMap<>();
                for (int i = 0; i < program.code().size(); i++) {
                    if (program.code().get(i) instanceof Instr.RowFold f) {
                        folds.put(i, fold(f, row, folds));
                    }
                }
                for (long c = 0; c < sizes[sizes.length - 1]; c++) {
                    point(row, c, folds, true);
                }
            } while (next(row, outer));
        }

        private void start() {
            for (Instr i : program.code()) {
                if (i instanceof Instr.Accumulate a) {
                    View v = instance.views().get(a.view());
                    long[] index = new long[v.rank()];
                    do {
                        store(
                                v,
                                at,
                                position(v, index),
                                a.kind().identity(),
                                a.dtype().isFloating() ? 0 : a.kind().identity(a.dtype()));
                    } while (next(index, v.sizes()));
                }
            }
        }

        private Value fold(Instr.RowFold f, long[] row, Map<Integer, Value> folds) {
            Value sum =
                    new Value(
                            f.kind().identity(),
                            f.dtype().isFloating() ? 0 : f.kind().identity(f.dtype()));
            for (long c = 0; c < instance.extents()[instance.extents().length - 1]; c++) {
                sum = combine(f.kind(), f.dtype(), sum, point(row, c, folds, false)[f.a()], false);
            }
            return new Value(f.dtype().isFloating() ? f.dtype().round(sum.d) : 0, sum.l);
        }

        private Value combine(Reduction kind, DType t, Value a, Value b, boolean round) {
            return t.isFloating()
                    ? new Value(round ? t.round(kind.apply(a.d, b.d)) : kind.apply(a.d, b.d), 0)
                    : Value.of(t.wrap(kind.apply(a.l, b.l)));
        }

        private Value[] point(long[] row, long c, Map<Integer, Value> folds, boolean stores) {
            long[] index = java.util.Arrays.copyOf(row, row.length + 1);
            index[row.length] = c;
            Value[] v = new Value[program.code().size()];
            for (int i = 0; i < v.length; i++) {
                v[i] = step(program.code().get(i), i, v, index, folds, stores);
                if (v[i] == null && !stores) {
                    break; // the first fold that is not known yet: what follows depends on it or is
                    // of no use to it
                }
            }
            return v;
        }

        private Value step(
                Instr instr,
                int number,
                Value[] v,
                long[] index,
                Map<Integer, Value> folds,
                boolean stores) {
            return switch (instr) {
                case Instr.Load l -> {
                    View view = instance.views().get(l.view());
                    long p = position(view, index);
                    yield l.dtype().isFloating()
                            ? new Value(loadDouble(view, at, p), 0)
                            : Value.of(loadLong(view, at, p));
                }
                case Instr.Ramp r ->
                        Value.of(r.dtype().wrap(position(instance.views().get(r.view()), index)));
                case Instr.Literal l ->
                        l.dtype().isFloating()
                                ? new Value(Double.longBitsToDouble(l.bits()), 0)
                                : Value.of(l.bits());
                case Instr.Apply1 a ->
                        a.dtype().isFloating()
                                ? Value.of(a.dtype(), a.f().apply(v[a.a()].d))
                                : Value.of(
                                        a.dtype() == DType.BOOL
                                                ? 1 - v[a.a()].l
                                                : a.dtype().wrap(a.f().apply(v[a.a()].l)));
                case Instr.Apply2 a -> {
                    if (a.operands().isFloating()) {
                        double d = a.f().apply(v[a.a()].d, v[a.b()].d);
                        yield a.f().isComparison() ? Value.of((long) d) : Value.of(a.dtype(), d);
                    }
                    yield Value.of(a.dtype().wrap(a.f().apply(v[a.a()].l, v[a.b()].l)));
                }
                case Instr.Choose x -> v[x.condition()].l != 0 ? v[x.a()] : v[x.b()];
                case Instr.Convert x ->
                        convert(program.code().get(x.a()).dtype(), x.dtype(), v[x.a()]);
                case Instr.RowFold _ -> folds.get(number);
                case Instr.Store s -> {
                    if (stores) {
                        View view = instance.views().get(s.view());
                        store(view, at, position(view, index), v[s.a()].d, v[s.a()].l);
                    }
                    yield v[s.a()];
                }
                case Instr.Accumulate s -> {
                    if (stores
                            && (index[index.length - 1] == 0 || level(s.a()) == 2 || !hasRows())) {
                        View view = instance.views().get(s.view());
                        long p = position(view, index);
                        Value old =
                                s.dtype().isFloating()
                                        ? new Value(loadDouble(view, at, p), 0)
                                        : Value.of(loadLong(view, at, p));
                        Value sum = combine(s.kind(), s.dtype(), old, v[s.a()], true);
                        store(view, at, p, sum.d, sum.l);
                    }
                    yield v[s.a()];
                }
            };
        }

        private boolean hasRows() {
            return program.code().stream().anyMatch(Instr.RowFold.class::isInstance);
        }

        /// 2 for a value per element, less for a value per row or of the whole loop.
        private int level(int value) {
            return switch (program.code().get(value)) {
                case Instr.Load l -> level(program.views().get(l.view()));
                case Instr.Ramp r -> level(program.views().get(r.view()));
                case Instr.Literal _ -> 0;
                case Instr.Apply1 a -> level(a.a());
                case Instr.Apply2 a -> Math.max(level(a.a()), level(a.b()));
                case Instr.Choose c ->
                        Math.max(level(c.condition()), Math.max(level(c.a()), level(c.b())));
                case Instr.Convert c -> level(c.a());
                case Instr.RowFold _ -> 1;
                case Instr.Store s -> level(s.a());
                case Instr.Accumulate a -> level(a.a());
            };
        }

        private static int level(Program.Access a) {
            return a == Program.Access.UNIFORM ? 0 : a == Program.Access.ROW ? 1 : 2;
        }

        private static Value convert(DType from, DType to, Value v) {
            if (to.isFloating()) {
                return Value.of(to, from.isFloating() ? v.d : v.l);
            }
            return Value.of(from.isFloating() ? to.whole(v.d) : to.wrap(v.l));
        }
    }
}
