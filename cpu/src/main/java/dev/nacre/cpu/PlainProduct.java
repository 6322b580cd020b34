package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.View;
import dev.nacre.cpu.onednn.MatMul;
import dev.nacre.cpu.onednn.MemoryDesc;
import java.util.Arrays;
import java.util.Optional;

/// A product in the form in which oneDNN computes it fast: few batch axes ([Batches]), matrices of which one axis is dense, a row-major result. Right it is in any form
/// ([MemoryDesc], `Limits`).
///
/// @param product its views are those of the merged form; the addend lies as the result does
/// @param addend where it is to be copied from if it lies otherwise; with the axes of the product that was asked for
/// @param result the result with those axes
/// @param isTurned whether the operands have changed places
record PlainProduct(
        Kernel.Contraction product, Optional<View> addend, View result, boolean isTurned) {
    /// The form, unless there is none: oneDNN would compute by its reference code, or in very many calls.
    static Optional<PlainProduct> of(Kernel.Contraction c) {
        if (!isWithinReach(c)) {
            return Optional.empty();
        }
        Optional<View> addend = c.epilogue().addend();
        boolean turned = !isRowMajor(c.out());
        Kernel.Contraction rows = turned ? turned(c) : c;
        Kernel.Contraction few = Batches.merged(rows, PlainProduct::areMatrices);
        Optional<View> like =
                addend.map(v ->
                        new View(
                                v.buffer(),
                                v.dtype(),
                                v.offset(),
                                few.out().sizes(),
                                few.out().strides()));
        Kernel.Epilogue epilogue =
                new Kernel.Epilogue(c.epilogue().bias(), like, c.epilogue().activation());
        var product = new Kernel.Contraction(few.a(), few.b(), epilogue, few.out());
        boolean fits =
                areMatrices(product)
                        && !isThinWithGaps(product.a())
                        && !isThinWithGaps(product.b());
        return fits
                ? Optional.of(
                        new PlainProduct(
                                product,
                                addend.filter(v -> !lieAlike(v, c.out())),
                                c.out(),
                                turned))
                : Optional.empty();
    }

    private static boolean isWithinReach(Kernel.Contraction c) {
        Kernel.Epilogue e = c.epilogue();
        boolean bias = e.bias().map(b -> b.sizes()[0] == 1 || b.strides()[0] > 0).orElse(true);
        boolean turns = isRowMajor(c.out()) || e.bias().isEmpty();
        return OneDnnKernels.isSupported(c.out())
                && c.reads().stream().allMatch(OneDnnKernels::isSupported)
                && bias
                && turns
                && e.addend().map(OneDnnKernels::isInjective).orElse(true);
    }

    /// `outᵀ = bᵀ·aᵀ`
    private static Kernel.Contraction turned(Kernel.Contraction c) {
        return new Kernel.Contraction(
                transposed(c.b()), transposed(c.a()), c.epilogue(), transposed(c.out()));
    }

    private static View transposed(View v) {
        return new View(
                v.buffer(), v.dtype(), v.offset(), swapped(v.sizes()), swapped(v.strides()));
    }

    private static long[] swapped(long[] values) {
        long[] all = values.clone();
        int r = all.length;
        all[r - 1] = values[r - 2];
        all[r - 2] = values[r - 1];
        return all;
    }

    private static boolean areMatrices(Kernel.Contraction c) {
        return isMatrix(c.a()) && isMatrix(c.b()) && isRowMajor(c.out());
    }

    /// Whether the elements of its rows or of its columns are neighbours, and rows or columns do not overlap.
    private static boolean isMatrix(View v) {
        return isRowMajor(v) || isRowMajor(transposed(v));
    }

    private static boolean isRowMajor(View v) {
        int r = v.rank();
        boolean neighbours = v.sizes()[r - 1] == 1 || v.strides()[r - 1] == 1;
        return neighbours && (v.sizes()[r - 2] == 1 || v.strides()[r - 2] >= v.sizes()[r - 1]);
    }

    /// Whether it is a batch of single rows or columns that do not lie one behind the other: each is a call of its own then.
    private static boolean isThinWithGaps(View v) {
        int r = v.rank();
        if (v.sizes()[r - 1] != 1 && v.sizes()[r - 2] != 1) {
            return false;
        }
        long dense = v.sizes()[r - 1] * v.sizes()[r - 2];
        return r > 3 || r == 3 && v.sizes()[0] != 1 && v.strides()[0] != dense;
    }

    /// Whether two views of the same sizes have their elements at the same distances.
    static boolean lieAlike(View a, View b) {
        for (int i = 0; i < a.rank(); i++) {
            if (a.sizes()[i] != 1 && a.strides()[i] != b.strides()[i]) {
                return false;
            }
        }
        return true;
    }

    /// Whether the right operand is weights, the same for each item of a batch.
    boolean isOfWeights() {
        return !isTurned && weights().isMatrix();
    }

    /// The right operand as it lies.
    MemoryDesc weights() {
        return OneDnnKernels.desc(product.b(), 2);
    }

    /// As oneDNN is told of it.
    MatMul matMul() {
        MemoryDesc out = OneDnnKernels.desc(product.out(), 2);
        MatMul spec =
                MatMul.of(OneDnnKernels.desc(product.a(), 2), weights(), out)
                        .attributes(OneDnnKernels.attributes(product.epilogue(), out));
        if (product.epilogue().bias().isEmpty()) {
            return spec;
        }
        View b = product.epilogue().bias().get();
        long[] dims = new long[product.out().rank()];
        Arrays.fill(dims, 1);
        dims[dims.length - 1] = b.sizes()[0];
        return spec.bias(MemoryDesc.dense(OneDnnKernels.type(b.dtype()), dims));
    }
}
