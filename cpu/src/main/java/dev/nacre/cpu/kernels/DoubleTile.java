package dev.nacre.cpu.kernels;

import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorSpecies;

/// As [FloatTile], of doubles.
final class DoubleTile implements Tile {
    private static final VectorSpecies<Double> LANES = DoubleVector.SPECIES_PREFERRED;
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
        var l0 = DoubleVector.zero(LANES);
        var r0 = DoubleVector.zero(LANES);
        var l1 = DoubleVector.zero(LANES);
        var r1 = DoubleVector.zero(LANES);
        var l2 = DoubleVector.zero(LANES);
        var r2 = DoubleVector.zero(LANES);
        var l3 = DoubleVector.zero(LANES);
        var r3 = DoubleVector.zero(LANES);
        var l4 = DoubleVector.zero(LANES);
        var r4 = DoubleVector.zero(LANES);
        var l5 = DoubleVector.zero(LANES);
        var r5 = DoubleVector.zero(LANES);
        for (int k = 0; k < depth; k++) {
            var bl = load(b);
            var br = load(b + VECTOR);
            var a0 = spread(a);
            l0 = a0.fma(bl, l0);
            r0 = a0.fma(br, r0);
            var a1 = spread(a + 8);
            l1 = a1.fma(bl, l1);
            r1 = a1.fma(br, r1);
            var a2 = spread(a + 16);
            l2 = a2.fma(bl, l2);
            r2 = a2.fma(br, r2);
            var a3 = spread(a + 24);
            l3 = a3.fma(bl, l3);
            r3 = a3.fma(br, r3);
            var a4 = spread(a + 32);
            l4 = a4.fma(bl, l4);
            r4 = a4.fma(br, r4);
            var a5 = spread(a + 40);
            l5 = a5.fma(bl, l5);
            r5 = a5.fma(br, r5);
            a += 8L * ROWS;
            b += 2L * VECTOR;
        }
        store(c, l0, r0, add);
        store(c + cStep, l1, r1, add);
        store(c + 2 * cStep, l2, r2, add);
        store(c + 3 * cStep, l3, r3, add);
        store(c + 4 * cStep, l4, r4, add);
        store(c + 5 * cStep, l5, r5, add);
    }

    private static DoubleVector load(long at) {
        return DoubleVector.fromMemorySegment(LANES, Memory.ALL, at, ORDER);
    }

    private static DoubleVector spread(long at) {
        return DoubleVector.broadcast(LANES, Memory.f64(at));
    }

    private static void store(long c, DoubleVector left, DoubleVector right, boolean add) {
        (add ? left.add(load(c)) : left).intoMemorySegment(Memory.ALL, c, ORDER);
        (add ? right.add(load(c + VECTOR)) : right).intoMemorySegment(Memory.ALL, c + VECTOR, ORDER);
    }
}
