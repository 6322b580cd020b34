package dev.nacre.nn.keras;

import dev.nacre.Tensor;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.metric.Each;
import dev.nacre.nn.metric.Metric;
import dev.nacre.type.Shape;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// Losses and metrics whose classes are on axis 1, for Keras's outputs, whose classes are on the last axis.
final class ClassesLast {
    private ClassesLast() {}

    record OfLoss(Loss loss) implements Loss {
        @Override
        public Tensor forward(Tensor scores, Tensor target) {
            return loss.forward(moved(scores), like(scores, target));
        }

        @Override
        public void checkTarget(Shape scores, Tensor target) {
            loss.checkTarget(moved(scores), target);
        }

        @Override
        public Tensor each(Tensor scores, Tensor target) {
            return loss.each(moved(scores), like(scores, target));
        }

        @Override
        public Tensor weighted(Tensor scores, Tensor target, Tensor weights) {
            return loss.weighted(moved(scores), like(scores, target), weights);
        }

        @Override
        public Reduction reduction() {
            return loss.reduction();
        }

        @Override
        public OptionalLong ignoreIndex() {
            return loss.ignoreIndex();
        }

        @Override
        public OptionalDouble weight(Shape scores, Tensor target) {
            return loss.weight(moved(scores), target);
        }

        @Override
        public Optional<Loss> weightless() {
            return loss.weightless().map(OfLoss::new);
        }
    }

    record OfMetric(Metric metric) implements Metric {
        @Override
        public String name() {
            return metric.name();
        }

        @Override
        public Tensor of(Tensor prediction, Tensor target) {
            return metric.of(moved(prediction), like(prediction, target));
        }

        @Override
        public Optional<Tensor> counted(Tensor prediction, Tensor target) {
            return metric.counted(moved(prediction), like(prediction, target));
        }

        @Override
        public Each each(Tensor prediction, Tensor target) {
            return metric.each(moved(prediction), like(prediction, target));
        }

        @Override
        public Metric ignoring(long classNumber) {
            return new OfMetric(metric.ignoring(classNumber));
        }
    }

    private static Tensor like(Tensor scores, Tensor target) {
        return target.rank() == scores.rank() ? moved(target) : target;
    }

    static Tensor moved(Tensor x) {
        return x.rank() <= 2 ? x : x.permute(axes(x.rank()));
    }

    private static Shape moved(Shape s) {
        if (s.rank() <= 2) {
            return s;
        }
        long[] out = new long[s.rank()];
        int[] axes = axes(s.rank());
        for (int i = 0; i < out.length; i++) {
            out[i] = s.size(axes[i]);
        }
        return Shape.of(out);
    }

    private static int[] axes(int rank) {
        int[] out = new int[rank];
        out[1] = rank - 1;
        for (int i = 2; i < rank; i++) {
            out[i] = i - 1;
        }
        return out;
    }
}
