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
import dev.nacre.nn.metric.Weighted;
import dev.nacre.nn.optim.Accumulator;
import dev.nacre.nn.optim.Clip;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.type.DType;
import dev.nacre.type.Precision;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.ValueException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
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
    ///
    /// @param total what it adds to that of others: value times weight, as a rule
    private record Mean(double value, double weight, double total) {
        Mean(double value, double weight) {
            this(value, weight, weight == 0 ? 0 : value * weight);
        }

        /// Of losses that are not none though they weigh nothing; see [Loss#weightless()].
        static Mean ofWeightless(double total) {
            return new Mean(total / 0, 0, total);
        }
    }

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
    private final Function train = Function.ofMany(in -> trained(batch(in)));
    private final Function evaluate = Function.ofMany(in -> evaluated(batch(in), loss()));
    private final Function evaluateWeightless =
            Function.ofMany(in -> evaluated(batch(in), weightless()));
    private final Function add = Function.ofMany(in -> added(batch(in), in.getLast(), loss()));
    private final Function addWeightless =
            Function.ofMany(in -> added(batch(in), in.getLast(), weightless()));
    private final Function look = Function.ofMany(in -> seen(batch(in)));
    private final Function apply = Function.of((Tensor l) -> applied(l));
    private Optional<Accumulator> sums = Optional.empty(); // until it is needed
    private final Map<Shape, Shape> scores = new ConcurrentHashMap<>();
    // which metrics say what counts, of batches with weights or without
    private final Map<Boolean, List<Boolean>> counting = new ConcurrentHashMap<>();
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

    /// `loss` and the names of the metrics; of equal names the second is numbered 1, the third 2, and a weighted one says so, as in Keras.
    private static List<String> names(List<Metric> metrics) {
        List<String> out = new ArrayList<>(List.of("loss"));
        for (Metric m : metrics) {
            boolean both = m instanceof Weighted && out.contains(m.name());
            String first = both ? "weighted_" + m.name() : m.name();
            String name = first;
            for (int k = 1; out.contains(name); k++) {
                name = first + "_" + k;
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
    /// a time. From a piece that weighs nothing, because the loss ignores all of it or its classes weigh nothing, nothing is learned, but for what smoothed labels add ([Loss#weightless()]); metrics count its examples as they would in the whole.
    public Trainer accumulate(int parts) {
        Problem.in("trainer").atLeast("accumulate", parts, 1).throwValue();
        return with(new Settings(settings.clip, parts, settings.precision));
    }

    /// Computes products in another precision; see [Precision].
    public Trainer precision(Precision precision) {
        return with(new Settings(settings.clip, settings.parts, precision));
    }

    /// From the inputs of a function. A weight of the whole batch may follow, which is a single number.
    private static Batch batch(List<Tensor> in) {
        boolean plain = in.size() < 3 || in.get(2).rank() == 0;
        return plain ? new Batch(in.get(0), in.get(1)) : new Batch(in.get(0), in.get(1), in.get(2));
    }

    private Loss loss() {
        return loss;
    }

    private Loss weightless() {
        return loss.weightless().orElseThrow();
    }

    private List<Tensor> trained(Batch b) {
        List<Tensor> results = new ArrayList<>(differentiated(b, loss));
        results.add(finish(results.getFirst()));
        return results;
    }

    private List<Tensor> evaluated(Batch b, Loss by) {
        return settings.precision.in(() -> measured(b, Mode.EVAL, by));
    }

    private List<Tensor> differentiated(Batch b, Loss by) {
        optimizer.zeroGrad();
        return settings.precision.in(() -> {
            List<Tensor> results = measured(b, Mode.TRAIN, by);
            results.getFirst().backward();
            return results;
        });
    }

    /// One piece of a batch.
    private List<Tensor> added(Batch b, Tensor weight, Loss by) {
        List<Tensor> results = differentiated(b, by);
        sums.orElseThrow().add(weight);
        Tensor finite = results.getFirst().detach().isFinite().all();
        Variable.updateIf(finite, List.of(), () -> {});
        return results;
    }

    /// A piece that weighs nothing, of which only the metrics are wanted.
    private List<Tensor> seen(Batch b) {
        List<Tensor> results = settings.precision.in(() -> measured(b, Mode.TRAIN, loss));
        Variable.updateIf(Tensor.of(false), List.of(), () -> {});
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

    private List<Tensor> measured(Batch b, Mode mode, Loss by) {
        Tensor s = model.scores(b.x(), mode);
        scores.put(b.x().shape(), s.shape());
        List<Tensor> out = new ArrayList<>();
        out.add(lossOf(s, b, by));
        Tensor seen = model.output(s.detach());
        metrics.forEach(m ->
                out.add(
                        weights(m, b)
                                .map(w -> ((Weighted) m).of(seen, b.y(), w))
                                .orElseGet(() -> m.of(seen, b.y()))));
        List<Optional<Tensor>> counts =
                metrics.stream()
                        .map(m ->
                                weights(m, b)
                                        .map(w -> ((Weighted) m).counted(seen, b.y(), w))
                                        .or(() -> m.counted(seen, b.y())))
                        .toList();
        counts.forEach(c -> c.ifPresent(out::add));
        counting.put(b.weights().isPresent(), counts.stream().map(Optional::isPresent).toList());
        return out;
    }

    private static Tensor lossOf(Tensor s, Batch b, Loss by) {
        return b.weights().map(w -> by.weighted(s, b.y(), w)).orElseGet(() -> by.forward(s, b.y()));
    }

    /// The weights that a metric is to know of.
    private static Optional<Tensor> weights(Metric m, Batch b) {
        return m instanceof Weighted ? b.weights() : Optional.empty();
    }

    /// Learns from a batch.
    public Step step(Tensor x, Tensor y) {
        return step(new Batch(x, y));
    }

    /// Learns from a batch, whose examples may have weights; see [Loss#weighted].
    public Step step(Batch b) {
        return step(learn(b));
    }

    private Step step(List<Mean> values) {
        List<Double> all = values.stream().map(Mean::value).toList();
        return new Step(steps, all.getFirst(), List.copyOf(all.subList(1, all.size())));
    }

    private List<Mean> learn(Batch b) {
        check(b);
        List<Mean> values = settings.parts == 1 ? whole(b) : pieces(b);
        steps++;
        return values;
    }

    private List<Mean> whole(Batch b) {
        List<Tensor> results = train.call(b.tensors());
        List<Mean> values = finite(means(results, b), b);
        requireTaken(results.getLast(), values, b);
        return values;
    }

    /// Loss and metrics of a batch, each with what it weighs beside that of other batches.
    private List<Mean> means(List<Tensor> results, Batch b) {
        List<Boolean> counts = counting.get(b.weights().isPresent());
        List<Mean> out = new ArrayList<>();
        out.add(new Mean(results.getFirst().item(), weight(b).orElse(1)));
        int next = 1 + metrics.size();
        for (int i = 0; i < metrics.size(); i++) {
            double count = counts.get(i) ? results.get(next++).item() : b.size();
            out.add(new Mean(results.get(1 + i).item(), count));
        }
        return out;
    }

    private OptionalDouble weight(Batch b) {
        return loss.weight(scores.get(b.x().shape()), b.y());
    }

    /// A step in pieces: the means over the whole batch. All of it or nothing.
    private List<Mean> pieces(Batch b) {
        if (sums.isEmpty()) {
            sums = Optional.of(Accumulator.of(optimizer.parameters()));
        }
        Accumulator s = sums.get();
        List<List<Mean>> found = new ArrayList<>();
        Optional<Changes> made = Optional.empty();
        try {
            made = Optional.of(Changes.of(s.sums(), () -> found.addAll(learnPieces(b))));
            List<Mean> whole = finite(together(found, weight(b)), b);
            Tensor taken = apply.apply(Tensor.of(whole.getFirst().value).realize());
            requireTaken(taken, whole, b);
            return whole;
        } catch (Throwable e) {
            made.ifPresent(Changes::undo);
            s.clear();
            throw e;
        }
    }

    private List<List<Mean>> learnPieces(Batch b) {
        long size = Math.max(1, Math.ceilDiv(b.size(), settings.parts));
        OptionalDouble all = weight(b);
        List<List<Mean>> out = new ArrayList<>();
        for (long at = 0; at < b.size(); at += size) {
            Batch piece = b.narrow(at, Math.min(size, b.size() - at));
            check(piece);
            OptionalDouble own = weight(piece);
            boolean nothing = own.orElse(1) == 0 && all.orElse(1) != 0;
            if (nothing && (loss.weightless().isEmpty() || !counts(piece))) {
                if (!metrics.isEmpty()) {
                    out.add(shared(means(look.call(piece.tensors()), piece), 0));
                }
                continue; // its loss is no number
            }
            double share =
                    own.isPresent() ? (nothing ? 1 : own.getAsDouble()) / all.getAsDouble() : 1;
            List<Tensor> in = new ArrayList<>(List.of(piece.tensors()));
            in.add(Tensor.of(share).realize());
            List<Tensor> r = (nothing ? addWeightless : add).call(in.toArray(Tensor[]::new));
            out.add(shared(finite(means(r, piece), piece), share));
        }
        return out;
    }

    /// Whether there is an example that the loss does not ignore.
    private boolean counts(Batch b) {
        OptionalLong ignored = loss.ignoreIndex();
        return ignored.isEmpty() || b.y().ne(ignored.getAsLong()).any().toBooleanArray()[0];
    }

    /// What is found of a piece, with its share in the loss of the whole.
    private static List<Mean> shared(List<Mean> piece, double share) {
        List<Mean> out = new ArrayList<>(piece);
        out.set(0, new Mean(piece.getFirst().value, share));
        return out;
    }

    /// The values of the whole from those of its pieces.
    private List<Mean> together(List<List<Mean>> pieces, OptionalDouble weight) {
        List<Mean> out = new ArrayList<>();
        double sum = 0;
        for (List<Mean> p : pieces) {
            sum += p.getFirst().total;
        }
        out.add(new Mean(sum, weight.orElse(1)));
        for (int i = 1; i < names.size(); i++) {
            RunningMean mean = new RunningMean();
            double counted = 0;
            for (List<Mean> p : pieces) {
                mean.add(p.get(i).value, p.get(i).weight);
                counted += p.get(i).weight;
            }
            out.add(new Mean(mean.value(), counted));
        }
        return out;
    }

    /// Loss and metrics of a batch in evaluation mode; nothing is learned.
    public Step measure(Tensor x, Tensor y) {
        return measure(new Batch(x, y));
    }

    /// Loss and metrics of a batch in evaluation mode; nothing is learned.
    public Step measure(Batch b) {
        return step(found(b));
    }

    private List<Mean> found(Batch b) {
        check(b);
        if (loss.weightless().isEmpty() || weight(b).orElse(1) != 0 || !counts(b)) {
            return means(evaluate.call(b.tensors()), b);
        }
        List<Mean> out = means(evaluateWeightless.call(b.tensors()), b);
        out.set(0, Mean.ofWeightless(out.getFirst().value));
        return out;
    }

    private void check(Batch b) {
        Tensor x = b.x();
        Problem.in("trainer")
                .require(
                        x.rank() > 0 && x.size(0) > 0,
                        "a batch must have examples, one after the other on axis 0")
                .require(
                        settings.parts == 1 || b.y().rank() > 0 && b.y().size(0) == x.size(0),
                        "to go in pieces, x and y must have the same number of examples")
                .operand("x", x.type(), x::origin)
                .operand("y", b.y().type(), b.y()::origin)
                .throwShape();
        Shape s = scores.get(x.shape());
        if (s == null) {
            // the shape of the scores is found by building the expression, which computes nothing
            s = model.scores(x, Mode.EVAL).shape();
            scores.put(x.shape(), s);
        }
        loss.checkTarget(s, b.y().realize());
    }

    private List<Mean> finite(List<Mean> values, Batch b) {
        double value = values.getFirst().value;
        if (Double.isFinite(value)) {
            return values;
        }
        throw refused("loss: is " + value, () -> trainingLoss(b));
    }

    private Tensor trainingLoss(Batch b) {
        return lossOf(model.scores(b.x(), Mode.TRAIN), b, loss);
    }

    private void requireTaken(Tensor taken, List<Mean> values, Batch b) {
        if (!taken.toBooleanArray()[0]) {
            throw refused(
                    "gradient: is not finite, though the loss is " + values.getFirst().value,
                    () -> gradients(trainingLoss(b)));
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
        try (Prefetch all = batches.iterator()) {
            return epoch(all, _ -> true);
        }
    }

    /// Learns from batches until there are no more.
    ///
    /// @param goesOn is shown the means so far after each batch, and says whether to go on
    public Map<String, Double> epoch(
            Iterator<Batch> batches, Predicate<Supplier<Map<String, Double>>> goesOn) {
        return over(batches, this::learn, goesOn);
    }

    /// The means of loss and metrics over all batches, in evaluation mode.
    public Map<String, Double> evaluate(Batches batches) {
        try (Prefetch all = batches.iterator()) {
            return evaluate(all);
        }
    }

    /// The means of loss and metrics over batches until there are no more, in evaluation mode.
    public Map<String, Double> evaluate(Iterator<Batch> batches) {
        return over(batches, this::found, _ -> true);
    }

    private Map<String, Double> over(
            Iterator<Batch> batches,
            java.util.function.Function<Batch, List<Mean>> each,
            Predicate<Supplier<Map<String, Double>>> goesOn) {
        List<RunningMean> means = names.stream().map(_ -> new RunningMean()).toList();
        boolean more = true;
        while (more && batches.hasNext()) {
            List<Mean> values = each.apply(batches.next());
            for (int i = 0; i < names.size(); i++) {
                means.get(i).addTotal(values.get(i).total, values.get(i).weight);
            }
            more = goesOn.test(() -> named(means));
        }
        return named(means);
    }

    private Map<String, Double> named(List<RunningMean> means) {
        Map<String, Double> out = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            out.put(names.get(i), means.get(i).value());
        }
        return out;
    }

    /// `loss` and the metrics' names, as results have them.
    public List<String> names() {
        return names;
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
                (settings.clip < Double.POSITIVE_INFINITY ? ", clip " + settings.clip : "")
                        + (settings.parts > 1 ? ", in " + settings.parts + " parts" : "")
                        + (settings.precision == Precision.F32 ? "" : ", " + settings.precision);
        return "Trainer of "
                + model.module().getClass().getSimpleName()
                + ", "
                + (loss.getClass().isHidden() || loss.getClass().isSynthetic()
                        ? "a loss of one's own"
                        : loss)
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
