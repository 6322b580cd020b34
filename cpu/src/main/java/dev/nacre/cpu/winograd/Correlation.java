package dev.nacre.cpu.winograd;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.View;
import dev.nacre.ir.Op;
import dev.nacre.ir.Window;
import java.util.Optional;

/// A convolution by 3×3 with stride 1 for what it computes: `out[n, o, y, x] = Σ image[n, c, y + i − top, x + j − left] · kernel[o, c, i, j]`, zero outside the image.
/// The gradient of such a one's data is one too, of the gradient of its result by the kernel turned about, inputs for outputs.
///
/// @param image `[n, channels, …]`
/// @param kernel `[outputs, channels, 3, 3]`
/// @param out `[n, outputs, …]`
record Correlation(
        View image, View kernel, long top, long left, Kernel.Epilogue epilogue, View out) {
    static Optional<Correlation> of(Kernel.Convolution c) {
        if (!isPlain(c.op()) || c.op().kind() == Op.Convolve.Kind.KERNEL) return Optional.empty();
        long top = c.op().windows().get(0).before();
        long left = c.op().windows().get(1).before();
        return Optional.of(
                c.op().kind() == Op.Convolve.Kind.FORWARD
                        ? new Correlation(c.a(), c.b(), top, left, c.epilogue(), c.out())
                        : new Correlation(
                                c.a(), turned(c.b()), 2 - top, 2 - left, c.epilogue(), c.out()));
    }

    /// Whether it is by 3×3 with stride 1.
    static boolean isPlain(Op.Convolve c) {
        return c.groups() == 1
                && c.windows().size() == 2
                && c.windows().stream().allMatch(Correlation::isPlain);
    }

    private static boolean isPlain(Window w) {
        return w.size() == 3 && w.stride() == 1 && w.dilation() == 1;
    }

    private static View turned(View k) {
        long[] n = k.sizes();
        long[] s = k.strides();
        return new View(
                k.buffer(),
                k.dtype(),
                k.offset() + 2 * s[2] + 2 * s[3],
                new long[] {n[1], n[0], 3, 3},
                new long[] {s[1], s[0], -s[2], -s[3]});
    }

    int images() {
        return (int) out.sizes()[0];
    }

    long channels() {
        return image.sizes()[1];
    }

    long outputs() {
        return out.sizes()[1];
    }

    /// Rows of the result.
    int height() {
        return (int) out.sizes()[2];
    }

    /// Columns of the result.
    int width() {
        return (int) out.sizes()[3];
    }
}
