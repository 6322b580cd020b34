package dev.nacre.cpu.onednn;

import dev.nacre.compile.Stack;
import dev.nacre.cpu.onednn.Slot.Role;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A small product in f32 by oneDNN's `sgemm`, which takes its sizes as arguments: nothing is compiled for them, where a primitive takes milliseconds for each new size.
///
///     dst = src·weights + bias + operand
///
/// @param spec with the layout of the weights chosen
/// @param src how each item's source lies
/// @param weights the same
/// @param dstStep from row to row of the result
/// @param items matrices in the batch
/// @param steps bytes from item to item: source, weights, result, operand
/// @param adds what is added: what the result held, the operand, or nothing but the bias
record Gemm(
        MatMul spec,
        Matrix src,
        Matrix weights,
        long dstStep,
        long items,
        long[] steps,
        Optional<PostOp> adds) {
    /// Of a batch of more items, each is to be worth a call.
    private static final long FEW_ITEMS = 8;

    private static final long WORTH_A_CALL = 1 << 13;

    /// Elements between rows.
    private static final long MOST = 1 << 28;

    /// A matrix whose rows are dense, or whose columns are.
    ///
    /// @param step from one of those to the next
    record Matrix(boolean turned, long step) {
        /// Of the last two axes.
        static Optional<Matrix> of(MemoryDesc d) {
            int rank = d.rank();
            long rows = d.dim(rank - 2);
            long columns = d.dim(rank - 1);
            long down = d.stridesUnsafe()[rank - 2];
            long across = d.stridesUnsafe()[rank - 1];
            boolean turned = across != 1;
            long step = turned ? across : down;
            boolean fits = (!turned || down == 1) && step >= (turned ? rows : columns);
            return fits && step < MOST ? Optional.of(new Matrix(turned, step)) : Optional.empty();
        }
    }

    private static final class Ready {
        static final boolean HERE = ready();
    }

    /// Has the library make the code that all sizes share, which needs some room on the stack. Not in the holder, which another thread would wait for.
    private static boolean ready() {
        return Stack.with(
                Code.STACK,
                () -> {
                    Api.oneThread();
                    try (var arena = Arena.ofConfined()) {
                        long at = arena.allocate(ValueLayout.JAVA_FLOAT, 64).address();
                        for (long n : new long[] {1, 4})
                            if (Api.gemm(false, false, n, 4, 4, at, 4, at, 4, 0, at, 4) != 0)
                                return false;
                    }
                    return true;
                });
    }

    /// The product, if it is one.
    ///
    /// @param m of two or three axes
    static Optional<Gemm> of(OneDnn library, MatMul m) {
        var spec =
                m.weights().isAny()
                        ? new MatMul(
                                m.src(),
                                MemoryDesc.dense(m.weights().type(), m.weights().dims()),
                                m.bias(),
                                m.dst(),
                                m.attributes())
                        : m;
        if (!isTaken(spec) || !isFast(library)) return Optional.empty();
        Limits.check(spec);
        var src = Matrix.of(spec.src());
        var weights = Matrix.of(spec.weights());
        var dst = Matrix.of(spec.dst());
        if (src.isEmpty() || weights.isEmpty() || dst.filter(d -> !d.turned).isEmpty())
            return Optional.empty();
        boolean batch = spec.dst().rank() == 3;
        var steps =
                new long[] {
                    step(spec.src()), step(spec.weights()), step(spec.dst()), step(spec.dst())
                };
        return Optional.of(
                new Gemm(
                        spec,
                        src.get(),
                        weights.get(),
                        dst.get().step,
                        batch ? spec.dst().dim(0) : 1,
                        steps,
                        spec.attributes().postOps().stream().findFirst()));
    }

    private static boolean isTaken(MatMul m) {
        int rank = m.dst().rank();
        long items = rank == 3 ? m.dst().dim(0) : 1;
        double each =
                (double) m.dst().dim(rank - 2) * m.dst().dim(rank - 1) * m.src().dim(rank - 1);
        return (items <= FEW_ITEMS || each >= WORTH_A_CALL)
                && isPlain(m.src(), rank)
                && isPlain(m.weights(), rank)
                && isPlain(m.dst(), rank)
                && agree(m, rank)
                && m.attributes().math() == MathMode.STRICT
                && m.bias().map(b -> isRow(b, rank)).orElse(true)
                && adds(m);
    }

    /// Whether the sizes are those of a product; the library says what is wrong with others.
    private static boolean agree(MatMul m, int rank) {
        boolean batches = true;
        for (int axis = 0; axis < rank - 2; axis++)
            for (var d : List.of(m.src(), m.weights()))
                batches &= d.dim(axis) == 1 || d.dim(axis) == m.dst().dim(axis);
        return batches
                && m.src().dim(rank - 2) == m.dst().dim(rank - 2)
                && m.src().dim(rank - 1) == m.weights().dim(rank - 2)
                && m.weights().dim(rank - 1) == m.dst().dim(rank - 1)
                && m.bias().map(b -> b.dim(rank - 1) == m.dst().dim(rank - 1)).orElse(true);
    }

    private static boolean isPlain(MemoryDesc d, int rank) {
        return d.type() == DataType.F32 && d.isStrided() && d.rank() == rank;
    }

    /// Whether it is the same for all rows.
    private static boolean isRow(MemoryDesc bias, int rank) {
        return isPlain(bias, rank)
                && Split.elements(bias) == bias.dim(rank - 1)
                && (bias.dim(rank - 1) == 1 || bias.stridesUnsafe()[rank - 1] == 1);
    }

    /// Whether its post-ops are at most an addition.
    private static boolean adds(MatMul m) {
        var ops = m.attributes().postOps();
        if (ops.isEmpty()) return true;
        return ops.size() == 1
                && switch (ops.getFirst()) {
                    case PostOp.Sum s -> s.scale() == 1;
                    case PostOp.Binary b ->
                            b.operator() == PostOp.Operator.ADD && b.operand().equals(m.dst());
                    case PostOp.Eltwise _ -> false;
                };
    }

    /// Elsewhere it may be the reference code.
    private static boolean isFast(OneDnn library) {
        var isa = library.instructions();
        return (isa.contains("avx2") || isa.contains("avx512") || isa.contains("avx10"))
                && Ready.HERE;
    }

    private static long step(MemoryDesc d) {
        return d.rank() < 3 || d.dim(0) == 1 ? 0 : d.stridesUnsafe()[0] * d.type().bytes();
    }

    long rows() {
        return spec.dst().dim(spec.dst().rank() - 2);
    }

    long columns() {
        return spec.dst().dim(spec.dst().rank() - 1);
    }

    long inner() {
        return spec.src().dim(spec.src().rank() - 1);
    }

    /// The operands, in the order that the spec promises.
    List<Slot> slots() {
        var slots = new ArrayList<Slot>();
        slots.add(new Slot(Role.SRC, spec.src()));
        slots.add(new Slot(Role.WEIGHTS, spec.weights()));
        spec.bias().ifPresent(b -> slots.add(new Slot(Role.BIAS, b)));
        slots.add(new Slot(Role.DST, spec.dst()));
        for (var d : Split.postOpOperands(spec.attributes())) slots.add(new Slot(Role.POST_OP, d));
        return List.copyOf(slots);
    }
}
