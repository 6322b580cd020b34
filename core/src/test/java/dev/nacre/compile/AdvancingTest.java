package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;

class AdvancingTest {
    private final List<Scheduler.Buffer> buffers = new ArrayList<>();

    private View matrix(int rows, int columns) {
        buffers.add(new Scheduler.Buffer(DType.F32, (long) rows * columns));
        return View.dense(buffers.size() - 1, TensorType.of(DType.F32, rows, columns));
    }

    private static Kernel product(View a, View b, View out) {
        return new Kernel.Contraction(a, b, Kernel.Epilogue.NONE, out);
    }

    private List<Kernel> run(List<Kernel> kernels, IntPredicate isTemporary) {
        return Advancing.run(kernels, buffers, isTemporary);
    }

    @Test
    void aWeightsGradientComesWhereItsOperandsAreThere() {
        View w = matrix(8, 8); // given
        View dy = matrix(64, 8);
        View x = matrix(8, 64);
        View dx = matrix(64, 8);
        View before = matrix(64, 8);
        View dw = matrix(8, 8);
        Kernel makeDy = product(matrix(64, 8), w, dy);
        Kernel makeX = product(w, matrix(8, 64), x);
        Kernel makeDx = product(dy, w, dx);
        Kernel makeBefore = product(dx, w, before);
        Kernel makeDw = product(x, dy, dw);
        List<Kernel> kernels = List.of(makeX, makeDy, makeDx, makeBefore, makeDw);
        IntPredicate isTemporary =
                b -> List.of(dy, x, dx, before, dw).stream().anyMatch(v -> v.buffer() == b);
        assertEquals(List.of(makeX, makeDy, makeDw, makeDx, makeBefore), run(kernels, isTemporary));
    }

    @Test
    void whatWritesAResultKeepsItsPlace() {
        View w = matrix(8, 8);
        View x = matrix(64, 8);
        View y = matrix(64, 8);
        View small = matrix(1, 8);
        Kernel makeX = product(matrix(64, 8), w, x);
        Kernel makeY = product(x, w, y);
        Kernel makeSmall = product(matrix(1, 64), x, small); // the last to need x
        Kernel other = product(matrix(64, 8), w, matrix(64, 8));
        List<Kernel> kernels = List.of(makeX, makeY, other, makeSmall);
        assertEquals(kernels, run(kernels, b -> b == x.buffer() || b == y.buffer()));
    }

    /// A buffer that is written in two parts is read after both, and written again only when it has been read.
    @Test
    void partsAndReadersOfABufferStayInOrder() {
        View w = matrix(8, 8);
        View whole = matrix(16, 8);
        View top = new View(whole.buffer(), DType.F32, 0, new long[] {8, 8}, new long[] {8, 1});
        View bottom = new View(whole.buffer(), DType.F32, 64, new long[] {8, 8}, new long[] {8, 1});
        View big = matrix(8, 4096);
        View sum = matrix(8, 8);
        Kernel makeTop = product(w, w, top);
        Kernel makeBig = product(w, matrix(8, 4096), big);
        Kernel makeBottom = product(big, matrix(4096, 8), bottom); // frees much
        Kernel read = product(top, w, sum);
        Kernel again = product(sum, w, top);
        List<Kernel> kernels = List.of(makeTop, makeBig, read, makeBottom, again);
        IntPredicate isTemporary =
                b -> b == whole.buffer() || b == big.buffer() || b == sum.buffer();
        assertEquals(kernels, run(kernels, isTemporary));
    }
}
