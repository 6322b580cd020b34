package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.Activation;
import dev.nacre.nn.BatchNorm2d;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Flatten;
import dev.nacre.nn.Linear;
import dev.nacre.nn.MaxPool2d;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.SGD;
import dev.nacre.type.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

/// Whole training runs from the same weights and data: the losses, and the weights at the end.
class TrainingParityTest {
    record Net(Linear fc1, Linear fc2) implements Module {
        Net(Rng rng) {
            this(Linear.of(100, 64, rng), Linear.of(64, 10, rng));
        }

        @Override
        public Tensor forward(Tensor x) {
            return fc2.forward(fc1.forward(x).relu());
        }
    }

    private static final Rng RNG = Rng.seed(3);

    private static Map<String, org.bytedeco.pytorch.Tensor> copied(Module net) {
        Map<String, org.bytedeco.pytorch.Tensor> out = new LinkedHashMap<>();
        net.state()
                .forEach((key, v) ->
                        out.put(key, v.isTrainable() ? Torch.parameter(v) : Torch.of(v)));
        return out;
    }

    private static TensorVector trained(Map<String, org.bytedeco.pytorch.Tensor> state) {
        return new TensorVector(
                state.values().stream()
                        .filter(org.bytedeco.pytorch.Tensor::requires_grad)
                        .toArray(org.bytedeco.pytorch.Tensor[]::new));
    }

    private static void compare(
            int steps,
            Module net,
            java.util.function.DoubleSupplier ours,
            Map<String, org.bytedeco.pytorch.Tensor> state,
            org.bytedeco.pytorch.Optimizer other,
            UnaryOperator<org.bytedeco.pytorch.Tensor> theirs,
            Tensor x,
            Tensor y) {
        var theirX = Torch.of(x);
        var theirY = Torch.of(y);
        double[] a = new double[steps];
        double[] b = new double[steps];
        for (int i = 0; i < steps; i++) {
            a[i] = ours.getAsDouble();
            other.zero_grad();
            var loss = torch.cross_entropy_loss(theirs.apply(theirX), theirY);
            loss.backward();
            other.step();
            b[i] = loss.item_double();
            assertTrue(
                    Math.abs(a[i] - b[i]) <= 1e-4 * Math.abs(b[i]),
                    "loss of step " + i + ": " + a[i] + ", libtorch " + b[i]);
        }
        assertTrue(b[steps - 1] < b[0], "nothing was learnt");
        for (Map.Entry<String, Variable> e : net.state().entrySet()) {
            Closeness.STEPS.check(e.getKey() + " at the end", state.get(e.getKey()), e.getValue());
        }
    }

    private static org.bytedeco.pytorch.Tensor linear(
            org.bytedeco.pytorch.Tensor x, Map<String, org.bytedeco.pytorch.Tensor> s, String key) {
        return torch.linear(x, s.get(key + ".weight"), s.get(key + ".bias"));
    }

    /// The founding program: module, criterion, Adam, ten epochs.
    @Test
    void foundingProgram() {
        Tensor x = RNG.normal(1000, 100).realize();
        Tensor y = RNG.integers(10, Shape.of(1000)).realize();
        Net net = new Net(Rng.seed(0));
        var state = copied(net);
        var criterion = new CrossEntropyLoss();
        Optimizer optimizer = Adam.of(net.parameters());
        compare(
                10,
                net,
                () -> {
                    optimizer.zeroGrad();
                    Tensor loss = criterion.forward(net.forward(x), y);
                    loss.backward();
                    optimizer.step();
                    return loss.item();
                },
                state,
                new org.bytedeco.pytorch.Adam(trained(state), new AdamOptions(1e-3)),
                in -> linear(torch.relu(linear(in, state, "fc1")), state, "fc2"),
                x,
                y);
    }

    /// The same step traced once and replayed.
    @Test
    void mlpInsideAFunction() {
        Tensor x = RNG.normal(64, 100).realize();
        Tensor y = RNG.integers(10, Shape.of(64)).realize();
        Net net = new Net(Rng.seed(1));
        var state = copied(net);
        Optimizer optimizer = SGD.of(0.1).momentum(0.9).over(net.parameters());
        Function step =
                Function.of((Tensor xb, Tensor yb) -> {
                    optimizer.zeroGrad();
                    Tensor loss =
                            new CrossEntropyLoss().labelSmoothing(0).forward(net.forward(xb), yb);
                    loss.backward();
                    optimizer.step();
                    return loss;
                });
        SGDOptions options = new SGDOptions(0.1);
        options.momentum().put(0.9);
        compare(
                10,
                net,
                () -> step.apply(x, y).item(),
                state,
                new org.bytedeco.pytorch.SGD(trained(state), options),
                in -> linear(torch.relu(linear(in, state, "fc1")), state, "fc2"),
                x,
                y);
    }

    /// Convolutions, batch normalisation and pooling, with their running statistics. (A bias before the normalisation would have a gradient of nothing but rounding errors.)
    @Test
    void cnn() {
        Rng rng = Rng.seed(2);
        Sequential net =
                Sequential.of(
                        Conv2d.of(1, 8, 3, rng).padding(1).withoutBias(),
                        BatchNorm2d.of(8),
                        Activation.RELU,
                        MaxPool2d.of(2),
                        Conv2d.of(8, 16, 3, rng),
                        Activation.RELU,
                        new Flatten(),
                        Linear.of(16 * 16, 10, rng));
        Tensor x = RNG.normal(Shape.of(16, 1, 12, 12)).realize();
        Tensor y = RNG.integers(10, Shape.of(16)).realize();
        for (boolean traced : List.of(false, true)) {
            var state = copied(net);
            Optimizer optimizer = Adam.of(net.parameters(), 1e-3);
            java.util.function.BinaryOperator<Tensor> train =
                    (xb, yb) -> {
                        optimizer.zeroGrad();
                        Tensor loss =
                                new CrossEntropyLoss().forward(net.forward(xb, Mode.TRAIN), yb);
                        loss.backward();
                        optimizer.step();
                        return loss;
                    };
            Function step = Function.of(train::apply);
            UnaryOperator<org.bytedeco.pytorch.Tensor> theirs =
                    in -> {
                        var a =
                                torch.conv2d(
                                        in,
                                        state.get("0.weight"),
                                        Torch.none(),
                                        new long[] {1, 1},
                                        new long[] {1, 1},
                                        new long[] {1, 1},
                                        1);
                        var b =
                                torch.batch_norm(
                                        a,
                                        Torch.optional(state.get("1.weight")),
                                        Torch.optional(state.get("1.bias")),
                                        Torch.optional(state.get("1.running_mean")),
                                        Torch.optional(state.get("1.running_var")),
                                        true,
                                        0.1,
                                        1e-5,
                                        false);
                        state.get("1.num_batches_tracked")
                                .add_(new org.bytedeco.pytorch.Scalar(1L));
                        var c = torch.max_pool2d(torch.relu(b), 2, 2);
                        var d =
                                torch.relu(
                                        torch.conv2d(
                                                c,
                                                state.get("4.weight"),
                                                Torch.optional(state.get("4.bias")),
                                                new long[] {1, 1},
                                                new long[] {0, 0},
                                                new long[] {1, 1},
                                                1));
                        return linear(d.flatten(1, -1), state, "7");
                    };
            compare(
                    10,
                    net,
                    () -> (traced ? step.apply(x, y) : train.apply(x, y)).item(),
                    state,
                    new org.bytedeco.pytorch.Adam(trained(state), new AdamOptions(1e-3)),
                    theirs,
                    x,
                    y);
        }
    }
}
