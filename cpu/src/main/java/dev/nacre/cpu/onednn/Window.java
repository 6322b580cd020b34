package dev.nacre.cpu.onednn;

import java.util.Arrays;
import java.util.List;

/// How a kernel slides over the spatial axes of an image.
///
/// Output size along an axis: `(size + low + high − dilation·(kernel − 1) − 1) / stride + 1`, rounded down.
///
///     Window.of(2).strides(2, 2).padding(1, 1)
///
/// @param strides steps of the kernel
/// @param dilations distances of the kernel's taps; 1 is a dense kernel (oneDNN itself counts from 0)
/// @param low padding before each axis
/// @param high padding after each axis
public record Window(List<Long> strides, List<Long> dilations, List<Long> low, List<Long> high) {
    public Window {
        strides = List.copyOf(strides);
        dilations = List.copyOf(dilations);
        low = List.copyOf(low);
        high = List.copyOf(high);
        if (dilations.size() != strides.size()
                || low.size() != strides.size()
                || high.size() != strides.size())
            throw new IllegalArgumentException(
                    "strides "
                            + strides
                            + ", dilations "
                            + dilations
                            + ", low "
                            + low
                            + " and high "
                            + high
                            + " must have one value an axis");
        if (strides.stream().anyMatch(s -> s < 1) || dilations.stream().anyMatch(d -> d < 1))
            throw new IllegalArgumentException(
                    "strides " + strides + " and dilations " + dilations + " must be positive");
    }

    /// Stride 1, no dilation and no padding over so many spatial axes.
    public static Window of(int axes) {
        var ones = list(repeat(1, axes));
        var zeros = list(repeat(0, axes));
        return new Window(ones, ones, zeros, zeros);
    }

    public Window strides(long... strides) {
        return new Window(list(strides), dilations, low, high);
    }

    public Window dilations(long... dilations) {
        return new Window(strides, list(dilations), low, high);
    }

    /// The same padding on both sides.
    public Window padding(long... both) {
        return new Window(strides, dilations, list(both), list(both));
    }

    public Window low(long... low) {
        return new Window(strides, dilations, list(low), high);
    }

    public Window high(long... high) {
        return new Window(strides, dilations, low, list(high));
    }

    /// The output size along a spatial axis.
    public long output(int axis, long size, long kernel) {
        var padded = size + low.get(axis) + high.get(axis);
        return Math.floorDiv(padded - dilations.get(axis) * (kernel - 1) - 1, strides.get(axis))
                + 1;
    }

    private static long[] repeat(long value, int times) {
        var all = new long[times];
        Arrays.fill(all, value);
        return all;
    }

    private static List<Long> list(long[] values) {
        return Arrays.stream(values).boxed().toList();
    }
}
