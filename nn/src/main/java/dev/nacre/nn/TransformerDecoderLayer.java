package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;

/// Self-attention, attention to the encoder's result (the memory), then a small network at each position, each with a way round it and a layer normalisation (Vaswani et al.
/// 2017). Names, arguments and first values as in PyTorch.
///
/// Shape: `[n, time, width]`, memory `[n, s, width]` → `[n, time, width]`.
public record TransformerDecoderLayer(
        MultiheadAttention selfAttn,
        MultiheadAttention multiheadAttn,
        Linear linear1,
        Dropout dropout,
        Linear linear2,
        LayerNorm norm1,
        LayerNorm norm2,
        LayerNorm norm3,
        Dropout dropout1,
        Dropout dropout2,
        Dropout dropout3,
        Activation activation,
        boolean normFirst)
        implements Module {
    /// Relu, dropout 0.1, norms last.
    ///
    /// @param inner width between the two linear maps
    public static TransformerDecoderLayer of(long width, int heads, long inner, Rng rng) {
        return new TransformerDecoderLayer(
                        MultiheadAttention.of(width, heads, rng),
                        MultiheadAttention.of(width, heads, rng),
                        Linear.of(width, inner, rng),
                        Dropout.of(0.1, rng),
                        Linear.of(inner, width, rng),
                        LayerNorm.of(width),
                        LayerNorm.of(width),
                        LayerNorm.of(width),
                        Dropout.of(0.1, rng),
                        Dropout.of(0.1, rng),
                        Dropout.of(0.1, rng),
                        Activation.RELU,
                        false)
                .dropout(0.1);
    }

    public TransformerDecoderLayer dropout(double p) {
        return new TransformerDecoderLayer(
                selfAttn.dropout(p),
                multiheadAttn.dropout(p),
                linear1,
                new Dropout(p, dropout.rng()),
                linear2,
                norm1,
                norm2,
                norm3,
                new Dropout(p, dropout1.rng()),
                new Dropout(p, dropout2.rng()),
                new Dropout(p, dropout3.rng()),
                activation,
                normFirst);
    }

    public TransformerDecoderLayer activation(Activation activation) {
        return with(activation, normFirst);
    }

    public TransformerDecoderLayer withNormFirst() {
        return with(activation, true);
    }

    private TransformerDecoderLayer with(Activation activation, boolean normFirst) {
        return new TransformerDecoderLayer(
                selfAttn,
                multiheadAttn,
                linear1,
                dropout,
                linear2,
                norm1,
                norm2,
                norm3,
                dropout1,
                dropout2,
                dropout3,
                activation,
                normFirst);
    }

    /// Causal self-attention, with the memory the sequence itself.
    @Override
    public Tensor forward(Tensor x, Mode mode) {
        return forward(x, x, AttentionMask.CAUSAL, AttentionMask.NONE, mode);
    }

    public Tensor forward(
            Tensor sequence,
            Tensor memory,
            AttentionMask mask,
            AttentionMask memoryMask,
            Mode mode) {
        Tensor x = mask.withoutPadding(sequence); // past attention, too, it meets weights
        if (normFirst) {
            Tensor y = x.add(own(norm1.forward(x), mask, mode));
            Tensor z = y.add(other(norm2.forward(y), memory, memoryMask, mode));
            return z.add(fed(norm3.forward(z), mode));
        }
        Tensor y = norm1.forward(x.add(own(x, mask, mode)));
        Tensor z = norm2.forward(y.add(other(y, memory, memoryMask, mode)));
        return norm3.forward(z.add(fed(z, mode)));
    }

    private Tensor own(Tensor x, AttentionMask mask, Mode mode) {
        return dropout1.forward(selfAttn.forward(x, mask, mode), mode);
    }

    private Tensor other(Tensor x, Tensor memory, AttentionMask mask, Mode mode) {
        return dropout2.forward(multiheadAttn.forward(x, memory, memory, mask, mode), mode);
    }

    private Tensor fed(Tensor x, Mode mode) {
        Tensor inner = dropout.forward(activation.forward(linear1.forward(x)), mode);
        return dropout3.forward(linear2.forward(inner), mode);
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
