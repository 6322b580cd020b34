package dev.nacre.bench.workload;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Task;
import dev.nacre.compile.Profile;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Rule;
import dev.nacre.type.Precision;

/// Steps of training a classifier: drop the gradients, forward, loss, backward, update. The loss is computed, but read only where it is compared.
public final class Training implements Profiled {
    private final Module net;
    private final Optimizer optimizer;
    private final Function compiled;
    private final Tensor[] x;
    private final Tensor[] y;
    private final Precision precision;
    private int next;

    public Training(Task task, Module net, Rule rule) {
        this(task, net, rule, Precision.F32);
    }

    /// @param precision of forward and backward
    public Training(Task task, Module net, Rule rule, Precision precision) {
        this.net = net;
        this.precision = precision;
        Parameters.load(net, task.weights());
        optimizer = rule.over(net.parameters());
        compiled = Function.of((Tensor a, Tensor b) -> eager(a, b));
        x = new Tensor[task.batches()];
        y = new Tensor[task.batches()];
        for (int i = 0; i < x.length; i++) {
            x[i] = input(task, i);
            y[i] = Tensor.of(task.labels(i), task.labelShape());
        }
    }

    /// A batch of numbers, or of tokens.
    static Tensor input(Task task, int batch) {
        float[] values = task.input(batch);
        return values.length == 0
                ? Tensor.of(task.tokens(batch), task.shape())
                : Tensor.of(values, task.shape());
    }

    /// The step as a user writes it.
    public Tensor eager(Tensor a, Tensor b) {
        optimizer.zeroGrad();
        Tensor loss = precision.in(() -> loss(net.forward(a, Mode.TRAIN), b));
        loss.backward();
        optimizer.step();
        return loss;
    }

    private static Tensor loss(Tensor logits, Tensor labels) {
        Tensor rows = logits.reshape(-1, logits.size(-1)); // a text has one for each token
        return new CrossEntropyLoss().forward(rows, labels);
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
    public Profile profile() {
        return compiled.profile(x[0], y[0]);
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
