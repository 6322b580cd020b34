package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.View;
import dev.nacre.ir.Op;
import dev.nacre.ir.Window;
import java.util.Optional;

/// A convolution by kernels of one pixel, as the product that it is: pixels by channels times channels by outputs. A product can be divided by its columns, where an image of few rows
/// cannot be divided evenly, and then each member of the team reads its own part of the weights.
///
/// @param product its view `a` has a row for each pixel of the result
/// @param pixels where those rows lie in the image, `[n, spatial…, channels]`, if not one behind the other; a copy takes the place of `product.a()` then
record Pointwise(Kernel.Contraction product, Optional<View> pixels) {
    /// The product, if the kernels are single pixels and all images are channels-last.
    static Optional<Pointwise> of(Kernel.Convolution c) {
        boolean fits =
                c.op().kind() == Op.Convolve.Kind.FORWARD
                        && c.op().groups() == 1
                        && onePixel(c.b())
                        && c.op().windows().stream().noneMatch(Pointwise::isPadded)
                        && c.a().isChannelsLast()
                        && isEven(c)
                        && c.out().isChannelsLast()
                        && c.epilogue().addend().map(View::isChannelsLast).orElse(true);
        if (!fits) {
            return Optional.empty();
        }
        View b = c.b();
        View weights =
                new View(
                        b.buffer(),
                        b.dtype(),
                        b.offset(),
                        new long[] {b.sizes()[1], b.sizes()[0]},
                        new long[] {b.strides()[1], b.strides()[0]});
        boolean strided = c.op().windows().stream().anyMatch(w -> w.stride() != 1);
        View out = rows(c.out());
        View in = strided ? dense(c.a(), out.sizes()[0]) : rows(c.a());
        Kernel.Epilogue e = c.epilogue();
        Kernel.Epilogue epilogue =
                new Kernel.Epilogue(e.bias(), e.addend().map(Pointwise::rows), e.activation());
        return Optional.of(
                new Pointwise(
                        new Kernel.Contraction(in, weights, epilogue, out),
                        strided ? Optional.of(pixels(c)) : Optional.empty()));
    }

    private static boolean onePixel(View b) {
        for (int i = 2; i < b.rank(); i++) {
            if (b.sizes()[i] != 1) {
                return false;
            }
        }
        return true;
    }

    private static boolean isPadded(Window w) {
        return w.before() != 0 || w.after() != 0;
    }

    /// Whether each stride goes into its axis, so that rows of rows that are stepped over end before the next image; other layouts the library does not copy.
    private static boolean isEven(Kernel.Convolution c) {
        for (int i = 2; i < c.a().rank(); i++) {
            long stride = c.op().windows().get(i - 2).stride();
            if (c.a().sizes()[i] % stride != 0) {
                return false;
            }
        }
        return true;
    }

    /// A row for each pixel of a channels-last image.
    private static View rows(View v) {
        return dense(v, v.count() / v.sizes()[1]);
    }

    private static View dense(View v, long rows) {
        long channels = v.sizes()[1];
        return new View(
                v.buffer(),
                v.dtype(),
                v.offset(),
                new long[] {rows, channels},
                new long[] {channels, 1});
    }

    /// The pixels on which the kernel is laid.
    private static View pixels(Kernel.Convolution c) {
        View a = c.a();
        int r = a.rank();
        long[] sizes = new long[r];
        long[] strides = new long[r];
        sizes[0] = a.sizes()[0];
        strides[0] = a.strides()[0];
        for (int i = 2; i < r; i++) {
            sizes[i - 1] = c.out().sizes()[i];
            strides[i - 1] = a.strides()[i] * c.op().windows().get(i - 2).stride();
        }
        sizes[r - 1] = a.sizes()[1];
        strides[r - 1] = 1;
        return new View(a.buffer(), a.dtype(), a.offset(), sizes, strides);
    }
}
