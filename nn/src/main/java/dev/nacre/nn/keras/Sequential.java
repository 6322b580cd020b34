package dev.nacre.nn.keras;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Activation;
import dev.nacre.nn.Key;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.NotPart;
import dev.nacre.nn.Summary;
import dev.nacre.nn.Tree;
import dev.nacre.nn.loss.BCEWithLogitsLoss;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.metric.Each;
import dev.nacre.nn.metric.Metric;
import dev.nacre.nn.metric.Weighted;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Rule;
import dev.nacre.nn.train.Batches;
import dev.nacre.nn.train.Trainer;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.Stream;

/// A stack of layers with Keras's verbs.
///
/// ```java
/// var model = Sequential.of(Input.of(100), Dense.of(64, RELU), Dense.of(10, SOFTMAX));
/// model.compile("adam", "sparse_categorical_crossentropy", "accuracy");
/// model.fit(xTrain, yTrain, epochs(10));
/// ```
///
/// A softmax or sigmoid at the end is left out of the loss, which is computed from the logits without loss of precision. Without an [Input] the layers get their variables when the
/// model first sees data. First values and dropout are drawn from seed 0 unless a source is given.
///
/// As in Keras, inputs of any number type become f32, classes are on the last axis, and targets may have any number type and an axis of size 1 more or less than the output: class indices `[n]` or
/// `[n, 1]`, also as floats; binary labels and one-hot rows as integers. Unlike Keras, targets of another size are an error and never broadcast, and a loss that is not finite ends `fit` with an error.
public final class Sequential implements Module {
    /// @param name of the loss, for errors
    /// @param metrics those that go by weights are [Weighted]
    private record Compiled(
            Rule optimizer, String name, Loss loss, Targets targets, List<Metric> metrics) {}

    /// Given twice, so that names can be resolved when the last activation is known.
    private interface Recipe {
        Compiled resolve(Activation last);
    }

    private record Head(Sequential model) implements Trainer.Model {
        @Override
        public Module module() {
            return model;
        }

        @Override
        public Tensor scores(Tensor x, Mode mode) {
            return model.scores(x, mode);
        }

        @Override
        public Tensor output(Tensor scores) {
            return model.last().forward(scores);
        }
    }

    /// A metric under the name by which it was asked for.
    private record Called(String name, Metric metric) implements Metric {
        @Override
        public Tensor of(Tensor prediction, Tensor target) {
            return metric.of(prediction, target);
        }

        @Override
        public Optional<Tensor> counted(Tensor prediction, Tensor target) {
            return metric.counted(prediction, target);
        }

        @Override
        public Each each(Tensor prediction, Tensor target) {
            return metric.each(prediction, target);
        }

        @Override
        public Metric ignoring(long classNumber) {
            return new Called(name, metric.ignoring(classNumber));
        }

        /// Whether it looks for classes on the last axis itself.
        boolean goesByShape() {
            return metric instanceof ShapedAccuracy || metric instanceof ClassesLast.OfMetric;
        }
    }

    /// A loss on what comes after the last activation.
    private record OfOutput(Loss loss, Activation last) implements Loss {
        @Override
        public Tensor forward(Tensor scores, Tensor target) {
            return loss.forward(last.forward(scores), target);
        }

        @Override
        public Tensor each(Tensor scores, Tensor target) {
            return loss.each(last.forward(scores), target);
        }

        @Override
        public Tensor weighted(Tensor scores, Tensor target, Tensor weights) {
            return loss.weighted(last.forward(scores), target, weights);
        }

        @Override
        public void checkTarget(Shape scores, Tensor target) {
            loss.checkTarget(scores, target);
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
            return loss.weight(scores, target);
        }

        @Override
        public Optional<Loss> weightless() {
            return loss.weightless().map(l -> new OfOutput(l, last));
        }
    }

    @NotPart private final List<Layer> specification;
    private final Rng rng;

    @Key("")
    private List<Layer.Activated> built = List.of();

    private Shape example = Shape.SCALAR; // what the layers were built for
    private List<Shape> outputs = List.of(); // of the layers, for an example, once built
    private long rounds; // over the examples begun so far
    private boolean stopping;

    @NotPart private Optional<Recipe> recipe = Optional.empty();
    @NotPart private Optional<Trainer> trainer = Optional.empty();

    private Sequential(Rng rng, List<Layer> layers) {
        this.specification = layers;
        this.rng = rng;
    }

    public static Sequential of(Layer... layers) {
        return of(Rng.seed(0), layers);
    }

    /// With a source for first values and dropout.
    public static Sequential of(Rng rng, Layer... layers) {
        if (layers.length == 0) {
            throw new NacreException("sequential: there are no layers");
        }
        for (int i = 1; i < layers.length; i++) {
            if (layers[i] instanceof Input) {
                throw new NacreException(
                        "sequential: an Input can only be the first layer, but layer "
                                + i
                                + " is one, too\n"
                                + "  hint: what each layer puts out is the input of the next");
            }
        }
        Sequential s = new Sequential(rng, List.of(layers));
        if (layers[0] instanceof Input i) {
            s.build(i.shape());
        }
        return s;
    }

    private void build(Shape example) {
        if (!built.isEmpty()) {
            return;
        }
        List<Layer.Activated> out = new ArrayList<>();
        List<Shape> shapes = new ArrayList<>();
        Shape shape = example;
        for (Layer l : specification) {
            Layer.Built b = l.build(shape, rng);
            shape = b.output();
            if (!(l instanceof Input)) {
                out.add(b.activated());
                shapes.add(shape);
            }
        }
        if (out.isEmpty()) {
            throw new NacreException("sequential: there are no layers after the input");
        }
        this.example = example;
        built = List.copyOf(out);
        outputs = List.copyOf(shapes);
    }

    private void build(String verb, Tensor x) {
        if (x.rank() == 0) {
            throw new NacreException(verb + ": x must have a batch axis, but is " + x.type());
        }
        build(x.shape().range(1, x.rank()));
        if (x.rank() != example.rank() + 1) {
            throw new NacreException(
                    verb
                            + ": x must be examples of "
                            + example
                            + " one after the other, but is "
                            + x.type()
                            + (x.rank() == example.rank()
                                    ? "\n  hint: x.unsqueeze(0) is a batch of one example"
                                    : ""));
        }
    }

    /// The layers with their variables as modules one after the other, which share them: what a file holds.
    ///
    /// @throws NacreException if the layers have no variables yet
    public dev.nacre.nn.Sequential stack() {
        requireVariables();
        return new dev.nacre.nn.Sequential(List.copyOf(built));
    }

    private void requireVariables() {
        if (built.isEmpty()) {
            throw new NacreException(
                    "sequential: the layers have no variables yet\n"
                            + "  hint: begin with Input.of(...), or show the model some data first");
        }
    }

    /// Whether the last activation makes probabilities: a softmax or a sigmoid.
    public boolean givesProbabilities() {
        return !built.isEmpty() && (last() == Activation.SOFTMAX || last() == Activation.SIGMOID);
    }

    private Activation last() {
        return built.getLast().activation();
    }

    /// What comes before the last layer's activation.
    private Tensor scores(Tensor x, Mode mode) {
        build("sequential", x);
        Tensor y = x.dtype() == DType.F32 ? x : x.cast(DType.F32);
        for (Layer.Activated l : built.subList(0, built.size() - 1)) {
            y = l.forward(y, mode);
        }
        return built.getLast().module().forward(y, mode);
    }

    @Override
    public Tensor forward(Tensor x, Mode mode) {
        Tensor s = scores(x, mode);
        return last().forward(s);
    }

    /// Optimizer, loss and metrics by Keras's names.
    public void compile(String optimizer, String loss, String... metrics) {
        compile(Names.optimizer(optimizer), loss, metrics);
    }

    /// Loss and metrics by Keras's names.
    public void compile(Rule optimizer, String loss, String... metrics) {
        compile(optimizer, loss, List.of(metrics), List.of());
    }

    /// The same with metrics that go by the weights of examples and classes, as the loss does. Of a metric that is in both lists the weighted one has `weighted_` before its name.
    public void compile(
            String optimizer, String loss, List<String> metrics, List<String> weightedMetrics) {
        compile(Names.optimizer(optimizer), loss, metrics, weightedMetrics);
    }

    /// The same with metrics that go by the weights of examples and classes, as the loss does.
    public void compile(
            Rule optimizer, String loss, List<String> metrics, List<String> weightedMetrics) {
        compiled(last ->
                new Compiled(
                        optimizer,
                        loss,
                        Names.loss(loss, last),
                        Names.targets(loss),
                        Stream.concat(
                                        metrics.stream().map(Sequential::called),
                                        weightedMetrics.stream().map(m -> new Weighted(called(m))))
                                .toList()));
    }

    private static Metric called(String name) {
        return new Called(name, Names.metric(name));
    }

    /// Metrics that go by the weights of examples are given as [Weighted]. A cross-entropy is applied to what comes before a softmax or sigmoid at the end, any other loss to the output.
    public void compile(Rule optimizer, Loss loss, Metric... metrics) {
        String name = loss.getClass().getSimpleName();
        compiled(_ -> new Compiled(optimizer, name, loss, Targets.of(loss), List.of(metrics)));
    }

    private void compiled(Recipe r) {
        if (!built.isEmpty()) {
            r.resolve(last()); // so that a wrong name is an error of this line
        }
        recipe = Optional.of(r);
        trainer = Optional.empty();
    }

    private Compiled compiled(String verb) {
        if (recipe.isEmpty()) {
            throw new NacreException(
                    verb
                            + ": the model is not compiled\n"
                            + "  hint: model.compile(\"adam\", \"sparse_categorical_crossentropy\","
                            + " \"accuracy\")");
        }
        return recipe.get().resolve(last());
    }

    private Trainer trainer(String verb, Tensor x) {
        if (recipe.isPresent()) {
            build(verb, x);
        }
        return trainer(verb);
    }

    private Trainer trainer(String verb) {
        if (trainer.isEmpty()) {
            Compiled c = compiled(verb);
            boolean onScores =
                    c.loss instanceof CrossEntropyLoss && last() == Activation.SOFTMAX
                            || c.loss instanceof BCEWithLogitsLoss && last() == Activation.SIGMOID;
            Loss loss = onScores ? c.loss : new OfOutput(c.loss, last());
            boolean classes = c.targets != Targets.VALUES && c.targets != Targets.AS_GIVEN;
            trainer =
                    Optional.of(
                            Trainer.of(
                                    new Head(this),
                                    classes ? new ClassesLast.OfLoss(loss) : loss,
                                    c.optimizer.over(parameters()),
                                    c.metrics.stream()
                                            .map(m -> classes ? classesLast(m) : m)
                                            .toArray(Metric[]::new)));
        }
        return trainer.get();
    }

    private static Metric classesLast(Metric m) {
        if (m instanceof Weighted w) {
            return new Weighted(classesLast(w.metric()));
        }
        return m instanceof Called c && c.goesByShape() ? m : new ClassesLast.OfMetric(m);
    }

    /// Targets as the loss takes them.
    private Tensor targets(String verb, Tensor y) {
        Compiled c = compiled(verb);
        return c.targets.prepared(c.name, y, Shape.of(0).concat(outputs.getLast()));
    }

    /// The optimizer that the model was compiled with: its learning rate can be read and set before `fit` and between the epochs.
    ///
    /// @throws NacreException if the model is not compiled, or its layers have no variables yet
    public Optimizer optimizer() {
        if (recipe.isPresent()) {
            requireVariables();
        }
        return trainer("optimizer").optimizer();
    }

    /// Learns from examples `x[i]` what they should give, `y[i]`. A further `fit` goes on where the last one stopped, with the optimizer's moments and new orders of the examples.
    public History fit(Tensor x, Tensor y, Fit.Option... options) {
        Fit fit = Fit.of(options);
        Trainer t = trainer("fit", x);
        Tensor targets = targets("fit", y);
        Optional<Tensor> weights = weights(fit, targets);
        Optional<Batches> validation =
                fit.validation()
                        .map(v ->
                                batches(
                                        v.x(),
                                        targets("validation", v.y()),
                                        v.weights(),
                                        fit.validationBatchSize()));
        long n = x.size(0);
        long kept = n;
        if (validation.isEmpty() && fit.validationSplit() > 0 && y.rank() > 0 && n == y.size(0)) {
            kept = kept(n, fit.validationSplit());
            long k = kept;
            validation =
                    Optional.of(
                            batches(
                                    x.narrow(0, k, n - k),
                                    targets.narrow(0, k, n - k),
                                    fit.sampleWeight().map(w -> w.narrow(0, k, n - k)),
                                    fit.validationBatchSize()));
        }
        long k = kept;
        Batches batches =
                batches(
                        x.narrow(0, 0, k),
                        k == n ? targets : targets.narrow(0, 0, k),
                        weights.map(w -> w.narrow(0, 0, k)),
                        fit.batchSize());
        if (fit.shuffle()) {
            batches = batches.shuffled(fit.seed());
            batches.startAt(rounds);
        }
        stopping = false;
        try (Fitting f = new Fitting(this, t, fit, batches, validation)) {
            try {
                return f.run();
            } finally {
                rounds += f.rounds();
            }
        }
    }

    private Optional<Tensor> weights(Fit fit, Tensor targets) {
        if (fit.sampleWeight().isPresent() && fit.classWeight().isPresent()) {
            throw new NacreException(
                    "fit: there are both sampleWeight and classWeight\n"
                            + "  hint: give their product as sampleWeight");
        }
        fit.sampleWeight()
                .ifPresent(w ->
                        Problem.in("fit")
                                .require(
                                        w.rank() > 0 && w.size(0) == targets.size(0),
                                        "sampleWeight must have one weight for each example")
                                .operand("sampleWeight", w.type(), w::origin)
                                .operand("y", targets.type(), targets::origin)
                                .throwShape());
        Compiled c = compiled("fit");
        return fit.sampleWeight()
                .or(() -> fit.classWeight().map(w -> c.targets.weights(c.name, targets, w)));
    }

    private static Batches batches(Tensor x, Tensor y, Optional<Tensor> weights, int size) {
        Batches b = Batches.of(x, y, size);
        return weights.map(b::weights).orElse(b);
    }

    /// How many of the examples are for training.
    private static long kept(long n, double validationSplit) {
        long kept = (long) Math.floor(n * (1 - validationSplit));
        if (kept == 0 || kept == n) {
            throw new NacreException(
                    "fit: "
                            + n
                            + " examples cannot be divided by validationSplit "
                            + validationSplit
                            + ": "
                            + (kept == 0
                                    ? "none is left for training"
                                    : "none would be for validation"));
        }
        return kept;
    }

    /// Ends `fit` after the batch that is being learned, and the epoch with it: for callbacks.
    public void stopTraining() {
        stopping = true;
    }

    boolean isStopping() {
        return stopping;
    }

    /// Loss and metrics on examples, by name: means over all of them, 32 at a time.
    public Map<String, Double> evaluate(Tensor x, Tensor y) {
        return evaluate(x, y, Optional.empty());
    }

    /// Loss and weighted metrics go by a weight for each example.
    public Map<String, Double> evaluate(Tensor x, Tensor y, Tensor sampleWeight) {
        return evaluate(x, y, Optional.of(sampleWeight));
    }

    private Map<String, Double> evaluate(Tensor x, Tensor y, Optional<Tensor> weights) {
        Trainer t = trainer("evaluate", x);
        return t.evaluate(batches(x, targets("evaluate", y), weights, 32));
    }

    /// The outputs for examples.
    public Tensor predict(Tensor x) {
        if (x.rank() == 0 || x.size(0) == 0) {
            throw new NacreException("predict: there are no examples: x is " + x.type());
        }
        build("predict", x);
        List<Tensor> parts = new ArrayList<>();
        for (long i = 0; i < x.size(0); i += 256) {
            parts.add(forward(x.narrow(0, i, Math.min(256, x.size(0) - i))).realize());
        }
        return Tensor.concat(0, parts.toArray(Tensor[]::new)).realize();
    }

    /// A table of the layers as they were given, with the shapes of what they put out (`?` is the batch) and their numbers of parameters.
    @Override
    public String summary() {
        if (built.isEmpty()) {
            throw new NacreException(
                    "summary: the layers' sizes are not known yet\n  hint: begin with Input.of(…), or fit first");
        }
        Tree tree = Tree.of(this);
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"layer", "type", "output", "parameters"});
        List<Layer> layers = specification.stream().filter(l -> !(l instanceof Input)).toList();
        for (int i = 0; i < layers.size(); i++) {
            long count = built.get(i).parameterCount();
            rows.add(
                    new String[] {
                        Integer.toString(i),
                        layers.get(i).toString(),
                        Shape.of(Shape.ANY).concat(outputs.get(i)).toString(),
                        Summary.number(count)
                    });
        }
        return Summary.table("Sequential", rows)
                + "  "
                + Summary.number(tree.parameterCount())
                + " parameters\n";
    }

    /// The [#summary()], or the layers as they were given while their sizes are not known.
    @Override
    public String toString() {
        return built.isEmpty()
                ? "Sequential" + specification + ", without sizes as yet"
                : summary().stripTrailing();
    }
}
