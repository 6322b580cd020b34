package dev.nacre.bench.workload;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Workload;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Rule;

/// Steps of training a classifier: drop the gradients, forward, loss, backward, update. The loss is computed, but read only where it is compared.
public final class Training implements Workload {
    private final Module net;
    private final Optimizer optimizer;
    private final Function compiled;
    private final Tensor[] x;
    private final Tensor[] y;
    private int next;

    public Training(Task task, Module net, Rule rule) {
        this.net = net;
        net.load(Parameters.of(task.weights()));
        optimizer = rule.over(net.parameters());
        compiled = Function.of((Tensor a, Tensor b) -> eager(a, b));
        x = new Tensor[task.batches()];
        y = new Tensor[task.batches()];
        for (int i = 0; i < x.length; i++) {
            x[i] = Tensor.of(task.input(i), task.shape());
            y[i] = Tensor.of(task.labels(i), task.labelShape());
        }
    }

    /// The step as a user writes it.
    public Tensor eager(Tensor a, Tensor b) {
        optimizer.zeroGrad();
        Tensor loss = new CrossEntropyLoss().forward(net.forward(a, Mode.TRAIN), b);
        loss.backward();
        optimizer.step();
        return loss;
    }

    /// The step traced once and replayed.
    public Function compiled() {
        return compiled;
    }

    private Tensor advance() {
        int i = next;
        next = (i + 1) % x.length;
        return compiled.apply(x[i], y[i]);
    }

    @Override
    public void step() {
        advance();
    }

    @Override
    public double[] check() {
        double[] losses = new double[CHECKED_STEPS];
        for (int i = 0; i < losses.length; i++) {
            losses[i] = advance().item();
        }
        return losses;
    }
}
