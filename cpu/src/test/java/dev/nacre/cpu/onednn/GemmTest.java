package dev.nacre.cpu.onednn;

import static dev.nacre.cpu.onednn.DataType.F32;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Small products, which take their sizes as arguments, against loops: what is added × layouts × batches × sizes.
class GemmTest {
    private static final long[][] SIZES = {
        {1, 1, 1},
        {1, 9, 17},
        {7, 1, 5},
        {5, 3, 1},
        {16, 16, 16},
        {33, 31, 18},
        {50, 66, 32},
        {1, 64, 96}
    };

    private enum Added {
        NOTHING,
        BIAS,
        OPERAND,
        BIAS_AND_OPERAND,
        SUM,
        BIAS_AND_SUM;

        boolean bias() {
            return name().contains("BIAS");
        }

        boolean operand() {
            return name().contains("OPERAND");
        }

        boolean sum() {
            return name().contains("SUM");
        }
    }

    private enum Layout {
        DENSE,
        TURNED,
        GAPS,
        TURNED_WITH_GAPS;

        MemoryDesc of(boolean batch, long items, long rows, long columns) {
            boolean turned = this == TURNED || this == TURNED_WITH_GAPS;
            long wide = (turned ? rows : columns) + (this == DENSE || this == TURNED ? 0 : 3);
            long down = turned ? 1 : wide;
            long across = turned ? wide : 1;
            return batch
                    ? MemoryDesc.strided(
                            F32,
                            new long[] {items, rows, columns},
                            new long[] {wide * (turned ? columns : rows), down, across})
                    : MemoryDesc.strided(
                            F32, new long[] {rows, columns}, new long[] {down, across});
        }
    }

    /// How many sources, weights and results; 0: no axis for them.
    private enum Batch {
        NONE(0, 0, 0),
        EACH(3, 3, 3),
        ONE_SOURCE(1, 3, 3),
        ONE_OF_WEIGHTS(3, 1, 3);

        final long src;
        final long weights;
        final long dst;

        Batch(long src, long weights, long dst) {
            this.src = src;
            this.weights = weights;
            this.dst = dst;
        }
    }

    @BeforeAll
    static void library() {
        assumeTrue(OneDnn.get().isPresent());
        assumeTrue(Run.LIBRARY.instructions().matches(".*(avx2|avx512|avx10).*"));
    }

    @ParameterizedTest
    @EnumSource
    void isTheSumOfProducts(Added added) {
        for (var batch : Batch.values())
            for (var src : Layout.values())
                for (var weights : Layout.values())
                    for (var dst : List.of(Layout.DENSE, Layout.GAPS))
                        for (var mkn : SIZES) check(added, batch, src, weights, dst, mkn);
    }

    private static void check(
            Added added, Batch batch, Layout src, Layout weights, Layout dst, long[] mkn) {
        boolean three = batch != Batch.NONE;
        var result = dst.of(three, batch.dst, mkn[0], mkn[2]);
        var spec =
                MatMul.of(
                        src.of(three, batch.src, mkn[0], mkn[1]),
                        weights.of(three, batch.weights, mkn[1], mkn[2]),
                        result);
        if (added.operand()) spec = spec.attributes(Attributes.NONE.add(result));
        if (added.sum()) spec = spec.attributes(Attributes.NONE.accumulate());
        var bias =
                MemoryDesc.dense(F32, three ? new long[] {1, 1, mkn[2]} : new long[] {1, mkn[2]});
        if (added.bias()) spec = spec.bias(bias);
        var a = Cells.randomInGaps(spec.src(), 1);
        var b = Cells.randomInGaps(spec.weights(), 2);
        var c = Cells.randomInGaps(bias, 3);
        var y = added.sum() ? Cells.randomInGaps(result, 4) : Cells.spoilt(result);
        var before = Cells.randomInGaps(result, 4);
        var operand = Cells.randomInGaps(result, 5);
        var operands = new ArrayList<>(List.of(a, b));
        if (added.bias()) operands.add(c);
        operands.add(y);
        if (added.operand()) operands.add(operand);
        var primitive = Run.run(spec, operands.toArray(Cells[]::new));
        assertEquals("sgemm", primitive.implementation(), primitive.toString());
        int times = added.sum() ? 2 : 1; // it runs twice
        Run.check(
                primitive.toString(),
                y,
                mkn[1],
                index ->
                        times
                                        * (MatMulTest.product(a, b, index)
                                                + (added.bias()
                                                        ? c.get(MatMulTest.broadcast(index, c))
                                                        : 0))
                                + (added.operand() ? operand.get(index) : 0)
                                + (added.sum() ? before.get(index) : 0));
    }

    /// A new size costs a call, not milliseconds of compiling, whatever the form; and none of the forms that a network has falls back.
    @Test
    void smallProductsOfAllSizesAreCalls() {
        for (long n = 1; n < 100; n += 7)
            for (var spec : products(n))
                assertEquals("sgemm", Run.LIBRARY.primitive(spec).implementation());
    }

    private static List<MatMul> products(long n) {
        var rows = MemoryDesc.dense(F32, n, 32);
        var w = MemoryDesc.dense(F32, 64, 32).transpose(0, 1);
        var out = MemoryDesc.dense(F32, n, 64);
        return List.of(
                MatMul.of(rows, w, out).bias(MemoryDesc.dense(F32, 1, 64)),
                MatMul.of(rows, w.any(), out),
                MatMul.of(rows.transpose(0, 1), out, MemoryDesc.dense(F32, 32, 64)),
                MatMul.of(out, w.transpose(0, 1), rows),
                MatMul.of(
                        MemoryDesc.dense(F32, 4, n, 8),
                        MemoryDesc.dense(F32, 4, n, 8).transpose(1, 2),
                        MemoryDesc.dense(F32, 4, n, n)));
    }

    /// What else a product may be is compiled, and what is none is refused.
    @Test
    void othersAreNot() {
        var square = MemoryDesc.dense(F32, 16, 16);
        var plain = MatMul.of(square, square, square);
        var half = MemoryDesc.dense(DataType.BF16, 16, 16);
        var large = MemoryDesc.dense(F32, 512, 512);
        var tiny = MemoryDesc.dense(F32, 100, 2, 2);
        var column = MemoryDesc.dense(F32, 16, 1);
        Stream.of(
                        plain.attributes(Attributes.NONE.relu()),
                        plain.attributes(Attributes.NONE.mul(square)),
                        plain.attributes(Attributes.NONE.add(MemoryDesc.dense(F32, 1, 16))),
                        plain.attributes(Attributes.NONE.add(square).add(square)),
                        plain.attributes(Attributes.NONE.math(MathMode.BF16)),
                        plain.bias(column),
                        plain.bias(square),
                        MatMul.of(half, half, square),
                        MatMul.of(square, square, square.transpose(0, 1)),
                        MatMul.of(column, square, square),
                        MatMul.of(square, column, square),
                        MatMul.of(MemoryDesc.dense(F32, 8, 16), square, square))
                .forEach(m -> assertEquals(Optional.empty(), Run.LIBRARY.gemm(m), m.toString()));
        for (var m : List.of(MatMul.of(large, large, large), MatMul.of(tiny, tiny, tiny)))
            assertFalse(Run.LIBRARY.primitive(m).implementation().contains("sgemm"), m.toString());
        assertTrue(Run.LIBRARY.gemm(plain).isPresent());
    }
}
