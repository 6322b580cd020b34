package dev.nacre.cpu.attention;

import dev.nacre.cpu.onednn.Attributes;
import dev.nacre.cpu.onednn.DataType;
import dev.nacre.cpu.onednn.MatMul;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.onednn.OneDnnException;
import dev.nacre.cpu.onednn.Solo;
import dev.nacre.type.DType;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// The products of one block, as oneDNN knows them.
final class Products {
    private static final Map<DType, Boolean> SUPPORTED = new ConcurrentHashMap<>();

    private Products() {}

    /// Whether there are fast products of operands of this type.
    static boolean support(DType type) {
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
    static MemoryDesc matrix(DType type, long rows, long columns, long step) {
        var t = type == DType.F32 ? DataType.F32 : DataType.BF16;
        return MemoryDesc.strided(t, new long[] {rows, columns}, new long[] {step, 1});
    }

    /// `a·b` in f32, with rows `step` elements apart; added to what is there, or in its place.
    static Solo product(MemoryDesc a, MemoryDesc b, long step, boolean added) {
        var spec = MatMul.of(a, b, matrix(DType.F32, a.dim(0), b.dim(1), step));
        return library()
                .orElseThrow()
                .solo(added ? spec.attributes(Attributes.NONE.accumulate()) : spec);
    }

    private static Optional<OneDnn> library() {
        return OneDnn.get();
    }
}
