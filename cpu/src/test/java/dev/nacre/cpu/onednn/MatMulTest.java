package dev.nacre.cpu.onednn;

import static dev.nacre.cpu.onednn.DataType.BF16;
import static dev.nacre.cpu.onednn.DataType.F16;
import static dev.nacre.cpu.onednn.DataType.F32;
import static dev.nacre.cpu.onednn.DataType.S32;
import static dev.nacre.cpu.onednn.DataType.S8;
import static dev.nacre.cpu.onednn.DataType.U8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class MatMulTest {
    @BeforeAll
    static void library() {
        assumeTrue(OneDnn.get().isPresent());
    }

    /// The product at an index, by definition; operands broadcast along axes of size 1.
    static double product(Cells src, Cells weights, long[] index) {
        int rank = index.length;
        double sum = 0;
        var a = broadcast(index, src);
        var b = broadcast(index, weights);
        for (long k = 0; k < src.desc.dim(rank - 1); k++) {
            a[rank - 1] = k;
            b[rank - 2] = k;
            sum += src.get(a) * weights.get(b);
        }
        return sum;
    }

    static long[] broadcast(long[] index, Cells operand) {
        var own = index.clone();
        for (int axis = 0; axis < own.length; axis++)
            if (operand.desc.dim(axis) == 1) own[axis] = 0;
        return own;
    }

    private static void check(MemoryDesc src, MemoryDesc weights, MemoryDesc dst, boolean any) {
        var a = Cells.random(src, 1);
        var b = Cells.random(weights, 2);
        var c = Cells.zeros(dst);
        var primitive = Run.run(MatMul.of(src, any ? weights.any() : weights, dst), a, b, c);
        Run.check(primitive.toString(), c, src.dim(src.rank() - 1), index -> product(a, b, index));
    }

    @ParameterizedTest
    @CsvSource({
        "1,1,1",
        "1,7,1",
        "3,5,7",
        "17,31,33",
        "1,100,257",
        "130,67,129",
        "64,150,200",
        "33,2,500",
        "300,90,31",
        "5,9000,3",
        "34,5000,33",
        "257,1,64"
    })
    void everyLayoutAndType(long m, long k, long n) {
        for (var type : List.of(F32, BF16)) {
            for (boolean any : new boolean[] {false, true}) {
                check(
                        MemoryDesc.dense(type, m, k),
                        MemoryDesc.dense(type, k, n),
                        MemoryDesc.dense(F32, m, n),
                        any);
                check(
                        MemoryDesc.dense(type, k, m).transpose(0, 1),
                        MemoryDesc.dense(type, k, n),
                        MemoryDesc.dense(type, m, n),
                        any);
                check(
                        MemoryDesc.dense(type, m, k),
                        MemoryDesc.dense(type, n, k).transpose(0, 1),
                        MemoryDesc.dense(type, m, n),
                        any);
                check(
                        MemoryDesc.strided(type, new long[] {m, k}, new long[] {k + 3, 1}),
                        MemoryDesc.strided(type, new long[] {k, n}, new long[] {n + 5, 1}),
                        MemoryDesc.strided(type, new long[] {m, n}, new long[] {n + 7, 1}),
                        any);
            }
        }
    }

    @Test
    void theTransposeOfTheResult() {
        var src = MemoryDesc.dense(F32, 40, 50);
        var weights = MemoryDesc.dense(F32, 50, 60);
        check(src, weights, MemoryDesc.dense(F32, 60, 40).transpose(0, 1), false);
    }

    @Test
    void batches() {
        for (var type : List.of(F32, BF16)) {
            check(
                    MemoryDesc.dense(type, 5, 7, 9),
                    MemoryDesc.dense(type, 5, 9, 11),
                    MemoryDesc.dense(F32, 5, 7, 11),
                    false);
            check(
                    MemoryDesc.dense(type, 1, 7, 9),
                    MemoryDesc.dense(type, 5, 9, 11),
                    MemoryDesc.dense(F32, 5, 7, 11),
                    false);
            check(
                    MemoryDesc.dense(type, 5, 7, 9),
                    MemoryDesc.dense(type, 1, 9, 11),
                    MemoryDesc.dense(F32, 5, 7, 11),
                    true);
            check(
                    MemoryDesc.dense(type, 2, 1, 7, 9),
                    MemoryDesc.dense(type, 1, 3, 9, 11),
                    MemoryDesc.dense(F32, 2, 3, 7, 11),
                    false);
            // attention: [batch, time, heads, width] seen as [batch, heads, time, width]
            var q = MemoryDesc.dense(type, 2, 65, 12, 32).transpose(1, 2);
            var k = MemoryDesc.dense(type, 2, 65, 12, 32).transpose(1, 2).transpose(2, 3);
            check(q, k, MemoryDesc.dense(type, 2, 12, 65, 65), false);
            check(
                    MemoryDesc.dense(type, 6, 90, 80),
                    MemoryDesc.dense(type, 6, 80, 70),
                    MemoryDesc.dense(F32, 6, 90, 70),
                    true);
        }
    }

    @Test
    void zeroStridesBroadcast() {
        var row = MemoryDesc.strided(F32, new long[] {30, 20}, new long[] {0, 1});
        check(row, MemoryDesc.dense(F32, 20, 10), MemoryDesc.dense(F32, 30, 10), false);
    }

    @Test
    void bytesAndHalves() {
        check(
                MemoryDesc.dense(U8, 33, 70),
                MemoryDesc.dense(S8, 70, 45),
                MemoryDesc.dense(S32, 33, 45),
                false);
        check(
                MemoryDesc.dense(S8, 33, 70),
                MemoryDesc.dense(S8, 70, 45),
                MemoryDesc.dense(F32, 33, 45),
                true);
        try {
            check(
                    MemoryDesc.dense(F16, 33, 70),
                    MemoryDesc.dense(F16, 70, 45),
                    MemoryDesc.dense(F32, 33, 45),
                    false);
        } catch (OneDnnException e) {
            assertEquals(Status.UNIMPLEMENTED, e.status()); // not every processor
        }
    }

    @Test
    void tiledWeightsServeOtherRows() {
        var packedFor =
                Run.LIBRARY.primitive(
                        MatMul.of(
                                MemoryDesc.dense(F32, 8, 512),
                                MemoryDesc.any(F32, 512, 1000),
                                MemoryDesc.dense(F32, 8, 1000)));
        var packed = packedFor.desc(Slot.Role.WEIGHTS);
        assertTrue(packed.isTiled(), packedFor.toString());
        var weights = Cells.random(MemoryDesc.dense(F32, 512, 1000), 2);
        for (long rows : new long[] {1, 8, 100}) {
            var src = Cells.random(MemoryDesc.dense(F32, rows, 512), 1);
            var dst = Cells.zeros(MemoryDesc.dense(F32, rows, 1000));
            Run.run(MatMul.of(src.desc, packed, dst.desc), src, weights, dst);
            Run.check("rows " + rows, dst, 512, index -> product(src, weights, index));
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"F32", "BF16"})
    void biasAndPostOps(DataType type) {
        for (long[] mkn : new long[][] {{13, 17, 19}, {130, 240, 200}, {40, 9001, 60}}) {
            long m = mkn[0];
            long k = mkn[1];
            long n = mkn[2];
            var src = Cells.random(MemoryDesc.dense(type, m, k), 1);
            var weights = Cells.random(MemoryDesc.dense(type, k, n), 2);
            for (var biasDims : List.of(new long[] {1, n}, new long[] {m, 1}, new long[] {m, n})) {
                var bias = Cells.random(MemoryDesc.dense(F32, biasDims), 3);
                var row = Cells.random(MemoryDesc.dense(F32, 1, n), 4);
                var full = Cells.random(MemoryDesc.dense(F32, m, n), 5);
                var attributes =
                        Attributes.NONE
                                .add(full.desc)
                                .then(PostOp.Function.GELU_ERF, 0, 0)
                                .mul(row.desc)
                                .relu();
                var dst = Cells.zeros(MemoryDesc.dense(F32, m, n));
                var spec =
                        MatMul.of(src.desc, weights.desc, dst.desc)
                                .bias(bias.desc)
                                .attributes(attributes);
                try {
                    Run.run(spec, src, weights, bias, dst, full, row);
                } catch (OneDnnException e) {
                    assertEquals(m, biasDims[0]); // not every implementation takes a bias by rows
                    continue;
                }
                Run.check(
                        spec.toString(),
                        dst,
                        k,
                        index -> {
                            double x =
                                    product(src, weights, index)
                                            + bias.get(broadcast(index, bias))
                                            + full.get(index);
                            return Math.max(0, PostOpTest.gelu(x) * row.get(0, index[1]));
                        });
            }
        }
    }

    @Test
    void accumulation() {
        var src = Cells.random(MemoryDesc.dense(F32, 50, 60), 1);
        var weights = Cells.random(MemoryDesc.dense(F32, 60, 70), 2);
        var dst = Cells.zeros(MemoryDesc.dense(F32, 50, 70));
        var spec =
                MatMul.of(src.desc, weights.desc, dst.desc)
                        .attributes(Attributes.NONE.accumulate());
        Run.run(spec, src, weights, dst); // runs twice
        Run.check("twice", dst, 60, index -> 2 * product(src, weights, index));
    }

    @Test
    void anEmptySumIsRefused() {
        var spec =
                MatMul.of(
                        MemoryDesc.dense(F32, 3, 0),
                        MemoryDesc.dense(F32, 0, 4),
                        MemoryDesc.dense(F32, 3, 4));
        assertThrows(OneDnnException.class, () -> Run.LIBRARY.primitive(spec));
    }

    @Test
    void nothingToDo() {
        var spec =
                MatMul.of(
                        MemoryDesc.dense(F32, 0, 5),
                        MemoryDesc.dense(F32, 5, 4),
                        MemoryDesc.dense(F32, 0, 4));
        var call = Run.LIBRARY.primitive(spec).call();
        var weights = Cells.zeros(MemoryDesc.dense(F32, 5, 4));
        call.run(new long[] {0, weights.address(), 0});
    }

    @Test
    void openSourceAndDestination() {
        var src = Cells.random(MemoryDesc.dense(F32, 30, 40), 1);
        var weights = Cells.random(MemoryDesc.dense(F32, 40, 50), 2);
        var dst = Cells.zeros(MemoryDesc.dense(F32, 30, 50));
        var spec =
                new MatMul(
                        src.desc.any(),
                        weights.desc.any(),
                        Optional.empty(),
                        dst.desc.any(),
                        Attributes.NONE);
        Run.run(spec, src, weights, dst);
        Run.check("open", dst, 40, index -> product(src, weights, index));
    }
}
