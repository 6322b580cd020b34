package dev.nacre.nn.keras;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.Activation;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Initializer;
import dev.nacre.nn.Key;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Optional;

/// A convolution over `[height, width, channels]` and an activation. Glorot's uniform first values, biases of 0.
///
/// @param same whether the image is padded with zeros so that the output has ⌈size/strides⌉ elements along each side
public record Conv2D(
        long filters, long kernelSize, long strides, boolean same, Activation activation)
        implements Layer {
    public Conv2D {
        Problem.in("conv2D")
                .atLeast("filters", filters, 1)
                .atLeast("kernelSize", kernelSize, 1)
                .atLeast("strides", strides, 1)
                .throwValue();
        Checks.positive("conv2D", "filters", filters);
        Checks.positive("conv2D", "kernelSize", kernelSize);
        Checks.positive("conv2D", "strides", strides);
    }

    public static Conv2D of(long filters, long kernelSize, Activation activation) {
        return new Conv2D(filters, kernelSize, 1, false, activation);
    }

    public Conv2D strides(long strides) {
        return new Conv2D(filters, kernelSize, strides, same, activation);
    }

    /// `valid` or `same`.
    public Conv2D padding(String padding) {
        if (!padding.equals("valid") && !padding.equals("same")) {
            throw new NacreException("conv2D: padding must be valid or same, but is " + padding);
        }
        return new Conv2D(filters, kernelSize, strides, padding.equals("same"), activation);
    }

    /// Turns the axes round, pads, and turns back.
    private record ChannelsLast(@Key("") Conv2d conv, long kernel, boolean same) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor y = x.permute(0, 3, 1, 2);
            for (int axis = 2; same && axis < 4; axis++) {
                long n = y.size(axis);
                long total =
                        Math.max(
                                0,
                                (Math.ceilDiv(n, conv.stride()) - 1) * conv.stride() + kernel - n);
                y = y.pad(axis, total / 2, total - total / 2, 0);
            }
            return conv.forward(y).permute(0, 2, 3, 1);
        }
    }

    @Override
    public Built build(Shape input, Rng rng) {
        Checks.image("conv2D", input, same ? 1 : kernelSize);
        Variable weight =
                Variable.of(
                        "weight",
                        Initializer.xavierUniform()
                                .of(Shape.of(filters, input.size(2), kernelSize, kernelSize), rng));
        Conv2d conv =
                new Conv2d(weight, Optional.of(Variable.zeros("bias", filters)), strides, 0, 1, 1);
        return new Built(
                new ChannelsLast(conv, kernelSize, same),
                activation,
                Shape.of(size(input.size(0)), size(input.size(1)), filters));
    }

    private long size(long n) {
        return same ? Math.ceilDiv(n, strides) : (n - kernelSize) / strides + 1;
    }
}
