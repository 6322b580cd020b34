package dev.nacre.nn.parity;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// libtorch's side of the comparisons. It computes without its own copy of oneDNN, so that it shares no code with us, and because that copy (libtorch 2.10) gives wrong
/// gradients of convolutions on AMD's Zen 5.
public final class Torch {
    static {
        torch.globalContext().setUserEnabledMkldnn(false);
    }

    private Torch() {}

    /// A copy of a tensor.
    public static org.bytedeco.pytorch.Tensor of(Tensor x) {
        long[] shape = x.shape().toArray();
        org.bytedeco.pytorch.Tensor flat =
                switch (x.dtype()) {
                    case F32 -> org.bytedeco.pytorch.Tensor.create(x.toFloatArray());
                    case F64 -> org.bytedeco.pytorch.Tensor.create(x.toDoubleArray());
                    case I64 -> org.bytedeco.pytorch.Tensor.create(x.toLongArray());
                    case I32 -> org.bytedeco.pytorch.Tensor.create(x.toIntArray());
                    case BOOL -> org.bytedeco.pytorch.Tensor.create(x.toBooleanArray());
                    case U8, I8, F16, BF16 ->
                            throw new IllegalArgumentException(x.type().toString());
                };
        return flat.reshape(shape).clone();
    }

    public static org.bytedeco.pytorch.Tensor parameter(Tensor x) {
        org.bytedeco.pytorch.Tensor t = of(x);
        t.requires_grad_(true); // what it returns does not keep t alive
        return t;
    }

    public static double[] doubles(org.bytedeco.pytorch.Tensor t) {
        org.bytedeco.pytorch.Tensor d = t.detach().to(torch.ScalarType.Double).contiguous();
        double[] out = new double[Math.toIntExact(d.numel())];
        if (out.length > 0) {
            new org.bytedeco.javacpp.DoublePointer(d.data_ptr()).get(out);
        }
        return out;
    }

    public static TensorOptional optional(org.bytedeco.pytorch.Tensor t) {
        return new TensorOptional(t);
    }

    public static TensorOptional none() {
        return new TensorOptional();
    }

    public static Scalar scalar(double x) {
        return new Scalar(x);
    }

    /// Compares a function of some floating tensors, and its derivatives by all of them, weighted by random numbers.
    public static void compare(
            String what,
            Closeness closeness,
            List<Tensor> inputs,
            Function<List<Tensor>, Tensor> ours,
            Function<List<org.bytedeco.pytorch.Tensor>, org.bytedeco.pytorch.Tensor> theirs) {
        List<org.bytedeco.pytorch.Tensor> theirInputs = new ArrayList<>();
        List<Tensor> ourInputs = new ArrayList<>();
        List<Variable> variables = new ArrayList<>();
        for (Tensor in : inputs) {
            boolean trained = in.dtype().isFloating();
            theirInputs.add(trained ? parameter(in) : of(in));
            if (in instanceof Variable v && v.isTrainable()) {
                variables.add(v);
                ourInputs.add(v);
            } else if (trained) {
                variables.add(Variable.of("x" + ourInputs.size(), in));
                ourInputs.add(variables.getLast());
            } else {
                ourInputs.add(in);
            }
        }
        variables.forEach(Variable::zeroGrad);
        Tensor y = ours.apply(ourInputs);
        org.bytedeco.pytorch.Tensor z = theirs.apply(theirInputs);
        closeness.check(what, z, y);
        Tensor weight = Rng.seed(99).normal(y.shape()).realize();
        y.mul(weight).sum().backward();
        z.mul(of(weight)).sum().backward();
        int k = 0;
        for (int i = 0; i < inputs.size(); i++) {
            if (inputs.get(i).dtype().isFloating()) {
                Variable v = variables.get(k++);
                closeness.check(
                        what + ": gradient " + i,
                        theirInputs.get(i).grad(),
                        v.grad().orElseThrow(() -> new AssertionError("no gradient")));
            }
        }
    }
}
