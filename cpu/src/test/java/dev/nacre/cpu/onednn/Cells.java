package dev.nacre.cpu.onednn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/// Memory of a description, and its elements as doubles.
final class Cells {
    private static final int GUARD = 256;
    private static final byte MARK = (byte) 0xA5;

    final MemoryDesc desc;
    private final MemorySegment memory;
    private final long bytes;

    private Cells(MemoryDesc desc) {
        this.desc = desc;
        this.bytes = desc.bytes();
        this.memory = Arena.ofAuto().allocate(bytes + 2 * GUARD, 128);
        memory.fill(MARK);
        if (bytes > 0) memory.asSlice(GUARD, bytes).fill((byte) 0);
    }

    static Cells zeros(MemoryDesc desc) {
        return new Cells(desc);
    }

    /// With NaN for elements, and between them.
    static Cells spoilt(MemoryDesc desc) {
        var cells = new Cells(desc);
        cells.memory.asSlice(GUARD, cells.bytes).fill((byte) 0xFF);
        return cells;
    }

    /// The same values as [#random], with NaN between them.
    static Cells randomInGaps(MemoryDesc desc, long seed) {
        var cells = spoilt(desc);
        var random = new SplittableRandom(seed);
        cells.forEach(index -> cells.set(index, sample(desc.type(), random)));
        return cells;
    }

    /// Values from -1 to 1 that the type has exactly; for integers from -5 to 5, or 0 to 10.
    static Cells random(MemoryDesc desc, long seed) {
        var cells = new Cells(desc);
        var random = new SplittableRandom(seed);
        cells.forEach(index -> cells.set(index, sample(desc.type(), random)));
        return cells;
    }

    private static double sample(DataType type, SplittableRandom random) {
        return switch (type) {
            case F32, F64 -> (float) random.nextDouble(-1, 1);
            case F16, BF16 -> Math.round(random.nextDouble(-1, 1) * 64) / 64.0;
            case S8, S32 -> random.nextInt(-5, 6);
            case U8 -> random.nextInt(0, 11);
        };
    }

    long address() {
        return memory.address() + GUARD;
    }

    /// Whether nothing outside was written.
    boolean guardsStand() {
        for (int i = 0; i < GUARD; i++)
            if (memory.get(ValueLayout.JAVA_BYTE, i) != MARK
                    || memory.get(ValueLayout.JAVA_BYTE, GUARD + bytes + i) != MARK) return false;
        return true;
    }

    byte[] content() {
        return memory.asSlice(GUARD, bytes).toArray(ValueLayout.JAVA_BYTE);
    }

    private long offset(long[] index) {
        var strides = desc.stridesUnsafe();
        long offset = 0;
        for (int axis = 0; axis < index.length; axis++) offset += index[axis] * strides[axis];
        return GUARD + offset * desc.type().bytes();
    }

    double get(long... index) {
        long at = offset(index);
        return switch (desc.type()) {
            case F64 -> memory.get(ValueLayout.JAVA_DOUBLE, at);
            case F32 -> memory.get(ValueLayout.JAVA_FLOAT, at);
            case S32 -> memory.get(ValueLayout.JAVA_INT, at);
            case F16 -> Float.float16ToFloat(memory.get(ValueLayout.JAVA_SHORT, at));
            case BF16 -> Float.intBitsToFloat(memory.get(ValueLayout.JAVA_SHORT, at) << 16);
            case S8 -> memory.get(ValueLayout.JAVA_BYTE, at);
            case U8 -> memory.get(ValueLayout.JAVA_BYTE, at) & 0xff;
        };
    }

    void set(long[] index, double value) {
        long at = offset(index);
        switch (desc.type()) {
            case F64 -> memory.set(ValueLayout.JAVA_DOUBLE, at, value);
            case F32 -> memory.set(ValueLayout.JAVA_FLOAT, at, (float) value);
            case S32 -> memory.set(ValueLayout.JAVA_INT, at, (int) value);
            case F16 -> memory.set(ValueLayout.JAVA_SHORT, at, Float.floatToFloat16((float) value));
            case BF16 ->
                    memory.set(
                            ValueLayout.JAVA_SHORT,
                            at,
                            (short) (Float.floatToRawIntBits((float) value) >>> 16));
            case S8, U8 -> memory.set(ValueLayout.JAVA_BYTE, at, (byte) (int) value);
        }
    }

    /// Every index, last axis fastest.
    void forEach(Consumer<long[]> visit) {
        forEach(desc.dims(), visit);
    }

    static void forEach(long[] dims, Consumer<long[]> visit) {
        for (long dim : dims) if (dim == 0) return;
        var index = new long[dims.length];
        while (true) {
            visit.accept(index);
            int axis = dims.length - 1;
            while (axis >= 0 && ++index[axis] == dims[axis]) index[axis--] = 0;
            if (axis < 0) return;
        }
    }
}
