package dev.nacre.cpu.onednn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
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

    private record Owned(MethodHandle destroy, long handle) {}

    private final Arena arena = Arena.ofConfined();
    private final Deque<Owned> owned = new ArrayDeque<>();
    private final MemorySegment out = arena.allocate(JAVA_LONG);
    private final long engine;
    private final String what;

    /// @param what the subject of error messages
    Scope(long engine, String what) {
        this.engine = engine;
        this.what = what;
    }

    @Override
    public void close() {
        try {
            while (!owned.isEmpty()) {
                var last = owned.pop();
                int _ = (int) last.destroy.invokeExact(last.handle);
            }
        } catch (Throwable e) {
            throw Api.sneak(e);
        } finally {
            arena.close();
        }
    }

    void check(int status) {
        if (status != 0) throw new OneDnnException(Status.of(status), what);
    }

    /// What a creating function has just stored.
    private long made(int status, MethodHandle destroy) {
        check(status);
        long handle = out.get(JAVA_LONG, 0);
        owned.push(new Owned(destroy, handle));
        return handle;
    }

    private long longs(long... values) {
        return arena.allocateFrom(JAVA_LONG, values).address();
    }

    private long longs(List<Long> values, long minus) {
        return longs(values.stream().mapToLong(v -> v - minus).toArray());
    }

    /// The native form of a description.
    long desc(MemoryDesc desc) {
        try {
            int rank = desc.rank();
            if (desc.isTiled()) throw new IllegalArgumentException(what + ": cannot take " + desc);
            if (desc.isOpaque()) {
                long blob = arena.allocateFrom(JAVA_BYTE, desc.blobUnsafe()).address();
                return made((int) Api.DESC_BLOB.invokeExact(out.address(), blob), Api.DESC_DESTROY);
            }
            long dims = longs(desc.dimsUnsafe());
            int type = desc.type().code;
            if (desc.isAny())
                return made(
                        (int) Api.DESC_TAG.invokeExact(out.address(), rank, dims, type, TAG_ANY), Api.DESC_DESTROY);
            long strides = longs(desc.stridesUnsafe());
            return made(
                    (int) Api.DESC_STRIDES.invokeExact(out.address(), rank, dims, type, strides), Api.DESC_DESTROY);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    private long desc(Optional<MemoryDesc> desc) {
        return desc.map(this::desc).orElse(0L);
    }

    /// The Java form of a description that oneDNN owns.
    private MemoryDesc read(long desc) {
        try {
            int rank = (int) query(desc, Api.QUERY_RANK, JAVA_INT.byteSize());
            var type = DataType.of((int) query(desc, Api.QUERY_TYPE, JAVA_INT.byteSize()));
            var dims = array(query(desc, Api.QUERY_DIMS, JAVA_LONG.byteSize()), rank);
            if (query(desc, Api.QUERY_BLOCKS, JAVA_INT.byteSize()) == 0) {
                var strides = array(query(desc, Api.QUERY_STRIDES, JAVA_LONG.byteSize()), rank);
                var plain = MemoryDesc.strided(type, dims, strides);
                if ((int) Api.DESC_EQUAL.invokeExact(desc, desc(plain)) != 0) return plain;
            }
            var size = arena.allocate(JAVA_LONG);
            check((int) Api.DESC_TO_BLOB.invokeExact(0L, size.address(), desc));
            var blob = arena.allocate(size.get(JAVA_LONG, 0));
            check((int) Api.DESC_TO_BLOB.invokeExact(blob.address(), size.address(), desc));
            return MemoryDesc.opaque(type, dims, blob.toArray(JAVA_BYTE), (long) Api.DESC_SIZE.invokeExact(desc));
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    /// A part of an opaque description along one axis, at the same address; empty where blocks do not allow it.
    Optional<MemoryDesc> part(MemoryDesc whole, int axis, long from, long to) {
        try {
            var dims = whole.dims();
            dims[axis] = to - from;
            var offsets = new long[dims.length];
            offsets[axis] = from;
            int status = (int) Api.DESC_PART.invokeExact(out.address(), desc(whole), longs(dims), longs(offsets));
            if (status != 0) return Optional.empty();
            var part = read(made(status, Api.DESC_DESTROY));
            return part.isOpaque() ? Optional.of(part) : Optional.empty();
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    private long query(long desc, int what, long bytes) throws Throwable {
        out.set(JAVA_LONG, 0, 0);
        check((int) Api.DESC_QUERY.invokeExact(desc, what, out.address()));
        return bytes == JAVA_INT.byteSize() ? out.get(JAVA_INT, 0) : out.get(JAVA_LONG, 0);
    }

    @SuppressWarnings("restricted")
    private static long[] array(long address, int length) {
        return MemorySegment.ofAddress(address)
                .reinterpret(length * JAVA_LONG.byteSize())
                .toArray(JAVA_LONG);
    }

    private long attributes(Attributes attributes) {
        try {
            long attr = made((int) Api.ATTR.invokeExact(out.address()), Api.ATTR_DESTROY);
            check((int) Api.ATTR_SCRATCHPAD.invokeExact(attr, SCRATCHPAD_OF_USER));
            check((int) Api.ATTR_MATH.invokeExact(attr, attributes.math().ordinal()));
            if (attributes.postOps().isEmpty()) return attr;
            long ops = made((int) Api.POST_OPS.invokeExact(out.address()), Api.POST_OPS_DESTROY);
            for (var op : attributes.postOps()) {
                check(
                        switch (op) {
                            case PostOp.Eltwise e ->
                                (int) Api.APPEND_ELTWISE.invokeExact(ops, e.function().code, e.alpha(), e.beta());
                            case PostOp.Binary b ->
                                (int) Api.APPEND_BINARY.invokeExact(ops, b.operator().code, desc(b.operand()));
                            case PostOp.Sum s -> (int) Api.APPEND_SUM.invokeExact(ops, s.scale(), 0, 0);
                        });
            }
            check((int) Api.ATTR_POST_OPS.invokeExact(attr, ops));
            return attr;
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    /// The primitive descriptor of a spec.
    long plan(Spec spec) {
        long attr = attributes(spec.attributes());
        try {
            return switch (spec) {
                case MatMul m -> made(
                        (int) Api.MATMUL.invokeExact(
                                out.address(), engine, desc(m.src()), desc(m.weights()), desc(m.bias()), desc(m.dst()),
                                attr),
                        Api.PD_DESTROY);
                case Convolution c -> convolution(c, attr);
                case Pooling p -> pooling(p, attr);
                case Sum s -> sum(s, attr);
                case Reorder r -> made(
                        (int) Api.REORDER.invokeExact(
                                out.address(), desc(r.src()), engine, desc(r.dst()), engine, attr),
                        Api.PD_DESTROY);
            };
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    private long sum(Sum s, long attr) throws Throwable {
        int count = s.sources().size();
        var scales = arena.allocate(JAVA_FLOAT, count);
        for (int i = 0; i < count; i++) scales.setAtIndex(JAVA_FLOAT, i, 1);
        long sources = longs(s.sources().stream().mapToLong(this::desc).toArray());
        return made(
                (int) Api.SUM.invokeExact(
                        out.address(), engine, desc(s.dst()), count, scales.address(), sources, attr),
                Api.PD_DESTROY);
    }

    private long convolution(Convolution c, long attr) throws Throwable {
        long src = desc(c.src());
        long weights = desc(c.weights());
        long bias = desc(c.bias());
        long dst = desc(c.dst());
        long strides = longs(c.window().strides(), 0);
        long dilations = longs(c.window().dilations(), 1);
        long low = longs(c.window().low(), 0);
        long high = longs(c.window().high(), 0);
        int status = switch (c.direction()) {
            case INFERENCE, FORWARD ->
                (int) Api.CONVOLUTION_FORWARD.invokeExact(
                        out.address(), engine, c.direction().code, CONVOLUTION_DIRECT, src, weights, bias, dst,
                        strides, dilations, low, high, attr);
            case BACKWARD_DATA ->
                (int) Api.CONVOLUTION_DATA.invokeExact(
                        out.address(), engine, CONVOLUTION_DIRECT, src, weights, dst, strides, dilations, low, high,
                        NO_HINT, attr);
            case BACKWARD_WEIGHTS ->
                (int) Api.CONVOLUTION_WEIGHTS.invokeExact(
                        out.address(), engine, CONVOLUTION_DIRECT, src, weights, bias, dst, strides, dilations, low,
                        high, NO_HINT, attr);
        };
        return made(status, Api.PD_DESTROY);
    }

    private long pooling(Pooling p, long attr) throws Throwable {
        boolean backward = p.direction() == Direction.BACKWARD_DATA;
        long forward = backward ? pooling(p.direction(Direction.FORWARD), attributes(Attributes.NONE)) : 0;
        long src = desc(p.src());
        long dst = desc(p.dst());
        long strides = longs(p.window().strides(), 0);
        long kernel = longs(p.kernel(), 0);
        long dilations = longs(p.window().dilations(), 1);
        long low = longs(p.window().low(), 0);
        long high = longs(p.window().high(), 0);
        int mode = p.mode().code;
        int status = backward
                ? (int) Api.POOLING_BACKWARD.invokeExact(
                        out.address(), engine, mode, src, dst, strides, kernel, dilations, low, high, forward, attr)
                : (int) Api.POOLING_FORWARD.invokeExact(
                        out.address(), engine, p.direction().code, mode, src, dst, strides, kernel, dilations, low,
                        high, attr);
        return made(status, Api.PD_DESTROY);
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
                slots.add(slot(Slot.Role.WEIGHTS, weights ? DIFF_WEIGHTS : WEIGHTS, c.weights(), plan));
                if (!data)
                    c.bias().ifPresent(b -> slots.add(slot(Slot.Role.BIAS, weights ? DIFF_BIAS : BIAS, b, plan)));
                slots.add(slot(Slot.Role.DST, data || weights ? DIFF_DST : DST, c.dst(), plan));
            }
            case Pooling p -> {
                var backward = p.direction() == Direction.BACKWARD_DATA;
                slots.add(slot(Slot.Role.SRC, backward ? DIFF_SRC : SRC, p.src(), plan));
                slots.add(slot(Slot.Role.DST, backward ? DIFF_DST : DST, p.dst(), plan));
                var workspace = argument(plan, WORKSPACE);
                if (workspace != 0 && p.mode() == Pooling.Mode.MAX && p.direction() != Direction.INFERENCE)
                    slots.add(new Argument(new Slot(Slot.Role.WORKSPACE, read(workspace)), WORKSPACE));
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
                slots.add(slot(Slot.Role.POST_OP, POST_OP * (i + 1) | SRC_1, binary.operand(), plan));
        scratchpad(plan).ifPresent(bytes -> slots.add(
                new Argument(new Slot(Slot.Role.SCRATCHPAD, MemoryDesc.dense(DataType.U8, bytes)), SCRATCHPAD)));
        return List.copyOf(slots);
    }

    private Argument slot(Slot.Role role, int number, MemoryDesc wanted, long plan) {
        return new Argument(new Slot(role, wanted.isAny() ? read(argument(plan, number)) : wanted), number);
    }

    private long argument(long plan, int argument) {
        try {
            return (long) Api.PD_QUERY_DESC.invokeExact(plan, Api.QUERY_ARGUMENT, argument);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    private Optional<Long> scratchpad(long plan) {
        try {
            long desc = (long) Api.PD_QUERY_DESC.invokeExact(plan, Api.QUERY_SCRATCHPAD, 0);
            long bytes = desc == 0 ? 0 : (long) Api.DESC_SIZE.invokeExact(desc);
            return bytes == 0 ? Optional.empty() : Optional.of(bytes);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    /// The name of the implementation chosen.
    @SuppressWarnings("restricted")
    String implementation(long plan) {
        try {
            check((int) Api.PD_QUERY.invokeExact(plan, Api.QUERY_IMPLEMENTATION, 0, out.address()));
            return MemorySegment.ofAddress(out.get(JAVA_LONG, 0)).reinterpret(Long.MAX_VALUE).getString(0);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    /// The primitive itself. It outlives this scope.
    long compile(long plan) {
        try {
            check((int) Api.PRIMITIVE.invokeExact(out.address(), plan));
            return out.get(JAVA_LONG, 0);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    /// A memory object without memory. It outlives this scope.
    long memory(MemoryDesc desc) {
        try {
            long native_ = desc(desc);
            check((int) Api.MEMORY.invokeExact(out.address(), native_, engine, 0L));
            return out.get(JAVA_LONG, 0);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }
}
