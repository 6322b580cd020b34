package dev.nacre.nn;

import dev.nacre.Tensor;
import java.util.function.UnaryOperator;

/// Activation functions without settings, each a module. Those with settings are records: [LeakyReLU], [ELU], [Softmax].
public enum Activation implements Module {
    /// `x`.
    LINEAR(x -> x),
    /// `max(x, 0)`.
    RELU(Tensor::relu),
    /// `x·Φ(x)` (Hendrycks and Gimpel 2016).
    GELU(Tensor::gelu),
    /// [#GELU] by its approximation with tanh.
    GELU_TANH(Tensor::geluTanh),
    /// `x·sigmoid(x)`, also called swish.
    SILU(Tensor::silu),
    TANH(Tensor::tanh),
    /// `1 / (1 + e⁻ˣ)`.
    SIGMOID(Tensor::sigmoid),
    LOG_SIGMOID(Tensor::logSigmoid),
    /// `eˣ / Σ eˣ` along the last axis.
    SOFTMAX(x -> x.softmax(-1)),
    LOG_SOFTMAX(x -> x.logSoftmax(-1)),
    /// `ln(1 + eˣ)`.
    SOFTPLUS(Tensor::softplus),
    /// `x / (1 + |x|)`.
    SOFTSIGN(Tensor::softsign),
    MISH(Tensor::mish),
    ELU(x -> x.elu(1)),
    SELU(Tensor::selu),
    RELU6(Tensor::relu6),
    HARD_SIGMOID(Tensor::hardSigmoid),
    HARD_SWISH(Tensor::hardSwish),
    HARD_TANH(x -> x.hardTanh(-1, 1));

    private final UnaryOperator<Tensor> formula;

    Activation(UnaryOperator<Tensor> formula) {
        this.formula = formula;
    }

    @Override
    public Tensor forward(Tensor x) {
        return formula.apply(x);
    }
}
