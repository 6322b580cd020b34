package dev.nacre.cpu.kernels;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Six rows by two vectors of floats: twelve sums, enough to hide the latency of a multiplication, and few enough for 16 registers.
final class FloatTile implements Tile {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final int ROWS = 6;
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
    public void multiply(int depth, long a, long b, long c, long cStep, boolean add) {
        var l0 = FloatVector.zero(LANES);
        var r0 = FloatVector.zero(LANES);
        var l1 = FloatVector.zero(LANES);
        var r1 = FloatVector.zero(LANES);
        var l2 = FloatVector.zero(LANES);
        var r2 = FloatVector.zero(LANES);
        var l3 = FloatVector.zero(LANES);
        var r3 = FloatVector.zero(LANES);
        var l4 = FloatVector.zero(LANES);
        var r4 = FloatVector.zero(LANES);
        var l5 = FloatVector.zero(LANES);
        var r5 = FloatVector.zero(LANES);
        for (int k = 0; k < depth; k++) {
            var bl = load(b);
            var br = load(b + VECTOR);
            var a0 = spread(a);
            l0 = a0.fma(bl, l0);
            r0 = a0.fma(br, r0);
            var a1 = spread(a + 4);
            l1 = a1.fma(bl, l1);
            r1 = a1.fma(br, r1);
            var a2 = spread(a + 8);
            l2 = a2.fma(bl, l2);
            r2 = a2.fma(br, r2);
            var a3 = spread(a + 12);
            l3 = a3.fma(bl, l3);
            r3 = a3.fma(br, r3);
            var a4 = spread(a + 16);
            l4 = a4.fma(bl, l4);
            r4 = a4.fma(br, r4);
            var a5 = spread(a + 20);
            l5 = a5.fma(bl, l5);
            r5 = a5.fma(br, r5);
            a += 4L * ROWS;
            b += 2L * VECTOR;
        }
        store(c, l0, r0, add);
        store(c + cStep, l1, r1, add);
        store(c + 2 * cStep, l2, r2, add);
        store(c + 3 * cStep, l3, r3, add);
        store(c + 4 * cStep, l4, r4, add);
        store(c + 5 * cStep, l5, r5, add);
    }

    private static FloatVector load(long at) {
        return FloatVector.fromMemorySegment(LANES, Memory.ALL, at, ORDER);
    }

    private static FloatVector spread(long at) {
        return FloatVector.broadcast(LANES, Memory.f32(at));
    }

    private static void store(long c, FloatVector left, FloatVector right, boolean add) {
        (add ? left.add(load(c)) : left).intoMemorySegment(Memory.ALL, c, ORDER);
        (add ? right.add(load(c + VECTOR)) : right).intoMemorySegment(Memory.ALL, c + VECTOR, ORDER);
    }
}
