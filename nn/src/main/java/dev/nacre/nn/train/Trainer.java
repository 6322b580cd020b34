package dev.nacre.nn.train;

import dev.nacre.Diagnosis;
import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.metric.Metric;
import dev.nacre.nn.metric.RunningMean;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.type.Shape;
import dev.nacre.type.ValueException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Repeats one step over batches: forward, loss, backward, update, in one plan that is compiled once per batch shape.
///
/// Class numbers out of range are refused before a step. A loss that is not finite changes no parameter and ends in an error that names the step and the first operation
/// whose result was broken.
public final class Trainer {
    /// The model's two sides: what the loss takes, and what the user and the metrics see. They differ where a softmax or sigmoid is left to the loss.
    public interface Model {
        Module module();

        Tensor scores(Tensor x, Mode mode);

        Tensor output(Tensor scores);
    }

    /// What a step found, for the whole batch.
    ///
    /// @param number of the step, from 1
    public record Step(long number, double loss, List<Double> metrics) {}

    private record Plain(Module module) implements Model {
        @Override
        public Tensor scores(Tensor x, Mode mode) {
            return module.forward(x, mode);
        }

        @Override
        public Tensor output(Tensor scores) {
            return scores;
        }
    }

    private final Model model;
    private final Loss loss;
    private final Optimizer optimizer;
    private final List<Metric> metrics;
    private final Function train = Function.ofMany(in -> trained(in.get(0), in.get(1)));
    private final Function evaluate =
            Function.ofMany(in -> measured(in.get(0), in.get(1), Mode.EVAL));
    private final Map<Shape, Shape> scores = new java.util.concurrent.ConcurrentHashMap<>();
    private long steps;

    private Trainer(Model model, Loss loss, Optimizer optimizer, List<Metric> metrics) {
        this.model = model;
        this.loss = loss;
        this.optimizer = optimizer;
        this.metrics = metrics;
    }

    public static Trainer of(Module model, Loss loss, Optimizer optimizer, Metric... metrics) {
        return of(new Plain(model), loss, optimizer, metrics);
    }

    public static Trainer of(Model model, Loss loss, Optimizer optimizer, Metric... metrics) {
        return new Trainer(model, loss, optimizer, List.of(metrics));
    }

    private List<Tensor> trained(Tensor x, Tensor y) {
        optimizer.zeroGrad();
        List<Tensor> results = measured(x, y, Mode.TRAIN);
        results.getFirst().backward();
        optimizer.stepIfFinite(results.getFirst());
        optimizer.zeroGrad();
        return results;
    }

    private List<Tensor> measured(Tensor x, Tensor y, Mode mode) {
        Tensor s = model.scores(x, mode);
        scores.put(x.shape(), s.shape());
        List<Tensor> out = new ArrayList<>();
        out.add(loss.forward(s, y));
        Tensor seen = model.output(s.detach());
        metrics.forEach(m -> out.add(m.of(seen, y)));
        return out;
    }

    /// Learns from a batch.
    public Step step(Tensor x, Tensor y) {
        check(x, y);
        long number = ++steps;
        List<Tensor> r = train.call(x, y);
        double value = r.getFirst().item();
        if (!Double.isFinite(value)) {
            throw broken(number, value, x, y);
        }
        return new Step(number, value, r.stream().skip(1).map(Tensor::item).toList());
    }

    private void check(Tensor x, Tensor y) {
        Shape s = scores.get(x.shape());
        if (s == null) { // the shape of the scores is found by building the expression, which
            // computes nothing
            s = model.scores(x, Mode.EVAL).shape();
            scores.put(x.shape(), s);
        }
        loss.checkTarget(s, y.realize());
    }

    private ValueException broken(long number, double value, Tensor x, Tensor y) {
        Tensor again = loss.forward(model.scores(x, Mode.TRAIN), y);
        String where =
                Diagnosis.firstNotFinite(again)
                        .orElse("computed again it is finite: dropout or other chance decides");
        return new ValueException(
                "loss: is "
                        + value
                        + " at step "
                        + number
                        + "; no parameter was changed by it\n"
                        + where.indent(2).stripTrailing());
    }

    /// Learns from all batches of an iteration: the means of loss and metrics, by name.
    public Map<String, Double> epoch(Batches batches) {
        return over(batches, true);
    }

    /// The means of loss and metrics over all batches, in evaluation mode.
    public Map<String, Double> evaluate(Batches batches) {
        return over(batches, false);
    }

    private Map<String, Double> over(Batches batches, boolean learn) {
        Map<String, RunningMean> means = new LinkedHashMap<>();
        means.put("loss", new RunningMean());
        metrics.forEach(m -> means.put(m.name(), new RunningMean()));
        try (Prefetch all = batches.iterator()) {
            while (all.hasNext()) {
                Batch b = all.next();
                List<Double> values = new ArrayList<>();
                if (learn) {
                    Step s = step(b.x(), b.y());
                    values.add(s.loss());
                    values.addAll(s.metrics());
                } else {
                    check(b.x(), b.y());
                    evaluate.call(b.x(), b.y()).forEach(t -> values.add(t.item()));
                }
                int i = 0;
                for (RunningMean m : means.values()) {
                    m.add(values.get(i++), b.size());
                }
            }
        }
        Map<String, Double> out = new LinkedHashMap<>();
        means.forEach((k, m) -> out.put(k, m.value()));
        return out;
    }

    /// Number of steps taken.
    public long steps() {
        return steps;
    }

    public Optimizer optimizer() {
        return optimizer;
    }

    /// The parameters that are trained.
    public List<Variable> parameters() {
        return optimizer.parameters();
    }
}
