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
import dev.nacre.nn.optim.Accumulator;
import dev.nacre.nn.optim.Clip;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.type.NacreException;
import dev.nacre.type.Precision;
import dev.nacre.type.Shape;
import dev.nacre.type.ValueException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Repeats one step over batches: forward, loss, backward, update, in one plan that is compiled once per batch shape.
///
/// Settings, each giving a further trainer of the same model: [#clip], [#accumulate], [#precision].
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

    /// @param clip the highest norm of all gradients; 0 for any
    /// @param parts how many pieces of a batch are worked on one after the other
    private record Settings(double clip, int parts, Precision precision) {}

    private final Model model;
    private final Loss loss;
    private final Optimizer optimizer;
    private final List<Metric> metrics;
    private final Settings settings;
    private final Function train = Function.ofMany(in -> trained(in.get(0), in.get(1)));
    private final Function evaluate = Function.ofMany(in -> evaluated(in.get(0), in.get(1)));
    private final Function add = Function.ofMany(in -> added(in.get(0), in.get(1), in.get(2)));
    private final Function apply = Function.of((Tensor l) -> applied(l));
    private Optional<Accumulator> sums = Optional.empty(); // until it is needed
    private final Map<Shape, Shape> scores = new java.util.concurrent.ConcurrentHashMap<>();
    private long steps;

    private Trainer(
            Model model, Loss loss, Optimizer optimizer, List<Metric> metrics, Settings settings) {
        this.model = model;
        this.loss = loss;
        this.optimizer = optimizer;
        this.metrics = metrics;
        this.settings = settings;
    }

    public static Trainer of(Module model, Loss loss, Optimizer optimizer, Metric... metrics) {
        return of(new Plain(model), loss, optimizer, metrics);
    }

    public static Trainer of(Model model, Loss loss, Optimizer optimizer, Metric... metrics) {
        return new Trainer(
                model, loss, optimizer, List.of(metrics), new Settings(0, 1, Precision.F32));
    }

    private Trainer with(Settings s) {
        return new Trainer(model, loss, optimizer, metrics, s);
    }

    /// Scales the gradients of a step so that their common norm is at most `norm`; see [Clip#byNorm].
    public Trainer clip(double norm) {
        return with(new Settings(norm, settings.parts, settings.precision));
    }

    /// Works on a batch in so many pieces, one after the other, and takes one step with the gradient of the whole: memory for one piece is enough. Batch normalisation sees a piece at
    /// a time.
    public Trainer accumulate(int parts) {
        if (parts < 1) {
            throw new NacreException("accumulate: needs at least 1 part, but got " + parts);
        }
        return with(new Settings(settings.clip, parts, settings.precision));
    }

    /// Computes products in another precision; see [Precision].
    public Trainer precision(Precision precision) {
        return with(new Settings(settings.clip, settings.parts, precision));
    }

    private List<Tensor> trained(Tensor x, Tensor y) {
        List<Tensor> results = differentiated(x, y);
        finish(results.getFirst());
        return results;
    }

    private List<Tensor> evaluated(Tensor x, Tensor y) {
        return settings.precision.in(() -> measured(x, y, Mode.EVAL));
    }

    private List<Tensor> differentiated(Tensor x, Tensor y) {
        optimizer.zeroGrad();
        return settings.precision.in(() -> {
            List<Tensor> results = measured(x, y, Mode.TRAIN);
            results.getFirst().backward();
            return results;
        });
    }

    /// One piece of a batch.
    private List<Tensor> added(Tensor x, Tensor y, Tensor weight) {
        List<Tensor> results = differentiated(x, y);
        sums.orElseThrow().add(weight);
        return results;
    }

    /// The step after the last piece.
    private Tensor applied(Tensor total) {
        sums.orElseThrow().give();
        finish(total);
        return total;
    }

    private void finish(Tensor value) {
        if (settings.clip > 0) {
            Clip.byNorm(optimizer.parameters(), settings.clip);
        }
        optimizer.stepIfFinite(value);
        optimizer.zeroGrad();
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
        List<Double> r = settings.parts == 1 ? values(train.call(x, y)) : pieces(x, y);
        double value = r.getFirst();
        if (!Double.isFinite(value)) {
            throw broken(number, value, x, y);
        }
        return new Step(number, value, List.copyOf(r.subList(1, r.size())));
    }

    private static List<Double> values(List<Tensor> results) {
        return results.stream().map(Tensor::item).toList();
    }

    /// A step in pieces: the means over the whole batch.
    private List<Double> pieces(Tensor x, Tensor y) {
        if (sums.isEmpty()) {
            sums = Optional.of(Accumulator.of(optimizer.parameters()));
        }
        long n = x.size(0);
        long size = Math.ceilDiv(n, settings.parts);
        double[] means = new double[1 + metrics.size()];
        for (long at = 0; at < n; at += size) {
            long count = Math.min(size, n - at);
            double share = (double) count / n;
            List<Tensor> r =
                    add.call(
                            x.narrow(0, at, count).realize(),
                            y.narrow(0, at, count).realize(),
                            Tensor.of((float) share).realize());
            for (int i = 0; i < means.length; i++) {
                means[i] += share * r.get(i).item();
            }
        }
        apply.apply(Tensor.of((float) means[0]).realize());
        return java.util.Arrays.stream(means).boxed().toList();
    }

    /// Loss and metrics of a batch in evaluation mode; nothing is learned.
    public Step measure(Tensor x, Tensor y) {
        check(x, y);
        List<Double> r = values(evaluate.call(x, y));
        return new Step(steps, r.getFirst(), List.copyOf(r.subList(1, r.size())));
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
                    Step s = measure(b.x(), b.y());
                    values.add(s.loss());
                    values.addAll(s.metrics());
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
