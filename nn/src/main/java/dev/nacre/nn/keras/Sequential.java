package dev.nacre.nn.keras;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Activation;
import dev.nacre.nn.Key;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.loss.BCEWithLogitsLoss;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.metric.Metric;
import dev.nacre.nn.optim.Rule;
import dev.nacre.nn.train.Batch;
import dev.nacre.nn.train.Batches;
import dev.nacre.nn.train.Trainer;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

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
public final class Sequential implements Module {
    private record Compiled(Rule optimizer, Loss loss, List<Metric> metrics) {}

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

    /// A loss on what comes after the last activation.
    private record OfOutput(Loss loss, Activation last) implements Loss {
        @Override
        public Tensor forward(Tensor scores, Tensor target) {
            return loss.forward(last.forward(scores), target);
        }

        @Override
        public void checkTarget(Shape scores, Tensor target) {
            loss.checkTarget(scores, target);
        }
    }

    private final List<Layer> specification;
    private final Rng rng;

    @Key("")
    private List<Layer.Activated> built = List.of();

    private Optional<Recipe> recipe = Optional.empty();
    private Optional<Trainer> trainer = Optional.empty();

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
        Shape shape = example;
        for (Layer l : specification) {
            Layer.Built b = l.build(shape, rng);
            shape = b.output();
            if (!(l instanceof Input)) {
                out.add(b.activated());
            }
        }
        if (out.isEmpty()) {
            throw new NacreException("sequential: there are no layers after the input");
        }
        built = List.copyOf(out);
    }

    /// The layers with their variables as modules one after the other, which share them: what a file holds.
    ///
    /// @throws NacreException if the layers have no variables yet
    public dev.nacre.nn.Sequential stack() {
        if (built.isEmpty()) {
            throw new NacreException(
                    "sequential: the layers have no variables yet\n"
                            + "  hint: begin with Input.of(...), or show the model some data first");
        }
        return new dev.nacre.nn.Sequential(List.copyOf(built));
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
        if (x.rank() == 0) {
            throw new NacreException("sequential: x must have a batch axis");
        }
        build(x.shape().range(1, x.rank()));
        Tensor y = x;
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
        compiled(last ->
                new Compiled(
                        optimizer,
                        Names.loss(loss, last),
                        Arrays.stream(metrics).map(m -> Names.metric(m, last)).toList()));
    }

    /// A cross-entropy is applied to what comes before a softmax or sigmoid at the end, any other loss to the output.
    public void compile(Rule optimizer, Loss loss, Metric... metrics) {
        compiled(_ -> new Compiled(optimizer, loss, List.of(metrics)));
    }

    private void compiled(Recipe r) {
        if (!built.isEmpty()) {
            r.resolve(last()); // so that a wrong name is an error of this line
        }
        recipe = Optional.of(r);
        trainer = Optional.empty();
    }

    private Trainer trainer(Tensor x) {
        if (recipe.isEmpty()) {
            throw new NacreException(
                    "fit: the model is not compiled\n"
                            + "  hint: model.compile(\"adam\", \"sparse_categorical_crossentropy\","
                            + " \"accuracy\")");
        }
        build(x.shape().range(1, x.rank()));
        if (trainer.isEmpty()) {
            Compiled c = recipe.get().resolve(last());
            boolean onScores =
                    c.loss instanceof CrossEntropyLoss && last() == Activation.SOFTMAX
                            || c.loss instanceof BCEWithLogitsLoss && last() == Activation.SIGMOID;
            Loss loss = onScores ? c.loss : new OfOutput(c.loss, last());
            trainer =
                    Optional.of(
                            Trainer.of(
                                    new Head(this),
                                    loss,
                                    c.optimizer.over(parameters()),
                                    c.metrics.toArray(Metric[]::new)));
        }
        return trainer.get();
    }

    /// Learns from examples `x[i]` what they should give, `y[i]`.
    public History fit(Tensor x, Tensor y, Fit.Option... options) {
        Fit fit = Fit.DEFAULTS;
        for (Fit.Option o : options) {
            fit = o.applyTo(fit);
        }
        Trainer t = trainer(x);
        Tensor labels = labels(y);
        long kept =
                fit.validationSplit() == 0
                        ? x.size(0)
                        : (long) (x.size(0) * (1 - fit.validationSplit()));
        Batches batches =
                Batches.of(x.narrow(0, 0, kept), labels.narrow(0, 0, kept), fit.batchSize());
        batches = fit.shuffle() ? batches.shuffled(fit.seed()) : batches;
        Optional<Batch> validation = fit.validation();
        if (validation.isEmpty() && kept < x.size(0)) {
            validation =
                    Optional.of(
                            new Batch(
                                    x.narrow(0, kept, x.size(0) - kept),
                                    labels.narrow(0, kept, x.size(0) - kept)));
        }
        History history = new History();
        for (int epoch = 0; epoch < fit.epochs(); epoch++) {
            Map<String, Double> logs = new LinkedHashMap<>(t.epoch(batches));
            if (validation.isPresent()) {
                t.evaluate(
                                Batches.of(
                                        validation.get().x(),
                                        labels(validation.get().y()),
                                        fit.batchSize()))
                        .forEach((k, v) -> logs.put("val_" + k, v));
            }
            history.add(logs);
            if (fit.verbose()) {
                IO.println("Epoch " + (epoch + 1) + "/" + fit.epochs() + " - " + line(logs));
            }
            int number = epoch;
            if (!fit.callbacks().stream().map(c -> c.onEpochEnd(number, logs)).toList().stream()
                    .allMatch(go -> go)) {
                break;
            }
        }
        return history;
    }

    private static String line(Map<String, Double> logs) {
        return logs.entrySet().stream()
                .map(e ->
                        e.getKey()
                                + ": "
                                + String.format(java.util.Locale.ROOT, "%.4f", e.getValue()))
                .collect(Collectors.joining(" - "));
    }

    /// Class numbers may come as a column.
    private static Tensor labels(Tensor y) {
        return y.dtype().isInteger() && y.rank() == 2 && y.size(1) == 1 ? y.squeeze(1) : y;
    }

    /// Loss and metrics on examples, by name.
    public Map<String, Double> evaluate(Tensor x, Tensor y) {
        return trainer(x).evaluate(Batches.of(x, labels(y), 32));
    }

    /// The outputs for examples.
    public Tensor predict(Tensor x) {
        if (x.rank() == 0 || x.size(0) == 0) {
            throw new NacreException("predict: there are no examples: x is " + x.type());
        }
        List<Tensor> parts = new ArrayList<>();
        for (long i = 0; i < x.size(0); i += 256) {
            parts.add(forward(x.narrow(0, i, Math.min(256, x.size(0) - i))).realize());
        }
        return Tensor.concat(0, parts.toArray(Tensor[]::new)).realize();
    }

    @Override
    public String summary() {
        if (built.isEmpty()) {
            throw new NacreException(
                    "summary: the layers' sizes are not known yet\n"
                            + "  hint: begin with Input.of(…), or fit first");
        }
        return Module.super.summary();
    }
}
