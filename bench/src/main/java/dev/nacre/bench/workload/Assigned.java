package dev.nacre.bench.workload;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.compile.Profile;
import dev.nacre.type.DType;
import java.util.Arrays;
import java.util.List;

/// A variable that becomes what is computed from some tensors: each step writes over the last one's result, as a direct call of a library does.
final class Assigned implements Profiled {
    private static final int PERIOD = 1 << 18;

    private final Variable to;
    private final Tensor[] from;
    private final Function function;

    private Assigned(java.util.function.Function<List<Tensor>, Tensor> body, Tensor... from) {
        this.from = from;
        List<Tensor> symbols =
                Arrays.stream(from)
                        .map(t -> Tensor.symbol("x", t.dtype(), t.shape().toArray()))
                        .toList();
        Tensor result = body.apply(symbols);
        to = Variable.of("to", Tensor.zeros(result.dtype(), result.shape().toArray()), false);
        function = Function.of(symbols, List.of(), to.to(result));
    }

    /// @param bytes read and written
    static Assigned copy(double bytes) {
        long n = (long) (bytes / 8);
        Tensor x = Tensor.of(Data.normal(1, PERIOD)).broadcastTo(n / PERIOD, PERIOD).realize();
        return new Assigned(in -> in.getFirst(), x);
    }

    /// The product of two square matrices.
    static Assigned product(boolean bf16, int n) {
        return new Assigned(
                in -> in.get(0).matmul(in.get(1)), matrix(bf16, n, 1), matrix(bf16, n, 2));
    }

    private static Tensor matrix(boolean bf16, int n, int seed) {
        DType type = bf16 ? DType.BF16 : DType.F32;
        return Tensor.of(Data.normal(seed, n * n), n, n).cast(type).realize();
    }

    @Override
    public void step() {
        function.call(from);
    }

    @Override
    public Profile profile() {
        return function.profile(from);
    }

    @Override
    public double[] check() {
        step();
        return Digest.of(to.toFloatArray());
    }
}
