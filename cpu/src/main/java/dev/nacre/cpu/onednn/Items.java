package dev.nacre.cpu.onednn;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// A product as calls of one that oneDNN computes right ([Limits#check(MatMul)]): of two or three axes, the same code for each item of the other axes.
///
/// Which of the batch axes is the third one changes nothing but the number of calls, so it is the longest.
///
/// @param each one of them
/// @param offsets for each item and each operand (source, weights, bias if any, result, operands of post-ops), how many bytes further on it begins
record Items(MatMul each, long[][] offsets) {
    private static final int MATRIX = 2;

    /// More of them are not worth a table.
    private static final long MOST = 1 << 20;

    /// The strided operands of a product in the order of its slots.
    private static List<MemoryDesc> operands(MatMul m) {
        var all = new ArrayList<>(List.of(m.src(), m.weights()));
        m.bias().ifPresent(all::add);
        all.add(m.dst());
        all.addAll(Split.postOpOperands(m.attributes()));
        return all;
    }

    /// @param m its source and result are strided and have the same axes
    static Items of(MatMul m) {
        int batches = m.dst().rank() - MATRIX;
        var order =
                IntStream.range(0, batches)
                        .filter(axis -> m.dst().dim(axis) != 1)
                        .boxed()
                        .sorted(Comparator.comparingLong(axis -> m.dst().dim(axis)))
                        .toList();
        boolean third = !order.isEmpty() && !isThinWithGaps(m, order.getLast());
        var loops = third ? order.subList(0, order.size() - 1) : order;
        var kept = third ? Optional.of(order.getLast()) : Optional.<Integer>empty();
        var extra = Split.postOpOperands(m.attributes()).stream().map(d -> cut(d, kept)).toList();
        var parts = extra.stream().map(d -> new Split.Part(d, 0)).toList();
        var each =
                new MatMul(
                        cut(m.src(), kept),
                        cut(m.weights(), kept),
                        m.bias().map(d -> cut(d, kept)),
                        cut(m.dst(), kept),
                        Split.cut(m.attributes(), parts));
        return new Items(each, offsets(m, loops));
    }

    /// The last two axes, and a third one before them if one is kept. The strides of axes of size 1, which mean nothing, become those of a dense matrix: oneDNN reads them.
    private static MemoryDesc cut(MemoryDesc desc, Optional<Integer> kept) {
        int rank = desc.rank();
        int left = kept.isPresent() ? MATRIX + 1 : MATRIX;
        if (desc.isOpaque() || rank < MATRIX) return desc;
        var dims = Arrays.copyOfRange(desc.dimsUnsafe(), rank - MATRIX, rank);
        long count = kept.isEmpty() || rank == MATRIX ? 1 : desc.dim(kept.get());
        if (desc.isAny())
            return MemoryDesc.any(desc.type(), left == MATRIX ? dims : of(count, dims));
        var strides = Arrays.copyOfRange(desc.stridesUnsafe(), rank - MATRIX, rank);
        if (dims[1] == 1) strides[1] = 1;
        if (dims[0] == 1) strides[0] = strides[1] == 1 ? dims[1] : 1;
        if (kept.isEmpty()) return MemoryDesc.strided(desc.type(), dims, strides);
        long step = count == 1 ? dims[0] * dims[1] : desc.stridesUnsafe()[kept.get()];
        return MemoryDesc.strided(desc.type(), of(count, dims), of(step, strides));
    }

    private static long[] of(long first, long[] rest) {
        return new long[] {first, rest[0], rest[1]};
    }

    private static boolean isThinWithGaps(MatMul m, int axis) {
        return isThinWithGaps(m.src(), axis) || isThinWithGaps(m.weights(), axis);
    }

    /// Whether it is a batch of single rows or columns that do not lie one behind the other.
    private static boolean isThinWithGaps(MemoryDesc desc, int axis) {
        int rank = desc.rank();
        if (!desc.isStrided() || rank == MATRIX || desc.dim(axis) == 1) return false;
        long rows = desc.dim(rank - 2);
        long columns = desc.dim(rank - 1);
        var strides = desc.stridesUnsafe();
        boolean dense =
                strides[axis] == rows * columns
                        && (rows == 1 || strides[rank - 2] == columns)
                        && (columns == 1 || strides[rank - 1] == 1);
        return (rows == 1 || columns == 1) && !dense;
    }

    /// The items of items.
    long[][] times(long[][] outer) {
        var all = new long[Math.multiplyExact(outer.length, offsets.length)][];
        for (int i = 0; i < all.length; i++) {
            all[i] = outer[i / offsets.length].clone();
            for (int k = 0; k < all[i].length; k++) all[i][k] += offsets[i % offsets.length][k];
        }
        return all;
    }

    private static long[][] offsets(MatMul m, List<Integer> loops) {
        var w = m.weights();
        for (int axis : loops)
            if (!w.isStrided() && w.rank() == m.dst().rank() && w.dim(axis) != 1)
                throw new OneDnnException(Status.UNIMPLEMENTED, "packed batches: " + m);
        var operands = operands(m);
        long count = 1;
        for (int axis : loops) count = Math.multiplyExact(count, m.dst().dim(axis));
        if (count > MOST) throw new OneDnnException(Status.UNIMPLEMENTED, count + " items of " + m);
        var all = new long[(int) count][operands.size()];
        for (int item = 0; item < count; item++) {
            long rest = item;
            for (int axis : loops) {
                long index = rest % m.dst().dim(axis);
                rest /= m.dst().dim(axis);
                for (int i = 0; i < operands.size(); i++)
                    all[item][i] += offset(operands.get(i), axis, index);
            }
        }
        return all;
    }

    /// Nothing along an axis that the operand is repeated along, or does not have.
    private static long offset(MemoryDesc operand, int axis, long index) {
        boolean repeated =
                !operand.isStrided() || operand.rank() == MATRIX || operand.dim(axis) == 1;
        return repeated ? 0 : operand.offset(axis, index);
    }
}
