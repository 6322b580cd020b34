package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Workload;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AbstractTensor;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// One tensor copied into another.
final class Copy implements Workload {
    private static final int PERIOD = 1 << 18;

    private final Tensor from;
    private final Tensor to;

    /// @param bytes read and written
    Copy(double bytes) {
        long n = (long) (bytes / 8);
        Tensor row = AbstractTensor.create(Data.normal(1, PERIOD), PERIOD);
        from = row.expand(n / PERIOD, PERIOD).contiguous();
        to = torch.zeros_like(from);
    }

    @Override
    public void step() {
        try (PointerScope _ = new PointerScope()) {
            to.copy_(from);
        }
    }

    @Override
    public double[] check() {
        step();
        return Digest.of(Parameters.floats(to));
    }
}
