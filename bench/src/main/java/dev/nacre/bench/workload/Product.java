package dev.nacre.bench.workload;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Workload;
import dev.nacre.type.DType;

/// The product of two square matrices.
final class Product implements Workload {
    private final Function function = Function.of((Tensor a, Tensor b) -> a.matmul(b));
    private final Tensor a;
    private final Tensor b;

    /// @param variant ends with the size
    Product(boolean bf16, String variant) {
        DType type = bf16 ? DType.BF16 : DType.F32;
        int n = size(variant);
        a = Tensor.of(Data.normal(1, n * n), n, n).cast(type).realize();
        b = Tensor.of(Data.normal(2, n * n), n, n).cast(type).realize();
    }

    static int size(String variant) {
        return Integer.parseInt(variant.substring(variant.lastIndexOf('-') + 1));
    }

    @Override
    public void step() {
        function.apply(a, b);
    }

    @Override
    public double[] check() {
        return Digest.of(function.apply(a, b).toFloatArray());
    }
}
