package dev.nacre.bench.workload;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Data;
import dev.nacre.type.DType;

/// The product of two square matrices.
final class Product {
    private Product() {}

    /// @param variant ends with the size
    static Calls of(boolean bf16, String variant) {
        DType type = bf16 ? DType.BF16 : DType.F32;
        int n = size(variant);
        return new Calls(
                Function.of((Tensor a, Tensor b) -> a.matmul(b)),
                Tensor.of(Data.normal(1, n * n), n, n).cast(type).realize(),
                Tensor.of(Data.normal(2, n * n), n, n).cast(type).realize());
    }

    static int size(String variant) {
        return Integer.parseInt(variant.substring(variant.lastIndexOf('-') + 1));
    }
}
