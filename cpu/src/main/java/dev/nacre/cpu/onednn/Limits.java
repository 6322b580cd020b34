package dev.nacre.cpu.onednn;

import java.util.stream.Stream;

/// What may be asked of oneDNN 3.11: a spec outside of these limits is refused before native code sees it. Some of what lies outside oneDNN computes wrongly or reads outside of its operands for.
///
/// **Products.** Its products (`brgemm_matmul`, and the `gemm` below it) find item *b* of a batch in one of three ways, chosen by comparing strides with those of dense tensors: two for four axes
/// and more (by the tags `acbd` and `adbc`, whose formulas take the stride of the first axis for a dense one even where that axis has size 1; and by `is_batch_layout_trivial`, which holds a
/// batch for evenly spaced if its largest stride is *batch* times its smallest), and one for three: *b* times the stride of the first axis, which is true of any stride. So there are no more than three
/// axes; more are [calls][Items]. Within a matrix it asks which of the last two strides is 1, also where that axis has size 1 and its stride means nothing; so an axis of size 1 has the stride that a
/// dense matrix would have. What is left are batches of single rows or columns, which are row-major and column-major at once: if their items do not lie one behind the other, they match no tag,
/// and the columns of a transposed operand are taken to be dense. They are refused.
///
/// **Convolutions.** Where a position of the window touches no pixel, `brgemm_convolution` calls a kernel that it may not have made. In 16 bits with few channels it puts the weights of neighbouring
/// taps together (`relo`), which goes wrong for kernels of several planes on images of one, and for results of one column; and gradients of weights that meet no pixel, or belong to kernels deeper than
/// the image, are left unwritten.
///
/// **Numbers.** oneDNN's interface has 64 bits for sizes and strides, but its code generators have 32 for sizes, and for distances in bytes within a block of [BLOCK] rows.
final class Limits {
    /// Rows or elements that code generated for one block may address from its first.
    private static final long BLOCK = 64;

    private static final long MOST = Integer.MAX_VALUE;

    private static final long FEW_CHANNELS = 16;

    private Limits() {}

    /// Refuses what is outside.
    ///
    /// @throws OneDnnException if it is
    static void check(Spec spec) {
        boolean within =
                switch (spec) {
                    case MatMul m -> isWithin(m);
                    case Convolution c -> isWithin(c);
                    case Pooling p ->
                            areImages(p.src(), p.dst())
                                    && fits(
                                            p.window(),
                                            p.src(),
                                            p.kernel().stream().mapToLong(k -> k).toArray());
                    case Reorder r -> Stream.of(r.src(), r.dst()).allMatch(Limits::isNear);
                    case Sum s ->
                            Stream.concat(s.sources().stream(), Stream.of(s.dst()))
                                    .allMatch(Limits::isNear);
                };
        if (!within) throw new OneDnnException(Status.UNIMPLEMENTED, "outside of limits: " + spec);
    }

    // ------------------------------------------------------------------------------------------
    // products

    private static boolean isWithin(MatMul m) {
        int rank = m.dst().rank();
        boolean empty =
                Split.isEmpty(m.src()) || Split.isEmpty(m.weights()) || Split.isEmpty(m.dst());
        return empty
                || rank <= 3
                        && Stream.of(m.src(), m.weights(), m.dst()).allMatch(d -> isMatrix(d, rank))
                        && m.bias().map(b -> isDense(b, rank)).orElse(true);
    }

    private static boolean isMatrix(MemoryDesc d, int rank) {
        if (!areInts(d)) return false;
        if (!d.isStrided()) return true;
        if (d.rank() != rank || !isNear(d)) return false;
        long rows = d.dim(rank - 2);
        long columns = d.dim(rank - 1);
        long down = d.stridesUnsafe()[rank - 2];
        long across = d.stridesUnsafe()[rank - 1];
        if (rows != 1 && down == 0 || columns != 1 && across == 0)
            return true; // only the reference code takes it
        boolean apart = across == 1 ? down >= columns : down == 1 ? across >= rows : down > 1;
        boolean thin = rows == 1 || columns == 1;
        boolean single = rank == 2 || d.dim(0) == 1;
        return across > 0
                && apart
                && (columns != 1 || across == 1)
                && (rows != 1 || down == (across == 1 ? columns : 1))
                && (!thin || single || d.stridesUnsafe()[0] >= rows * columns);
    }

    private static boolean isDense(MemoryDesc bias, int rank) {
        return bias.isStrided()
                && bias.rank() == rank
                && bias.equals(MemoryDesc.dense(bias.type(), bias.dims()));
    }

    // ------------------------------------------------------------------------------------------
    // images

    private static boolean isWithin(Convolution c) {
        int rank = c.src().rank();
        int groups = c.weights().rank() - rank; // axes of them
        if (c.dst().rank() != rank || groups != 0 && groups != 1) return false;
        int spatial = rank - 2;
        var kernel = new long[spatial];
        for (int i = 0; i < spatial; i++)
            kernel[i] = c.weights().dim(c.weights().rank() - spatial + i);
        return areImages(c.src(), c.dst())
                && areInts(c.weights())
                && c.bias().map(b -> isDense(b, 1)).orElse(true)
                && fits(c.window(), c.src(), kernel)
                && !isOfFewChannels(c, kernel)
                && !(is16Bits(c) && (isOfFewPlanes(c, kernel) || leavesTaps(c, kernel)));
    }

    private static boolean is16Bits(Convolution c) {
        return c.src().type().bytes() == 2 || c.dst().type().bytes() == 2;
    }

    /// Whether channels are so few that weights may be rearranged with those of neighbouring taps, and the image has one plane or the result one column.
    private static boolean isOfFewChannels(Convolution c, long[] kernel) {
        boolean plane = kernel.length == 3 && c.src().dim(2) == 1 && kernel[0] > 1;
        boolean column = c.dst().dim(c.dst().rank() - 1) == 1;
        long channels = c.weights().dim(c.weights().rank() - kernel.length - 1);
        return c.direction() != Direction.BACKWARD_WEIGHTS
                && channels < (is16Bits(c) ? FEW_CHANNELS : 2)
                && (plane || column);
    }

    /// Whether it is the gradient of a kernel that is deeper than the image.
    private static boolean isOfFewPlanes(Convolution c, long[] kernel) {
        return c.direction() == Direction.BACKWARD_WEIGHTS
                && kernel.length == 3
                && c.window().dilations().getFirst() * (kernel[0] - 1) >= c.src().dim(2);
    }

    /// Whether a weight's gradient is 0 because it meets no pixel.
    private static boolean leavesTaps(Convolution c, long[] kernel) {
        if (c.direction() != Direction.BACKWARD_WEIGHTS) return false;
        for (int i = 0; i < kernel.length; i++) {
            long stride = c.window().strides().get(i);
            for (long tap = 0; tap < kernel[i]; tap++) {
                long at = tap * c.window().dilations().get(i) - c.window().low().get(i);
                long position = Math.max(0, Math.ceilDiv(-at, stride));
                if (position >= c.dst().dim(2 + i) || position * stride + at >= c.src().dim(2 + i))
                    return true;
            }
        }
        return false;
    }

    /// Images of which one takes no more bytes than an int can count.
    private static boolean areImages(MemoryDesc... images) {
        for (var d : images) {
            if (!areInts(d)) return false;
            double elements = 1;
            for (int axis = 1; axis < d.rank(); axis++) elements *= d.dim(axis);
            for (int axis = 1; d.isStrided() && axis < d.rank(); axis++)
                elements = Math.max(elements, (double) d.dim(axis) * d.stridesUnsafe()[axis]);
            if (elements * d.type().bytes() > MOST) return false;
        }
        return true;
    }

    /// Whether the window touches a pixel wherever it lies. If it begins in the image, it does. If it begins before, it ends in the image or behind, as the padding is smaller than the window; and does
    /// not step over the image, which is not smaller than a step. Strides are no longer than the image: nobody has tried.
    private static boolean fits(Window w, MemoryDesc image, long[] kernel) {
        for (int i = 0; i < kernel.length; i++) {
            long n = image.dim(2 + i);
            long low = w.low().get(i);
            double padded = (double) n + low + w.high().get(i);
            double reach = (double) w.dilations().get(i) * (kernel[i] - 1);
            if (Math.max(padded, reach) > MOST || w.strides().get(i) > Math.max(1, n)) return false;
            long last = (w.output(i, n, kernel[i]) - 1) * w.strides().get(i) - low;
            boolean touches =
                    low <= reach && last < n && (kernel[i] == 1 || w.dilations().get(i) <= n);
            if (n > 0 && !touches) return false;
        }
        return true;
    }

    // ------------------------------------------------------------------------------------------
    // numbers

    private static boolean areInts(MemoryDesc d) {
        for (int axis = 0; axis < d.rank(); axis++) if (d.dim(axis) > MOST) return false;
        return true;
    }

    /// Whether the elements of a block can be addressed from its first.
    private static boolean isNear(MemoryDesc d) {
        if (!areInts(d)) return false;
        for (int axis = 0; d.isStrided() && axis < d.rank(); axis++) {
            double steps = Math.min(BLOCK, d.dim(axis) - 1) * (double) d.stridesUnsafe()[axis];
            if (steps * d.type().bytes() > MOST) return false;
        }
        return true;
    }
}
