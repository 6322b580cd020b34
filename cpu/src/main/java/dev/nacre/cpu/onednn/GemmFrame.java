package dev.nacre.cpu.onednn;

import dev.nacre.cpu.memory.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// A piece that is a [Gemm]. What is added to the product is where the result will be before it is added to.
final class GemmFrame implements Frame {
    private static final int FLOAT = 4;

    private final Gemm gemm;
    private final int[] bases;
    private final long[] offsets;
    private final long[][] items;
    private final boolean hasBias;
    private final boolean hasOperand;
    private final float beta;
    private final long rows;
    private final long columns;
    private final long inner;
    private final MemorySegment ones; // a column of them, where a bias is added to what is added

    GemmFrame(Split.Piece piece, Gemm gemm) {
        this.gemm = gemm;
        this.bases = piece.bases();
        this.offsets = piece.offsets();
        this.items = piece.items();
        this.hasBias = gemm.spec().bias().isPresent();
        this.hasOperand = gemm.adds().orElse(null) instanceof PostOp.Binary;
        this.beta = hasBias || gemm.adds().isPresent() ? 1 : 0;
        this.rows = gemm.rows();
        this.columns = gemm.columns();
        this.inner = gemm.inner();
        this.ones = hasBias && gemm.adds().isPresent() ? ones((int) rows) : MemorySegment.NULL;
    }

    private static MemorySegment ones(int count) {
        var column = Arena.ofAuto().allocate(ValueLayout.JAVA_FLOAT, count);
        for (int i = 0; i < count; i++) column.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
        return column;
    }

    @Override
    public void run(long[] whole, int scratchpad, long lane) {
        Api.oneThread();
        for (long[] item : items) {
            int next = 0;
            long src = at(whole, item, next++);
            long weights = at(whole, item, next++);
            long bias = hasBias ? at(whole, item, next++) : 0;
            long dst = at(whole, item, next++);
            long operand = hasOperand ? at(whole, item, next) : 0;
            long[] steps = gemm.steps();
            for (long i = 0; i < gemm.items(); i++) {
                run(
                        src + i * steps[0],
                        weights + i * steps[1],
                        bias,
                        dst + i * steps[2],
                        operand + i * steps[3]);
            }
        }
    }

    private long at(long[] whole, long[] item, int operand) {
        return whole[bases[operand]] + offsets[operand] + item[operand];
    }

    private void run(long src, long weights, long bias, long dst, long operand) {
        if (hasOperand && operand != dst) copy(operand, dst);
        if (hasBias) {
            if (gemm.adds().isEmpty()) repeat(bias, dst);
            else gemm(false, 1, ones.address(), 1, false, bias, columns, 1, dst);
        }
        var a = gemm.src();
        var b = gemm.weights();
        gemm(a.turned(), inner, src, a.step(), b.turned(), weights, b.step(), beta, dst);
    }

    private void gemm(
            boolean turnsA,
            long inner,
            long a,
            long aStep,
            boolean turnsB,
            long b,
            long bStep,
            float beta,
            long c) {
        int status =
                Api.gemm(
                        turnsA,
                        turnsB,
                        rows,
                        columns,
                        inner,
                        a,
                        aStep,
                        b,
                        bStep,
                        beta,
                        c,
                        gemm.dstStep());
        if (status != 0)
            throw new OneDnnException(Status.of(status), "running sgemm: " + gemm.spec());
    }

    /// The operand lies as the result does.
    private void copy(long from, long to) {
        if (gemm.dstStep() == columns) {
            Memory.copy(from, to, rows * columns * FLOAT);
            return;
        }
        long step = gemm.dstStep() * FLOAT;
        for (long i = 0; i < rows; i++)
            Memory.copy(from + i * step, to + i * step, columns * FLOAT);
    }

    /// The same row in all rows: of dense ones, each copy doubles what is there.
    private void repeat(long row, long to) {
        long bytes = columns * FLOAT;
        long step = gemm.dstStep() * FLOAT;
        Memory.copy(row, to, bytes);
        if (step == bytes) {
            for (long done = 1; done < rows; done *= 2)
                Memory.copy(to, to + done * bytes, Math.min(done, rows - done) * bytes);
            return;
        }
        for (long i = 1; i < rows; i++) Memory.copy(row, to + i * step, bytes);
    }
}
