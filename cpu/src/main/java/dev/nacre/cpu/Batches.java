package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.View;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/// A product with as few batch axes as say the same. Axes of size 1 are dropped; two axes of which the outer steps over the whole inner one, in every operand, are one. Rows of a product
/// by one matrix for all items are such an axis too, so a dense `[b, t, k] · [k, n]` is the plain `[b·t, k] · [k, n]`, and the longest axis whose rows fit becomes the rows.
final class Batches {
    /// An axis: its size, and the step of each operand along it.
    private record Axis(long size, long[] steps) {
        /// The two as one, if this one steps over the whole of the other.
        Optional<Axis> over(Axis inner) {
            for (int i = 0; i < steps.length; i++)
                if (steps[i] != inner.steps[i] * inner.size) return Optional.empty();
            return Optional.of(new Axis(size * inner.size, inner.steps));
        }
    }

    private static final int A = 0;
    private static final int B = 1;
    private static final int OUT = 2;

    private final List<View> operands; // a, b, out
    private final int rank;
    private final boolean shared; // one right matrix for all items

    private Batches(Kernel.Contraction c) {
        operands = List.of(c.a(), c.b(), c.out());
        rank = c.out().rank();
        shared = isShared(c.b());
    }

    /// Whether it is the same matrix for each item of a batch.
    private static boolean isShared(View v) {
        for (int i = 0; i < v.rank() - 2; i++)
            if (v.strides()[i] != 0 && v.sizes()[i] != 1) return false;
        return true;
    }

    /// @param fits whether matrices that lie so can be multiplied; only of such axes are rows made
    /// @return its epilogue is the product's own
    static Kernel.Contraction merged(Kernel.Contraction c, Predicate<Kernel.Contraction> fits) {
        return new Batches(c).merge(c, fits);
    }

    private Kernel.Contraction merge(Kernel.Contraction c, Predicate<Kernel.Contraction> fits) {
        var axes = new ArrayList<Axis>();
        for (int i = 0; i < (shared ? rank - 1 : rank - 2); i++)
            if (c.out().sizes()[i] != 1) axes.add(axis(i));
        var few = merged(axes);
        if (!shared) return with(c, few, axis(rank - 2));
        few.sort(Comparator.comparingLong(Axis::size).reversed());
        for (Axis rows : few) {
            var rest = few.stream().filter(a -> a != rows).toList();
            var product = with(c, rest, rows);
            if (fits.test(product)) return product;
        }
        return with(c, few, new Axis(1, new long[operands.size()]));
    }

    private Axis axis(int i) {
        var steps =
                operands.stream().mapToLong(v -> v.sizes()[i] == 1 ? 0 : v.strides()[i]).toArray();
        if (shared) steps[B] = 0;
        return new Axis(operands.get(OUT).sizes()[i], steps);
    }

    /// The result's steps differ, so each axis has one at most that it steps over.
    private static List<Axis> merged(List<Axis> axes) {
        var few = new ArrayList<Axis>();
        axes.stream()
                .sorted(Comparator.comparingLong(a -> -a.steps[OUT]))
                .forEach(inner -> {
                    var both = few.isEmpty() ? Optional.<Axis>empty() : few.getLast().over(inner);
                    if (both.isPresent()) few.set(few.size() - 1, both.get());
                    else few.add(inner);
                });
        return few;
    }

    private Kernel.Contraction with(Kernel.Contraction c, List<Axis> batch, Axis rows) {
        return new Kernel.Contraction(
                view(A, batch, rows), view(B, batch, rows), c.epilogue(), view(OUT, batch, rows));
    }

    private View view(int operand, List<Axis> batch, Axis rows) {
        View v = operands.get(operand);
        int n = batch.size();
        var sizes = new long[n + 2];
        var strides = new long[n + 2];
        for (int i = 0; i < n; i++) {
            sizes[i] = batch.get(i).size;
            strides[i] = batch.get(i).steps[operand];
        }
        boolean inner = operand == B;
        sizes[n] = inner ? v.sizes()[rank - 2] : rows.size;
        strides[n] = inner ? v.strides()[rank - 2] : rows.steps[operand];
        sizes[n + 1] = v.sizes()[rank - 1];
        strides[n + 1] = v.strides()[rank - 1];
        for (int i = n; i < n + 2; i++) if (sizes[i] == 1) strides[i] = 0;
        return new View(v.buffer(), v.dtype(), v.offset(), sizes, strides);
    }
}
