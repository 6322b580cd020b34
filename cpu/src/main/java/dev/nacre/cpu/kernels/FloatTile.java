package dev.nacre.cpu.kernels;

import static dev.nacre.cpu.memory.Memory.ALL;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Six rows by two vectors of floats: twelve sums, enough to hide the latency of a multiplication, and few enough for
/// 16 registers. The calls are written out: with small methods between, the compiler runs out of room to inline them,
/// and then every vector is an object.
final class FloatTile implements Tile {
    private static final VectorSpecies<Float> LANES =
            VectorSpecies.of(float.class, FloatRows.SHAPE);
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    static final int ROWS = 6;
    private static final int VECTOR = LANES.vectorByteSize();

    @Override
    public int rows() {
        return ROWS;
    }

    @Override
    public int columns() {
        return 2 * LANES.length();
    }

    @Override
    public void multiply(int depth, long a, long b, long c, long cStep) {
        var l0 = FloatVector.fromMemorySegment(LANES, ALL, c, ORDER);
        var r0 = FloatVector.fromMemorySegment(LANES, ALL, c + VECTOR, ORDER);
        var l1 = FloatVector.fromMemorySegment(LANES, ALL, c + cStep, ORDER);
        var r1 = FloatVector.fromMemorySegment(LANES, ALL, c + cStep + VECTOR, ORDER);
        var l2 = FloatVector.fromMemorySegment(LANES, ALL, c + 2 * cStep, ORDER);
        var r2 = FloatVector.fromMemorySegment(LANES, ALL, c + 2 * cStep + VECTOR, ORDER);
        var l3 = FloatVector.fromMemorySegment(LANES, ALL, c + 3 * cStep, ORDER);
        var r3 = FloatVector.fromMemorySegment(LANES, ALL, c + 3 * cStep + VECTOR, ORDER);
        var l4 = FloatVector.fromMemorySegment(LANES, ALL, c + 4 * cStep, ORDER);
        var r4 = FloatVector.fromMemorySegment(LANES, ALL, c + 4 * cStep + VECTOR, ORDER);
        var l5 = FloatVector.fromMemorySegment(LANES, ALL, c + 5 * cStep, ORDER);
        var r5 = FloatVector.fromMemorySegment(LANES, ALL, c + 5 * cStep + VECTOR, ORDER);
        for (int k = 0; k < depth; k++, a += ROWS * 4L, b += 2L * VECTOR) {
            var left = FloatVector.fromMemorySegment(LANES, ALL, b, ORDER);
            var right = FloatVector.fromMemorySegment(LANES, ALL, b + VECTOR, ORDER);
            var a0 = FloatVector.broadcast(LANES, ALL.get(JAVA_FLOAT, a));
            l0 = a0.fma(left, l0);
            r0 = a0.fma(right, r0);
            var a1 = FloatVector.broadcast(LANES, ALL.get(JAVA_FLOAT, a + 4));
            l1 = a1.fma(left, l1);
            r1 = a1.fma(right, r1);
            var a2 = FloatVector.broadcast(LANES, ALL.get(JAVA_FLOAT, a + 8));
            l2 = a2.fma(left, l2);
            r2 = a2.fma(right, r2);
            var a3 = FloatVector.broadcast(LANES, ALL.get(JAVA_FLOAT, a + 12));
            l3 = a3.fma(left, l3);
            r3 = a3.fma(right, r3);
            var a4 = FloatVector.broadcast(LANES, ALL.get(JAVA_FLOAT, a + 16));
            l4 = a4.fma(left, l4);
            r4 = a4.fma(right, r4);
            var a5 = FloatVector.broadcast(LANES, ALL.get(JAVA_FLOAT, a + 20));
            l5 = a5.fma(left, l5);
            r5 = a5.fma(right, r5);
        }
        l0.intoMemorySegment(ALL, c, ORDER);
        r0.intoMemorySegment(ALL, c + VECTOR, ORDER);
        l1.intoMemorySegment(ALL, c + cStep, ORDER);
        r1.intoMemorySegment(ALL, c + cStep + VECTOR, ORDER);
        l2.intoMemorySegment(ALL, c + 2 * cStep, ORDER);
        r2.intoMemorySegment(ALL, c + 2 * cStep + VECTOR, ORDER);
        l3.intoMemorySegment(ALL, c + 3 * cStep, ORDER);
        r3.intoMemorySegment(ALL, c + 3 * cStep + VECTOR, ORDER);
        l4.intoMemorySegment(ALL, c + 4 * cStep, ORDER);
        r4.intoMemorySegment(ALL, c + 4 * cStep + VECTOR, ORDER);
        l5.intoMemorySegment(ALL, c + 5 * cStep, ORDER);
        r5.intoMemorySegment(ALL, c + 5 * cStep + VECTOR, ORDER);
    }
}
