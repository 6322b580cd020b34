package dev.nacre.ir;

import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.List;
import java.util.OptionalDouble;

/// How [Neural#scaledDotProductAttention] weighs keys (Vaswani et al. 2017): `softmax(q·kᵀ·scale + mask)·v`. A composite: its meaning is made of primitives, and a
/// backend may compute it without ever holding the `[…, queries, keys]` scores (Dao et al. 2022).
///
/// Operands: query, key, value; then the mask, if there is one; then the key of random bits, if weights are dropped.
///
/// @param causal whether query i sees only keys 0 to i
/// @param scale of the scores; empty for `1/√width`
/// @param dropout probability that a weight is dropped, the others being scaled by `1/(1 − dropout)`
/// @param masked whether there is a mask
public record Attention(boolean causal, OptionalDouble scale, double dropout, boolean masked)
        implements Composite {
    /// Every query sees every key.
    public static final Attention FULL = new Attention(false, OptionalDouble.empty(), 0, false);

    /// Query i sees keys 0 to i.
    public static final Attention CAUSAL = new Attention(true, OptionalDouble.empty(), 0, false);

    /// Scores below this are as good as −∞: a row's largest score is taken to be at least this, so that `e^(score − largest)` is 0, not NaN, where everything is masked.
    public static final double LOWEST = -1e30;

    /// A row's sum of `e^(score − largest)` is at least 1, but 0 where everything is masked; it is taken to be at least this.
    public static final double LEAST_SUM = 0.5;

    public Attention {
        Problem.in("attention").within("dropout", dropout, 0, 1).throwValue();
    }

    public Attention scale(double scale) {
        return new Attention(causal, OptionalDouble.of(scale), dropout, masked);
    }

    public Attention dropout(double dropout) {
        return new Attention(causal, scale, dropout, masked);
    }

    Attention masked(boolean masked) {
        return new Attention(causal, scale, dropout, masked);
    }

    @Override
    public String name() {
        return "attention";
    }

    /// Number of operands.
    public int arity() {
        return 3 + (masked ? 1 : 0) + (dropout > 0 ? 1 : 0);
    }

    /// What it means, in primitives. The first output is the result; the second, for derivatives, the logarithm of the sum of `e^score` over all keys, `[…, heads, queries, 1]`.
    Body body(List<TensorType> operands) {
        return Body.of(this, operands, this::meaning);
    }

    /// The result and the logarithms: with them a derivative can compute the weights again, a block at a time (Dao 2023).
    @Override
    public List<Integer> saved() {
        return List.of(0, 1);
    }

    /// The rules that the operands have to keep.
    void check(Problem p, TensorType query, TensorType key, TensorType value) {
        Shape q = query.shape();
        Shape k = key.shape();
        Shape v = value.shape();
        p.require(
                        query.dtype().isFloating()
                                && query.dtype() == key.dtype()
                                && query.dtype() == value.dtype(),
                        "query, key and value must have one floating dtype")
                .throwDType();
        p.require(
                        q.rank() >= 2 && q.rank() == k.rank() && q.rank() == v.rank(),
                        "query, key and value need the same number of axes, at least 2")
                .throwShape();
        p.require(
                q.size(-1) == k.size(-1),
                "query.size(-1) must equal key.size(-1), but " + q.size(-1) + " ≠ " + k.size(-1));
        p.require(
                k.range(0, k.rank() - 1).equals(v.range(0, v.rank() - 1)),
                "key and value must agree on every axis but the last");
        p.require(
                q.size(-1) >= 0 || scale.isPresent(),
                () -> Sizes.unknown(q.rank() - 1) + ", as scores are scaled by it");
        int heads = q.rank() - 3;
        boolean batch =
                heads < 0
                        || q.range(0, heads).equals(k.range(0, heads))
                                && (q.size(heads) == k.size(heads)
                                        || k.size(heads) > 0 && q.size(heads) % k.size(heads) == 0);
        p.require(
                        batch,
                        "the leading axes must be equal, but for the query's heads (axis -3), which may be a multiple of the key's")
                .throwShape();
    }

    /// What scores are multiplied by, for queries and keys of this width.
    public double factor(long width) {
        return scale.orElseGet(() -> 1 / Math.sqrt(Math.max(1, width)));
    }

    private List<Node> meaning(List<Node> in) {
        Node q = in.get(0);
        Node k = in.get(1);
        Node v = in.get(2);
        DType wide = q.dtype().arithmetic();
        Node scores = product(q, k.transpose(), wide).mul(factor(q.size(-1)));
        Node nothing = scores.constant(Double.NEGATIVE_INFINITY, wide);
        if (masked) {
            Node mask = in.get(3);
            scores =
                    mask.dtype() == DType.BOOL
                            ? mask.where(scores, nothing)
                            : scores.add(mask.cast(wide));
        }
        if (causal) {
            Node query = scores.iota(scores.size(-2), DType.I32).unsqueeze(1);
            Node key = scores.iota(scores.size(-1), DType.I32);
            scores = query.ge(key).where(scores, nothing);
        }
        // Softmax along the last axis, where a row in which everything is masked is all zeros: the
        // largest element of such a row is −∞, and its sum 0 where every
        // other row's is at least 1.
        Axes last = Axes.range(scores.rank() - 1, scores.rank());
        Node largest = scores.reduce(Reduction.MAX, last).detach().maximum(LOWEST);
        Node e = scores.sub(largest.expandAlong(last, scores.shape())).exp();
        Node sum = e.reduce(Reduction.SUM, last).maximum(LEAST_SUM);
        Node weights = e.div(sum.expandAlong(last, scores.shape()));
        if (masked || causal) { // chosen, so that no derivative multiplies 0 by what is hidden
            weights = scores.eq(nothing).where(weights.zerosLike(), weights);
        }
        if (dropout > 0) {
            weights = weights.dropout(dropout, in.getLast().randomBits(weights.shape()));
        }
        boolean small = v.dtype() == DType.F16; // weights of many keys are too small for it
        return List.of(
                small
                        ? product(weights, v.cast(wide), wide).cast(q.dtype())
                        : product(weights.cast(v.dtype()), v, q.dtype()),
                largest.add(sum.log()).unsqueeze(q.rank() - 1));
    }

    /// `[…, heads, m, k] · […, heads/g, k, n]`: g heads that share an operand are rows of one product.
    private static Node product(Node a, Node b, DType dtype) {
        int heads = a.rank() - 3;
        if (heads < 0 || a.size(heads) == b.size(heads)) {
            return Node.of(new Op.Contract(dtype), a, b);
        }
        long group = a.size(heads) / b.size(heads);
        if (a.size(-2) < 0) { // an unknown size cannot be multiplied
            Shape all = b.shape().insert(heads + 1, group);
            Node repeated = b.unsqueeze(heads + 1).broadcastTo(all);
            return Node.of(
                    new Op.Contract(dtype),
                    a,
                    repeated.reshape(b.shape().with(heads, a.size(heads))));
        }
        Shape rows = a.shape().with(heads, b.size(heads)).with(-2, group * a.size(-2));
        return Node.of(new Op.Contract(dtype), a.reshape(rows), b)
                .reshape(a.shape().with(-1, b.size(-1)));
    }
}
