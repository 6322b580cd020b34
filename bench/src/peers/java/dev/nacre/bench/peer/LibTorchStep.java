package dev.nacre.bench.peer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AbstractTensor;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.Type;
import org.bytedeco.pytorch.global.torch;

/// The training step of the 100-64-10 network at batch 32 by libtorch, with its fused Adam kernel. Prints the median in microseconds.
public final class LibTorchStep {
    private static final int BATCHES = 256;

    private final List<Tensor> parameters = new ArrayList<>();
    private final Tensor w1 = parameter(0.1, 64, 100);
    private final Tensor b1 = parameter(0.1, 64);
    private final Tensor w2 = parameter(0.125, 10, 64);
    private final Tensor b2 = parameter(0.125, 10);
    private final Tensor[] x = new Tensor[BATCHES];
    private final Tensor[] y = new Tensor[BATCHES];
    private final Adam adam;

    private LibTorchStep() {
        Random random = new Random(0);
        for (int i = 0; i < BATCHES; i++) {
            float[] values = new float[3200];
            long[] labels = new long[32];
            for (int k = 0; k < values.length; k++) {
                values[k] = (float) random.nextGaussian();
            }
            Arrays.setAll(labels, _ -> random.nextInt(10));
            x[i] = AbstractTensor.create(values, 32, 100);
            y[i] = AbstractTensor.create(labels, 32);
        }
        adam = new Adam(parameters);
    }

    private Tensor parameter(double bound, long... shape) {
        Tensor t = torch.rand(shape).mul_(new Scalar(2 * bound)).sub_(new Scalar(bound));
        t.requires_grad_(true);
        parameters.add(t);
        return t;
    }

    private void step(int i) {
        try (PointerScope scope = new PointerScope()) {
            adam.zeroGrad();
            Tensor h = torch.relu(torch.linear(x[i], w1, new TensorOptional(b1)));
            Tensor loss = torch.cross_entropy_loss(torch.linear(h, w2, new TensorOptional(b2)), y[i]);
            loss.backward();
            adam.step();
        }
    }

    /// The multi-tensor kernel behind `torch.optim.Adam(fused=True)`, through the dispatcher.
    private static final class Adam {
        private final OperatorHandle op = Dispatcher.singleton().findSchemaOrThrow("aten::_fused_adam_", "");
        private final List<Tensor> parameters;
        private final Type.TypePtr tensor;
        private final Tensor count = torch.zeros(new long[] {1});
        private final IValue values;
        private final IValue first;
        private final IValue second;
        private final IValue counts;

        Adam(List<Tensor> parameters) {
            this.parameters = parameters;
            IValueVector stack = new IValueVector(new IValue(torch.zeros(2)), new IValue(0L));
            Dispatcher.singleton().findSchemaOrThrow("aten::unbind", "int").callBoxed(stack);
            tensor = stack.get(0).toList().elementType();
            values = list(parameters);
            first = list(parameters.stream().map(torch::zeros_like).toList());
            second = list(parameters.stream().map(torch::zeros_like).toList());
            counts = list(parameters.stream().map(_ -> count).toList());
        }

        private IValue list(List<Tensor> tensors) {
            GenericList l = new GenericList(tensor);
            tensors.forEach(t -> l.push_back(new IValue(t)));
            return new IValue(l);
        }

        void zeroGrad() {
            Tensor none = new Tensor();
            parameters.forEach(p -> p.mutable_grad().put(none));
        }

        void step() {
            IValue none = new IValue();
            IValueVector stack = new IValueVector();
            IValue gradients = list(parameters.stream().map(Tensor::grad).toList());
            try (NoGradGuard guard = new NoGradGuard()) {
                count.add_(new Scalar(1.0));
                stack.push_back(values).push_back(gradients).push_back(first).push_back(second);
                stack.push_back(new IValue(new GenericList(tensor))).push_back(counts);
                for (double d : new double[] {1e-3, 0.9, 0.999, 0, 1e-8}) {
                    stack.push_back(new IValue(d));
                }
                stack.push_back(new IValue(false)).push_back(new IValue(false)).push_back(none).push_back(none);
                op.callBoxed(stack);
            }
        }
    }

    public static void main(String[] args) {
        torch.set_num_threads(Integer.parseInt(args[0]));
        LibTorchStep net = new LibTorchStep();
        long end = System.nanoTime() + 4_000_000_000L;
        int i = 0;
        while (System.nanoTime() < end) {
            net.step(i++ % BATCHES);
        }
        long[] times = new long[1 << 20];
        int n = 0;
        end = System.nanoTime() + 4_000_000_000L;
        while (System.nanoTime() < end && n < times.length) {
            long from = System.nanoTime();
            net.step(i++ % BATCHES);
            times[n++] = System.nanoTime() - from;
        }
        long[] sorted = Arrays.copyOf(times, n);
        Arrays.sort(sorted);
        System.out.printf(Locale.ROOT, "RESULT %.3f%n", sorted[n / 2] / 1e3);
    }
}
