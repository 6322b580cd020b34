package dev.nacre.cpu.attention;

import dev.nacre.compile.Memory;
import dev.nacre.compile.View;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/// A view as matrices, its last two axes, one for each index of the others; and where they lie in the call in progress. What oneDNN cannot read as it lies is copied first.
final class Matrices {
    private final View view; // as it is read
    private final long[] starts; // of each matrix, in bytes
    private final Optional<Copy> copy;
    private long origin;

    /// A dense copy, made anew for every call.
    private record Copy(View from, View to, BlockLoop loop, MemorySegment memory) {
        static Copy of(View v) {
            var memory = Memory.allocate(v.count() * v.dtype().bytes(), "an operand of attention");
            var to = View.dense(-1, TensorType.of(v.dtype(), v.sizes()));
            var loop = new BlockLoop.Builder(v.sizes());
            loop.store(loop.load(v.dtype(), v.strides()), v.dtype(), to.strides());
            return new Copy(v, to, loop.build(), memory);
        }

        long run(long[] addresses) {
            loop.at(0, from.address(addresses)).at(1, Memory.address(memory)).run();
            return Memory.address(memory);
        }
    }

    private Matrices(View view, Optional<Copy> copy) {
        this.view = view;
        this.copy = copy;
        this.starts = starts(view);
    }

    /// As they lie.
    static Matrices of(View v) {
        return new Matrices(v, Optional.empty());
    }

    /// In a form that oneDNN reads and writes quickly: neighbours in a row are neighbours in memory.
    static Matrices ofRows(View v) {
        var lying = of(v);
        if (lying.isRows()) return lying;
        var copy = Copy.of(v);
        return new Matrices(copy.to(), Optional.of(copy));
    }

    /// What is broadcast to matrices of these sizes.
    static Matrices of(View v, long[] sizes) {
        var strides = new long[sizes.length];
        for (int i = 1; i <= v.rank(); i++)
            if (v.sizes()[v.rank() - i] != 1) strides[sizes.length - i] = v.strides()[v.rank() - i];
        return of(new View(v.buffer(), v.dtype(), v.offset(), sizes, strides));
    }

    private static long[] starts(View v) {
        int lead = v.rank() - 2;
        long count = 1;
        for (int axis = 0; axis < lead; axis++) count *= v.sizes()[axis];
        var starts = new long[Math.toIntExact(count)];
        for (int i = 0; i < starts.length; i++) {
            long rest = i;
            for (int axis = lead - 1; axis >= 0; axis--) {
                starts[i] += rest % v.sizes()[axis] * v.strides()[axis] * v.dtype().bytes();
                rest /= v.sizes()[axis];
            }
        }
        return starts;
    }

    /// Begins a call.
    void place(long[] addresses) {
        origin = copy.isPresent() ? copy.get().run(addresses) : view.address(addresses);
    }

    /// How many.
    int count() {
        return starts.length;
    }

    View view() {
        return view;
    }

    /// Whether neighbours in a row are neighbours in memory, and rows lie one behind the other.
    boolean isRows() {
        return stride(1) == 1 && (rows() == 1 || stride(2) >= columns());
    }

    int rows() {
        return Math.toIntExact(view.sizes()[view.rank() - 2]);
    }

    int columns() {
        return Math.toIntExact(view.sizes()[view.rank() - 1]);
    }

    /// From row to row, in elements.
    long rowStep() {
        return rows() == 1 ? Math.max(columns(), stride(2)) : stride(2);
    }

    /// Both steps, in elements.
    long[] steps() {
        return new long[] {stride(2), stride(1)};
    }

    private long stride(int fromEnd) {
        return view.strides()[view.rank() - fromEnd];
    }

    /// Where an element lies.
    long at(int matrix, long row, long column) {
        return origin
                + starts[matrix]
                + (row * stride(2) + column * stride(1)) * view.dtype().bytes();
    }

    @Override
    public String toString() {
        return starts.length + " of " + Arrays.toString(view.sizes());
    }
}
