package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Optional;

/// A three-dimensional convolution (correlation) with a bias per output channel.
///
/// Shape: `[n, in, d, h, w]` → `[n, out, d′, h′, w′]` with `h′ = ⌊(h + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1`.
///
/// @param weight `[out, in/groups, kernel, kernel, kernel]`
/// @param bias `[out]`
public record Conv3d(
        Variable weight,
        Optional<Variable> bias,
        long stride,
        long padding,
        long dilation,
        long groups)
        implements Module {
    public Conv3d {
        Problem.in("conv3d").atLeast("groups", groups, 1).throwValue();
        Layers.requireAtLeast("conv3d", "stride", stride, 1);
        Layers.requireAtLeast("conv3d", "padding", padding, 0);
        Layers.requireAtLeast("conv3d", "dilation", dilation, 1);
    }

    /// Stride 1, no padding, PyTorch's first values: uniform on ±1/√(in·kernel³).
    public static Conv3d of(long in, long out, long kernel, Rng rng) {
        return grouped(in, out, kernel, 1, rng);
    }

    /// Input and output channels in groups that do not see each other; as many groups as channels is a depthwise convolution.
    public static Conv3d grouped(long in, long out, long kernel, long groups, Rng rng) {
        Convolutions.Parameters p =
                Convolutions.parameters(
                        "conv3d", in, out, Shape.of(kernel, kernel, kernel), groups, rng);
        return new Conv3d(p.weight(), Optional.of(p.bias()), 1, 0, 1, groups);
    }

    public Conv3d stride(long stride) {
        return new Conv3d(weight, bias, stride, padding, dilation, groups);
    }

    public Conv3d padding(long padding) {
        return new Conv3d(weight, bias, stride, padding, dilation, groups);
    }

    public Conv3d dilation(long dilation) {
        return new Conv3d(weight, bias, stride, padding, dilation, groups);
    }

    public Conv3d withoutBias() {
        return new Conv3d(weight, Optional.empty(), stride, padding, dilation, groups);
    }

    @Override
    public Tensor forward(Tensor x) {
        Layers.requireChannels("conv3d", x, weight.size(1) * groups, 5, 5, weight);
        return Layers.convolved(
                x, weight, bias, (v, w) -> v.conv3d(w, stride, padding, dilation, groups));
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
