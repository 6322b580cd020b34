package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Optional;

/// The transposed two-dimensional convolution: the map whose matrix is the transpose of a [Conv2d]'s.
///
/// Shape: `[n, in, h, w]` → `[n, out, h′, w′]` with `h′ = (h − 1)·stride − 2·padding + kernel + outputPadding`.
///
/// @param weight `[in, out/groups, kernel, kernel]`
/// @param bias `[out]`
public record ConvTranspose2d(
        Variable weight,
        Optional<Variable> bias,
        long stride,
        long padding,
        long outputPadding,
        long groups)
        implements Module {
    public ConvTranspose2d {
        Problem.in("convTranspose2d").atLeast("groups", groups, 1).throwValue();
        Layers.requireAtLeast("convTranspose2d", "stride", stride, 1);
        Layers.requireAtLeast("convTranspose2d", "padding", padding, 0);
        Layers.requireAtLeast("convTranspose2d", "outputPadding", outputPadding, 0);
    }

    /// Stride 1, no padding, PyTorch's first values: uniform on ±1/√(out·kernel²).
    public static ConvTranspose2d of(long in, long out, long kernel, Rng rng) {
        return grouped(in, out, kernel, 1, rng);
    }

    public static ConvTranspose2d grouped(long in, long out, long kernel, long groups, Rng rng) {
        Convolutions.requireGroups("convTranspose2d", in, out, groups);
        Convolutions.Parameters p =
                Convolutions.parameters(Shape.of(in, out / groups, kernel, kernel), out, rng);
        return new ConvTranspose2d(p.weight(), Optional.of(p.bias()), 1, 0, 0, groups);
    }

    public ConvTranspose2d stride(long stride) {
        return new ConvTranspose2d(weight, bias, stride, padding, outputPadding, groups);
    }

    public ConvTranspose2d padding(long padding) {
        return new ConvTranspose2d(weight, bias, stride, padding, outputPadding, groups);
    }

    public ConvTranspose2d outputPadding(long outputPadding) {
        return new ConvTranspose2d(weight, bias, stride, padding, outputPadding, groups);
    }

    public ConvTranspose2d withoutBias() {
        return new ConvTranspose2d(
                weight, Optional.empty(), stride, padding, outputPadding, groups);
    }

    @Override
    public Tensor forward(Tensor x) {
        Layers.requireChannels("convTranspose2d", x, weight.size(0), 4, 4, weight);
        return Layers.convolved(
                x,
                weight,
                bias,
                (v, w) -> v.convTranspose2d(w, stride, padding, outputPadding, groups));
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
