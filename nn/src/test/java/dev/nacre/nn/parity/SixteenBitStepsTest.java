package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.keras.Optimizers;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Rule;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// 16-bit parameters stay finite wherever libtorch's do, which computes in 16 bits, and where 32 bits do.
class SixteenBitStepsTest {
    private static final float[] WEIGHTS = {0, 1, -2, 1e-6f, 300, -6e4f};
    private static final float[] GRADIENTS = {0, 6e-8f, 1e-4f, -1, 300, -6e4f};

    private static List<Tensor> pairs() {
        int n = WEIGHTS.length * GRADIENTS.length;
        float[] w = new float[n];
        float[] g = new float[n];
        for (int i = 0; i < n; i++) {
            w[i] = WEIGHTS[i / GRADIENTS.length];
            g[i] = GRADIENTS[i % GRADIENTS.length];
        }
        return List.of(Tensor.of(w).realize(), Tensor.of(g).realize());
    }

    private static double[] steps(Rule rule, DType dtype) {
        Variable w = Variable.of("w", pairs().getFirst().cast(dtype));
        Tensor g = pairs().getLast().cast(dtype).realize();
        Optimizer o = rule.over(List.of(w));
        for (int i = 0; i < 6; i++) {
            w.setGrad(g);
            o.step();
        }
        o.state().forEach((k, v) -> assertTrue(isFinite(v.toDoubleArray()), rule + ": " + k));
        return w.toDoubleArray();
    }

    private static boolean isFinite(double[] numbers) {
        return java.util.Arrays.stream(numbers).allMatch(Double::isFinite);
    }

    @TestFactory
    Stream<DynamicTest> finite() {
        return OptimizerParityTest.CASES.stream()
                .map(c -> DynamicTest.dynamicTest(c.name(), () -> finiteWhereTheirsAre(c)));
    }

    private static void finiteWhereTheirsAre(OptimizerParityTest.Case c) {
        for (DType dtype : List.of(DType.F16, DType.BF16)) {
            var type = dtype == DType.F16 ? torch.ScalarType.Half : torch.ScalarType.BFloat16;
            var w = Torch.of(pairs().getFirst()).to(type);
            w.requires_grad_(true);
            var g = Torch.of(pairs().getLast()).to(type);
            var o = c.theirs().apply(new TensorVector(w));
            for (int i = 0; i < 6; i++) {
                o.zero_grad();
                w.mul(g).sum().backward();
                o.step();
            }
            double[] theirs = Torch.doubles(w);
            double[] ours = steps(c.ours(), dtype);
            double[] wide = steps(c.ours(), DType.F32);
            for (int i = 0; i < ours.length; i++) {
                boolean fits = Math.abs(wide[i]) < (dtype == DType.F16 ? 65504 : 3e38);
                if (Double.isFinite(theirs[i]) || fits) {
                    assertTrue(Double.isFinite(ours[i]), dtype + " " + i + " is " + ours[i]);
                }
            }
        }
    }

    @Test
    void keras() {
        List<Rule> rules =
                new ArrayList<>(
                        List.of(
                                Optimizers.adam(0.01),
                                Optimizers.adamW(0.01),
                                Optimizers.sgd(0.01),
                                new Optimizers.SGD(0.01, 0.9, true),
                                Optimizers.rmsprop(0.01),
                                new Optimizers.RMSprop(0.01, 0.9, 0.9, 1e-7, true),
                                Optimizers.adagrad(0.01)));
        for (Rule rule : rules) {
            for (DType dtype : List.of(DType.F16, DType.BF16)) {
                double[] ours = steps(rule, dtype);
                double[] wide = steps(rule, DType.F32);
                for (int i = 0; i < ours.length; i++) {
                    boolean fits = Math.abs(wide[i]) < (dtype == DType.F16 ? 65504 : 3e38);
                    assertEquals(fits, Double.isFinite(ours[i]), rule + " " + dtype + " " + i);
                }
            }
        }
    }
}
