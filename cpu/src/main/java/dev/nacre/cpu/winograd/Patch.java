package dev.nacre.cpu.winograd;

import dev.nacre.compile.View;
import dev.nacre.cpu.kernels.Scratch;

/// A piece of an image with what lies around it, copied, so that no tile meets an edge.
///
/// @param image channels-last, in f32
record Patch(View image, int rows, int columns) {
    long elements() {
        return rows * rowElements();
    }

    long rowElements() {
        return columns * channels();
    }

    long channels() {
        return image.sizes()[1];
    }

    /// Copies pixels; zeros where there are none.
    ///
    /// @param from where the images begin
    /// @param y of the first row, which may lie outside
    /// @param to bytes into the scratch memory
    void copy(long from, int number, long y, long x, Scratch scratch, long to) {
        long height = image.sizes()[2];
        long width = image.sizes()[3];
        long before = Math.clamp(-x, 0, columns);
        long after = Math.clamp(x + columns - width, 0, columns - before);
        long inside = columns - before - after;
        long pixel = 4 * channels();
        for (int i = 0; i < rows; i++, to += columns * pixel) {
            if (y + i < 0 || y + i >= height || inside == 0) {
                scratch.clear(to, columns * pixel);
                continue;
            }
            long at = from + ((number * height + y + i) * width + x + before) * pixel;
            if (before > 0) scratch.clear(to, before * pixel);
            scratch.copy(at, to + before * pixel, inside * pixel);
            if (after > 0) scratch.clear(to + (before + inside) * pixel, after * pixel);
        }
    }
}
