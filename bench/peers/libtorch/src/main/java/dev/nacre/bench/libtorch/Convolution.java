package dev.nacre.bench.libtorch;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

record Convolution(Tensor weight, TensorOptional bias, long[] stride, long[] padding)
        implements Model {
    private static final long[] ONE = {1, 1};

    static Convolution of(Parameters p, String key) {
        return new Convolution(
                p.of(key + ".weight"), p.optional(key + ".bias"), ONE, new long[] {0, 0});
    }

    @Override
    public Tensor forward(Tensor x) {
        return torch.conv2d(x, weight, bias, stride, padding, ONE, 1);
    }
}
