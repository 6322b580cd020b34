package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Task;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

record Lstm(TensorVector weights, TensorVector start, Linear fc) implements Model {
    Lstm(Parameters p) {
        this(
                new TensorVector(
                        p.of("lstm.weight_ih_l0"),
                        p.of("lstm.weight_hh_l0"),
                        p.of("lstm.bias_ih_l0"),
                        p.of("lstm.bias_hh_l0")),
                new TensorVector(zeros(), zeros()),
                Linear.of(p, "fc"));
    }

    private static Tensor zeros() {
        return torch.zeros(1, 32, Task.LSTM_HIDDEN);
    }

    @Override
    public Tensor forward(Tensor x) {
        Tensor h = torch.lstm(x, start, weights, true, 1, 0.0, true, false, false).get0();
        return fc.forward(h.view(-1, Task.LSTM_HIDDEN));
    }
}
