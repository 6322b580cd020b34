package dev.nacre.cpu.onednn;

import static dev.nacre.cpu.onednn.NativeFunction.APPEND_BINARY;
import static dev.nacre.cpu.onednn.NativeFunction.ATTRIBUTES;
import static dev.nacre.cpu.onednn.NativeFunction.ATTRIBUTES_DESTROY;
import static dev.nacre.cpu.onednn.NativeFunction.CONVOLUTION_DATA;
import static dev.nacre.cpu.onednn.NativeFunction.CONVOLUTION_FORWARD;
import static dev.nacre.cpu.onednn.NativeFunction.CONVOLUTION_WEIGHTS;
import static dev.nacre.cpu.onednn.NativeFunction.DESC_BLOB;
import static dev.nacre.cpu.onednn.NativeFunction.DESC_DESTROY;
import static dev.nacre.cpu.onednn.NativeFunction.DESC_EQUAL;
import static dev.nacre.cpu.onednn.NativeFunction.DESC_PART;
import static dev.nacre.cpu.onednn.NativeFunction.DESC_QUERY;
import static dev.nacre.cpu.onednn.NativeFunction.DESC_SIZE;
import static dev.nacre.cpu.onednn.NativeFunction.DESC_STRIDES;
import static dev.nacre.cpu.onednn.NativeFunction.DESC_TAG;
import static dev.nacre.cpu.onednn.NativeFunction.DESC_TO_BLOB;
import static dev.nacre.cpu.onednn.NativeFunction.MATMUL;
import static dev.nacre.cpu.onednn.NativeFunction.MEMORY;
import static dev.nacre.cpu.onednn.NativeFunction.PLAN_DESTROY;
import static dev.nacre.cpu.onednn.NativeFunction.PLAN_QUERY;
import static dev.nacre.cpu.onednn.NativeFunction.PLAN_QUERY_DESC;
import static dev.nacre.cpu.onednn.NativeFunction.POOLING_BACKWARD;
import static dev.nacre.cpu.onednn.NativeFunction.POOLING_FORWARD;
import static dev.nacre.cpu.onednn.NativeFunction.POST_OPS;
import static dev.nacre.cpu.onednn.NativeFunction.POST_OPS_DESTROY;
import static dev.nacre.cpu.onednn.NativeFunction.PRIMITIVE;
import static dev.nacre.cpu.onednn.NativeFunction.QUERY_ARGUMENT;
import static dev.nacre.cpu.onednn.NativeFunction.QUERY_BLOCKS;
import static dev.nacre.cpu.onednn.NativeFunction.QUERY_DIMS;
import static dev.nacre.cpu.onednn.NativeFunction.QUERY_IMPLEMENTATION;
import static dev.nacre.cpu.onednn.NativeFunction.QUERY_RANK;
import static dev.nacre.cpu.onednn.NativeFunction.QUERY_SCRATCHPAD;
import static dev.nacre.cpu.onednn.NativeFunction.QUERY_STRIDES;
import static dev.nacre.cpu.onednn.NativeFunction.QUERY_TYPE;
import static dev.nacre.cpu.onednn.NativeFunction.REORDER;
import static dev.nacre.cpu.onednn.NativeFunction.SET_MATH;
import static dev.nacre.cpu.onednn.NativeFunction.SET_POST_OPS;
import static dev.nacre.cpu.onednn.NativeFunction.SET_SCRATCHPAD;
import static dev.nacre.cpu.onednn.NativeFunction.SUM;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/// The native objects that live while a primitive is being built: descriptions, attributes, primitive descriptors. Closing
/// it destroys them, last made first.
final class Scope implements AutoCloseable {
    private static final int TAG_ANY = 1;
    private static final int SCRATCHPAD_OF_USER = 1;
    private static final int CONVOLUTION_DIRECT = 1;

    /// A forward convolution need not tell its gradients anything. And with f32 weights it has none for bf16 images.
    private static final long NO_HINT = 0;

    private static final int SRC = 1;
    private static final int SRC_1 = 2;
    private static final int DST = 17;
    private static final int WEIGHTS = 33;
    private static final int BIAS = 41;
    private static final int WORKSPACE = 64;
    private static final int SCRATCHPAD = 80;
    private static final int DIFF_SRC = 129;
    private static final int DIFF_DST = 145;
    private static final int DIFF_WEIGHTS = 161;
    private static final int DIFF_BIAS = 169;
    private static final int MULTIPLE_SRC = 1024;
    private static final int POST_OP = 32768;

    /// A slot, and oneDNN's number for it.
    record Argument(Slot slot, int number) {}

    private record Owned(NativeFunction destroy, long handle) {}

    private final Arena arena = Arena.ofConfined();
    private final Deque<Owned> owned = new ArrayDeque<>();
    private final MemorySegment cell = arena.allocate(JAVA_LONG);
    private final long out = cell.address(); // where functions store what they create
    private final long engine;
    private final Object what;

    /// @param what the subject of error messages
    Scope(long engine, Object what) {
        this.engine = engine;
        this.what = what;
    }

    @Override
    public void close() {
        while (!owned.isEmpty()) {
            var last = owned.pop();
            last.destroy.call(last.handle);
        }
        arena.close();
    }

    private void check(long status) {
        if ((int) status != 0) throw new OneDnnException(Status.of((int) status), what.toString());
    }

    /// What a creating function has just stored, to be destroyed with this scope.
    private long made(long status, NativeFunction destroy) {
        long handle = made(status);
        owned.push(new Owned(destroy, handle));
        return handle;
    }

    private long made(long status) {
        check(status);
        return cell.get(JAVA_LONG, 0);
    }

    private long longs(long... values) {
        return arena.allocateFrom(JAVA_LONG, values).address();
    }

    private long longs(List<Long> values, long minus) {
        return longs(values.stream().mapToLong(v -> v - minus).toArray());
    }

    /// The native form of a description.
    private long desc(MemoryDesc desc) {
        if (desc.isTiled())
            throw new OneDnnException(Status.UNIMPLEMENTED, what + ", with " + desc);
        if (desc.isOpaque()) {
            long blob = arena.allocateFrom(JAVA_BYTE, desc.blobUnsafe()).address();
            return made(DESC_BLOB.call(out, blob), DESC_DESTROY);
        }
        int rank = desc.rank();
        long dims = longs(desc.dimsUnsafe());
        int type = desc.type().code;
        return made(
                desc.isAny()
                        ? DESC_TAG.call(out, rank, dims, type, TAG_ANY)
                        : DESC_STRIDES.call(out, rank, dims, type, longs(desc.stridesUnsafe())),
                DESC_DESTROY);
    }

    private long desc(Optional<MemoryDesc> desc) {
        return desc.map(this::desc).orElse(0L);
    }

    /// The Java form of a description that oneDNN owns.
    private MemoryDesc read(long desc) {
        int rank = queryInt(desc, QUERY_RANK);
        var type = DataType.of(queryInt(desc, QUERY_TYPE));
        var dims = queryLongs(desc, QUERY_DIMS, rank);
        if (queryInt(desc, QUERY_BLOCKS) == 0) {
            var plain = MemoryDesc.strided(type, dims, queryLongs(desc, QUERY_STRIDES, rank));
            if ((int) DESC_EQUAL.call(desc, desc(plain)) != 0) return plain;
        }
        check(DESC_TO_BLOB.call(0, out, desc));
        var blob = arena.allocate(cell.get(JAVA_LONG, 0));
        check(DESC_TO_BLOB.call(blob.address(), out, desc));
        return MemoryDesc.opaque(type, dims, blob.toArray(JAVA_BYTE), DESC_SIZE.call(desc));
    }

    private int queryInt(long desc, int what) {
        check(DESC_QUERY.call(desc, what, out));
        return cell.get(JAVA_INT, 0);
    }

    @SuppressWarnings("restricted")
    private long[] queryLongs(long desc, int what, int length) {
        check(DESC_QUERY.call(desc, what, out));
        return MemorySegment.ofAddress(cell.get(JAVA_LONG, 0))
                .reinterpret(length * JAVA_LONG.byteSize())
                .toArray(JAVA_LONG);
    }

    /// A part of an opaque description along one axis, at the same address; empty where blocks do not allow it.
    Optional<MemoryDesc> part(MemoryDesc whole, int axis, long from, long to) {
        var dims = whole.dims();
        dims[axis] = to - from;
        var offsets = new long[dims.length];
        offsets[axis] = from;
        long status = DESC_PART.call(out, desc(whole), longs(dims), longs(offsets));
        if ((int) status != 0) return Optional.empty();
        return Optional.of(read(made(status, DESC_DESTROY))).filter(MemoryDesc::isOpaque);
    }

    private long attributes(Attributes attributes) {
        long attr = made(ATTRIBUTES.call(out), ATTRIBUTES_DESTROY);
        check(SET_SCRATCHPAD.call(attr, SCRATCHPAD_OF_USER));
        if (attributes.math() != MathMode.STRICT)
            check(SET_MATH.call(attr, attributes.math().ordinal()));
        if (attributes.postOps().isEmpty()) return attr;
        long ops = made(POST_OPS.call(out), POST_OPS_DESTROY);
        for (var op : attributes.postOps()) {
            check(
                    switch (op) {
                        case PostOp.Eltwise e ->
                                Api.appendEltwise(ops, e.function().code, e.alpha(), e.beta());
                        case PostOp.Binary b ->
                                APPEND_BINARY.call(ops, b.operator().code, desc(b.operand()));
                        case PostOp.Sum s -> Api.appendSum(ops, s.scale());
                    });
        }
        check(SET_POST_OPS.call(attr, ops));
        return attr;
    }

    /// The primitive descriptor of a spec.
    long plan(Spec spec) {
        long attr = attributes(spec.attributes());
        long status =
                switch (spec) {
                    case MatMul m ->
                            MATMUL.call(
                                    out,
                                    engine,
                                    desc(m.src()),
                                    desc(m.weights()),
                                    desc(m.bias()),
                                    desc(m.dst()),
                                    attr);
                    case Convolution c -> convolution(c, attr);
                    case Pooling p -> pooling(p, attr);
                    case Sum s -> sum(s, attr);
                    case Reorder r ->
                            REORDER.call(out, desc(r.src()), engine, desc(r.dst()), engine, attr);
                };
        return made(status, PLAN_DESTROY);
    }

    private long sum(Sum s, long attr) {
        int count = s.sources().size();
        var scales = arena.allocate(JAVA_FLOAT, count);
        for (int i = 0; i < count; i++) scales.setAtIndex(JAVA_FLOAT, i, 1);
        long sources = longs(s.sources().stream().mapToLong(this::desc).toArray());
        return SUM.call(out, engine, desc(s.dst()), count, scales.address(), sources, attr);
    }

    private long convolution(Convolution c, long attr) {
        long src = desc(c.src());
        long weights = desc(c.weights());
        long bias = desc(c.bias());
        long dst = desc(c.dst());
        long strides = longs(c.window().strides(), 0);
        long dilations = longs(c.window().dilations(), 1);
        long low = longs(c.window().low(), 0);
        long high = longs(c.window().high(), 0);
        int way = c.direction().code;
        int direct = CONVOLUTION_DIRECT;
        return switch (c.direction()) {
            case INFERENCE, FORWARD ->
                    CONVOLUTION_FORWARD.call(
                            out, engine, way, direct, src, weights, bias, dst, strides, dilations,
                            low, high, attr);
            case BACKWARD_DATA ->
                    CONVOLUTION_DATA.call(
                            out, engine, direct, src, weights, dst, strides, dilations, low, high,
                            NO_HINT, attr);
            case BACKWARD_WEIGHTS ->
                    CONVOLUTION_WEIGHTS.call(
                            out, engine, direct, src, weights, bias, dst, strides, dilations, low,
                            high, NO_HINT, attr);
        };
    }

    private long pooling(Pooling p, long attr) {
        long src = desc(p.src());
        long dst = desc(p.dst());
        long strides = longs(p.window().strides(), 0);
        long kernel = longs(p.kernel(), 0);
        long dilations = longs(p.window().dilations(), 1);
        long low = longs(p.window().low(), 0);
        long high = longs(p.window().high(), 0);
        int mode = p.mode().code;
        if (p.direction() != Direction.BACKWARD_DATA) {
            int way = p.direction().code;
            return POOLING_FORWARD.call(
                    out, engine, way, mode, src, dst, strides, kernel, dilations, low, high, attr);
        }
        long hint = plan(p.direction(Direction.FORWARD)); // of the workspace
        return POOLING_BACKWARD.call(
                out, engine, mode, src, dst, strides, kernel, dilations, low, high, hint, attr);
    }

    /// The arguments that a primitive descriptor takes, in the order that its spec promises.
    List<Argument> arguments(Spec spec, long plan) {
        var slots = new ArrayList<Argument>();
        switch (spec) {
            case MatMul m -> {
                slots.add(slot(Slot.Role.SRC, SRC, m.src(), plan));
                slots.add(slot(Slot.Role.WEIGHTS, WEIGHTS, m.weights(), plan));
                m.bias().ifPresent(b -> slots.add(slot(Slot.Role.BIAS, BIAS, b, plan)));
                slots.add(slot(Slot.Role.DST, DST, m.dst(), plan));
            }
            case Convolution c -> {
                var data = c.direction() == Direction.BACKWARD_DATA;
                var weights = c.direction() == Direction.BACKWARD_WEIGHTS;
                slots.add(slot(Slot.Role.SRC, data ? DIFF_SRC : SRC, c.src(), plan));
                slots.add(
                        slot(
                                Slot.Role.WEIGHTS,
                                weights ? DIFF_WEIGHTS : WEIGHTS,
                                c.weights(),
                                plan));
                if (!data)
                    c.bias()
                            .ifPresent(b ->
                                    slots.add(
                                            slot(
                                                    Slot.Role.BIAS,
                                                    weights ? DIFF_BIAS : BIAS,
                                                    b,
                                                    plan)));
                slots.add(slot(Slot.Role.DST, data || weights ? DIFF_DST : DST, c.dst(), plan));
            }
            case Pooling p -> {
                var backward = p.direction() == Direction.BACKWARD_DATA;
                slots.add(slot(Slot.Role.SRC, backward ? DIFF_SRC : SRC, p.src(), plan));
                slots.add(slot(Slot.Role.DST, backward ? DIFF_DST : DST, p.dst(), plan));
                var workspace = argument(plan, WORKSPACE);
                if (workspace != 0
                        && p.mode() == Pooling.Mode.MAX
                        && p.direction() != Direction.INFERENCE)
                    slots.add(
                            new Argument(
                                    new Slot(Slot.Role.WORKSPACE, read(workspace)), WORKSPACE));
            }
            case Sum s -> {
                for (int i = 0; i < s.sources().size(); i++)
                    slots.add(slot(Slot.Role.SRC, MULTIPLE_SRC + i, s.sources().get(i), plan));
                slots.add(slot(Slot.Role.DST, DST, s.dst(), plan));
            }
            case Reorder r -> {
                slots.add(slot(Slot.Role.SRC, SRC, r.src(), plan));
                slots.add(slot(Slot.Role.DST, DST, r.dst(), plan));
            }
        }
        var postOps = spec.attributes().postOps();
        for (int i = 0; i < postOps.size(); i++)
            if (postOps.get(i) instanceof PostOp.Binary binary)
                slots.add(
                        slot(Slot.Role.POST_OP, POST_OP * (i + 1) | SRC_1, binary.operand(), plan));
        scratchpad(plan)
                .ifPresent(bytes ->
                        slots.add(
                                new Argument(
                                        new Slot(
                                                Slot.Role.SCRATCHPAD,
                                                MemoryDesc.dense(DataType.U8, bytes)),
                                        SCRATCHPAD)));
        return List.copyOf(slots);
    }

    private Argument slot(Slot.Role role, int number, MemoryDesc wanted, long plan) {
        return new Argument(
                new Slot(role, wanted.isAny() ? read(argument(plan, number)) : wanted), number);
    }

    private long argument(long plan, int argument) {
        return PLAN_QUERY_DESC.call(plan, QUERY_ARGUMENT, argument);
    }

    private Optional<Long> scratchpad(long plan) {
        long desc = PLAN_QUERY_DESC.call(plan, QUERY_SCRATCHPAD, 0);
        return Optional.of(desc == 0 ? 0 : DESC_SIZE.call(desc)).filter(bytes -> bytes > 0);
    }

    /// The name of the implementation chosen.
    @SuppressWarnings("restricted")
    String implementation(long plan) {
        check(PLAN_QUERY.call(plan, QUERY_IMPLEMENTATION, 0, out));
        return MemorySegment.ofAddress(cell.get(JAVA_LONG, 0))
                .reinterpret(Long.MAX_VALUE)
                .getString(0);
    }

    /// The primitive itself. It outlives this scope.
    long compile(long plan) {
        return made(PRIMITIVE.call(out, plan));
    }

    /// A memory object without memory. It outlives this scope.
    long memory(MemoryDesc desc) {
        return made(MEMORY.call(out, desc(desc), engine, 0));
    }
}
