package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;

/// Self-attention, then a small network at each position, each with a way round it and a layer normalisation (Vaswani et al. 2017). With the normalisations first (Xiong et
/// al. 2020) and a causal mask it is the block of a GPT. Names, arguments and first values as in PyTorch.
///
/// - norms last: `x ← norm1(x + attention(x))`, `x ← norm2(x + linear2(activation(linear1(x))))`
/// - norms first: `x ← x + attention(norm1(x))`, `x ← x + linear2(activation(linear1(norm2(x))))`
///
/// Shape: `[n, time, width]` → the same.
public record TransformerEncoderLayer(
        MultiheadAttention selfAttn,
        Linear linear1,
        Dropout dropout,
        Linear linear2,
        LayerNorm norm1,
        LayerNorm norm2,
        Dropout dropout1,
        Dropout dropout2,
        Activation activation,
        boolean normFirst)
        implements Module {
    /// Relu, dropout 0.1, norms last.
    ///
    /// @param inner width between the two linear maps
    public static TransformerEncoderLayer of(long width, int heads, long inner, Rng rng) {
        return new TransformerEncoderLayer(
                        MultiheadAttention.of(width, heads, rng),
                        Linear.of(width, inner, rng),
                        Dropout.of(0.1, rng),
                        Linear.of(inner, width, rng),
                        LayerNorm.of(width),
                        LayerNorm.of(width),
                        Dropout.of(0.1, rng),
                        Dropout.of(0.1, rng),
                        Activation.RELU,
                        false)
                .dropout(0.1);
    }

    public TransformerEncoderLayer dropout(double p) {
        return new TransformerEncoderLayer(
                selfAttn.dropout(p),
                linear1,
                new Dropout(p, dropout.rng()),
                linear2,
                norm1,
                norm2,
                new Dropout(p, dropout1.rng()),
                new Dropout(p, dropout2.rng()),
                activation,
                normFirst);
    }

    public TransformerEncoderLayer activation(Activation activation) {
        return new TransformerEncoderLayer(
                selfAttn,
                linear1,
                dropout,
                linear2,
                norm1,
                norm2,
                dropout1,
                dropout2,
                activation,
                normFirst);
    }

    public TransformerEncoderLayer withNormFirst() {
        return new TransformerEncoderLayer(
                selfAttn,
                linear1,
                dropout,
                linear2,
                norm1,
                norm2,
                dropout1,
                dropout2,
                activation,
                true);
    }

    @Override
    public Tensor forward(Tensor x, Mode mode) {
        return forward(x, AttentionMask.NONE, mode);
    }

    public Tensor forward(Tensor sequence, AttentionMask mask, Mode mode) {
        Tensor x = mask.withoutPadding(sequence); // past attention, too, it meets weights
        if (normFirst) {
            Tensor y = x.add(attended(norm1.forward(x), mask, mode));
            return y.add(fed(norm2.forward(y), mode));
        }
        Tensor y = norm1.forward(x.add(attended(x, mask, mode)));
        return norm2.forward(y.add(fed(y, mode)));
    }

    private Tensor attended(Tensor x, AttentionMask mask, Mode mode) {
        return dropout1.forward(selfAttn.forward(x, mask, mode), mode);
    }

    private Tensor fed(Tensor x, Mode mode) {
        Tensor inner = dropout.forward(activation.forward(linear1.forward(x)), mode);
        return dropout2.forward(linear2.forward(inner), mode);
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
