package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Workload;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InferenceMode;
import org.bytedeco.pytorch.Tensor;

/// A model's answer. Any thread may ask.
final class Inference implements Workload {
    private final Supplier<Tensor> model;

    Inference(Supplier<Tensor> model) {
        this.model = model;
    }

    @Override
    public void step() {
        try (PointerScope _ = new PointerScope();
                InferenceMode _ = new InferenceMode(true)) {
            model.get();
        }
    }

    @Override
    public double[] check() {
        try (PointerScope _ = new PointerScope();
                InferenceMode _ = new InferenceMode(true)) {
            return Digest.of(Parameters.floats(model.get()));
        }
    }
}
