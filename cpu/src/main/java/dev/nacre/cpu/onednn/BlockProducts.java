package dev.nacre.cpu.onednn;

import dev.nacre.type.DType;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// Products of blocks of memory for one thread, as oneDNN knows them: what larger kernels are made of.
public final class BlockProducts {
    private static final Map<DType, Boolean> SUPPORTED = new ConcurrentHashMap<>();

    private BlockProducts() {}

    /// Whether there are fast products of operands of this type.
    public static boolean support(DType type) {
        return (type == DType.F32 || type == DType.BF16)
                && SUPPORTED.computeIfAbsent(type, t -> probe(t));
    }

    private static boolean probe(DType type) {
        if (OneDnn.get().isEmpty()) return false;
        try {
            var square = matrix(type, 64, 64, 64);
            return !product(square, square, 64, false).isReference()
                    && !product(square, square.transpose(0, 1), 64, false).isReference()
                    && !product(square.transpose(0, 1), square, 64, true).isReference();
        } catch (OneDnnException e) {
            return false;
        }
    }

    /// Rows of neighbours, `step` elements from row to row.
    public static MemoryDesc matrix(DType type, long rows, long columns, long step) {
        var t = type == DType.F32 ? DataType.F32 : DataType.BF16;
        return MemoryDesc.strided(t, new long[] {rows, columns}, new long[] {step, 1});
    }

    /// `a·b` in f32, with rows `step` elements apart; added to what is there, or in its place.
    public static Solo product(MemoryDesc a, MemoryDesc b, long step, boolean added) {
        var spec = MatMul.of(a, b, matrix(DType.F32, a.dim(0), b.dim(1), step));
        return library()
                .orElseThrow()
                .solo(added ? spec.attributes(Attributes.NONE.accumulate()) : spec);
    }

    /// A product that begins a sum, or is added to it.
    public record Sum(Solo begin, Solo add) {
        public static Sum of(MemoryDesc a, MemoryDesc b, long step) {
            return new Sum(product(a, b, step, false), product(a, b, step, true));
        }

        public long scratchpadBytes() {
            return Math.max(begin.scratchpadBytes(), add.scratchpadBytes());
        }

        public void run(boolean anew, long a, long b, long to, long pad) {
            (anew ? begin : add).run(a, b, to, pad);
        }
    }

    private static Optional<OneDnn> library() {
        return OneDnn.get();
    }
}
