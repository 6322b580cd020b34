package dev.nacre.cpu.kernels;

import dev.nacre.compile.View;
import java.util.Arrays;

/// Views in bytes.
final class Views {
    private Views() {}

    /// Bytes from the buffer's beginning to the first element.
    static long base(View v) {
        return v.offset() * v.dtype().bytes();
    }

    /// Bytes between neighbours along an axis.
    static long step(View v, int axis) {
        return v.strides()[axis] * v.dtype().bytes();
    }

    static long[] steps(View v) {
        return Arrays.stream(v.strides()).map(s -> s * v.dtype().bytes()).toArray();
    }

    /// Some axes as one.
    static Nest axes(View v, int from, int end) {
        return Nest.of(
                Arrays.copyOfRange(v.sizes(), from, end), Arrays.copyOfRange(steps(v), from, end));
    }

    /// So many elements along an axis.
    static Nest axis(View v, int axis, long size) {
        return Nest.of(new long[] {size}, new long[] {step(v, axis)});
    }
}
