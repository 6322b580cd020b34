package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Optional;

/// A two-dimensional convolution (correlation) with a bias per output channel.
///
/// Shape: `[n, in, h, w]` → `[n, out, h′, w′]` with `h′ = ⌊(h + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1`.
///
/// @param weight `[out, in/groups, kernel, kernel]`
/// @param bias `[out]`
public record Conv2d(
        Variable weight,
        Optional<Variable> bias,
        long stride,
        long padding,
        long dilation,
        long groups)
        implements Module {
    public Conv2d {
        Problem.in("conv2d").atLeast("groups", groups, 1).throwValue();
        Layers.requireAtLeast("conv2d", "stride", stride, 1);
        Layers.requireAtLeast("conv2d", "padding", padding, 0);
        Layers.requireAtLeast("conv2d", "dilation", dilation, 1);
    }

    /// Stride 1, no padding, PyTorch's first values: uniform on ±1/√(in·kernel²).
    public static Conv2d of(long in, long out, long kernel, Rng rng) {
        return grouped(in, out, kernel, 1, rng);
    }

    /// Input and output channels in groups that do not see each other; as many groups as channels is a depthwise convolution.
    public static Conv2d grouped(long in, long out, long kernel, long groups, Rng rng) {
        Convolutions.Parameters p =
                Convolutions.parameters("conv2d", in, out, Shape.of(kernel, kernel), groups, rng);
        return new Conv2d(p.weight(), Optional.of(p.bias()), 1, 0, 1, groups);
    }

    public Conv2d stride(long stride) {
        return new Conv2d(weight, bias, stride, padding, dilation, groups);
    }

    public Conv2d padding(long padding) {
        return new Conv2d(weight, bias, stride, padding, dilation, groups);
    }

    public Conv2d dilation(long dilation) {
        return new Conv2d(weight, bias, stride, padding, dilation, groups);
    }

    public Conv2d withoutBias() {
        return new Conv2d(weight, Optional.empty(), stride, padding, dilation, groups);
    }

    @Override
    public Tensor forward(Tensor x) {
        Layers.requireChannels("conv2d", x, weight.size(1) * groups, 4, 4, weight);
        return Layers.convolved(
                x, weight, bias, (v, w) -> v.conv2d(w, stride, padding, dilation, groups));
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
