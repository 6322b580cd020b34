package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.ir.Attention;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Attention with NaN and infinities in keys or values that some queries see and others do not: wherever libtorch has a number, so have we.
class HiddenKeysParityTest {
    /// Larger ones overflow in their product with a query, before a mask is added.
    private static final double[] KEYS = {Double.NaN, Double.POSITIVE_INFINITY, 1e30};

    private static final double[] VALUES = {
        Double.NaN, Double.POSITIVE_INFINITY, 1e30, 1e38, -3e38
    };

    private enum Mask {
        CAUSAL,
        BOOLEAN,
        ADDED
    }

    @TestFactory
    List<DynamicTest> asFiniteAsLibtorch() {
        List<DynamicTest> tests = new ArrayList<>();
        for (int n : new int[] {5, 70}) {
            for (Mask mask : Mask.values()) {
                for (int operand = 1; operand < 3; operand++) {
                    for (double poison : operand == 1 ? KEYS : VALUES) {
                        int o = operand;
                        tests.add(
                                DynamicTest.dynamicTest(
                                        n + " " + mask + ", operand " + o + " " + poison,
                                        () -> compare(n, mask, o, poison)));
                    }
                }
            }
        }
        return tests;
    }

    private static void compare(int n, Mask how, int operand, double poison) {
        Rng rng = Rng.seed(n);
        List<Variable> ours = new ArrayList<>();
        List<org.bytedeco.pytorch.Tensor> theirs = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Tensor x = rng.normal(Shape.of(1, 2, n, 4));
            if (i == operand) { // the last but one row
                Tensor here = Tensor.arange(n).eq(n - 2).unsqueeze(1).broadcastTo(x.shape());
                x = here.where(Tensor.full(poison, DType.F32), x);
            }
            Tensor value = x.realize();
            ours.add(Variable.of("x", value));
            theirs.add(Torch.parameter(value));
        }
        Tensor seen = Tensor.arange(n).unsqueeze(1).ge(Tensor.arange(n));
        Tensor mask =
                (how == Mask.BOOLEAN
                                ? seen
                                : seen.where(Tensor.of(0f), Tensor.of(Float.NEGATIVE_INFINITY)))
                        .realize();
        boolean causal = how == Mask.CAUSAL;
        Tensor y =
                ours.get(0)
                        .scaledDotProductAttention(
                                ours.get(1),
                                ours.get(2),
                                causal ? Attention.CAUSAL : Attention.FULL,
                                causal ? Optional.empty() : Optional.of(mask),
                                Optional.empty());
        org.bytedeco.pytorch.Tensor z =
                torch.scaled_dot_product_attention(
                        theirs.get(0),
                        theirs.get(1),
                        theirs.get(2),
                        causal ? Torch.none() : Torch.optional(Torch.of(mask)),
                        0,
                        causal,
                        new DoubleOptional(),
                        false);
        y.narrow(2, 0, n - 2).sum().backward(); // of those that see nothing of it
        z.narrow(2, 0, n - 2).sum().backward();
        close("result", Torch.doubles(z), y.toDoubleArray());
        for (int i = 0; i < 3; i++) {
            close(
                    "gradient " + i,
                    Torch.doubles(theirs.get(i).grad()),
                    ours.get(i).grad().orElseThrow().toDoubleArray());
        }
    }

    private static void close(String what, double[] want, double[] got) {
        for (int i = 0; i < want.length; i++) {
            boolean fits =
                    !Double.isFinite(want[i])
                            || Math.abs(want[i] - got[i]) <= 1e-4 * Math.max(1, Math.abs(want[i]));
            assertTrue(fits, what + " [" + i + "]: " + got[i] + ", but libtorch has " + want[i]);
        }
    }
}
