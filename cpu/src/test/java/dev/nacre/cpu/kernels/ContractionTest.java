package dev.nacre.cpu.kernels;

import static dev.nacre.type.DType.BF16;
import static dev.nacre.type.DType.BOOL;
import static dev.nacre.type.DType.F16;
import static dev.nacre.type.DType.F32;
import static dev.nacre.type.DType.F64;
import static dev.nacre.type.DType.I32;
import static dev.nacre.type.DType.I64;
import static dev.nacre.type.DType.I8;
import static dev.nacre.type.DType.U8;

import dev.nacre.compile.Kernel.Activation;
import dev.nacre.compile.Kernel.Contraction;
import dev.nacre.compile.Kernel.Epilogue;
import dev.nacre.compile.View;
import dev.nacre.ir.Scalars;
import dev.nacre.type.DType;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ContractionTest {
    @ParameterizedTest
    @EnumSource(DType.class)
    void anyLayout(DType type) {
        for (int seed = 0; seed < 60; seed++) {
            var box = new Sandbox(seed);
            int m = box.between(1, 20);
            int n = box.between(1, 70);
            int k = box.between(1, 40);
            if (seed % 3 == 0) check(box, type, type, Epilogue.NONE, m, n, k);
            else if (seed % 3 == 1)
                check(box, type, type, Epilogue.NONE, m, n, k, box.between(1, 4));
            else
                check(
                        box,
                        type,
                        type,
                        Epilogue.NONE,
                        n,
                        m,
                        k,
                        box.between(1, 3),
                        box.between(1, 3));
        }
    }

    @Test
    void empty() {
        for (var type : List.of(F32, F64, I32)) {
            check(new Sandbox(1), type, type, Epilogue.NONE, 3, 4, 0);
            check(new Sandbox(2), type, type, Epilogue.NONE, 0, 4, 5);
            check(new Sandbox(3), type, type, Epilogue.NONE, 3, 0, 5);
            check(new Sandbox(4), type, type, Epilogue.NONE, 3, 4, 5, 0);
            check(new Sandbox(5), type, type, Epilogue.NONE, 3, 4, 0, 2);
        }
    }

    /// More than one block along each side, and k cut in several.
    @Test
    void blocks() {
        check(new Sandbox(1), F32, F32, Epilogue.NONE, 203, 601, 300);
        check(new Sandbox(2), F32, F32, Epilogue.NONE, 1030, 33, 65);
        check(new Sandbox(3), F32, F32, Epilogue.NONE, 17, 40, 5000);
        check(new Sandbox(4), F64, F64, Epilogue.NONE, 100, 90, 2049);
        check(new Sandbox(5), I64, I64, Epilogue.NONE, 5, 6, 3000);
        check(new Sandbox(6), F32, F32, Epilogue.NONE, 30, 40, 20, 40);
        check(new Sandbox(7), F32, F32, Epilogue.NONE, 1, 1, 10_000);
        check(new Sandbox(8), F32, F32, Epilogue.NONE, 1, 1000, 1000);
        check(new Sandbox(9), F32, F32, Epilogue.NONE, 1000, 1, 1000);
    }

    @Test
    void anotherResultType() {
        check(new Sandbox(1), BF16, F32, Epilogue.NONE, 9, 33, 50);
        check(new Sandbox(2), F16, F32, Epilogue.NONE, 9, 33, 50);
        check(new Sandbox(3), F32, BF16, Epilogue.NONE, 9, 33, 50);
        check(new Sandbox(4), F64, F32, Epilogue.NONE, 9, 33, 50);
        check(new Sandbox(5), I8, I32, Epilogue.NONE, 9, 33, 50);
        check(new Sandbox(6), U8, I64, Epilogue.NONE, 9, 33, 50);
        check(new Sandbox(7), BOOL, I32, Epilogue.NONE, 9, 33, 50);
    }

    @Test
    void epilogues() {
        for (var type : List.of(F32, F64, BF16)) {
            for (int i = 0; i <= Activation.values().length; i++) {
                var f = Stream.of(Activation.values()).skip(i).findFirst();
                for (int n : new int[] {5, 40}) {
                    var box = new Sandbox(i);
                    check(
                            box,
                            type,
                            type,
                            new Epilogue(Optional.of(box.operand(type, box::normal, n)), f),
                            11,
                            n,
                            7);
                    check(box, type, type, new Epilogue(Optional.empty(), f), 11, n, 7, 3);
                }
            }
        }
    }

    private static void check(
            Sandbox box,
            DType type,
            DType outType,
            Epilogue epilogue,
            int m,
            int n,
            int k,
            long... leading) {
        var a = box.operand(type, () -> number(box, type), sizes(leading, m, k));
        var b = box.operand(type, () -> number(box, type), sizes(leading, k, n));
        var out = box.result(outType, sizes(leading, m, n));
        var expected = product(box, a, b, m, n, k);
        var bias = epilogue.bias().map(box::values).orElse(new double[n]);
        for (int i = 0; i < expected.length; i++) {
            double x = expected[i] + (n == 0 ? 0 : bias[i % n]);
            expected[i] =
                    Sandbox.round(outType, epilogue.activation().map(f -> apply(f, x)).orElse(x));
        }
        double sum =
                Sandbox.epsilon(type == F64 ? F64 : type.isFloating() ? F32 : type) * 4 * (k + 4);
        box.check(
                new Contraction(a, b, epilogue, out),
                out,
                expected,
                sum + 2 * Sandbox.epsilon(outType));
    }

    private static double number(Sandbox box, DType type) {
        return type.isFloating()
                ? box.normal()
                : box.between(type == U8 || type == BOOL ? 0 : -9, 9);
    }

    private static long[] sizes(long[] leading, int rows, int columns) {
        var sizes = java.util.Arrays.copyOf(leading, leading.length + 2);
        sizes[leading.length] = rows;
        sizes[leading.length + 1] = columns;
        return sizes;
    }

    private static double[] product(Sandbox box, View a, View b, int m, int n, int k) {
        var as = box.values(a);
        var bs = box.values(b);
        long batches =
                m * k != 0
                        ? a.count() / (m * k)
                        : k * n != 0 ? b.count() / (k * n) : a.rank() > 2 ? a.sizes()[0] : 1;
        var out = new double[(int) batches * m * n];
        for (int i = 0; i < out.length; i++) {
            int row = i / n;
            int column = i % n;
            int batch = row / m;
            for (int j = 0; j < k; j++)
                out[i] += as[row * k + j] * bs[(batch * k + j) * n + column];
        }
        return out;
    }

    static double apply(Activation f, double x) {
        return switch (f) {
            case RELU -> Math.max(x, 0);
            case SIGMOID -> Scalars.sigmoid(x);
            case TANH -> Math.tanh(x);
        };
    }
}
