package dev.nacre.bench.workload;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Workload;

/// One model that many threads ask about single images.
final class Predictions implements Workload {
    private final Function model;
    private final Tensor image;

    Predictions() {
        Task task = Task.cnn(1);
        Cnn net = Cnn.of();
        net.load(Parameters.of(task.weights()));
        model = Function.of((Tensor x) -> net.forward(x));
        image = Tensor.of(task.input(0), task.shape());
    }

    @Override
    public void step() {
        model.apply(image);
    }

    @Override
    public double[] check() {
        return Digest.of(model.apply(image).toFloatArray());
    }
}
