package dev.nacre.cpu.loops;

import dev.nacre.compile.Upcall;
import dev.nacre.compile.loop.Value;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodType;
import java.util.function.LongConsumer;

/// Where machine code calls functions by their definition. It leaves a block of memory: which function, on what type, for which lanes, the operands, and room for the result.
final class CallOut {
    /// Of the function; the lanes, as bits; then operands and result, one vector each, a bool one as bits.
    static final int FUNCTION = 0;

    static final int LANES = 8;
    static final int OPERANDS = 64;
    static final int OPERAND = 64;
    static final int BYTES = OPERANDS + 3 * OPERAND;

    /// What a call needs, interpreted or not: an error for want of it would be thrown before anything here can catch it, and end the process.
    static final int STACK = 1 << 16;

    // each call of values() makes a copy
    private static final DType[] DTYPES = DType.values();
    private static final Unary[] UNARIES = Unary.values();
    private static final Binary[] BINARIES = Binary.values();

    private static final int TYPES = DTYPES.length;
    private static final int BINARY = 1 << 16;

    /// What a function has thrown: it must not pass through machine code.
    private static final ThreadLocal<Throwable> THROWN = new ThreadLocal<>();

    private CallOut() {}

    static long number(Value call) {
        var f = (Enum<?>) call.detail;
        int type = call.args.getFirst().type.ordinal();
        return (f instanceof Binary ? BINARY : 0) + (long) f.ordinal() * TYPES + type;
    }

    /// Linked when it is first needed.
    private static final class Stub {
        private static final LongConsumer RUN = CallOut::run;
        private static final MemorySegment CODE =
                Upcall.of(
                        RUN,
                        LongConsumer.class,
                        "accept",
                        MethodType.methodType(void.class, long.class),
                        FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG));
        static final long ADDRESS = CODE.address();
    }

    /// Where machine code jumps to.
    static long address() {
        return Stub.ADDRESS;
    }

    /// Throws what a function has thrown since the last time.
    static void check() {
        var thrown = THROWN.get();
        if (thrown == null) return;
        THROWN.remove();
        if (thrown instanceof RuntimeException e) throw e;
        if (thrown instanceof Error e) throw e;
        throw new IllegalStateException(thrown);
    }

    private static void run(long at) {
        try {
            int number = (int) Memory.i64(at + FUNCTION);
            var type = DTYPES[number % BINARY % TYPES];
            long lanes = Memory.i64(at + LANES);
            if (number < BINARY) unary(UNARIES[number / TYPES], type, lanes, at + OPERANDS);
            else binary(BINARIES[(number - BINARY) / TYPES], type, lanes, at + OPERANDS);
        } catch (Throwable e) {
            THROWN.set(e);
        }
    }

    private static void unary(Unary f, DType type, long lanes, long x) {
        long y = x + OPERAND;
        if (type == DType.BOOL) {
            Memory.i64(y, 0);
            for (int i = 0; i < 64; i++)
                if ((lanes >>> i & 1) != 0) bit(y, i, Calls.call(f, bit(x, i)));
            return;
        }
        for (; lanes != 0; lanes &= lanes - 1) {
            int i = Long.numberOfTrailingZeros(lanes);
            long at = (long) i * type.bytes();
            switch (type) {
                case F32 -> Memory.f32(y + at, Calls.call(f, Memory.f32(x + at)));
                case F64 -> Memory.f64(y + at, Calls.call(f, Memory.f64(x + at)));
                case I32 -> Memory.i32(y + at, Calls.call(f, Memory.i32(x + at)));
                default -> Memory.i64(y + at, Calls.call(f, Memory.i64(x + at)));
            }
        }
    }

    private static void binary(Binary f, DType type, long lanes, long a) {
        long b = a + OPERAND;
        long y = b + OPERAND;
        if (type == DType.BOOL || f.isComparison()) Memory.i64(y, 0);
        for (; lanes != 0; lanes &= lanes - 1) {
            int i = Long.numberOfTrailingZeros(lanes);
            long at = (long) i * type.bytes();
            switch (type) {
                case BOOL -> bit(y, i, Calls.call(f, bit(a, i), bit(b, i)));
                case F32 -> {
                    float r = Calls.call(f, Memory.f32(a + at), Memory.f32(b + at));
                    if (f.isComparison()) bit(y, i, (int) r);
                    else Memory.f32(y + at, r);
                }
                case F64 -> {
                    double r = Calls.call(f, Memory.f64(a + at), Memory.f64(b + at));
                    if (f.isComparison()) bit(y, i, (int) r);
                    else Memory.f64(y + at, r);
                }
                case I32 -> {
                    int r = Calls.call(f, Memory.i32(a + at), Memory.i32(b + at));
                    if (f.isComparison()) bit(y, i, r);
                    else Memory.i32(y + at, r);
                }
                default -> {
                    long r = Calls.call(f, Memory.i64(a + at), Memory.i64(b + at));
                    if (f.isComparison()) bit(y, i, (int) r);
                    else Memory.i64(y + at, r);
                }
            }
        }
    }

    private static int bit(long at, int i) {
        return (int) (Memory.i64(at) >>> i & 1);
    }

    private static void bit(long at, int i, int value) {
        if (value != 0) Memory.i64(at, Memory.i64(at) | 1L << i);
    }
}
