package dev.nacre;

import dev.nacre.compile.Memory;
import dev.nacre.ir.Algebra;
import dev.nacre.ir.Body;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Places;
import dev.nacre.ir.Symbol;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import dev.nacre.type.TensorType;
import dev.nacre.type.ValueException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// An immutable array of numbers of one [DType] and [Shape].
///
/// A tensor made by an operation is an expression: types and shapes are checked at once, on the line that is wrong, and the numbers are computed when somebody
/// reads them ([#item()], [#toFloatArray()], printing) or asks for them ([#realize()]), together with everything they need, in one compiled plan. Nothing has to be
/// closed; memory is freed when nobody can reach it.
///
/// A tensor that has been computed still knows how, if it depends on a trainable [Variable] and [#backward()] has not been called on it: printing an activation does not
/// change what is learned. To carry a value from step to step without its history, [#detach()] it. A tensor that depends on no such variable is just its numbers then.
///
/// The operations are in [Algebra]'s families. Thread-safe.
public sealed class Tensor implements Algebra<Tensor> permits Variable {
    /// Over so many computations of other things an expression may be written down.
    private static final int OLD = 16;

    private volatile Node node;
    private volatile Stored stored; // null until computed
    private volatile boolean settled; // no gradient will be asked for

    Tensor(Node node) {
        this.node = node;
    }

    Tensor(Stored stored) {
        this.node = stored.node();
        this.stored = stored;
    }

    /// For variables, whose node depends on where they are read.
    Tensor() {}

    // ------------------------------------------------------------------------------------------------ creation

    /// A tensor of rank 0.
    public static Tensor of(float value) {
        return constant(Op.Constant.of(value, DType.F32));
    }

    public static Tensor of(double value) {
        return constant(Op.Constant.of(value, DType.F64));
    }

    public static Tensor of(int value) {
        return constant(Op.Constant.ofLong(value, DType.I32));
    }

    public static Tensor of(long value) {
        return constant(Op.Constant.ofLong(value, DType.I64));
    }

    public static Tensor of(boolean value) {
        return constant(Op.Constant.ofLong(value ? 1 : 0, DType.BOOL));
    }

    private static Tensor constant(Op.Constant c) {
        return new Tensor(Node.of(c));
    }

    /// A vector, or an array of the given shape in row-major order. The numbers are copied.
    public static Tensor of(float[] values, long... sizes) {
        return copied(DType.F32, MemorySegment.ofArray(values), values.length, sizes);
    }

    public static Tensor of(double[] values, long... sizes) {
        return copied(DType.F64, MemorySegment.ofArray(values), values.length, sizes);
    }

    public static Tensor of(int[] values, long... sizes) {
        return copied(DType.I32, MemorySegment.ofArray(values), values.length, sizes);
    }

    public static Tensor of(long[] values, long... sizes) {
        return copied(DType.I64, MemorySegment.ofArray(values), values.length, sizes);
    }

    /// Bytes as signed integers.
    public static Tensor of(byte[] values, long... sizes) {
        return copied(DType.I8, MemorySegment.ofArray(values), values.length, sizes);
    }

    /// Bytes as unsigned integers: pixels.
    public static Tensor ofUnsigned(byte[] values, long... sizes) {
        return copied(DType.U8, MemorySegment.ofArray(values), values.length, sizes);
    }

    public static Tensor of(boolean[] values, long... sizes) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (values[i] ? 1 : 0);
        }
        return copied(DType.BOOL, MemorySegment.ofArray(bytes), values.length, sizes);
    }

    /// A matrix. All rows must be of one length.
    public static Tensor of(float[][] rows) {
        int columns = rows.length == 0 || rows[0] == null ? 0 : rows[0].length;
        long count = (long) rows.length * columns;
        if (count > Integer.MAX_VALUE - 8) {
            throw new ShapeException(
                    "of: a matrix of "
                            + count
                            + " numbers does not fit into one array\n  hint: Tensor.concat of several matrices");
        }
        float[] flat = new float[(int) count];
        for (int i = 0; i < rows.length; i++) {
            if (rows[i] == null) {
                throw new ShapeException("of: row " + i + " is null");
            }
            if (rows[i].length != columns) {
                throw new ShapeException(
                        "of: row "
                                + i
                                + " has "
                                + rows[i].length
                                + " elements, but row 0 has "
                                + columns);
            }
            System.arraycopy(rows[i], 0, flat, i * columns, columns);
        }
        return of(flat, rows.length, columns);
    }

    private static Tensor copied(DType dtype, MemorySegment values, long count, long[] sizes) {
        Shape shape = sizes.length == 0 ? Shape.of(count) : known("of", sizes);
        if (shape.count() != count) {
            throw new ShapeException(
                    "of: " + shape + " needs " + shape.count() + " values, but got " + count);
        }
        return of(new TensorType(dtype, shape), values);
    }

    /// A shape of sizes that are numbers, or those of a symbol.
    private static Shape known(String op, long... sizes) {
        if (Arrays.stream(sizes).anyMatch(s -> s < 0 && !Shape.isUnknown(s))) {
            throw new ShapeException(
                    op + ": sizes must not be negative, but are " + Arrays.toString(sizes));
        }
        return Shape.of(sizes);
    }

    /// Raw elements in row-major order and native byte order, copied from a segment.
    public static Tensor of(TensorType type, MemorySegment values) {
        if (values.byteSize() != type.bytes()) {
            throw misfit("of", type, values);
        }
        Stored s = Stored.room(type, "tensor");
        MemorySegment.copy(values, 0, s.memory(), 0, type.bytes());
        return new Tensor(s);
    }

    private static ShapeException misfit(String op, TensorType type, MemorySegment values) {
        return new ShapeException(
                op
                        + ": "
                        + type
                        + " needs "
                        + type.bytes()
                        + " bytes, but got "
                        + values.byteSize());
    }

    /// Raw elements in row-major order and native byte order, in place: the segment must be native, 64-byte aligned, and never change. Elements in a
    /// segment that is on the heap or not aligned are copied, and all where the JVM denies native access. Once its arena is closed, using the tensor is an error; while a call reads it, closing it is one. Memory of a confined
    /// arena serves its thread alone. Never shorten a file that is mapped, replace it: reading what is gone ends the process, in Nacre's machine code as in anybody's native code.
    public static Tensor ofMapped(TensorType type, MemorySegment values) {
        if (values.byteSize() < type.bytes()) {
            throw misfit("ofMapped", type, values);
        }
        if (!Memory.isNative() || !values.isNative() || values.address() % 64 != 0) {
            return of(type, values.asSlice(0, type.bytes()));
        }
        return new Tensor(Stored.of(type, values, "tensor"));
    }

    /// One value everywhere; an error if the type cannot hold it. A floating type cannot hold a finite number that would become infinite, such as 1e8 in f16, as in PyTorch.
    public static Tensor full(double value, DType dtype, long... sizes) {
        return constant(Op.Constant.exact("full", value, dtype)).broadcastTo(known("full", sizes));
    }

    /// One whole number everywhere; an error if the type cannot hold it.
    public static Tensor full(long value, DType dtype, long... sizes) {
        return constant(Op.Constant.exact("full", value, dtype)).broadcastTo(known("full", sizes));
    }

    public static Tensor zeros(DType dtype, long... sizes) {
        return full(0, dtype, sizes);
    }

    /// Zeros in f32.
    public static Tensor zeros(long... sizes) {
        return full(0, DType.F32, sizes);
    }

    public static Tensor ones(DType dtype, long... sizes) {
        return full(1, dtype, sizes);
    }

    /// Ones in f32.
    public static Tensor ones(long... sizes) {
        return full(1, DType.F32, sizes);
    }

    /// `0, 1, …, n−1` as i64.
    public static Tensor arange(long n) {
        return new Tensor(Node.of(new Op.Iota(counted("arange", n), DType.I64)));
    }

    private static long counted(String op, long n) {
        if (n < 0 && !Shape.isUnknown(n)) {
            throw new ShapeException(op + ": n must not be negative, but is " + n);
        }
        return n;
    }

    /// `start, start + step, …` up to but without `stop`, in f32.
    public static Tensor arange(double start, double stop, double step) {
        if (step == 0
                || !Double.isFinite(start)
                || !Double.isFinite(stop)
                || !Double.isFinite(step)) {
            throw new ValueException(
                    "arange: needs finite numbers and a step other than 0, but got "
                            + start
                            + ", "
                            + stop
                            + ", "
                            + step);
        }
        double span = stop - start;
        double steps = Double.isFinite(span) ? span / step : stop / step - start / step;
        long n = Math.max(0, (long) Math.ceil(steps));
        if (n > 0) {
            Op.Constant.exact("arange", start, DType.F32);
            Op.Constant.exact("arange", start + (n - 1) * step, DType.F32);
        }
        return arange(n).cast(DType.F64).mul(step).add(start).cast(DType.F32);
    }

    /// `n` numbers evenly spaced from `start` to `stop`, both included, in f32. The second half is computed from the end, so that it ends where it should.
    public static Tensor linspace(double start, double stop, long n) {
        if (!Double.isFinite(start) || !Double.isFinite(stop)) {
            throw new ValueException(
                    "linspace: needs finite numbers, but got " + start + ", " + stop);
        }
        Op.Constant.exact("linspace", start, DType.F32);
        Op.Constant.exact("linspace", stop, DType.F32);
        if (n == 1) {
            return full(start, DType.F32, 1);
        }
        if (n < 0) {
            throw new ShapeException(
                    Shape.isUnknown(n)
                            ? "linspace: n must be known, but is given only when the function is called"
                            : "linspace: n must not be negative, but is " + n);
        }
        double step = stop / (n - 1) - start / (n - 1);
        Tensor i = arange(n);
        Tensor near = i.cast(DType.F64).mul(step).add(start);
        Tensor far = i.neg().add(n - 1).cast(DType.F64).mul(-step).add(stop);
        return i.lt(n / 2).where(near, far).cast(DType.F32);
    }

    /// The identity matrix in f32.
    public static Tensor eye(long n) {
        return arange(n).unsqueeze(1).eq(arange(n)).cast(DType.F32);
    }

    /// A symbolic input whose value is given when a function is called. A size may be [Shape#ANY]; two of those are two sizes, and where they meet in an elementwise
    /// operation or product the call checks that they are equal. A size can also be declared as that of another input: `Tensor.symbol("y", F32, x.size(0))`.
    public static Tensor symbol(String name, DType dtype, long... sizes) {
        long[] known = sizes.clone();
        for (int i = 0; i < known.length; i++) {
            known[i] = known[i] == Shape.ANY ? Shape.unknown() : known[i];
        }
        return new Tensor(Symbol.node(name, TensorType.of(dtype, known)));
    }

    /// Tensors of one shape joined along a new axis.
    public static Tensor stack(int axis, List<Tensor> parts) {
        if (parts.isEmpty()) {
            throw new ShapeException("stack: needs at least one tensor");
        }
        return parts.getFirst().stackWith(axis, parts.subList(1, parts.size()));
    }

    /// Tensors joined along an axis.
    public static Tensor concat(int axis, Tensor... parts) {
        if (parts.length == 0) {
            throw new ShapeException("concat: needs at least one tensor");
        }
        return parts[0].concat(axis, List.of(parts).subList(1, parts.length));
    }

    // --------------------------------------------------------------------------------------------------- graph

    @Override
    public TensorType type() {
        return node.type();
    }

    @Override
    public Tensor self() {
        return this;
    }

    @Override
    public Tensor emit(Op op, List<Tensor> inputs) {
        Node n = Node.of(op, inputs, Tensor::node);
        return new Tensor(n.age() > OLD && Trace.current().isEmpty() ? renewed(op, inputs) : n);
    }

    /// An expression that is added to after each step of a loop, and that nobody reads, is computed now and then: or else it would hold on to all that it was ever computed from.
    private static Node renewed(Op op, List<Tensor> inputs) {
        for (Tensor t : inputs) {
            if (!(t instanceof Variable) && t.node().age() >= OLD && t.shape().isKnown()) {
                t.value();
            }
        }
        return Node.of(op, inputs, Tensor::node);
    }

    /// A function that is written down in every step of an eager loop: recorded for the types of its operands, and then one node.
    private static Tensor recorded(
            Supplier<Body.Recorded> what,
            List<Tensor> operands,
            java.util.function.Function<List<Node>, Node> meaning,
            Supplier<Tensor> written) {
        if (Trace.current().isPresent() || Places.areKept()) {
            return written.get();
        }
        Node[] nodes = new Node[operands.size()];
        for (int i = 0; i < nodes.length; i++) {
            if (!operands.get(i).shape().isKnown()) {
                return written.get();
            }
            nodes[i] = operands.get(i).node();
        }
        Optional<List<Node>> results = Body.recorded(what.get(), nodes, meaning);
        return results.isPresent() ? new Tensor(results.get().getFirst()) : written.get();
    }

    @Override
    public Tensor crossEntropy(Tensor labels, double smoothing) {
        return recorded(
                () -> Body.Recorded.of("crossEntropy", smoothing),
                List.of(this, labels),
                in -> in.get(0).crossEntropy(in.get(1), smoothing),
                () -> Algebra.super.crossEntropy(labels, smoothing));
    }

    @Override
    public Tensor linear(Tensor weight, Tensor bias) {
        return recorded(
                () -> Body.Recorded.of("linear"),
                List.of(this, weight, bias),
                in -> in.get(0).linear(in.get(1), in.get(2)),
                () -> Algebra.super.linear(weight, bias));
    }

    @Override
    public Tensor softmax(int axis) {
        return recorded(
                () -> Body.Recorded.of("softmax", axis),
                List.of(this),
                in -> in.getFirst().softmax(axis),
                () -> Algebra.super.softmax(axis));
    }

    @Override
    public Tensor logSoftmax(int axis) {
        return recorded(
                () -> Body.Recorded.of("logSoftmax", axis),
                List.of(this),
                in -> in.getFirst().logSoftmax(axis),
                () -> Algebra.super.logSoftmax(axis));
    }

    @Override
    public Tensor layerNorm(int lastAxes, double epsilon) {
        return recorded(
                () -> Body.Recorded.of("layerNorm", lastAxes, epsilon),
                List.of(this),
                in -> in.getFirst().layerNorm(lastAxes, epsilon),
                () -> Algebra.super.layerNorm(lastAxes, epsilon));
    }

    @Override
    public String origin() {
        return node.origin();
    }

    /// The expression; just a leaf once it has been computed and no variable's gradient can pass through it.
    Node node() {
        Node n = node;
        if (n.isSettled() && n.known() != n) { // computed on the way to something else
            n = n.known();
            node = n;
        }
        return n;
    }

    /// Where numbers are there already they stand without their expression, so that a state that is carried from step to step does not hold all steps.
    @Override
    public Tensor detach() {
        Node n = node();
        return Trace.current().isEmpty()
                        && n.known() != n
                        && n.known().op() instanceof Op.Leaf l
                        && l.source() instanceof Stored.Ref r
                        && r.stored().owner() == null
                ? new Tensor(r.stored())
                : Algebra.super.detach();
    }

    /// Whether the numbers are there already, so that reading them computes nothing.
    public boolean isRealized() {
        return stored != null;
    }

    /// Numbers take the place of the expression, unless a variable's gradient may still be asked for through it.
    void realize(Stored s) {
        Node expression = node;
        boolean constant = settled || !Gradients.reachesVariable(expression);
        expression.know(s.node(), constant);
        stored = s;
        if (constant) {
            node = s.node();
        }
    }

    boolean isSettled() {
        return settled;
    }

    /// Lets go of the expression as soon as there are numbers: its gradients have been asked for.
    void settle() {
        settled = true;
        Stored s = stored;
        if (s != null) {
            realize(s);
        }
    }

    /// The numbers; computes them if need be.
    Stored value() {
        Stored s = stored;
        if (s == null) {
            if (Trace.current().isPresent()) {
                throw new dev.nacre.type.NacreException(
                        "the "
                                + origin()
                                + " has no numbers while a function is traced; they exist when it is called\n  hint: return it as an output, or decide with where() instead of if");
            }
            s =
                    node.known().op() instanceof Op.Leaf l && l.source() instanceof Stored.Ref r
                            ? r.stored() // computed on the way to something else
                            : Engine.evaluate(List.of(new Engine.Root(node, Optional.empty())))
                                    .getFirst();
            Reuse.used(s);
            realize(s);
        }
        return s;
    }

    Stored copied(Variable owner) {
        Stored to = Stored.room(owner);
        return value().read(from -> {
            MemorySegment.copy(from.memory(), 0, to.memory(), 0, type().bytes());
            return to;
        });
    }

    /// Computes the numbers now.
    public Tensor realize() {
        value();
        return this;
    }

    /// Computes several tensors in one plan.
    public static void realize(Tensor... tensors) {
        Arrays.stream(tensors)
                .filter(t -> t instanceof Variable)
                .forEach(Tensor::value); // carries out what they are set to
        if (Trace.current().isPresent()) {
            Arrays.stream(tensors).forEach(Tensor::value);
            return;
        }
        Steps.flush();
        Arrays.stream(tensors).filter(Variable.class::isInstance).forEach(Tensor::value);
        List<Tensor> pending =
                Arrays.stream(tensors)
                        .filter(t -> !(t instanceof Variable) && !t.isRealized())
                        .distinct()
                        .toList();
        if (!pending.isEmpty()) {
            List<Stored> results =
                    Engine.evaluate(
                            pending.stream()
                                    .map(t -> new Engine.Root(t.node(), Optional.empty()))
                                    .toList());
            for (int i = 0; i < pending.size(); i++) {
                pending.get(i).realize(results.get(i));
            }
        }
    }

    /// What computing this tensor would be compiled to: kernels, bytes, operations, memory.
    public String explain() {
        return Engine.planOf(List.of(node())).explain();
    }

    /// This tensor with a remark for whoever asks for gradients of variables through it: it is logged as a warning, once for each line that does so. Layers that behave otherwise in training mark their
    /// results in evaluation with it.
    public Tensor remarked(String remark) {
        return new Tensor(Node.remarked(node(), remark));
    }

    /// Adds ∂this/∂v to the gradient of every trainable variable v that this number depends on. Nothing is computed yet: the optimizer's step, or reading a
    /// gradient, does so in one plan with the forward computation. Once this number is computed, it has no derivative any more; gradients have none from the start
    /// (for those of higher order see [Gradients]).
    public void backward() {
        Gradients.backward(this);
    }

    // ------------------------------------------------------------------------------------------------- reading

    /// The only element, as a double. An i64 that a double cannot hold is an error; see [#itemLong()].
    public double item() {
        requireOne("item");
        if (dtype() == DType.I64) {
            long exact = itemLong();
            double near = exact;
            if (near == 0x1p63 || (long) near != exact) {
                Problem.in("item")
                        .rule("a double cannot hold " + exact)
                        .operand("x", type(), this::origin)
                        .hint("itemLong() is exact")
                        .throwValue();
            }
            return exact;
        }
        return value().read(s -> new Elements(s).asDouble(0));
    }

    /// The only element, as a long: all digits of an i64. Of a floating number the fraction is cut off, as by [#cast].
    public long itemLong() {
        requireOne("itemLong");
        return value().read(s -> new Elements(s).asLong(0));
    }

    private void requireOne(String what) {
        if (shape().count() != 1) {
            Problem.in(what)
                    .rule("needs exactly one element")
                    .operand("x", type(), this::origin)
                    .throwShape();
        }
    }

    /// All elements in row-major order, converted as by [#cast].
    public float[] toFloatArray() {
        return ((float[]) heap(DType.F32, new float[count()]));
    }

    /// All elements in row-major order, as f64.
    public double[] toDoubleArray() {
        return ((double[]) heap(DType.F64, new double[count()]));
    }

    /// All elements in row-major order, as i32: fractions are cut off.
    public int[] toIntArray() {
        return ((int[]) heap(DType.I32, new int[count()]));
    }

    /// All elements in row-major order, as i64: fractions are cut off.
    public long[] toLongArray() {
        return ((long[]) heap(DType.I64, new long[count()]));
    }

    /// All elements in row-major order: whether they are not 0.
    public boolean[] toBooleanArray() {
        boolean[] out = new boolean[count()];
        return cast(DType.BOOL)
                .value()
                .read(s -> {
                    Elements e = new Elements(s);
                    for (int i = 0; i < out.length; i++) {
                        out[i] = e.asLong(i) != 0;
                    }
                    return out;
                });
    }

    private int count() {
        long n = shape().count();
        if (n > Integer.MAX_VALUE - 8) {
            throw new ShapeException(type() + " has more elements than a Java array can hold");
        }
        return (int) n;
    }

    private Object heap(DType dtype, Object array) {
        MemorySegment to =
                switch (array) {
                    case float[] a -> MemorySegment.ofArray(a);
                    case double[] a -> MemorySegment.ofArray(a);
                    case int[] a -> MemorySegment.ofArray(a);
                    case long[] a -> MemorySegment.ofArray(a);
                    default -> throw new IllegalStateException();
                };
        return cast(dtype)
                .value()
                .read(s -> {
                    MemorySegment.copy(s.memory(), 0, to, 0, to.byteSize());
                    return array;
                });
    }

    /// The elements in row-major order and native byte order. Read-only; valid as long as the segment is reachable. Where the JVM denies native access, a copy.
    public MemorySegment toSegment() {
        Stored s = value();
        s.share();
        s.settle();
        MemorySegment elements = s.memory().asSlice(0, s.type().bytes());
        if (!Memory.isNative()) {
            elements = Arena.ofAuto().allocate(s.type().bytes(), 64).copyFrom(elements);
            Reference.reachabilityFence(s);
        }
        return elements.asReadOnly();
    }

    /// The numbers as NumPy prints them, and the type: `[0.5 1. ] f32[2]`. What has no numbers, because it stands inside a traced function or depends on a symbol, prints as what it is and its type:
    /// `input 'x' f32[?, 3]`.
    @Override
    public String toString() {
        return hasNumbers()
                ? value().read(s -> Printing.of(new Elements(s))) + " " + type()
                : origin() + " " + type();
    }

    /// Whether the tensor can be computed where it stands.
    boolean hasNumbers() {
        return Trace.current().isEmpty()
                && shape().isKnown()
                && (isRealized()
                        || Graph.leaves(List.of(node())).stream()
                                .noneMatch(n ->
                                        n.op() instanceof Op.Leaf l
                                                && l.source() instanceof Symbol));
    }
}
