package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// What the convolutions share.
final class Convolutions {
    record Parameters(Variable weight, Variable bias) {}

    private Convolutions() {}

    /// Weight and bias with PyTorch's first values.
    static Parameters parameters(
            String layer, long in, long out, Shape kernel, long groups, Rng rng) {
        requireGroups(layer, in, out, groups);
        Shape shape = Shape.of(out, in / groups).concat(kernel);
        return parameters(shape, out, rng);
    }

    static Parameters parameters(Shape weight, long out, Rng rng) {
        for (int i = 2; i < weight.rank(); i++) {
            Layers.requireAtLeast("convolution", "the kernel", weight.size(i), 1);
        }
        Initializer first = Initializer.torchDefault(Initializer.fan(weight, Initializer.Fan.IN));
        return new Parameters(
                Layers.parameter("weight", weight, first, rng),
                Layers.parameter("bias", Shape.of(out), first, rng));
    }

    static void requireGroups(String layer, long in, long out, long groups) {
        Layers.requireAtLeast(layer, "input channels", in, 1);
        Layers.requireAtLeast(layer, "output channels", out, 1);
        Layers.requireAtLeast(layer, "groups", groups, 1);
        Problem.in(layer)
                .require(
                        in % groups == 0,
                        "input channels (" + in + ") must be a multiple of groups (" + groups + ")")
                .require(
                        out % groups == 0,
                        "output channels ("
                                + out
                                + ") must be a multiple of groups ("
                                + groups
                                + ")")
                .throwShape();
    }
}
