package dev.nacre.bench.workload;

import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Cases;
import dev.nacre.bench.protocol.Data;
import java.util.List;

/// `gelu(x·w + b)·sigmoid(x)` over 16M floats; with backward, also the gradients of x, w and b for a given gradient of the result.
final class Elementwise {
    private Elementwise() {}

    /// @param variant `full` or `bcast`, then `fwd` or `fwdbwd`
    static Calls of(String variant) {
        long[] wide = {Cases.ROWS, Cases.COLUMNS};
        long[] narrow = variant.startsWith("full") ? wide : new long[] {Cases.COLUMNS};
        Tensor x = tensor(1, wide);
        Tensor w = tensor(2, narrow);
        Tensor b = tensor(3, narrow);
        return variant.endsWith("fwdbwd")
                ? new Calls(Function.ofMany(Elementwise::both), x, w, b, tensor(4, wide))
                : new Calls(Function.ofMany(Elementwise::forward), x, w, b);
    }

    private static Tensor tensor(long stream, long... shape) {
        long n = 1;
        for (long s : shape) {
            n *= s;
        }
        return Tensor.of(Data.normal(stream, (int) n), shape);
    }

    private static List<Tensor> forward(List<Tensor> in) {
        Tensor x = in.get(0);
        return List.of(x.mul(in.get(1)).add(in.get(2)).gelu().mul(x.sigmoid()));
    }

    private static List<Tensor> both(List<Tensor> in) {
        Tensor out = forward(in).getFirst();
        Gradients g = Gradients.of(out.mul(in.get(3)).sum(), in.get(0), in.get(1), in.get(2));
        return List.of(out, g.of(in.get(0)), g.of(in.get(1)), g.of(in.get(2)));
    }
}
