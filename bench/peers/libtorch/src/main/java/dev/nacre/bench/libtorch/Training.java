package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Workload;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AbstractTensor;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;

/// Steps of training a classifier.
final class Training implements Workload {
    private final Model net;
    private final Optimizer optimizer;
    private final boolean bf16;
    private final Tensor[] x;
    private final Tensor[] y;
    private int next;

    Training(Task task, Model net, Parameters p, Optimizer optimizer, boolean bf16) {
        this.net = net;
        this.optimizer = optimizer;
        this.bf16 = bf16;
        x = new Tensor[task.batches()];
        y = new Tensor[task.batches()];
        for (int i = 0; i < x.length; i++) {
            x[i] = p.laid(Parameters.input(task, i));
            y[i] = AbstractTensor.create(task.labels(i), task.labelShape());
        }
    }

    private Tensor loss(int i) {
        if (!bf16) {
            return torch.cross_entropy_loss(net.forward(x[i]), y[i]);
        }
        // as Python's context manager does, cache cleared at its end
        torch.set_autocast_enabled(DeviceType.CPU, true);
        torch.set_autocast_dtype(DeviceType.CPU, ScalarType.BFloat16);
        torch.increment_nesting();
        Tensor loss = torch.cross_entropy_loss(net.forward(x[i]), y[i]);
        if (torch.decrement_nesting() == 0) {
            torch.clear_cache();
        }
        torch.set_autocast_enabled(DeviceType.CPU, false);
        return loss;
    }

    private Tensor advance() {
        int i = next;
        next = (i + 1) % x.length;
        optimizer.zeroGrad();
        Tensor loss = loss(i);
        loss.backward();
        optimizer.step();
        return loss;
    }

    @Override
    public void step() {
        try (PointerScope _ = new PointerScope()) {
            advance();
        }
    }

    @Override
    public double[] check() {
        double[] losses = new double[CHECKED_STEPS];
        for (int i = 0; i < losses.length; i++) {
            try (PointerScope _ = new PointerScope()) {
                losses[i] = advance().item_float();
            }
        }
        return losses;
    }
}
