package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.ir.Attention;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Optional;

/// Which keys a query may not look at, in the sense of PyTorch's `MultiheadAttention`: **true means hidden**. (In `scaledDotProductAttention` true means visible, as in
/// PyTorch's function of that name.) Numbers instead of bools are added to the scores. What several masks hide is hidden.
///
/// @param causal whether query i sees only keys 0 to i
/// @param mask broadcast to `[n, heads, queries, keys]`; a matrix `[queries, keys]` is the same for all
/// @param keyPadding `[n, keys]`: keys that are only filling
public record AttentionMask(boolean causal, Optional<Tensor> mask, Optional<Tensor> keyPadding) {
    /// More than any number that means something; sums of squares of such have room in f32.
    private static final double MOST = 0x1p50;

    /// Everything is visible.
    public static final AttentionMask NONE =
            new AttentionMask(false, Optional.empty(), Optional.empty());

    /// Query i sees keys 0 to i.
    public static final AttentionMask CAUSAL =
            new AttentionMask(true, Optional.empty(), Optional.empty());

    /// Bools, or a bias on the scores; of shape `[queries, keys]` or anything that broadcasts to `[n, heads, queries, keys]`.
    public static AttentionMask of(Tensor mask) {
        return new AttentionMask(false, Optional.of(mask), Optional.empty());
    }

    /// Of shape `[n, keys]`.
    public static AttentionMask ofKeyPadding(Tensor keyPadding) {
        return NONE.keyPadding(keyPadding);
    }

    public AttentionMask keyPadding(Tensor keyPadding) {
        Problem.in("keyPadding")
                .require(keyPadding.rank() == 2, "must be [batch, keys]")
                .operand("keyPadding", keyPadding.type(), keyPadding::origin)
                .throwShape();
        return new AttentionMask(causal, mask, Optional.of(keyPadding));
    }

    /// Keys or values `[n, keys, width]` with zeros in place of filling that is not finite or whose squares are not: a projection or a norm would carry it to its weights' gradients.
    Tensor withoutPadding(Tensor x) {
        if (keyPadding.isEmpty()) {
            return x;
        }
        Tensor p = keyPadding.get();
        Problem.in("keyPadding")
                .require(
                        x.rank() == 3
                                && Shape.broadcast(p.shape(), x.shape().range(0, 2)).isPresent(),
                        "must be [batch, keys] of x [batch, keys, width]")
                .operand("x", x.type(), x::origin)
                .operand("keyPadding", p.type(), p::origin)
                .throwShape();
        Tensor hidden = p.dtype() == DType.BOOL ? p : p.eq(Double.NEGATIVE_INFINITY);
        return hidden.unsqueeze(2).and(x.abs().lt(MOST).not()).where(x.zerosLike(), x);
    }

    /// The causal part, as `scaledDotProductAttention` takes it.
    Attention attention() {
        return causal ? Attention.CAUSAL : Attention.FULL;
    }

    /// The rest in one: bools that are true where a key is visible, or numbers to add.
    Optional<Tensor> combined() {
        Optional<Tensor> padding = keyPadding.map(p -> p.unsqueeze(1).unsqueeze(1));
        if (mask.isEmpty() || padding.isEmpty()) {
            return mask.or(() -> padding).map(m -> m.dtype() == DType.BOOL ? m.not() : m);
        }
        Tensor a = mask.get();
        Tensor b = padding.get();
        return Optional.of(
                a.dtype() == DType.BOOL && b.dtype() == DType.BOOL
                        ? a.or(b).not()
                        : bias(a).add(bias(b)));
    }

    private static Tensor bias(Tensor m) {
        return m.dtype() == DType.BOOL
                ? m.where(Tensor.of(Float.NEGATIVE_INFINITY), Tensor.of(0f))
                : m;
    }
}
