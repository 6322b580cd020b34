package dev.nacre.bench.workload;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.compile.Profile;
import java.util.List;

/// A variable set to the values of a tensor.
final class Copy implements Profiled {
    private static final int PERIOD = 1 << 18;

    private final Tensor from;
    private final Variable to;
    private final Function function;

    /// @param bytes read and written
    Copy(double bytes) {
        long n = (long) (bytes / 8);
        from = Tensor.of(Data.normal(1, PERIOD)).broadcastTo(n / PERIOD, PERIOD).realize();
        to = Variable.of("to", Tensor.zeros(n / PERIOD, PERIOD), false);
        Tensor x = Tensor.symbol("x", from.dtype(), n / PERIOD, PERIOD);
        function = Function.of(List.of(x), List.of(), to.to(x));
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
