package dev.nacre.bench.workload;

import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Weights;
import java.util.LinkedHashMap;
import java.util.Map;

/// Shared first weights as tensors.
final class Parameters {
    private Parameters() {}

    /// By PyTorch's key: what a module loads.
    static Map<String, Tensor> of(Weights weights) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        for (String key : weights.keys()) {
            out.put(key, Tensor.of(weights.values(key), weights.shape(key)));
        }
        return out;
    }
}
