package dev.nacre.nn.loss;

import dev.nacre.Tensor;
import dev.nacre.nn.Labels;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// Cross-entropy of logits: `−Σ q·ln softmax(x)`, where q is the target's distribution, smoothed: `(1 − smoothing)·q + smoothing/classes`.
///
/// Targets are class indices (integers) or probabilities (floating, of the logits' shape). A class index out of range is an error where the target is given, and a loss
/// of NaN where it is computed.
///
/// As in PyTorch, the mean divides by the sum of the weights of the examples' classes, and for probabilities by the number of examples. Unlike PyTorch, no
/// class index is ignored unless asked for. The logits of an ignored example are not looked at: they, and so its gradient, may be anything.
///
/// Shape: `[n, classes, …]` with `[n, …]` or `[n, classes, …]` → a single number, or `[n, …]` unreduced. Without a batch: `[classes]` with a single number.
///
/// @param weight `[classes]`: the weight of each class
/// @param ignoreIndex a class index whose examples do not count
public record CrossEntropyLoss(
        Reduction reduction,
        double labelSmoothing,
        Optional<Tensor> weight,
        OptionalLong ignoreIndex)
        implements Loss {
    public CrossEntropyLoss {
        if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
            throw new NacreException(
                    "crossEntropyLoss: labelSmoothing must be from 0 to 1, but is "
                            + labelSmoothing);
        }
    }

    /// The mean, without smoothing and weights.
    public CrossEntropyLoss() {
        this(Reduction.MEAN, 0, Optional.empty(), OptionalLong.empty());
    }

    public CrossEntropyLoss reduction(Reduction reduction) {
        return new CrossEntropyLoss(reduction, labelSmoothing, weight, ignoreIndex);
    }

    public CrossEntropyLoss labelSmoothing(double labelSmoothing) {
        return new CrossEntropyLoss(reduction, labelSmoothing, weight, ignoreIndex);
    }

    public CrossEntropyLoss weight(Tensor weight) {
        return new CrossEntropyLoss(reduction, labelSmoothing, Optional.of(weight), ignoreIndex);
    }

    public CrossEntropyLoss ignoreIndex(long ignoreIndex) {
        return new CrossEntropyLoss(
                reduction, labelSmoothing, weight, OptionalLong.of(ignoreIndex));
    }

    @Override
    public Tensor forward(Tensor logits, Tensor target) {
        if (logits.rank() > 0) {
            weight.ifPresent(w -> requireWeight(logits, w));
        }
        Loss.requireClasses("crossEntropyLoss", "logits", logits, target, true);
        if (target.dtype().isFloating()) {
            return logits.wide(target, this::ofProbabilities);
        }
        if (logits.dtype().isFloating()) {
            Loss.requireClassShape("crossEntropyLoss", "logits", logits, target);
        }
        checkTarget(logits.shape(), target);
        if (weight.isEmpty() && ignoreIndex.isEmpty()) {
            return logits.wide(x -> reduction.apply(x.crossEntropy(target, labelSmoothing)));
        }
        return logits.wide(x -> ofClasses(x, target));
    }

    @Override
    public void checkTarget(Shape logits, Tensor target) {
        if (target.dtype().isInteger() && Loss.areClassesOf(logits, target.shape())) {
            Labels.requireClasses(
                    "crossEntropyLoss",
                    target,
                    logits.size(logits.rank() == 1 ? 0 : 1),
                    ignoreIndex);
        }
    }

    @Override
    public OptionalDouble weight(Shape logits, Tensor target) {
        return dividesByWeights(target)
                ? OptionalDouble.of(divisor(target).item())
                : Loss.super.weight(logits, target);
    }

    @Override
    public Optional<Loss> weightless() {
        return weight.isPresent() && labelSmoothing > 0 && reduction == Reduction.MEAN
                ? Optional.of(reduction(Reduction.SUM))
                : Optional.empty();
    }

    @Override
    public Tensor each(Tensor logits, Tensor target) {
        return reduction(Reduction.NONE).forward(logits, target);
    }

    @Override
    public Tensor weighted(Tensor logits, Tensor target, Tensor weights) {
        Tensor seen = SampleWeights.seenByClass(logits, weights);
        return dividesByWeights(target)
                ? seen.wide(x ->
                        reduction(Reduction.SUM)
                                .weighted(x, target, weights)
                                .div(divisor(target).cast(x.dtype())))
                : Loss.super.weighted(seen, target, weights);
    }

    /// Whether the mean divides by something else than the number of examples.
    private boolean dividesByWeights(Tensor target) {
        boolean equal = weight.isEmpty() && ignoreIndex.isEmpty();
        return !equal && reduction == Reduction.MEAN && !target.dtype().isFloating();
    }

    /// The sum of the weights of the classes of those examples that count.
    private Tensor divisor(Tensor target) {
        Tensor counted =
                target.cast(DType.I64)
                        .eq(Tensor.of(ignoreIndex.orElse(-1)))
                        .not(); // no class is negative
        Tensor weights =
                weight.map(
                                w -> {
                                    Tensor classes = target.cast(DType.I64).unsqueeze(-1);
                                    Tensor hit = classes.eq(Tensor.arange(w.size(0)));
                                    return hit.where(w.cast(DType.F64), Tensor.of(0.0)).sum(-1);
                                })
                        .orElse(Tensor.of(1.0));
        return counted.where(weights, Tensor.of(0.0)).sum();
    }

    private static int classAxis(Tensor logits) {
        return logits.rank() == 1 ? 0 : 1;
    }

    private static void requireWeight(Tensor logits, Tensor weight) {
        long classes = logits.size(classAxis(logits));
        Problem.in("crossEntropyLoss")
                .require(
                        weight.shape().equals(Shape.of(classes)),
                        "the weight must be one number per class, " + Shape.of(classes))
                .operand("logits", logits.type(), logits::origin)
                .operand("weight", weight.type(), weight::origin)
                .throwShape();
    }

    /// The weights `[classes]` so shaped that they go along the class axis.
    private Tensor weightAlong(Tensor logits) {
        Tensor w =
                weight.map(t -> t.cast(logits.dtype()))
                        .orElseGet(
                                () -> Tensor.ones(logits.dtype(), logits.size(classAxis(logits))));
        return w.reshape(w.shape().concat(Shape.of(ones(logits.rank() - 1 - classAxis(logits)))));
    }

    private static long[] ones(int n) {
        long[] out = new long[n];
        java.util.Arrays.fill(out, 1);
        return out;
    }

    private Tensor ofProbabilities(Tensor logits, Tensor target) {
        Problem.in("crossEntropyLoss")
                .require(
                        ignoreIndex.isEmpty(),
                        "ignoreIndex needs class numbers, but the target has probabilities")
                .operand("target", target.type(), target::origin)
                .throwDType();
        Tensor losses;
        if (weight.isEmpty()) {
            losses = logits.crossEntropyWith(target, labelSmoothing);
        } else {
            Tensor q =
                    target.mul(1 - labelSmoothing)
                            .add(labelSmoothing / logits.size(classAxis(logits)))
                            .mul(weightAlong(logits));
            losses = counted(q, logits.logSoftmax(classAxis(logits))).sum(classAxis(logits)).neg();
        }
        return reduction.apply(losses);
    }

    /// Logarithms times their weights, where those of weight 0 may be −∞.
    private static Tensor counted(Tensor weight, Tensor log) {
        Tensor none = weight.eq(0).and(log.eq(Double.NEGATIVE_INFINITY));
        return weight.mul(none.where(log.zerosLike(), log));
    }

    private Tensor ofClasses(Tensor logits, Tensor target) {
        int axis = classAxis(logits);
        Tensor w = weightAlong(logits);
        Tensor ignored =
                ignoreIndex.isPresent()
                        ? target.eq(ignoreIndex.getAsLong())
                        : target.zerosLike().cast(DType.BOOL);
        Tensor safe = ignored.where(target.zerosLike(), target);
        Tensor classes = Tensor.arange(logits.size(axis)).reshape(w.shape());
        Tensor hit = safe.cast(DType.I64).unsqueeze(axis).eq(classes);
        Tensor weights =
                ignored.where(Tensor.zeros(logits.dtype()), hit.where(w, w.zerosLike()).sum(axis));
        Tensor counts = labelSmoothing == 0 ? weights.ne(0) : ignored.not();
        Tensor seen = counts.unsqueeze(axis).where(logits, logits.zerosLike());
        Tensor losses = seen.crossEntropy(safe, 0).mul(weights).mul(1 - labelSmoothing);
        if (labelSmoothing != 0) {
            Tensor uniform = counted(w, seen.logSoftmax(axis)).mean(axis).mul(-labelSmoothing);
            losses = losses.add(ignored.where(uniform.zerosLike(), uniform));
        }
        return reduction == Reduction.MEAN
                ? losses.sum().div(weights.sum())
                : reduction.apply(losses);
    }
}
