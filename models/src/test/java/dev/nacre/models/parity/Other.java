package dev.nacre.models.parity;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.Module;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.parity.Closeness;
import dev.nacre.nn.parity.Torch;
import dev.nacre.type.Precision;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BinaryOperator;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/// The state of a model on libtorch's side, and the layers that use it by the same keys.
final class Other {
    private final Map<String, org.bytedeco.pytorch.Tensor> state = new LinkedHashMap<>();

    Other(Module model) {
        model.state()
                .forEach(
                        (k, v) -> state.put(k, v.isTrainable() ? Torch.parameter(v) : Torch.of(v)));
    }

    org.bytedeco.pytorch.Tensor get(String key) {
        return state.get(key);
    }

    boolean has(String key) {
        return state.containsKey(key);
    }

    TensorVector parameters() {
        return new TensorVector(
                state.values().stream()
                        .filter(org.bytedeco.pytorch.Tensor::requires_grad)
                        .toArray(org.bytedeco.pytorch.Tensor[]::new));
    }

    // ----------------------------------------------------------------------------------------
    // layers

    org.bytedeco.pytorch.Tensor linear(org.bytedeco.pytorch.Tensor x, String key) {
        return has(key + ".bias")
                ? torch.linear(x, get(key + ".weight"), get(key + ".bias"))
                : torch.linear(x, get(key + ".weight"));
    }

    org.bytedeco.pytorch.Tensor conv(
            org.bytedeco.pytorch.Tensor x, String key, long stride, long padding) {
        return torch.conv2d(
                x,
                get(key + ".weight"),
                Torch.none(),
                new long[] {stride, stride},
                new long[] {padding, padding},
                new long[] {1, 1},
                1);
    }

    org.bytedeco.pytorch.Tensor batchNorm(
            org.bytedeco.pytorch.Tensor x, String key, boolean training) {
        if (training) {
            get(key + ".num_batches_tracked").add_(new org.bytedeco.pytorch.Scalar(1L));
        }
        return torch.batch_norm(
                x,
                Torch.optional(get(key + ".weight")),
                Torch.optional(get(key + ".bias")),
                Torch.optional(get(key + ".running_mean")),
                Torch.optional(get(key + ".running_var")),
                training,
                0.1,
                1e-5,
                false);
    }

    org.bytedeco.pytorch.Tensor layerNorm(
            org.bytedeco.pytorch.Tensor x, String key, double epsilon) {
        return torch.layer_norm(
                x,
                new long[] {x.size(-1)},
                Torch.optional(get(key + ".weight")),
                Torch.optional(get(key + ".bias")),
                epsilon,
                false);
    }

    static org.bytedeco.pytorch.Tensor attention(
            org.bytedeco.pytorch.Tensor q,
            org.bytedeco.pytorch.Tensor k,
            org.bytedeco.pytorch.Tensor v,
            long heads,
            org.bytedeco.pytorch.TensorOptional mask,
            boolean causal) {
        return torch.scaled_dot_product_attention(
                        split(q, heads),
                        split(k, heads),
                        split(v, heads),
                        mask,
                        0,
                        causal,
                        new DoubleOptional(),
                        false)
                .transpose(1, 2)
                .reshape(q.size(0), q.size(1), q.size(2));
    }

    private static org.bytedeco.pytorch.Tensor split(org.bytedeco.pytorch.Tensor x, long heads) {
        return x.reshape(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2);
    }

    // --------------------------------------------------------------------------------------
    // comparisons

    /// Gradients of all parameters.
    void checkGradients(String what, Closeness closeness, Module model) {
        model.state()
                .forEach((k, v) -> {
                    if (v.isTrainable() && get(k).grad().defined()) {
                        closeness.check(
                                what + ": gradient of " + k,
                                get(k).grad(),
                                v.grad()
                                        .orElseThrow(
                                                () -> new AssertionError("no gradient of " + k)));
                    }
                });
    }

    void checkState(String what, Closeness closeness, Module model) {
        model.state().forEach((k, v) -> closeness.check(what + ": " + k, get(k), v));
    }

    /// Training of both from the same values, on one batch.
    record Training(
            BinaryOperator<Tensor> loss,
            Optimizer optimizer,
            BinaryOperator<org.bytedeco.pytorch.Tensor> theirLoss,
            org.bytedeco.pytorch.Optimizer theirs,
            Tensor x,
            Tensor y) {
        /// With products in bf16, libtorch's by its autocast.
        Training inBf16() {
            return new Training(
                    (a, b) -> Precision.BF16.in(() -> loss.apply(a, b)),
                    optimizer,
                    (a, b) -> {
                        torch.set_autocast_enabled(torch.DeviceType.CPU, true);
                        torch.set_autocast_dtype(torch.DeviceType.CPU, torch.ScalarType.BFloat16);
                        torch.increment_nesting();
                        try {
                            return theirLoss.apply(a, b);
                        } finally {
                            torch.decrement_nesting();
                            torch.clear_cache();
                            torch.set_autocast_enabled(torch.DeviceType.CPU, false);
                        }
                    },
                    theirs,
                    x,
                    y);
        }

        /// Traced steps: losses within a relative `bound`.
        void run(int steps, double bound) {
            Function step =
                    Function.of((Tensor a, Tensor b) -> {
                        optimizer.zeroGrad();
                        Tensor l = loss.apply(a, b);
                        l.backward();
                        optimizer.step();
                        optimizer.zeroGrad();
                        return l;
                    });
            var theirX = Torch.of(x);
            var theirY = Torch.of(y);
            double first = 0;
            double last = 0;
            for (int i = 0; i < steps; i++) {
                double ours = step.apply(x, y).item();
                theirs.zero_grad();
                var l = theirLoss.apply(theirX, theirY);
                l.backward();
                theirs.step();
                last = l.item_double();
                first = i == 0 ? last : first;
                double other = last;
                int number = i;
                assertTrue(
                        Math.abs(ours - other) <= bound * Math.abs(other),
                        () -> "loss of step " + number + ": " + ours + ", libtorch " + other);
            }
            assertTrue(last < first, "nothing was learnt");
        }

        /// In f32: losses within a relative 1e-4, then the whole state.
        void run(int steps, Module model, Other other) {
            run(steps, 1e-4);
            other.checkState("after " + steps + " steps", Closeness.STEPS, model);
        }
    }

    /// Random numbers in place of zeros and ones, so that every parameter counts.
    static void randomise(Module model, dev.nacre.Rng rng) {
        model.state()
                .forEach((k, v) -> {
                    if (v.isTrainable() && v.rank() == 1) {
                        v.set(v.add(rng.normal(v.shape()).mul(0.2)));
                    } else if (k.endsWith("running_mean")) {
                        v.set(rng.normal(v.shape()).mul(0.2));
                    } else if (k.endsWith("running_var")) {
                        v.set(rng.uniform(0.5, 1.5, v.shape()));
                    }
                });
    }

    static void zeroGrad(Module model) {
        model.parameters().forEach(Variable::zeroGrad);
    }
}
