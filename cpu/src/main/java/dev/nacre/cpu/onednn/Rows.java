package dev.nacre.cpu.onednn;

import dev.nacre.cpu.onednn.Split.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A part of the rows of a sliding window's images: the rows of the input, those of the output, and the padding that is
/// left at the cut. "Rows" run along the first spatial axis.
record Rows(Range input, Range output, long low, long high) {
    /// The axis of the rows.
    static final int AXIS = 2;

    /// The window for these rows.
    Window window(Window whole) {
        return new Window(
                whole.strides(),
                whole.dilations(),
                withFirst(whole.low(), low),
                withFirst(whole.high(), high));
    }

    private static List<Long> withFirst(List<Long> values, long first) {
        var all = new ArrayList<>(values);
        all.set(0, first);
        return all;
    }

    /// All rows.
    static Rows all(MemoryDesc src, MemoryDesc dst, Window window) {
        return new Rows(
                new Range(0, src.dim(AXIS)),
                new Range(0, dst.dim(AXIS)),
                window.low().getFirst(),
                window.high().getFirst());
    }

    /// What a range of output rows reads. Empty if that is nothing but padding.
    static Optional<Rows> ofOutput(Range output, long inputSize, long kernel, Window window) {
        long stride = window.strides().getFirst();
        long start = output.from() * stride - window.low().getFirst();
        long end = (output.to() - 1) * stride - window.low().getFirst() + span(kernel, window);
        long from = Math.max(0, start);
        long to = Math.min(inputSize, end);
        if (from >= to) return Optional.empty();
        return Optional.of(new Rows(new Range(from, to), output, from - start, end - to));
    }

    /// The output rows that a range of input rows has a share in. Empty if there are none, or if they cannot be said with
    /// padding.
    static Optional<Rows> ofInput(Range input, long outputSize, long kernel, Window window) {
        long stride = window.strides().getFirst();
        long shift = window.low().getFirst();
        long from =
                Math.max(0, Math.ceilDiv(input.from() + shift - span(kernel, window) + 1, stride));
        long to = Math.min(outputSize, Math.floorDiv(input.to() - 1 + shift, stride) + 1);
        if (from >= to) return Optional.empty();
        long low = shift + input.from() - from * stride;
        long high =
                Math.max(0, (to - from - 1) * stride + span(kernel, window) - input.size() - low);
        long outputs = Math.floorDiv(input.size() + low + high - span(kernel, window), stride) + 1;
        if (low < 0 || outputs != to - from) return Optional.empty();
        return Optional.of(new Rows(input, new Range(from, to), low, high));
    }

    private static long span(long kernel, Window window) {
        return window.dilations().getFirst() * (kernel - 1) + 1;
    }

    /// Whether the rows of one image are neighbours in memory, as they are in channels-last images.
    static boolean areOutermost(MemoryDesc image) {
        var strides = image.stridesUnsafe();
        for (int axis = 1; axis < image.rank(); axis++)
            if (axis != AXIS && image.dim(axis) > 1 && strides[axis] > strides[AXIS]) return false;
        return true;
    }
}
