package dev.nacre.cpu.onednn;

import static dev.nacre.cpu.onednn.DataType.BF16;
import static dev.nacre.cpu.onednn.DataType.F32;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ReorderTest {
    @BeforeAll
    static void library() {
        assumeTrue(OneDnn.get().isPresent());
    }

    private static void check(MemoryDesc from, MemoryDesc to) {
        var src = Cells.random(from, 1);
        var dst = Cells.zeros(to);
        Run.run(Reorder.of(from, to), src, dst);
        Run.check(from + " to " + to, dst, 1, src::get);
    }

    @Test
    void layoutsAndTypes() {
        for (long[] size : new long[][] {{3, 5}, {31, 65}, {700, 900}}) {
            long m = size[0];
            long n = size[1];
            for (var from : List.of(F32, BF16)) {
                for (var to : List.of(F32, BF16)) {
                    check(MemoryDesc.dense(from, m, n), MemoryDesc.dense(to, m, n));
                    check(MemoryDesc.dense(from, n, m).transpose(0, 1), MemoryDesc.dense(to, m, n));
                    check(
                            MemoryDesc.strided(from, new long[] {m, n}, new long[] {n + 3, 1}),
                            MemoryDesc.strided(to, new long[] {m, n}, new long[] {1, m + 1}));
                }
            }
        }
        check(
                MemoryDesc.dense(F32, 8, 33, 40, 41),
                ConvolutionTest.image(F32, true, 8, 33, 40, 41));
        check(
                ConvolutionTest.image(F32, true, 1, 130, 40, 41),
                MemoryDesc.dense(BF16, 1, 130, 40, 41));
    }

    @Test
    void intoAndOutOfOpaqueLayouts() {
        for (long[] dims : new long[][] {{64, 64, 3, 3}, {300, 200, 3, 3}, {70, 3, 7, 7}}) {
            var image = ConvolutionTest.image(F32, true, 2, dims[1], 20, 20);
            var out = ConvolutionTest.image(F32, true, 2, dims[0], 20, 20);
            var spec =
                    Convolution.of(
                            Direction.FORWARD,
                            image,
                            MemoryDesc.any(F32, dims),
                            out,
                            Window.of(2).padding(dims[2] / 2, dims[2] / 2));
            var packed = Run.LIBRARY.primitive(spec).desc(Slot.Role.WEIGHTS);
            assertTrue(packed.isOpaque());
            var plain = Cells.random(MemoryDesc.dense(F32, dims), 1);
            var there = Cells.zeros(packed);
            var back = Cells.zeros(plain.desc);
            Run.copy(plain, there);
            Run.copy(there, back);
            assertArrayEquals(plain.content(), back.content());
            var whole =
                    new Primitive(
                            Run.LIBRARY,
                            Reorder.of(plain.desc, packed),
                            Split.whole(Run.LIBRARY, Reorder.of(plain.desc, packed)),
                            dev.nacre.cpu.Team.get());
            var once = Cells.zeros(packed);
            Run.run(whole, plain, once);
            assertArrayEquals(once.content(), there.content());
        }
    }

    @Test
    void sums() {
        var desc = MemoryDesc.dense(F32, 37, 11);
        var a = Cells.random(desc, 1);
        var b = Cells.random(desc, 2);
        var c = Cells.random(desc, 3);
        var sum = Cells.zeros(desc);
        Run.run(new Sum(List.of(desc, desc, desc), desc), a, b, c, sum);
        Run.check("sum", sum, 3, i -> a.get(i) + b.get(i) + c.get(i));
    }
}
