package dev.nacre.bench.libtorch;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

record Linear(Tensor weight, TensorOptional bias) implements Model {
    static Linear of(Parameters p, String key) {
        return new Linear(p.of(key + ".weight"), p.optional(key + ".bias"));
    }

    @Override
    public Tensor forward(Tensor x) {
        return torch.linear(x, weight, bias);
    }
}
