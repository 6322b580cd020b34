package dev.nacre.cpu.onednn;

import static dev.nacre.cpu.onednn.DataType.F32;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PostOpTest {
    private static final double ALPHA = 0.3;
    private static final double BETA = 0.7;

    @BeforeAll
    static void library() {
        assumeTrue(OneDnn.get().isPresent());
    }

    static double gelu(double x) {
        return x * 0.5 * (1 + erf(x / Math.sqrt(2)));
    }

    /// By its power series.
    private static double erf(double x) {
        if (Math.abs(x) > 4) return Math.signum(x);
        double sum = 0;
        double term = x;
        for (int n = 0; n < 80; n++) {
            sum += term / (2 * n + 1);
            term *= -x * x / (n + 1);
        }
        return 2 / Math.sqrt(Math.PI) * sum;
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    private static DoubleUnaryOperator oracle(PostOp.Function function) {
        return switch (function) {
            case RELU -> x -> x > 0 ? x : ALPHA * x;
            case TANH -> Math::tanh;
            case ELU -> x -> x > 0 ? x : ALPHA * Math.expm1(x);
            case SQUARE -> x -> x * x;
            case ABS -> Math::abs;
            case SQRT -> Math::sqrt;
            case LINEAR -> x -> ALPHA * x + BETA;
            case SOFT_RELU -> x -> Math.log1p(Math.exp(ALPHA * x)) / ALPHA;
            case HARD_SIGMOID -> x -> Math.clamp(ALPHA * x + BETA, 0, 1);
            case LOGISTIC -> PostOpTest::sigmoid;
            case EXP -> Math::exp;
            case GELU_TANH ->
                    x ->
                            0.5
                                    * x
                                    * (1
                                            + Math.tanh(
                                                    Math.sqrt(2 / Math.PI)
                                                            * (x + 0.044715 * x * x * x)));
            case SWISH -> x -> x * sigmoid(ALPHA * x);
            case LOG -> Math::log;
            case CLIP -> x -> Math.clamp(x, ALPHA, BETA);
            case POW -> x -> ALPHA * Math.pow(x, BETA);
            case GELU_ERF -> PostOpTest::gelu;
            case ROUND -> Math::rint;
            case MISH -> x -> x * Math.tanh(Math.log1p(Math.exp(x)));
            case HARD_SWISH -> x -> x * Math.clamp(ALPHA * x + BETA, 0, 1);
        };
    }

    @ParameterizedTest
    @EnumSource(PostOp.Function.class)
    void functions(PostOp.Function function) {
        boolean positive =
                function == PostOp.Function.SQRT
                        || function == PostOp.Function.LOG
                        || function == PostOp.Function.POW;
        var src = Cells.random(MemoryDesc.dense(F32, 37, 3), 1);
        var weights = Cells.random(MemoryDesc.dense(F32, 3, 41), 2);
        if (positive) {
            src.forEach(i -> src.set(i, Math.abs(src.get(i)) + 0.1));
            weights.forEach(i -> weights.set(i, Math.abs(weights.get(i)) + 0.1));
        } else {
            src.forEach(i -> src.set(i, 3 * src.get(i)));
        }
        var dst = Cells.zeros(MemoryDesc.dense(F32, 37, 41));
        var attributes = Attributes.NONE.then(function, (float) ALPHA, (float) BETA);
        Run.run(
                MatMul.of(src.desc, weights.desc, dst.desc).attributes(attributes),
                src,
                weights,
                dst);
        var exact = oracle(function);
        Run.check(
                function.name(),
                dst,
                1000,
                index -> {
                    double x = (float) MatMulTest.product(src, weights, index);
                    return exact.applyAsDouble(x);
                });
    }

    @ParameterizedTest
    @EnumSource(PostOp.Operator.class)
    void operators(PostOp.Operator operator) {
        var src = Cells.random(MemoryDesc.dense(F32, 37, 3), 1);
        var weights = Cells.random(MemoryDesc.dense(F32, 3, 41), 2);
        var other = Cells.random(MemoryDesc.dense(F32, 37, 41), 3);
        other.forEach(i -> other.set(i, Math.abs(other.get(i)) + 0.5));
        var dst = Cells.zeros(MemoryDesc.dense(F32, 37, 41));
        var attributes = Attributes.NONE.then(new PostOp.Binary(operator, other.desc));
        Run.run(
                MatMul.of(src.desc, weights.desc, dst.desc).attributes(attributes),
                src,
                weights,
                dst,
                other);
        Run.check(
                operator.name(),
                dst,
                3,
                index -> {
                    double x = MatMulTest.product(src, weights, index);
                    double y = other.get(index);
                    return switch (operator) {
                        case ADD -> x + y;
                        case MUL -> x * y;
                        case MAX -> Math.max(x, y);
                        case MIN -> Math.min(x, y);
                        case DIV -> x / y;
                        case SUB -> x - y;
                    };
                });
    }
}
