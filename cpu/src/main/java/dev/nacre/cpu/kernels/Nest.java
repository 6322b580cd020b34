package dev.nacre.cpu.kernels;

import java.util.Arrays;

/// Several axes walked as one, in row-major order, by several operands at once. Axes that all operands walk as one are
/// merged, so that the innermost is as long as it can be.
///
/// @param sizes of the axes, at least one
/// @param steps for each operand, the bytes between neighbours along each axis
record Nest(long[] sizes, long[][] steps) {

    /// Axes of size 1 are left out.
    static Nest of(long[] sizes, long[]... steps) {
        int rank = 0;
        var kept = new long[Math.max(1, sizes.length)];
        var keptSteps = new long[steps.length][kept.length];
        kept[0] = 1;
        for (int axis = 0; axis < sizes.length; axis++) {
            if (sizes[axis] == 1) continue;
            if (rank > 0 && merges(keptSteps, rank - 1, steps, axis, sizes[axis]))
                kept[rank - 1] *= sizes[axis];
            else kept[rank++] = sizes[axis];
            for (int i = 0; i < steps.length; i++) keptSteps[i][rank - 1] = steps[i][axis];
        }
        int length = Math.max(1, rank);
        for (int i = 0; i < steps.length; i++) keptSteps[i] = Arrays.copyOf(keptSteps[i], length);
        return new Nest(Arrays.copyOf(kept, length), keptSteps);
    }

    private static boolean merges(long[][] outer, int at, long[][] inner, int axis, long size) {
        for (int i = 0; i < outer.length; i++)
            if (outer[i][at] != inner[i][axis] * size) return false;
        return true;
    }

    long count() {
        long n = 1;
        for (long size : sizes) n *= size;
        return n;
    }

    /// Extent of the innermost axis.
    long inner() {
        return sizes[sizes.length - 1];
    }

    /// Bytes between neighbours along the innermost axis.
    long step(int operand) {
        return steps[operand][sizes.length - 1];
    }

    /// Where element `i` of an operand lies, in bytes from its first.
    long offset(int operand, long i) {
        var step = steps[operand];
        long offset = 0;
        for (int axis = sizes.length - 1; axis > 0; axis--) {
            long outer = i / sizes[axis];
            offset += (i - outer * sizes[axis]) * step[axis];
            i = outer;
        }
        return offset + i * step[0];
    }

    /// How many of `most` elements from `i` on lie on the same innermost axis.
    long run(long i, long most) {
        long inner = inner();
        return Math.min(most, inner - i % inner);
    }
}
