package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// A number of the program becomes an input of the plan once its place has been seen with another value. The result must not show it: to the last bit it is what it is where the number is seen for the
/// first time.
class LiteralsTest {
    private static final double[] NUMBERS = {0.3, 2, 7.3, 10, -0.7};

    /// Of a matrix and a number.
    private static Map<String, BiFunction<Tensor, Double, Tensor>> rows() {
        Map<String, BiFunction<Tensor, Double, Tensor>> rows = new LinkedHashMap<>();
        EnumSet<Binary> bits = // of whole numbers
                EnumSet.of(Binary.AND, Binary.OR, Binary.XOR, Binary.SHL, Binary.SHR);
        for (Binary f : EnumSet.complementOf(bits)) {
            if (f != Binary.POLYGAMMA) {
                rows.put("x " + f + " c", (x, c) -> x.combine(f, c));
                rows.put("c " + f + " x", (x, c) -> x.fullLike(c).combine(f, x));
                rows.put("0.3 " + f + " c", (x, c) -> x.add(x.fullLike(0.3).combine(f, c)));
            }
        }
        for (Unary f : EnumSet.complementOf(EnumSet.of(Unary.NOT))) {
            rows.put(f + " c", (x, c) -> x.add(x.fullLike(c).map(f)));
        }
        rows.put("mul mul", (x, c) -> x.mul(c).mul(0.37));
        rows.put("add add", (x, c) -> x.add(c).add(0.37));
        rows.put("mul add", (x, c) -> x.mul(c).add(0.11));
        rows.put("softmax", (x, c) -> x.div(c).softmax(-1));
        rows.put("softplus", (x, c) -> x.mul(c).softplus().div(c));
        rows.put("layerNorm", (x, c) -> x.layerNorm(1, Math.abs(c)));
        rows.put("log of quotient", (x, c) -> x.exp().div(c).log());
        rows.put("log1p", (x, c) -> x.mul(Math.abs(c)).add(1).log());
        rows.put("sum of equal", (x, c) -> x.add(Tensor.full(c, x.dtype(), 1000).sum()));
        rows.put("mean of equal", (x, c) -> x.add(Tensor.full(c, x.dtype(), 1000).mean()));
        rows.put("product of equal", (x, c) -> x.add(Tensor.full(c, x.dtype(), 7).prod()));
        rows.put("matmul", (x, c) -> x.mul(c).matmul(x.transpose()));
        rows.put("matmul then", (x, c) -> x.matmul(x.transpose()).mul(c));
        rows.put("norm", (x, c) -> x.norm(c));
        rows.put("derivative", (x, c) -> derivative(x, v -> v.mul(c).tanh().mul(c)));
        rows.put("derivative of pow", (x, c) -> derivative(x, v -> v.pow(c)));
        rows.put("cast", (x, c) -> x.add(Tensor.full(c, DType.F64).exp().cast(x.dtype())));
        return rows;
    }

    private static Tensor derivative(Tensor x, java.util.function.UnaryOperator<Tensor> f) {
        Variable v = Variable.of("v", x);
        return Gradients.of(f.apply(v).sum(), v).of(v);
    }

    @Test
    void seenBeforeOrNot() {
        check(DType.F32);
    }

    @Test
    @Tag("nightly")
    void inOtherTypes() {
        for (DType t : List.of(DType.F64, DType.F16, DType.BF16)) {
            check(t);
        }
    }

    private static void check(DType t) {
        List<String> wrong = new ArrayList<>();
        Tensor x = Rng.seed(3).uniform(t, 0.1, 3.0, Shape.of(4, 8)).realize();
        rows().forEach((name, f) -> {
            double[][] alone = new double[NUMBERS.length][];
            for (int i = 0; i < alone.length; i++) {
                alone[i] = numbers(f.apply(x.reshape(shape(i + 1)), NUMBERS[i]));
            }
            for (int i = 0; i < 2 * alone.length; i++) {
                double c = NUMBERS[i % alone.length];
                double[] seen = numbers(f.apply(x, c));
                if (!Arrays.equals(alone[i % alone.length], seen)) {
                    wrong.add(name + " " + t + " " + c);
                }
            }
        });
        assertEquals(List.of(), wrong);
    }

    /// `[1, …, 1, 4, 8]`, a graph of its own for each.
    private static long[] shape(int ones) {
        long[] s = new long[ones + 2];
        Arrays.fill(s, 1);
        s[ones] = 4;
        s[ones + 1] = 8;
        return s;
    }

    private static double[] numbers(Tensor x) {
        return x.cast(DType.F64).toDoubleArray();
    }
}
