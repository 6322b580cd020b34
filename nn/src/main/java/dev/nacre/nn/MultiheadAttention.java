package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Optional;

/// Multi-head attention (Vaswani et al. 2017): query, key and value are projected, cut into heads, which attend each on its own, and the joined results projected again.
/// Keys of its state and first values are PyTorch's; the batch comes first (PyTorch: `batch_first=True`).
///
/// Shape: query `[n, l, width]`, key and value `[n, s, width]` → `[n, l, width]`.
///
/// @param inProjWeight the three projections one below the other: `[width + 2·keys·width/heads, width]`
/// @param inProjBias of the same, if there is one
/// @param outProj of the joined heads
public record MultiheadAttention(
        Variable inProjWeight, Optional<Variable> inProjBias, Linear outProj, Heads heads)
        implements Module {
    /// Self or cross attention with `heads` heads.
    public static MultiheadAttention of(long width, int heads, Rng rng) {
        return grouped(width, heads, heads, rng);
    }

    /// With fewer heads of key and value than of the query (Ainslie et al. 2023).
    public static MultiheadAttention grouped(long width, int heads, int keyHeads, Rng rng) {
        Problem.in("multiheadAttention")
                .atLeast("width", width, 1)
                .atLeast("heads", heads, 1)
                .atLeast("keyHeads", keyHeads, 1)
                .throwShape();
        Problem.in("multiheadAttention")
                .require(
                        heads >= 1 && width % heads == 0,
                        "the width " + width + " is not divisible by " + heads + " heads")
                .throwShape();
        long rows = width + 2 * keyHeads * (width / heads);
        Linear out = Linear.of(width, width, rng);
        return new MultiheadAttention(
                Layers.parameter(
                        "in_proj_weight", Shape.of(rows, width), Initializer.xavierUniform(), rng),
                Optional.of(Variable.zeros("in_proj_bias", rows)),
                new Linear(out.weight(), Optional.of(Variable.zeros("bias", width))),
                Heads.grouped(heads, keyHeads, rng.split()));
    }

    public MultiheadAttention withoutBias() {
        return new MultiheadAttention(inProjWeight, Optional.empty(), outProj.withoutBias(), heads);
    }

    /// Of attention weights, in training.
    public MultiheadAttention dropout(double p) {
        return new MultiheadAttention(inProjWeight, inProjBias, outProj, heads.dropout(p));
    }

    public MultiheadAttention rotary(RotaryEmbedding rotary) {
        return new MultiheadAttention(inProjWeight, inProjBias, outProj, heads.rotary(rotary));
    }

    public long width() {
        return inProjWeight.size(1);
    }

    private long keyWidth() {
        return width() / heads.queries() * heads.keys();
    }

    @Override
    public boolean dependsOnMode() {
        return heads.dropout() > 0;
    }

    /// Self-attention in which everything sees everything.
    @Override
    public Tensor forward(Tensor x, Mode mode) {
        return forward(x, AttentionMask.NONE, mode);
    }

    /// Self-attention.
    public Tensor forward(Tensor x, AttentionMask mask, Mode mode) {
        long w = width();
        long k = keyWidth();
        Tensor all = projected(mask.withoutPadding(x), 0, w + 2 * k);
        return outProj.forward(
                heads.attend(
                        all.narrow(-1, 0, w),
                        all.narrow(-1, w, k),
                        all.narrow(-1, w + k, k),
                        mask,
                        mode));
    }

    /// Attention of one sequence to another.
    public Tensor forward(Tensor query, Tensor key, Tensor value, AttentionMask mask, Mode mode) {
        long w = width();
        long k = keyWidth();
        return outProj.forward(
                heads.attend(
                        projected(query, 0, w),
                        projected(mask.withoutPadding(key), w, k),
                        projected(mask.withoutPadding(value), w + k, k),
                        mask,
                        mode));
    }

    /// Causal self-attention of the next positions of a text; see [KeyValueCache]. For evaluation.
    public Tensor forward(Tensor x, KeyValueCache cache) {
        long w = width();
        long k = keyWidth();
        Tensor all = projected(x, 0, w + 2 * k);
        return outProj.forward(
                heads.attend(
                        all.narrow(-1, 0, w),
                        all.narrow(-1, w, k),
                        all.narrow(-1, w + k, k),
                        cache));
    }

    /// Room for what [#forward(Tensor, KeyValueCache)] keeps.
    public KeyValueCache cache(long n, long capacity) {
        return KeyValueCache.of(n, heads.keys(), capacity, width() / heads.queries());
    }

    private Tensor projected(Tensor x, long row, long rows) {
        Problem.in("multiheadAttention")
                .require(
                        x.rank() == 3 && x.size(2) == width(),
                        "x must be [batch, time, " + width() + "]")
                .operand("x", x.type(), x::origin)
                .operand("in_proj_weight", inProjWeight.type(), inProjWeight::origin)
                .throwShape();
        Tensor w = inProjWeight.narrow(0, row, rows).transpose();
        return Layers.affine(x, w, inProjBias.map(b -> b.narrow(0, row, rows)));
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Outline.of(this);
    }
}
