package dev.nacre.bench.libtorch;

import java.util.List;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.Type;
import org.bytedeco.pytorch.global.torch;

/// The kernels behind PyTorch's `fused=True`, which change all parameters in one call; through the dispatcher, because the C++ interface does not reach them.
final class Optimizer {
    private final OperatorHandle operator;
    private final List<Tensor> parameters;
    private final boolean adam;
    private final double[] numbers;
    private final Type.TypePtr tensor;
    private final Tensor count = torch.zeros(new long[] {1});
    private final IValue none = new IValue();
    private final IValue values;
    private final IValue first;
    private final IValue second;
    private final IValue counts;
    private boolean begun;

    private Optimizer(String name, List<Tensor> parameters, boolean adam, double... numbers) {
        operator = Dispatcher.singleton().findSchemaOrThrow("aten::" + name, "");
        this.parameters = parameters;
        this.adam = adam;
        this.numbers = numbers;
        // the element type Tensor cannot be made in Java; a list that an operator returns has it
        IValueVector stack = new IValueVector(new IValue(torch.zeros(2)), new IValue(0L));
        Dispatcher.singleton().findSchemaOrThrow("aten::unbind", "int").callBoxed(stack);
        tensor = stack.get(0).toList().elementType();
        values = list(parameters);
        first = list(parameters.stream().map(torch::zeros_like).toList());
        second = list(parameters.stream().map(torch::zeros_like).toList());
        counts = list(parameters.stream().map(_ -> count).toList());
    }

    static Optimizer adam(Parameters p, double rate) {
        return new Optimizer("_fused_adam_", p.all(), true, rate, 0.9, 0.999, 0, 1e-8);
    }

    static Optimizer adamW(Parameters p, double rate, double decay) {
        return adamW(p.all(), rate, 0.999, decay);
    }

    static Optimizer adamW(List<Tensor> parameters, double rate, double beta2, double decay) {
        return new Optimizer("_fused_adamw_", parameters, true, rate, 0.9, beta2, decay, 1e-8);
    }

    /// Sets the learning rate of Adam.
    void rate(double rate) {
        numbers[0] = rate;
    }

    static Optimizer sgd(Parameters p, double rate, double momentum) {
        return new Optimizer("_fused_sgd_", p.all(), false, 0, momentum, rate, 0);
    }

    private IValue list(List<Tensor> tensors) {
        GenericList l = new GenericList(tensor);
        tensors.forEach(t -> l.push_back(new IValue(t)));
        return new IValue(l);
    }

    void zeroGrad() {
        Tensor nothing = new Tensor();
        parameters.forEach(p -> p.mutable_grad().put(nothing));
    }

    void step() {
        IValueVector stack = new IValueVector();
        stack.push_back(values).push_back(list(parameters.stream().map(Tensor::grad).toList()));
        stack.push_back(first);
        try (NoGradGuard _ = new NoGradGuard()) {
            if (adam) {
                count.add_(new Scalar(1.0));
                stack.push_back(second);
                stack.push_back(new IValue(new GenericList(tensor))).push_back(counts);
            }
            for (double d : numbers) {
                stack.push_back(new IValue(d));
            }
            stack.push_back(new IValue(false)).push_back(new IValue(false));
            if (!adam) {
                stack.push_back(new IValue(!begun));
            }
            stack.push_back(none).push_back(none);
            begun = true;
            operator.callBoxed(stack);
        }
    }
}
