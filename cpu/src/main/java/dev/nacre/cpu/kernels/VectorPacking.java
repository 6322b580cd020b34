package dev.nacre.cpu.kernels;

import static dev.nacre.cpu.kernels.Memory.ALL;

import dev.nacre.type.DType;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Packing by whole vectors. Only where there are vectors, as they are wherever sums are in f32.
final class VectorPacking {
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WIDTH = FLOATS.vectorByteSize();
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Math.max(64, FLOATS.vectorBitSize() / 2)));

    private VectorPacking() {}

    static boolean takes(DType type, int n) {
        return (type == DType.F32 || type == DType.BF16) && n % FLOATS.length() == 0;
    }

    /// Copies rows of `n` neighbours as floats.
    static void rows(DType type, long from, long fromStep, int n, int rows, long to, long toStep) {
        int vectors = n / FLOATS.length();
        if (type == DType.F32) floats(from, fromStep, vectors, rows, to, toStep);
        else halves(from, fromStep, vectors, rows, to, toStep);
    }

    private static void floats(long from, long fromStep, int vectors, int rows, long to, long toStep) {
        for (int row = 0; row < rows; row++, from += fromStep, to += toStep) {
            for (long i = 0; i < vectors; i++)
                FloatVector.fromMemorySegment(FLOATS, ALL, from + i * WIDTH, ORDER)
                        .intoMemorySegment(ALL, to + i * WIDTH, ORDER);
        }
    }

    /// A bf16 is the upper half of the float that it stands for.
    private static void halves(long from, long fromStep, int vectors, int rows, long to, long toStep) {
        for (int row = 0; row < rows; row++, from += fromStep, to += toStep) {
            for (long i = 0; i < vectors; i++) {
                var bits = ShortVector.fromMemorySegment(HALVES, ALL, from + i * (WIDTH / 2), ORDER)
                        .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
                ((IntVector) bits).lanewise(VectorOperators.LSHL, 16).intoMemorySegment(ALL, to + i * WIDTH, ORDER);
            }
        }
    }
}
