package dev.nacre.cpu.kernels;

import static dev.nacre.cpu.memory.Memory.ALL;

import dev.nacre.compile.Kernel.Activation;
import dev.nacre.cpu.loops.VectorSupport;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Rows of floats by whole vectors. Only where there [are][VectorSupport#isPresent()] vectors.
final class FloatRows {
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    static final VectorShape SHAPE = VectorShape.forBitSize(VectorSupport.bits());
    private static final VectorSpecies<Float> FLOATS = VectorSpecies.of(float.class, SHAPE);
    private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, SHAPE);
    private static final int WIDTH = FLOATS.vectorByteSize();
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(
                    short.class, VectorShape.forBitSize(Math.max(64, FLOATS.vectorBitSize() / 2)));

    private FloatRows() {}

    static boolean takes(DType type, int n) {
        return (type == DType.F32 || type == DType.BF16) && n % FLOATS.length() == 0;
    }

    /// Copies rows of `n` neighbours as floats.
    static void rows(DType type, long from, long fromStep, int n, int rows, long to, long toStep) {
        int vectors = n / FLOATS.length();
        if (type == DType.F32) floats(from, fromStep, vectors, rows, to, toStep);
        else halves(from, fromStep, vectors, rows, to, toStep);
    }

    private static void floats(
            long from, long fromStep, int vectors, int rows, long to, long toStep) {
        for (int row = 0; row < rows; row++, from += fromStep, to += toStep)
            for (long i = 0; i < vectors; i++) store(load(from + i * WIDTH), to + i * WIDTH);
    }

    private static FloatVector load(long at) {
        return FloatVector.fromMemorySegment(FLOATS, ALL, at, ORDER);
    }

    private static void store(FloatVector x, long at) {
        x.intoMemorySegment(ALL, at, ORDER);
    }

    /// A bf16 is the upper half of the float that it stands for.
    private static void halves(
            long from, long fromStep, int vectors, int rows, long to, long toStep) {
        for (int row = 0; row < rows; row++, from += fromStep, to += toStep) {
            for (long i = 0; i < vectors; i++) {
                var bits =
                        ShortVector.fromMemorySegment(HALVES, ALL, from + i * (WIDTH / 2), ORDER)
                                .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
                ((IntVector) bits)
                        .lanewise(VectorOperators.LSHL, 16)
                        .intoMemorySegment(ALL, to + i * WIDTH, ORDER);
            }
        }
    }

    /// Copies `n` floats.
    static void copy(long from, long to, int n) {
        int i = 0;
        for (; i <= n - FLOATS.length(); i += FLOATS.length())
            store(load(from + 4L * i), to + 4L * i);
        for (; i < n; i++) Memory.i32(to + 4L * i, Memory.i32(from + 4L * i));
    }

    /// Adds `n` floats to others.
    static void add(long from, long to, long n) {
        long i = 0;
        for (; i <= n - FLOATS.length(); i += FLOATS.length())
            store(load(to + 4 * i).add(load(from + 4 * i)), to + 4 * i);
        for (; i < n; i++)
            Memory.f32(to + 4 * i, Memory.f32(to + 4 * i) + Memory.f32(from + 4 * i));
    }

    /// Adds a number to `n` floats, rounded up to whole vectors.
    static void shift(float x, long to, int n) {
        for (long i = 0; i < n; i += FLOATS.length()) store(load(to + 4 * i).add(x), to + 4 * i);
    }

    /// Applies a function to `n` floats, rounded up to whole vectors.
    static void apply(Activation f, long at, int n) {
        for (long end = at + 4L * n; at < end; at += WIDTH) {
            var x = load(at);
            var y =
                    switch (f) {
                        case RELU -> x.max(0);
                        case SIGMOID -> sigmoid(x);
                        case TANH -> x.lanewise(VectorOperators.TANH);
                    };
            store(y, at);
        }
    }

    private static FloatVector sigmoid(FloatVector x) {
        var e = x.abs().neg().lanewise(VectorOperators.EXP);
        var y = FloatVector.broadcast(FLOATS, 1).div(e.add(1));
        return y.mul(e).blend(y, x.compare(VectorOperators.GE, 0));
    }
}
