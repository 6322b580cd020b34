package dev.nacre.bench.workload;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Task;
import dev.nacre.nn.LSTM;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;

/// One layer of LSTM, and a linear layer on every step.
record Lstm(LSTM lstm, Linear fc) implements Module {
    static Lstm of() {
        Rng rng = Rng.seed(0);
        return new Lstm(
                LSTM.of(Task.LSTM_INPUT, Task.LSTM_HIDDEN, rng),
                Linear.of(Task.LSTM_HIDDEN, 64, rng));
    }

    @Override
    public Tensor forward(Tensor x, Mode mode) {
        return fc.forward(lstm.forward(x, mode));
    }
}
