package dev.nacre.cpu.onednn;

import java.util.Objects;

/// One step done on each element of a result before it is stored.
public sealed interface PostOp {
    /// `x` becomes `function(x; alpha, beta)`.
    record Eltwise(Function function, float alpha, float beta) implements PostOp {
        /// A function without parameters.
        public Eltwise(Function function) {
            this(function, 0, 0);
        }

        public Eltwise {
            Objects.requireNonNull(function, "function");
        }
    }

    /// `x` becomes `x op operand`, with the operand of the result's rank, broadcast along its axes of size 1. It is one of
    /// the primitive's [slots][Primitive#slots()].
    record Binary(Operator operator, MemoryDesc operand) implements PostOp {
        public Binary {
            Objects.requireNonNull(operator, "operator");
            Objects.requireNonNull(operand, "operand");
        }
    }

    /// `x` becomes `x + scale · old`, where `old` is what the destination held.
    record Sum(float scale) implements PostOp {}

    /// The functions of [Eltwise].
    enum Function {
        /// `x > 0 ? x : alpha·x`
        RELU(0x20),
        TANH(0x21),
        /// `x > 0 ? x : alpha·(eˣ − 1)`
        ELU(0x22),
        SQUARE(0x23),
        ABS(0x24),
        SQRT(0x25),
        /// `alpha·x + beta`
        LINEAR(0x26),
        /// `log(1 + e^(alpha·x)) / alpha`
        SOFT_RELU(0x27),
        /// `max(0, min(1, alpha·x + beta))`
        HARD_SIGMOID(0x28),
        /// `1 / (1 + e⁻ˣ)`
        LOGISTIC(0x29),
        EXP(0x2a),
        /// gelu with its tanh approximation
        GELU_TANH(0x2b),
        /// `x / (1 + e^(−alpha·x))`; silu has alpha 1
        SWISH(0x2c),
        LOG(0x2d),
        /// `max(alpha, min(beta, x))`
        CLIP(0x2e),
        /// `alpha·x^beta`
        POW(0x30),
        /// gelu by the error function
        GELU_ERF(0x31),
        /// to the nearest integer, ties to even
        ROUND(0x32),
        /// `x·tanh(log(1 + eˣ))`
        MISH(0x33),
        /// `x·max(0, min(1, alpha·x + beta))`; the usual one has alpha 1/6 and beta 1/2
        HARD_SWISH(0x34);

        final int code;

        Function(int code) {
            this.code = code;
        }
    }

    /// The operators of [Binary].
    enum Operator {
        ADD(0x1fff0),
        MUL(0x1fff1),
        MAX(0x1fff2),
        MIN(0x1fff3),
        DIV(0x1fff4),
        SUB(0x1fff5);

        final int code;

        Operator(int code) {
            this.code = code;
        }
    }
}
