package dev.nacre.cpu.kernels;

import static dev.nacre.cpu.kernels.Philox.MULTIPLIER_0;
import static dev.nacre.cpu.kernels.Philox.MULTIPLIER_1;
import static dev.nacre.cpu.kernels.Philox.WEYL_0;
import static dev.nacre.cpu.kernels.Philox.WEYL_1;
import static dev.nacre.cpu.memory.Memory.ALL;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.nio.ByteOrder;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// As many blocks of [Philox] at a time as a vector has lanes of 64 bits. Each lane keeps a 32-bit word in its lower
/// half; what the upper half has is cut off before it would matter, which is where a product is taken.
final class PhiloxVectors {
    private static final VectorSpecies<Long> LANES = VectorSpecies.of(long.class, FloatRows.SHAPE);
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final VectorShuffle<Long> LOW = VectorShuffle.makeZip(LANES, 0);
    private static final VectorShuffle<Long> HIGH = VectorShuffle.makeZip(LANES, 1);
    private static final LongVector COUNT = LongVector.zero(LANES).addIndex(1);
    private static final long WORD = 0xFFFFFFFFL;

    private PhiloxVectors() {}

    /// Blocks `first` to `end`, as far as they fill vectors.
    ///
    /// @return the first block that is left
    static long fill(long first, long end, long stream, long seed, long to) {
        long block = first;
        for (;
                block <= end - LANES.length();
                block += LANES.length(), to += 2L * LANES.vectorByteSize())
            blocks(block, stream, seed, to);
        return block;
    }

    private static void blocks(long block, long stream, long seed, long to) {
        var counter = COUNT.add(block);
        var c0 = counter;
        var c1 = counter.lanewise(LSHR, 32);
        var c2 = LongVector.broadcast(LANES, stream);
        var c3 = LongVector.broadcast(LANES, stream >>> 32);
        long k0 = seed;
        long k1 = seed >>> 32;
        for (int round = 0; round < Philox.ROUNDS; round++) {
            // Both factors are masked so that the compiler sees a product of 32-bit words.
            var product0 = c0.and(WORD).mul(LongVector.broadcast(LANES, MULTIPLIER_0).and(WORD));
            var product1 = c2.and(WORD).mul(LongVector.broadcast(LANES, MULTIPLIER_1).and(WORD));
            c0 = product1.lanewise(LSHR, 32).lanewise(XOR, c1).lanewise(XOR, k0);
            c2 = product0.lanewise(LSHR, 32).lanewise(XOR, c3).lanewise(XOR, k1);
            c1 = product1;
            c3 = product0;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        var front = c0.and(WORD).or(c1.lanewise(LSHL, 32));
        var back = c2.and(WORD).or(c3.lanewise(LSHL, 32));
        front.rearrange(LOW, back).intoMemorySegment(ALL, to, ORDER);
        front.rearrange(HIGH, back).intoMemorySegment(ALL, to + LANES.vectorByteSize(), ORDER);
    }
}
