package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Cases;
import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Workload;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AbstractTensor;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.global.torch;

/// `gelu(x·w + b)·sigmoid(x)`.
final class Elementwise implements Workload {
    private final boolean backward;
    private final List<Tensor> inputs;
    private final Tensor upstream;

    Elementwise(String variant) {
        long[] wide = {Cases.ROWS, Cases.COLUMNS};
        long[] narrow = variant.startsWith("full") ? wide : new long[] {Cases.COLUMNS};
        backward = variant.endsWith("fwdbwd");
        inputs = List.of(tensor(1, wide), tensor(2, narrow), tensor(3, narrow));
        upstream = backward ? tensor(4, wide) : new Tensor();
        if (backward) {
            inputs.forEach(t -> t.requires_grad_(true));
        }
    }

    private static Tensor tensor(long stream, long... shape) {
        long n = 1;
        for (long s : shape) {
            n *= s;
        }
        return AbstractTensor.create(Data.normal(stream, (int) n), shape);
    }

    private Tensor result() {
        Tensor x = inputs.get(0);
        return torch.gelu(x.mul(inputs.get(1)).add(inputs.get(2))).mul(torch.sigmoid(x));
    }

    private Tensor run() {
        if (!backward) {
            try (NoGradGuard _ = new NoGradGuard()) {
                return result();
            }
        }
        Tensor nothing = new Tensor();
        inputs.forEach(t -> t.mutable_grad().put(nothing));
        Tensor out = result();
        out.backward(upstream, new BoolOptional(), false, new TensorArrayRefOptional());
        return out;
    }

    @Override
    public void step() {
        try (PointerScope _ = new PointerScope()) {
            run();
        }
    }

    @Override
    public double[] check() {
        try (PointerScope _ = new PointerScope()) {
            float[] out = Parameters.floats(run().detach());
            if (!backward) {
                return Digest.of(out);
            }
            return Digest.of(
                    out,
                    Parameters.floats(inputs.get(0).grad()),
                    Parameters.floats(inputs.get(1).grad()),
                    Parameters.floats(inputs.get(2).grad()));
        }
    }
}
