package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Workload;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AbstractTensor;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/// The product of two square matrices, into a third that is there.
final class Product implements Workload {
    private final Tensor a;
    private final Tensor b;
    private final Tensor c;

    Product(boolean bf16, int n) {
        ScalarType type = bf16 ? ScalarType.BFloat16 : ScalarType.Float;
        a = AbstractTensor.create(Data.normal(1, n * n), n, n).to(type);
        b = AbstractTensor.create(Data.normal(2, n * n), n, n).to(type);
        c = torch.zeros(n, n).to(type);
    }

    @Override
    public void step() {
        try (PointerScope _ = new PointerScope()) {
            torch.mm_out(c, a, b);
        }
    }

    @Override
    public double[] check() {
        step();
        return Digest.of(Parameters.floats(c));
    }
}
