package dev.nacre.cpu.loops;

import dev.nacre.compile.Loop;
import dev.nacre.cpu.loops.Compare.Tolerance;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Programs made at random of operations that do not magnify errors: every way of running must give the same bits, and the
/// oracle about the same numbers.
class RandomProgramsTest {
    private static final List<Unary> UNARY =
            List.of(
                    Unary.TANH,
                    Unary.SIGMOID,
                    Unary.NEG,
                    Unary.ABS,
                    Unary.SIN,
                    Unary.RELU,
                    Unary.ERF,
                    Unary.NDTR);
    private static final List<Binary> BINARY =
            List.of(Binary.ADD, Binary.SUB, Binary.MUL, Binary.MAX, Binary.MIN);

    static List<Integer> seeds() {
        var seeds = new ArrayList<Integer>();
        for (int seed = 0; seed < Integer.getInteger("nacre.test.programs", 150); seed++)
            seeds.add(seed);
        return seeds;
    }

    /// A program and what it runs on.
    record Made(Loop loop, Buffers buffers, Tolerance tolerance) {}

    @ParameterizedTest
    @MethodSource("seeds")
    void allWaysAgree(int seed) {
        Made m = make(seed);
        Compare.all("program " + seed + " " + m.loop.program(), m.loop, m.buffers, m.tolerance);
    }

    static Made make(int seed) {
        var random = new Random(seed);
        long[] extents = new long[1 + random.nextInt(3)];
        int limit = extents.length == 1 ? 9000 : extents.length == 2 ? 130 : 30;
        for (int a = 0; a < extents.length; a++) extents[a] = 1 + random.nextInt(limit);
        var l = new LoopOf(extents);
        var b = new Buffers();
        var values = new ArrayList<Integer>();
        for (int i = 0; i < 1 + random.nextInt(4); i++) values.add(load(l, b, extents, random));
        values.add(l.f32(random.nextGaussian()));
        for (int i = 0; i < 2 + random.nextInt(10); i++)
            values.add(operation(l, values, extents, random));
        for (int i = 0; i < 1 + random.nextInt(3); i++)
            sink(l, b, values.get(values.size() - 1 - i), extents, random);
        return new Made(l.loop(), b, new Tolerance(0, 2e-4 * points(extents)));
    }

    private static double points(long[] extents) {
        double points = 1;
        for (long extent : extents) points *= extent;
        return Math.sqrt(points);
    }

    private static int load(LoopOf l, Buffers b, long[] extents, Random random) {
        var dtype =
                List.of(DType.F32, DType.F32, DType.F32, DType.BF16, DType.F16, DType.F64, DType.U8)
                        .get(random.nextInt(7));
        var strides = new long[extents.length];
        long step = 1;
        // Axes in any order, some left out.
        var order = new ArrayList<Integer>();
        for (int a = 0; a < extents.length; a++) order.add(a);
        if (random.nextInt(3) == 0) java.util.Collections.shuffle(order, random);
        for (int a : order.reversed())
            if (random.nextInt(4) > 0) {
                strides[a] = step;
                step *= extents[a];
            }
        int buffer = b.add(dtype, step);
        b.random(buffer, random, dtype == DType.U8 ? 0 : -1, 1);
        int v = l.load(buffer, dtype, 0, strides);
        return l.convert(DType.F32, v);
    }

    private static int operation(LoopOf l, List<Integer> values, long[] extents, Random random) {
        int a = values.get(random.nextInt(values.size()));
        int c = values.get(random.nextInt(values.size()));
        return switch (random.nextInt(10)) {
            case 0, 1, 2, 3 -> bounded(l, l.apply(BINARY.get(random.nextInt(BINARY.size())), a, c));
            case 4, 5 -> l.apply(UNARY.get(random.nextInt(UNARY.size())), a);
            case 6 -> l.choose(l.apply(Binary.GT, l.apply(Unary.ABS, a), l.f32(5)), a, c);
            case 7 -> l.convert(DType.F32, l.convert(DType.F64, a));
            case 8 ->
                    l.apply(
                            Binary.DIV,
                            l.fold(Reduction.SUM, a),
                            l.f32(extents[extents.length - 1]));
            default -> l.fold(random.nextBoolean() ? Reduction.MAX : Reduction.MIN, a);
        };
    }

    /// Keeps products from growing.
    private static int bounded(LoopOf l, int a) {
        return l.apply(Binary.MIN, l.apply(Binary.MAX, a, l.f32(-4)), l.f32(4));
    }

    private static void sink(LoopOf l, Buffers b, int value, long[] extents, Random random) {
        int kind = random.nextInt(4);
        if (kind < 2) {
            long n = 1;
            for (long extent : extents) n *= extent;
            l.store(b.add(DType.F32, n), value, 0, l.dense());
            return;
        }
        var strides = new long[extents.length];
        long step = 1;
        for (int a = extents.length - 1; a >= 0; a--)
            if (random.nextBoolean()) {
                strides[a] = step;
                step *= extents[a];
            }
        var reduction = kind == 2 ? Reduction.SUM : Reduction.MAX;
        l.accumulate(reduction, b.add(DType.F32, step), value, strides);
    }
}
