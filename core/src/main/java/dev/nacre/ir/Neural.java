package dev.nacre.ir;

import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.Precision;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.ValueException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Activations, normalisation and losses, composed of the rest.
///
/// @param <T> the implementing type
public interface Neural<T extends Algebra<T>> extends Expression<T> {

    // ---------------------------------------------------------------------------------------------
    // activations

    /// `max(x, 0)`; derivative 0 at 0.
    default T relu() {
        return self().map(Unary.RELU);
    }

    /// `1 / (1 + e⁻ˣ)`.
    default T sigmoid() {
        return self().map(Unary.SIGMOID);
    }

    /// `x·Φ(x) = x/2·(1 + erf(x/√2))` (Hendrycks and Gimpel 2016), whose digits far to the left are those of [Elementwise#ndtr()].
    default T gelu() {
        return self().wide(x -> x.mul(x.ndtr()));
    }

    /// The approximation `x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`, which is x times the sigmoid of twice that: so it keeps its digits to the left.
    default T geluTanh() {
        return self().wide(x -> {
            T cubic = x.square().mul(x).mul(0.044715);
            return x.mul(x.add(cubic).mul(2 * Math.sqrt(2 / Math.PI)).sigmoid());
        });
    }

    /// `x·sigmoid(x)`, also called swish.
    default T silu() {
        return self().wide(x -> x.mul(x.sigmoid()));
    }

    /// `ln(1 + eˣ)`, computed without overflow.
    default T softplus() {
        return self().map(Unary.SOFTPLUS);
    }

    /// `ln sigmoid(x)`.
    default T logSigmoid() {
        return self().wide(x -> x.neg().softplus().neg());
    }

    /// `x·tanh(softplus(x))` (Misra 2019).
    default T mish() {
        return self().wide(x -> x.mul(x.softplus().tanh()));
    }

    /// `x` where positive, else `slope·x`.
    default T leakyRelu(double slope) {
        return self().wide(x -> x.gt(0).where(x, x.mul(slope)));
    }

    /// `x` where positive, else `alpha·(eˣ − 1)` (Clevert et al. 2015).
    default T elu(double alpha) {
        return self().wide(x -> {
            T positive = x.gt(0);
            return positive.where(x, positive.where(x.zerosLike(), x).expm1().mul(alpha));
        });
    }

    /// Self-normalising [#elu] (Klambauer et al. 2017).
    default T selu() {
        return self().wide(x -> x.elu(1.6732632423543772).mul(1.0507009873554805));
    }

    /// `clamp(x, 0, 6)`.
    default T relu6() {
        return hardTanh(0, 6);
    }

    /// `clamp(x/6 + ½, 0, 1)`.
    default T hardSigmoid() {
        return self().wide(x -> x.add(3).hardTanh(0, 6).div(6));
    }

    /// `x·hardSigmoid(x)`.
    default T hardSwish() {
        return self().wide(x -> x.mul(x.hardSigmoid()));
    }

    /// `clamp(x, low, high)`, but with gradient 0 on the limits too, as in PyTorch; so are those of [#relu6] and its kin.
    default T hardTanh(double low, double high) {
        if (!dtype().isFloating()) {
            return self().clamp(low, high);
        }
        T inside = self().gt(low).and(self().lt(high));
        return inside.where(self(), self().detach().maximum(low).minimum(high));
    }

    /// `x / (1 + |x|)`.
    default T softsign() {
        return self().wide(x -> x.div(x.abs().add(1)));
    }

    // -------------------------------------------------------------------------------------------
    // normalisation

    /// `eˣ / Σ eˣ` along an axis, computed from the largest element so that it does not overflow. Of an empty axis it is empty.
    default T softmax(int axis) {
        Axes a = Axes.sortedOrAll("softmax", rank(), axis);
        requireFloating("softmax");
        return self().wide(x -> {
            T e = centred(x, a).exp();
            return e.div(e.reduce(Reduction.SUM, a).expandAlong(a, shape()));
        });
    }

    /// `x − ln Σ eˣ` along an axis: the logarithm of [#softmax], computed without loss.
    default T logSoftmax(int axis) {
        Axes a = Axes.sortedOrAll("logSoftmax", rank(), axis);
        requireFloating("logSoftmax");
        return self().wide(x -> {
            T c = centred(x, a);
            return c.sub(c.exp().reduce(Reduction.SUM, a).log().expandAlong(a, shape()));
        });
    }

    private void requireFloating(String op) {
        Problem.in(op)
                .require(dtype().isFloating(), "not defined on " + dtype())
                .operand("x", self().type(), this::origin)
                .hint("cast to f32 first")
                .throwDType();
    }

    /// Minus the largest element along an axis, which is a constant to the derivative.
    private static <T extends Algebra<T>> T centred(T x, Axes a) {
        return x.size(a.get(0)) == 0 // there is no largest, and nothing to compute
                ? x
                : x.sub(x.reduce(Reduction.MAX, a).detach().expandAlong(a, x.shape()));
    }

    /// `(x − mean) / √(variance + epsilon)` over the last axes, whose number is given (Ba et al. 2016).
    default T layerNorm(int lastAxes, double epsilon) {
        Axes a = last("layerNorm", lastAxes);
        requireFloating("layerNorm");
        return self().wide(x -> {
            T c = x.sub(x.mean(a.toArray()).expandAlong(a, shape()));
            T variance = c.square().mean(a.toArray());
            return c.mul(variance.add(epsilon).rsqrt().expandAlong(a, shape()));
        });
    }

    /// `x / √(mean(x²) + epsilon)` over the last axes (Zhang and Sennrich 2019).
    default T rmsNorm(int lastAxes, double epsilon) {
        Axes a = last("rmsNorm", lastAxes);
        requireFloating("rmsNorm");
        return self().wide(x ->
                x.mul(x.square().mean(a.toArray()).add(epsilon).rsqrt().expandAlong(a, shape())));
    }

    private Axes last(String op, int count) {
        Problem.in(op)
                .require(
                        count >= 1 && count <= rank(),
                        "the number of axes must be between 1 and " + rank() + ", but is " + count)
                .operand("x", type(), this::origin)
                .throwShape();
        return Axes.range(rank() - count, rank());
    }

    // ----------------------------------------------------------------------------------------------- attention

    /// Scaled dot-product attention (Vaswani et al. 2017): this is the query; `softmax(q·kᵀ/√width)·v`, or as `how` says. Weights are computed in f32 at least. A query
    /// that sees no key at all gives zeros. A backend may compute it in one piece, without holding the scores; see [Attention].
    ///
    /// Shape: query `[…, heads, l, width]`, key `[…, heads/g, s, width]`, value `[…, heads/g, s, out]` → `[…, heads, l, out]`. With g above 1, g neighbouring heads of
    /// the query share one of key and value (grouped queries, Ainslie et al. 2023).
    default T scaledDotProductAttention(T key, T value, Attention how) {
        return scaledDotProductAttention(key, value, how, Optional.empty(), Optional.empty());
    }

    /// The same with a mask and dropout. Keys and values that no query sees, and queries that see no key, are not looked at: they may be anything, and their gradients are 0.
    ///
    /// @param mask broadcast to `[…, heads, l, s]`: where a bool is true the query sees the key (as in PyTorch's function of this name); a number is added to the score
    /// @param randomKey `i64[2]`, from which the dropout of `how` draws (see [Op.RandomBits]); present if and only if there is dropout
    default T scaledDotProductAttention(
            T keys, T values, Attention how, Optional<T> mask, Optional<T> randomKey) {
        T key = Sizes.alike(keys, shape(), 0, rank() - 3);
        T value = Sizes.alike(values, shape(), 0, rank() - 3);
        value = Sizes.alike(value, key.shape(), 0, rank() - 1);
        Attention what = how.masked(mask.isPresent());
        Problem p =
                Problem.in("attention")
                        .operand("query", type(), this::origin)
                        .operand("key", key.type(), key::origin)
                        .operand("value", value.type(), value::origin);
        what.check(p, type(), key.type(), value.type());
        mask.ifPresent(m -> {
            p.operand("mask", m.type(), m::origin);
            Shape scores = shape().with(-1, key.size(-2));
            p.require(
                            m.dtype() == DType.BOOL || m.dtype().isFloating(),
                            "the mask must be bool or floating")
                    .throwDType();
            p.require(
                            Shape.broadcast(scores, m.shape()).equals(Optional.of(scores)),
                            "the mask must broadcast to " + scores)
                    .throwShape();
        });
        p.require(
                        randomKey.isPresent() == how.dropout() > 0,
                        "dropout needs a key of random bits, and only dropout does")
                .throwShape();
        if (key.size(-2) == 0) { // nobody sees anything
            return constant(0, dtype()).broadcastTo(shape().with(-1, value.size(-1)));
        }
        if (mask.isEmpty()) {
            return attention(key, value, what, mask, randomKey);
        }
        T visible = visible(mask.get(), shape().with(-1, key.size(-2)));
        T seen = keptAny(visible, rank() - 2).transpose();
        if (rank() > 2 && key.size(-3) != size(-3)) { // heads of the query share one of the key
            seen = keptAny(seen, rank() - 3);
        }
        boolean hidesQueries = visible.size(-2) != 1;
        T query = hidesQueries ? shown(keptAny(visible, rank() - 1), self()) : self();
        return query.attention(shown(seen, key), shown(seen, value), what, mask, randomKey);
    }

    /// Where a mask shows a key to a query, with as many axes as the scores.
    private static <T extends Algebra<T>> T visible(T mask, Shape scores) {
        T shown = mask.dtype() == DType.BOOL ? mask : mask.ne(Double.NEGATIVE_INFINITY);
        Shape aligned = mask.shape();
        while (aligned.rank() < scores.rank()) {
            aligned = aligned.insert(0, 1);
        }
        return shown.reshape(aligned);
    }

    /// Whether any element along an axis is true; the axis is kept.
    private static <T extends Algebra<T>> T keptAny(T x, int axis) {
        return x.any(axis).unsqueeze(axis);
    }

    /// `x` where a condition is true, zero elsewhere.
    private static <T extends Algebra<T>> T shown(T condition, T x) {
        return condition.where(x, x.zerosLike());
    }

    /// Attention as [#scaledDotProductAttention] checks and makes it, where what is hidden is known to be finite numbers: such as a cache keeps, whose masks would cost a copy of it.
    default T attention(T key, T value, Attention how, Optional<T> mask, Optional<T> randomKey) {
        Attention what = how.masked(mask.isPresent());
        DType narrow = Precision.ofProducts(dtype());
        List<T> operands =
                new ArrayList<>(List.of(self().cast(narrow), key.cast(narrow), value.cast(narrow)));
        mask.ifPresent(operands::add);
        randomKey.ifPresent(operands::add);
        Body body = what.body(operands.stream().map(Expression::type).toList());
        return emit(new Op.Fused(what, body, 0), operands).cast(dtype());
    }

    // -------------------------------------------------------------------------------------------------- losses

    /// Cross-entropy of these logits `[n, classes, …]` against class indices `[n, …]` per example: `−Σ q·ln softmax(x)` with `q` the label smoothed by
    /// `smoothing`. A class index outside the classes gives NaN, never another example's loss.
    ///
    /// Shape: `[n, classes, …]`, labels `[n, …]` → `[n, …]`.
    default T crossEntropy(T labels, double smoothing) {
        int axis = classAxis(labels);
        return self().wide(x -> crossEntropy(x.logSoftmax(axis), labels, axis, smoothing));
    }

    private static <T extends Algebra<T>> T crossEntropy(
            T log, T labels, int axis, double smoothing) {
        Axes a = Axes.range(axis, axis + 1);
        T number =
                (labels.dtype().bytes() < 4 ? labels.cast(DType.I32) : labels)
                        .broadcastTo(log.shape().without(a));
        T classes = log.iota(log.size(axis), number.dtype()).reshape(alongAxis(log, axis));
        T hit =
                classes.eq(number.unsqueeze(axis))
                        .where(log, log.constant(0, log.dtype()))
                        .reduce(Reduction.SUM, a);
        T valid = number.ge(0).and(number.lt(log.extent(a, number.dtype())));
        T loss = valid.where(hit, log.constant(Double.NaN, log.dtype())).neg();
        return smoothing == 0 ? loss : loss.mul(1 - smoothing).sub(log.mean(axis).mul(smoothing));
    }

    private int classAxis(T labels) {
        int axis = rank() == 1 ? 0 : 1;
        Problem p =
                Problem.in("crossEntropy")
                        .operand("logits", self().type(), this::origin)
                        .operand("labels", labels.type(), labels::origin);
        if (labels.shape().equals(shape())) {
            p.hint("for probabilities instead of class numbers use crossEntropyWith");
        }
        p.require(dtype().isFloating(), "the logits must be floating")
                .require(labels.dtype().isInteger(), "class numbers must be integers")
                .throwDType();
        p.require(rank() >= 1, "logits need an axis of classes").throwShape();
        boolean fits = labels.shape().mayEqual(shape().without(Axes.range(axis, axis + 1)));
        if (!fits && labels.rank() == rank() && labels.size(-1) == 1) {
            p.hint("labels.squeeze(-1)");
        }
        p.require(fits, "labels must have the logits' shape without the class axis " + axis)
                .throwShape();
        return axis;
    }

    private static Shape alongAxis(Expression<?> x, int axis) {
        Shape s = Shape.of(x.size(axis));
        for (int i = 0; i < axis; i++) {
            s = s.insert(0, 1);
        }
        for (int i = axis + 1; i < x.rank(); i++) {
            s = s.insert(s.rank(), 1);
        }
        return s;
    }

    /// Cross-entropy of these logits `[n, classes, …]` against probabilities of the same shape, per example. A class of probability 0 counts nothing, be its logit −∞.
    default T crossEntropyWith(T probabilities, double smoothing) {
        int axis = rank() == 1 ? 0 : 1;
        Problem.in("crossEntropy")
                .require(
                        shape().mayEqual(probabilities.shape()),
                        "probabilities must have the logits' shape")
                .operand("logits", self().type(), this::origin)
                .operand("probabilities", probabilities.type(), probabilities::origin)
                .throwShape();
        requireFloating("crossEntropy");
        return self().wide(
                        probabilities,
                        (x, p) -> {
                            T q =
                                    smoothing == 0
                                            ? p
                                            : p.mul(1 - smoothing)
                                                    .add(
                                                            smoothing
                                                                    / Sizes.known(
                                                                            "crossEntropy",
                                                                            this,
                                                                            axis));
                            T log = x.logSoftmax(axis);
                            T none = q.eq(0).and(log.eq(Double.NEGATIVE_INFINITY));
                            return q.mul(none.where(log.zerosLike(), log)).sum(axis).neg();
                        });
    }

    /// Binary cross-entropy of these probabilities against targets in [0, 1], elementwise: `−t·ln p − (1 − t)·ln(1 − p)`, where a logarithm counts as −100 at
    /// least, as in PyTorch. Of probabilities that are the sigmoid of something, the digits are those of [#binaryCrossEntropyWithLogits]. The derivative is `(p − t)/(p·(1 − p))`,
    /// whose denominator counts as 10⁻¹² where p is 0 or 1, as in PyTorch.
    /// Where p is no probability, below 0 or above 1, the result is NaN.
    default T binaryCrossEntropy(T targets) {
        return self().wide(
                        targets,
                        (p, t) -> {
                            T right = p.log();
                            T wrong = p.neg().add(1).log();
                            T atEnd = // looks at the logarithms, which may be other expressions
                                    right.minimum(wrong).eq(Double.NEGATIVE_INFINITY);
                            T sum =
                                    limited(right, atEnd)
                                            .mul(t)
                                            .add(limited(wrong, atEnd).mul(t.neg().add(1)));
                            T slope = p.sub(t).mul(1e12).detach();
                            T end = p.sub(p.detach()).mul(slope); // 0, for its derivative
                            return atEnd.where(end, end.zerosLike()).sub(sum);
                        });
    }

    /// At least −100, and constant where a condition holds.
    private static <T extends Algebra<T>> T limited(T log, T isConstant) {
        T most = log.maximum(-100);
        return isConstant.where(most.detach(), most);
    }

    /// Binary cross-entropy of these logits against targets in [0, 1], elementwise: `max(x, 0) − x·t + ln(1 + e^−|x|)`, so computed that the loss of a sure and right prediction, which is
    /// near 0, has all of its digits, and so has its derivative.
    default T binaryCrossEntropyWithLogits(T targets) {
        return self().wide(
                        targets,
                        (x, t) -> {
                            T positive = x.gt(0);
                            T rest = positive.where(x.mul(t.neg().add(1)), x.mul(t).neg());
                            return rest.add(positive.where(x.neg(), x).softplus());
                        });
    }

    /// `(x − y)²`, elementwise.
    default T squaredError(T target) {
        return self().wide(target, (x, y) -> x.sub(y).square());
    }

    /// Elements zeroed with probability `p` and the others scaled by `1/(1 − p)`, by random bits in [0, 2³²) as i32 of this shape (Srivastava et al. 2014).
    default T dropout(double p, T bits) {
        requireFloating("dropout");
        if (!(p >= 0 && p <= 1)) {
            throw new ValueException(
                    "dropout: the probability must be between 0 and 1, but is " + p);
        }
        if (p == 1) { // there is a gradient, of zeros
            T nothing = constant(0, dtype());
            return constant(0, DType.BOOL).where(self(), nothing);
        }
        T keep =
                bits.shiftRight(bits.constant(8, DType.I32))
                        .and(bits.constant(0xFFFFFF, DType.I32))
                        .ge(Math.rint(p * (1 << 24)));
        return keep.where(self().mul(1 / (1 - p)), constant(0, dtype()));
    }

    /// Random bits of a shape from a key `i64[2]`; see [Op.RandomBits].
    default T randomBits(Shape shape) {
        return emit(new Op.RandomBits(shape), List.of(self()));
    }
}
