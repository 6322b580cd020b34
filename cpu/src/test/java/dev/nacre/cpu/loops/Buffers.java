package dev.nacre.cpu.loops;

import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Memory for one test: buffers by number, with a guard behind each.
final class Buffers {
    private static final int GUARD = 256;
    private static final byte MARK = 0x5A;

    private final List<MemorySegment> held = new ArrayList<>();
    private final List<MemorySegment> segments = new ArrayList<>();
    private final List<DType> dtypes = new ArrayList<>();

    int add(DType dtype, long count) {
        held.add(dev.nacre.compile.Memory.cleared(count * dtype.bytes() + GUARD));
        var segment = held.getLast().asSlice(0, count * dtype.bytes() + GUARD);
        segment.asSlice(count * dtype.bytes()).fill(MARK);
        segments.add(segment);
        dtypes.add(dtype);
        return segments.size() - 1;
    }

    /// The same contents elsewhere.
    Buffers copy() {
        var copy = new Buffers();
        for (int i = 0; i < segments.size(); i++) {
            copy.add(dtypes.get(i), count(i));
            copy.segments.get(i).copyFrom(segments.get(i));
        }
        return copy;
    }

    int size() {
        return segments.size();
    }

    DType dtype(int buffer) {
        return dtypes.get(buffer);
    }

    long count(int buffer) {
        return (segments.get(buffer).byteSize() - GUARD) / dtypes.get(buffer).bytes();
    }

    MemorySegment segment(int buffer) {
        return segments.get(buffer);
    }

    long[] addresses() {
        return segments.stream().mapToLong(dev.nacre.compile.Memory::address).toArray();
    }

    Object get(int buffer, long i) {
        return read(
                dev.nacre.compile.Memory.address(segments.get(buffer))
                        + i * dtypes.get(buffer).bytes(),
                dtypes.get(buffer));
    }

    void set(int buffer, long i, Object value) {
        write(
                dev.nacre.compile.Memory.address(segments.get(buffer))
                        + i * dtypes.get(buffer).bytes(),
                dtypes.get(buffer),
                value);
    }

    /// Fills a buffer with values from `low` to `high`; integers are rounded, bools are random.
    Buffers random(int buffer, Random random, double low, double high) {
        for (long i = 0; i < count(buffer); i++) {
            double x = low + (high - low) * random.nextDouble();
            var dtype = dtypes.get(buffer);
            set(
                    buffer,
                    i,
                    dtype.isFloating()
                            ? (Object) x
                            : dtype == DType.BOOL
                                    ? (Object) (long) random.nextInt(2)
                                    : (Object) Math.round(x));
        }
        return this;
    }

    boolean sameBits(Buffers other) {
        for (int i = 0; i < segments.size(); i++)
            if (segments.get(i).mismatch(other.segments.get(i)) >= 0) return false;
        return true;
    }

    boolean guardsAreWhole() {
        for (int i = 0; i < segments.size(); i++)
            for (long k = segments.get(i).byteSize() - GUARD; k < segments.get(i).byteSize(); k++)
                if (segments.get(i).get(java.lang.foreign.ValueLayout.JAVA_BYTE, k) != MARK)
                    return false;
        return true;
    }

    static Object read(long at, DType dtype) {
        return switch (dtype) {
            case BOOL -> (long) (Memory.i8(at) != 0 ? 1 : 0);
            case U8 -> (long) (Memory.i8(at) & 255);
            case I8 -> (long) Memory.i8(at);
            case I32 -> (long) Memory.i32(at);
            case I64 -> Memory.i64(at);
            case F16 -> (double) Float.float16ToFloat(Memory.i16(at));
            case BF16 -> (double) DType.bf16ToFloat(Memory.i16(at));
            case F32 -> (double) Memory.f32(at);
            case F64 -> Memory.f64(at);
        };
    }

    static void write(long at, DType dtype, Object value) {
        switch (dtype) {
            case BOOL, U8, I8 -> Memory.i8(at, (byte) (long) value);
            case I32 -> Memory.i32(at, (int) (long) value);
            case I64 -> Memory.i64(at, (long) value);
            case F16 -> Memory.i16(at, Float.floatToFloat16((float) (double) value));
            case BF16 -> Memory.i16(at, DType.floatToBf16((float) (double) value));
            case F32 -> Memory.f32(at, (float) (double) value);
            case F64 -> Memory.f64(at, (double) value);
        }
    }
}
