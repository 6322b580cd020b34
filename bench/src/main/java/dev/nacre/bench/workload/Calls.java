package dev.nacre.bench.workload;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Task;
import dev.nacre.compile.Profile;
import dev.nacre.nn.Module;
import java.util.function.UnaryOperator;

/// A function called with the same inputs again and again. Any thread may ask.
final class Calls implements Profiled {
    private final Function function;
    private final Tensor[] inputs;

    Calls(Function function, Tensor... inputs) {
        this.function = function;
        this.inputs = inputs;
    }

    /// A model's answer to its first batch.
    static Calls inference(Task task, Module net) {
        return inference(task, net, net::forward);
    }

    /// A model's answer to its first batch.
    ///
    /// @param answer how the model is asked
    static Calls inference(Task task, Module net, UnaryOperator<Tensor> answer) {
        Parameters.load(net, task.weights());
        return new Calls(Function.of(answer), Training.input(task, 0));
    }

    @Override
    public void step() {
        function.call(inputs);
    }

    @Override
    public Profile profile() {
        return function.profile(inputs);
    }

    @Override
    public double[] check() {
        return Digest.of(
                function.call(inputs).stream().map(Tensor::toFloatArray).toArray(float[][]::new));
    }
}
