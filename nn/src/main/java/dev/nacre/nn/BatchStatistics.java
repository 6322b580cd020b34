package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import java.util.stream.IntStream;

/// The running statistics of a batch normalisation.
record BatchStatistics(Variable mean, Variable variance, Variable batches) {
    static BatchStatistics of(long features) {
        return new BatchStatistics(
                Layers.statistic("running_mean", Tensor.zeros(features)),
                Layers.statistic("running_var", Tensor.ones(features)),
                Layers.statistic("num_batches_tracked", Tensor.zeros(DType.I64)));
    }

    Tensor normalise(
            Tensor x, Mode mode, double momentum, double epsilon, Tensor weight, Tensor bias) {
        return x.wide(weight, (v, w) -> wide(v, mode, momentum, epsilon, w, bias));
    }

    private Tensor wide(
            Tensor x, Mode mode, double momentum, double epsilon, Tensor weight, Tensor bias) {
        Tensor mu = mean;
        Tensor sigma2 = variance;
        if (mode == Mode.TRAIN) {
            int[] axes = IntStream.range(0, x.rank()).filter(a -> a != 1).toArray();
            long n = 1;
            for (int a : axes) {
                n *= x.size(a);
            }
            Problem.in("batchNorm")
                    .require(n != 1 && n != 0, "training needs more than one value per channel")
                    .operand("x", x.type(), x::origin)
                    .throwShape();
            mu = x.mean(axes);
            sigma2 = x.variance(Correction.NONE, axes);
            track(mu.detach(), sigma2.detach().mul((double) n / (n - 1)), momentum);
        }
        Tensor scale = sigma2.add(epsilon).rsqrt().mul(weight);
        Tensor y =
                x.sub(Layers.alongChannels(mu, x.rank()))
                        .mul(Layers.alongChannels(scale, x.rank()))
                        .add(Layers.alongChannels(bias, x.rank()));
        return mode.remarked("batch normalisation", y);
    }

    private void track(Tensor mu, Tensor sigma2, double momentum) {
        move(mean, mu, momentum);
        move(variance, sigma2, momentum);
        batches.set(batches.add(1));
    }

    private static void move(Variable running, Tensor batch, double momentum) {
        Tensor next = running.wide(batch, (r, b) -> r.mul(1 - momentum).add(b.mul(momentum)));
        running.set(next.cast(running.dtype()));
    }
}
