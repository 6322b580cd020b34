package dev.nacre.nn.train;

import dev.nacre.Changes;
import dev.nacre.Diagnosis;
import dev.nacre.Function;
import dev.nacre.Gradients;
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
import dev.nacre.type.DType;
import dev.nacre.type.Precision;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.ValueException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Supplier;

/// Repeats one step over batches: forward, loss, backward, update, in one plan that is compiled once per batch shape.
///
/// Settings, each giving a further trainer of the same model: [#clip], [#accumulate], [#precision].
///
/// Class numbers out of range are refused before a step. A step whose loss or gradient is not finite, or that fails, changes nothing at all: no parameter, moment, running statistic, count of steps or source of random
/// numbers. A loss or gradient that is not finite ends in an error that names the step and the first operation whose result was broken.
///
/// Means over batches, and over the pieces of a batch, are those over all their examples together: the loss by its [Loss#weight], metrics by the examples that count. Labels that the loss ignores count in no metric.
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

    /// A value and how much it counts.
    private record Weighted(double value, double weight) {}

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

    /// @param clip the highest norm of all gradients; infinite for any
    /// @param parts how many pieces of a batch are worked on one after the other
    private record Settings(double clip, int parts, Precision precision) {}

    private final Model model;
    private final Loss loss;
    private final Optimizer optimizer;
    private final List<Metric> metrics;
    private final List<String> names;
    private final Settings settings;
    private final Function train = Function.ofMany(in -> trained(in.get(0), in.get(1)));
    private final Function evaluate = Function.ofMany(in -> evaluated(in.get(0), in.get(1)));
    private final Function add = Function.ofMany(in -> added(in.get(0), in.get(1), in.get(2)));
    private final Function apply = Function.of((Tensor l) -> applied(l));
    private Optional<Accumulator> sums = Optional.empty(); // until it is needed
    private final Map<Shape, Shape> scores = new java.util.concurrent.ConcurrentHashMap<>();
    private volatile List<Boolean> counting = List.of(); // which metrics say what counts
    private long steps;

    private Trainer(
            Model model, Loss loss, Optimizer optimizer, List<Metric> metrics, Settings settings) {
        this.model = model;
        this.loss = loss;
        this.optimizer = optimizer;
        OptionalLong ignored = loss.ignoreIndex();
        this.metrics =
                ignored.isEmpty()
                        ? metrics
                        : metrics.stream().map(m -> m.ignoring(ignored.getAsLong())).toList();
        this.names = names(metrics);
        this.settings = settings;
    }

    /// `loss` and the names of the metrics; of equal names the second is numbered 1, the third 2, as in Keras.
    private static List<String> names(List<Metric> metrics) {
        List<String> out = new ArrayList<>(List.of("loss"));
        for (Metric m : metrics) {
            String name = m.name();
            for (int k = 1; out.contains(name); k++) {
                name = m.name() + "_" + k;
            }
            out.add(name);
        }
        return List.copyOf(out);
    }

    public static Trainer of(Module model, Loss loss, Optimizer optimizer, Metric... metrics) {
        return of(new Plain(model), loss, optimizer, metrics);
    }

    public static Trainer of(Model model, Loss loss, Optimizer optimizer, Metric... metrics) {
        return new Trainer(
                model,
                loss,
                optimizer,
                List.of(metrics),
                new Settings(Double.POSITIVE_INFINITY, 1, Precision.F32));
    }

    private Trainer with(Settings s) {
        return new Trainer(model, loss, optimizer, metrics, s);
    }

    /// Scales the gradients of a step so that their common norm is at most `norm`; see [Clip#byNorm].
    public Trainer clip(double norm) {
        Problem.in("trainer").positive("clip", norm).throwValue();
        return with(new Settings(norm, settings.parts, settings.precision));
    }

    /// Works on a batch in so many pieces, one after the other, and takes one step with the gradient of the whole: memory for one piece is enough. Batch normalisation sees a piece at
    /// a time; a piece in which nothing counts, because the loss ignores all of it, is left out.
    public Trainer accumulate(int parts) {
        Problem.in("trainer").atLeast("accumulate", parts, 1).throwValue();
        return with(new Settings(settings.clip, parts, settings.precision));
    }

    /// Computes products in another precision; see [Precision].
    public Trainer precision(Precision precision) {
        return with(new Settings(settings.clip, settings.parts, precision));
    }

    private List<Tensor> trained(Tensor x, Tensor y) {
        List<Tensor> results = new ArrayList<>(differentiated(x, y));
        results.add(finish(results.getFirst()));
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
        Tensor finite = results.getFirst().detach().isFinite().all();
        Variable.updateIf(finite, List.of(), () -> {});
        return results;
    }

    /// The step after the last piece: whether it is taken.
    private Tensor applied(Tensor total) {
        sums.orElseThrow().give();
        return finish(total);
    }

    private Tensor finish(Tensor value) {
        if (settings.clip < Double.POSITIVE_INFINITY) {
            Clip.byNorm(optimizer.parameters(), settings.clip);
        }
        Tensor taken = optimizer.stepIfFinite(value);
        optimizer.zeroGrad();
        return taken;
    }

    private List<Tensor> measured(Tensor x, Tensor y, Mode mode) {
        Tensor s = model.scores(x, mode);
        scores.put(x.shape(), s.shape());
        List<Tensor> out = new ArrayList<>();
        out.add(loss.forward(s, y));
        Tensor seen = model.output(s.detach());
        metrics.forEach(m -> out.add(m.of(seen, y)));
        metrics.forEach(m -> m.counted(seen, y).ifPresent(out::add));
        counting = metrics.stream().map(m -> m.counted(seen, y).isPresent()).toList();
        return out;
    }

    /// Learns from a batch.
    public Step step(Tensor x, Tensor y) {
        return step(learn(x, y));
    }

    private Step step(List<Weighted> values) {
        List<Double> all = values.stream().map(Weighted::value).toList();
        return new Step(steps, all.getFirst(), List.copyOf(all.subList(1, all.size())));
    }

    private List<Weighted> learn(Tensor x, Tensor y) {
        check(x, y);
        List<Weighted> values = settings.parts == 1 ? whole(x, y) : pieces(x, y);
        steps++;
        return values;
    }

    private List<Weighted> whole(Tensor x, Tensor y) {
        List<Tensor> results = train.call(x, y);
        List<Weighted> values = finite(weighted(results, x, y), x, y);
        requireTaken(results.getLast(), values, x, y);
        return values;
    }

    /// Loss and metrics of a batch, each with what it weighs beside that of other batches.
    private List<Weighted> weighted(List<Tensor> results, Tensor x, Tensor y) {
        List<Weighted> out = new ArrayList<>();
        out.add(new Weighted(results.getFirst().item(), weight(x, y).orElse(1)));
        int next = 1 + metrics.size();
        for (int i = 0; i < metrics.size(); i++) {
            double count = counting.get(i) ? results.get(next++).item() : x.size(0);
            out.add(new Weighted(results.get(1 + i).item(), count));
        }
        return out;
    }

    private OptionalDouble weight(Tensor x, Tensor y) {
        return loss.weight(scores.get(x.shape()), y);
    }

    /// A step in pieces: the means over the whole batch. All of it or nothing.
    private List<Weighted> pieces(Tensor x, Tensor y) {
        if (sums.isEmpty()) {
            sums = Optional.of(Accumulator.of(optimizer.parameters()));
        }
        Accumulator s = sums.get();
        List<List<Weighted>> found = new ArrayList<>();
        Optional<Changes> made = Optional.empty();
        try {
            made = Optional.of(Changes.of(s.sums(), () -> found.addAll(learnPieces(x, y))));
            List<Weighted> whole = finite(together(found), x, y);
            Tensor taken = apply.apply(Tensor.of((float) whole.getFirst().value).realize());
            requireTaken(taken, whole, x, y);
            return whole;
        } catch (Throwable e) {
            made.ifPresent(Changes::undo);
            s.clear();
            throw e;
        }
    }

    private List<List<Weighted>> learnPieces(Tensor x, Tensor y) {
        long n = x.size(0);
        long size = Math.max(1, Math.ceilDiv(n, settings.parts));
        OptionalDouble all = weight(x, y);
        List<List<Weighted>> out = new ArrayList<>();
        for (long at = 0; at < n; at += size) {
            long count = Math.min(size, n - at);
            Tensor xs = x.narrow(0, at, count).realize();
            Tensor ys = y.narrow(0, at, count).realize();
            check(xs, ys);
            OptionalDouble own = weight(xs, ys);
            if (own.orElse(1) == 0 && all.orElse(1) != 0) {
                continue; // its loss is no number
            }
            double share = own.isPresent() ? own.getAsDouble() / all.getAsDouble() : 1;
            List<Tensor> r = add.call(xs, ys, Tensor.of(share).realize());
            out.add(finite(weighted(r, xs, ys), xs, ys));
        }
        return out;
    }

    /// The values of the whole from those of its pieces.
    private List<Weighted> together(List<List<Weighted>> pieces) {
        List<Weighted> out = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            boolean added = i == 0 && loss.reduction() == Loss.Reduction.SUM;
            double sum = 0;
            RunningMean mean = new RunningMean();
            double weight = 0;
            for (List<Weighted> p : pieces) {
                sum += p.get(i).value;
                mean.add(p.get(i).value, p.get(i).weight);
                weight += p.get(i).weight;
            }
            out.add(added ? new Weighted(sum, 1) : new Weighted(mean.value(), weight));
        }
        return out;
    }

    /// Loss and metrics of a batch in evaluation mode; nothing is learned.
    public Step measure(Tensor x, Tensor y) {
        return step(found(x, y));
    }

    private List<Weighted> found(Tensor x, Tensor y) {
        check(x, y);
        return weighted(evaluate.call(x, y), x, y);
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

    private List<Weighted> finite(List<Weighted> values, Tensor x, Tensor y) {
        double value = values.getFirst().value;
        if (Double.isFinite(value)) {
            return values;
        }
        throw refused("loss: is " + value, () -> loss.forward(model.scores(x, Mode.TRAIN), y));
    }

    private void requireTaken(Tensor taken, List<Weighted> values, Tensor x, Tensor y) {
        if (!taken.toBooleanArray()[0]) {
            throw refused(
                    "gradient: is not finite, though the loss is " + values.getFirst().value,
                    () -> gradients(loss.forward(model.scores(x, Mode.TRAIN), y)));
        }
    }

    /// Something that is not finite where a gradient is not.
    private Tensor gradients(Tensor value) {
        Tensor out = Tensor.of(0f);
        Variable[] parameters = optimizer.parameters().toArray(Variable[]::new);
        Gradients all = Gradients.of(value, parameters);
        for (Variable p : parameters) {
            out = out.add(all.of(p).mul(0).sum().cast(DType.F32));
        }
        return out;
    }

    private ValueException refused(String what, Supplier<Tensor> broken) {
        String where =
                Diagnosis.firstNotFinite(() -> settings.precision.in(broken))
                        .orElse("computed again it is finite");
        return new ValueException(
                what
                        + " at step "
                        + (steps + 1)
                        + "; nothing was changed by it\n"
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
        List<RunningMean> means = names.stream().map(_ -> new RunningMean()).toList();
        try (Prefetch all = batches.iterator()) {
            while (all.hasNext()) {
                Batch b = all.next();
                List<Weighted> values = learn ? learn(b.x(), b.y()) : found(b.x(), b.y());
                for (int i = 0; i < names.size(); i++) {
                    means.get(i).add(values.get(i).value, values.get(i).weight);
                }
            }
        }
        Map<String, Double> out = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            out.put(names.get(i), means.get(i).value());
        }
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

    @Override
    public String toString() {
        String more =
                (settings.clip > 0 ? ", clip " + settings.clip : "")
                        + (settings.parts > 1 ? ", in " + settings.parts + " parts" : "")
                        + (settings.precision == Precision.F32 ? "" : ", " + settings.precision);
        return "Trainer of "
                + model.module().getClass().getSimpleName()
                + ", "
                + loss
                + ", metrics "
                + metrics.stream().map(Metric::name).toList()
                + ", "
                + steps
                + (steps == 1 ? " step" : " steps")
                + more
                + "\n  "
                + optimizer.toString().replace("\n", "\n  ");
    }
}
