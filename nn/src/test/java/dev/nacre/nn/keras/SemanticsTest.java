package dev.nacre.nn.keras;

import static dev.nacre.nn.Activation.LINEAR;
import static dev.nacre.nn.Activation.RELU;
import static dev.nacre.nn.Activation.SIGMOID;
import static dev.nacre.nn.Activation.SOFTMAX;
import static dev.nacre.nn.keras.Fit.batchSize;
import static dev.nacre.nn.keras.Fit.callback;
import static dev.nacre.nn.keras.Fit.epochs;
import static dev.nacre.nn.keras.Fit.seed;
import static dev.nacre.nn.keras.Fit.shuffle;
import static dev.nacre.nn.keras.Fit.validationData;
import static dev.nacre.nn.keras.Fit.validationSplit;
import static dev.nacre.nn.keras.Fit.verbose;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.Activation;
import dev.nacre.nn.loss.BCEWithLogitsLoss;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.metric.Metric;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Rule;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// The meaning of `compile` and `fit` is Keras's.
class SemanticsTest {
    private static final double NAN = Double.NaN;

    // ---------------------------------------------------------------------------------------------
    // early stopping

    /// Keras's early_stopping.py, retold: how many epochs are run, and which weights are left (−1: the last).
    private static int[] keras(
            double[] values, int patience, boolean up, double delta, double baseline, int start) {
        double best = up ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        int wait = 0;
        int kept = -1;
        for (int epoch = 0; epoch < values.length; epoch++) {
            double v = values[epoch];
            if (epoch < start) {
                continue;
            }
            kept = kept < 0 ? epoch : kept;
            wait++;
            if (up ? v - delta > best : v + delta < best) {
                best = v;
                kept = epoch;
                if (Double.isNaN(baseline) || (up ? v - delta > baseline : v + delta < baseline)) {
                    wait = 0;
                }
                continue;
            }
            if (wait >= patience && epoch > 0) {
                return new int[] {epoch + 1, kept};
            }
        }
        return new int[] {values.length, kept};
    }

    private static Sequential tiny() {
        Sequential s = Sequential.of(Input.of(1), Dense.of(1));
        s.compile("sgd", "mse");
        return s;
    }

    /// Runs the callback as `fit` does; the weight after an epoch is the epoch's number.
    private static int[] ours(EarlyStopping stop, String name, double[] values) {
        Sequential model = tiny();
        stop.onTrainBegin(model);
        int epoch = 0;
        boolean goesOn = true;
        while (goesOn && epoch < values.length) {
            model.state().get("0.weight").set(Tensor.full((double) epoch, DType.F32, 1, 1));
            goesOn = stop.onEpochEnd(epoch, Map.of(name, values[epoch]));
            epoch++;
        }
        stop.onTrainEnd();
        return new int[] {epoch, (int) model.state().get("0.weight").item()};
    }

    @TestFactory
    Stream<DynamicTest> earlyStopping() {
        double[][] series = {
            {3, 2, 2.5, 2.4, 2.3, 1, 1, 1, 1},
            {NAN, 1, 2, 3, 4},
            {NAN, NAN, NAN, NAN, NAN},
            {3, NAN, 2, NAN, NAN, NAN, 1},
            {1, 2, NAN, 0.5, NAN, NAN},
            {0.5, 0.6, 0.55, 0.7, 0.7, 0.7, 0.71},
            {Double.POSITIVE_INFINITY, 5, Double.POSITIVE_INFINITY, 5, 5},
            {1, 1, 1, 1},
            {1}
        };
        List<DynamicTest> out = new ArrayList<>();
        for (double[] values : series) {
            for (int patience : new int[] {0, 1, 2, 3}) {
                for (String name : new String[] {"val_loss", "val_auc"}) {
                    for (double[] more :
                            new double[][] {{0, NAN, 0}, {0.2, NAN, 0}, {0, 0.6, 0}, {0, NAN, 2}}) {
                        boolean up = name.equals("val_auc");
                        EarlyStopping stop =
                                EarlyStopping.of(name, patience)
                                        .minDelta(more[0])
                                        .restoreBestWeights()
                                        .startFromEpoch((int) more[2]);
                        EarlyStopping with = Double.isNaN(more[1]) ? stop : stop.baseline(more[1]);
                        int[] expected =
                                keras(values, patience, up, more[0], more[1], (int) more[2]);
                        int last = expected[1] < 0 ? values.length - 1 : expected[1];
                        String what =
                                java.util.Arrays.toString(values)
                                        + " "
                                        + patience
                                        + name
                                        + java.util.Arrays.toString(more);
                        out.add(
                                DynamicTest.dynamicTest(
                                        what,
                                        () ->
                                                assertArrayEquals(
                                                        new int[] {expected[0], last},
                                                        ours(with, name, values))));
                    }
                }
            }
        }
        return out.stream();
    }

    @Test
    void theModeIsToldByTheName() {
        Map<String, Boolean> up =
                Map.ofEntries(
                        Map.entry("loss", false),
                        Map.entry("val_loss", false),
                        Map.entry("title_loss", false),
                        Map.entry("accuracy", true),
                        Map.entry("val_acc", true),
                        Map.entry("val_sparse_categorical_accuracy", true),
                        Map.entry("top_5_accuracy", true),
                        Map.entry("auc", true),
                        Map.entry("val_auc_1", true),
                        Map.entry("precision", true),
                        Map.entry("val_recall", true),
                        Map.entry("f1_score", true),
                        Map.entry("mean_io_u", true),
                        Map.entry("r2_score", true),
                        Map.entry("cosine_similarity", true),
                        Map.entry("mse", false),
                        Map.entry("val_mae", false),
                        Map.entry("root_mean_squared_error", false),
                        Map.entry("binary_crossentropy", false),
                        Map.entry("kl_divergence", false),
                        Map.entry("perplexity", false));
        up.forEach((name, isUp) ->
                assertEquals(isUp, new Monitor("test", name, "auto", 0).isBetter(2, 1), name));
        assertTrue(new Monitor("test", "auc", "min", 0).isBetter(1, 2));
        assertEquals(
                "earlyStopping: whether 'val_score' should grow or shrink cannot be told from its"
                        + " name\n"
                        + "  hint: .mode(\"max\") or .mode(\"min\")",
                error(() -> EarlyStopping.of("val_score", 1).onTrainBegin(tiny())));
    }

    // ---------------------------------------------------------------------------------------------
    // targets

    private record Row(
            String loss, Activation last, long[] output, Tensor plain, Tensor... others) {}

    /// Each row: targets that mean the same.
    private static List<Row> rows() {
        Tensor binary = Tensor.of(new float[] {0, 1, 1, 0, 1, 0}).reshape(6, 1);
        Tensor classes = Tensor.of(new long[] {0, 1, 2, 0, 1, 2});
        Tensor steps = Tensor.of(new long[] {0, 1, 2, 2, 1, 0, 0, 1, 2, 0, 1, 2}).reshape(6, 2);
        Tensor oneHot = classes.oneHot(3, DType.F32);
        Tensor values = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}).reshape(6, 1);
        List<Row> out = new ArrayList<>();
        out.add(
                new Row(
                        "binary_crossentropy",
                        SIGMOID,
                        new long[] {1},
                        binary,
                        all(binary, binary.squeeze(1))));
        out.add(
                new Row(
                        "sparse_categorical_crossentropy",
                        SOFTMAX,
                        new long[] {3},
                        classes,
                        all(classes, classes.unsqueeze(1))));
        out.add(
                new Row(
                        "sparse_categorical_crossentropy",
                        SOFTMAX,
                        new long[] {2, 3},
                        steps,
                        all(steps, steps.unsqueeze(2))));
        out.add(new Row("categorical_crossentropy", SOFTMAX, new long[] {3}, oneHot, all(oneHot)));
        out.add(
                new Row(
                        "categorical_crossentropy",
                        SOFTMAX,
                        new long[] {2, 3},
                        steps.oneHot(3, DType.F32),
                        all(steps.oneHot(3, DType.F32))));
        for (String loss : List.of("mse", "mae", "huber", "mean_squared_error")) {
            out.add(
                    new Row(
                            loss,
                            LINEAR,
                            new long[] {1},
                            values,
                            values.cast(DType.I32),
                            values.cast(DType.F64).squeeze(1),
                            values.cast(DType.U8).squeeze(1),
                            values.squeeze(1)));
        }
        return out;
    }

    /// In every number type.
    private static Tensor[] all(Tensor... given) {
        List<Tensor> out = new ArrayList<>();
        for (Tensor t : given) {
            for (DType d : DType.values()) {
                if (d != DType.BOOL || t.max().item() <= 1) {
                    out.add(t.cast(d));
                }
            }
        }
        return out.toArray(Tensor[]::new);
    }

    private static Sequential model(Row r, boolean object) {
        long[] in = r.output.clone();
        in[in.length - 1] = 2;
        Sequential s = Sequential.of(Input.of(in), Dense.of(r.output[in.length - 1], r.last));
        if (object) {
            Loss loss =
                    switch (r.last) {
                        case SOFTMAX -> new CrossEntropyLoss();
                        case SIGMOID -> new BCEWithLogitsLoss();
                        default -> new MSELoss();
                    };
            s.compile(Optimizers.adam(1e-3), loss, new Accuracy());
        } else {
            s.compile("adam", r.loss, r.last == LINEAR ? "mae" : "accuracy");
        }
        return s;
    }

    @TestFactory
    Stream<DynamicTest> targetsOfAllTypesAndRanks() {
        return rows().stream()
                .map(r ->
                        DynamicTest.dynamicTest(
                                r.loss + r.output.length,
                                () -> {
                                    long[] in = r.output.clone();
                                    in[in.length - 1] = 2;
                                    long[] sizes =
                                            Stream.of(new long[] {6}, in)
                                                    .flatMapToLong(java.util.Arrays::stream)
                                                    .toArray();
                                    Tensor x = Rng.seed(1).normal(sizes).realize();
                                    Map<String, Double> expected =
                                            model(r, false).evaluate(x, r.plain);
                                    for (Tensor y : r.others) {
                                        assertEquals(
                                                expected,
                                                model(r, false).evaluate(x, y),
                                                y.type().toString());
                                        History h =
                                                model(r, false)
                                                        .fit(
                                                                x,
                                                                y,
                                                                verbose(0),
                                                                validationData(x, y),
                                                                shuffle(false));
                                        assertEquals(
                                                expected.get("loss"),
                                                h.of("loss").getFirst(),
                                                1e-6);
                                    }
                                    if (r.last == SOFTMAX) {
                                        for (Tensor y : r.others) {
                                            assertEquals(
                                                    expected.get("loss"),
                                                    model(r, true).evaluate(x, y).get("loss"),
                                                    y.type().toString());
                                        }
                                    }
                                }));
    }

    /// The classes are on the last axis: sequences as long as there are classes cannot be told apart by their shape.
    @Test
    void classesAreOnTheLastAxis() {
        Sequential s = Sequential.of(Input.of(3, 2), Dense.of(3, SOFTMAX));
        s.compile("adam", "sparse_categorical_crossentropy", "accuracy");
        Tensor x = Rng.seed(1).normal(4, 3, 2).realize();
        Tensor y = Rng.seed(2).integers(3, 4, 3).realize();
        Tensor p = s.predict(x);
        double loss = p.gather(2, y.unsqueeze(2)).log().mean().neg().item();
        assertEquals(loss, s.evaluate(x, y).get("loss"), 1e-5);
        assertEquals(
                p.argmax(2).eq(y).cast(DType.F32).mean().item(),
                s.evaluate(x, y).get("accuracy"),
                1e-6);
    }

    @Test
    void targetsThatDoNotFit() {
        Sequential sparse = Sequential.of(Input.of(2), Dense.of(3, SOFTMAX));
        sparse.compile("adam", "sparse_categorical_crossentropy");
        Tensor x = Tensor.ones(4, 2).realize();
        assertEquals(
                "sparse_categorical_crossentropy: the target must be class numbers [4] (or with an"
                        + " axis of size 1 after them) for outputs [4, 3]\n"
                        + "  target  f32[4, 3]  tensor\n"
                        + "  hint: for one-hot rows compile with \"categorical_crossentropy\"",
                error(() -> sparse.fit(x, Tensor.of(new float[12]).reshape(4, 3).realize()))
                        .replaceAll("\\]  .*", "]  tensor"));
        assertTrue(
                error(() -> sparse.fit(x, Tensor.of(new float[] {0, 1, 0.5f, 2})))
                        .startsWith(
                                "sparse_categorical_crossentropy: class numbers must be whole"
                                        + " numbers"));
        assertTrue(
                error(() -> sparse.fit(x, Tensor.of(new float[] {0, 1, Float.NaN, 2})))
                        .startsWith(
                                "sparse_categorical_crossentropy: class numbers must be whole"
                                        + " numbers"));
        Sequential dense = Sequential.of(Input.of(2), Dense.of(3, SOFTMAX));
        dense.compile("adam", "categorical_crossentropy");
        String one = error(() -> dense.fit(x, Tensor.of(new long[] {0, 1, 2, 0})));
        assertTrue(one.contains("the target must have the output's shape [4, 3]"), one);
        assertTrue(one.contains("sparse_categorical_crossentropy"), one);
        Sequential mse = Sequential.of(Input.of(2), Dense.of(3));
        mse.compile("adam", "mse");
        assertTrue(
                error(() -> mse.fit(x, Tensor.ones(4, 1)))
                        .startsWith("mse: the target must have the output's shape [4, 3]"));
        assertEquals(
                "batches: x and y must have the same number of examples on axis 0, but x is f32[4,"
                        + " 2] and y is f32[3, 3]",
                error(() -> mse.fit(x, Tensor.ones(3, 3), validationSplit(0.5))));
    }

    @Test
    void inputsOfAllTypes() {
        Sequential s =
                Sequential.of(
                        Input.of(4, 4, 1),
                        Conv2D.of(2, 3, RELU),
                        Flatten.of(),
                        Dense.of(2, SOFTMAX));
        s.compile("adam", "sparse_categorical_crossentropy");
        Tensor x = Rng.seed(1).integers(100, 5, 4, 4, 1).realize();
        Tensor y = Tensor.of(new long[] {0, 1, 0, 1, 1});
        double expected = s.evaluate(x.cast(DType.F32), y).get("loss");
        for (DType d : List.of(DType.U8, DType.I8, DType.I32, DType.I64, DType.F64, DType.F16)) {
            assertEquals(expected, s.evaluate(x.cast(d), y).get("loss"), 1e-6, d.toString());
            assertEquals(DType.F32, s.predict(x.cast(d)).dtype());
        }
    }

    // ---------------------------------------------------------------------------------------------
    // fit

    private static List<Double> losses(Sequential s, int n, Fit.Option... options) {
        Tensor x = Tensor.arange(n).cast(DType.F32).reshape(n, 1).realize();
        List<Double> out = new ArrayList<>();
        Fit.Option[] all =
                Stream.concat(Stream.of(options), Stream.of(verbose(0))).toArray(Fit.Option[]::new);
        s.fit(x, x.mul(2), all).of("loss").forEach(out::add);
        return out;
    }

    @Test
    void everyEpochOfEveryFitHasANewOrder() {
        List<Sequential> models = IntStream.range(0, 4).mapToObj(_ -> tiny()).toList();
        List<Double> once = losses(models.get(0), 7, epochs(4), batchSize(2));
        List<Double> twice = losses(models.get(1), 7, epochs(2), batchSize(2));
        twice.addAll(losses(models.get(1), 7, epochs(2), batchSize(2)));
        assertEquals(once, twice, "two fits of two epochs are not one of four");
        assertNotEquals(once, losses(models.get(2), 7, epochs(4), batchSize(2), seed(1)));
        assertEquals(4, new java.util.HashSet<>(once).size());
        Sequential still = tiny();
        still.compile(Optimizers.sgd(0), "mse");
        List<Double> first = losses(still, 7, epochs(1), batchSize(2), shuffle(false));
        assertEquals(first, losses(still, 7, epochs(1), batchSize(2), shuffle(false)));
    }

    /// The mean over a last smaller batch counts examples, not batches.
    @Test
    void meansAreOverExamples() {
        Sequential s = tiny();
        s.compile(Optimizers.sgd(0), "mse", "mae");
        Tensor x = Tensor.of(new float[] {1, 2, 3, 4, 50}).reshape(5, 1);
        Tensor y = Tensor.zeros(5, 1);
        Tensor p = s.predict(x);
        History h = s.fit(x, y, batchSize(2), verbose(0), validationData(x, y));
        assertEquals(p.square().mean().item(), h.of("loss").getFirst(), 1e-2);
        assertEquals(p.abs().mean().item(), h.of("val_mae").getFirst(), 1e-3);
        assertEquals(p.abs().mean().item(), s.evaluate(x, y).get("mae"), 1e-3);
        Tensor many = Rng.seed(1).normal(300, 1).realize();
        assertArrayEquals(s.forward(many).toFloatArray(), s.predict(many).toFloatArray(), 1e-6f);
    }

    @Test
    void validationDataWinsOverTheSplit() {
        Tensor x = Tensor.arange(10).cast(DType.F32).reshape(10, 1).realize();
        Metric counting =
                new Metric() {
                    @Override
                    public String name() {
                        return "mae";
                    }

                    @Override
                    public Tensor of(Tensor p, Tensor y) {
                        return y.mean();
                    }
                };
        Sequential s = tiny();
        s.compile(Optimizers.sgd(0), new MSELoss(), counting);
        Tensor other = Tensor.full(100.0, DType.F32, 3, 1);
        History both = s.fit(x, x, validationSplit(0.5), validationData(other, other), verbose(0));
        assertEquals(4.5, both.of("mae").getFirst(), 1e-6, "the split took training examples away");
        assertEquals(100, both.of("val_mae").getFirst(), 1e-4);
        History split = s.fit(x, x, validationSplit(0.25), verbose(0));
        assertEquals(3, split.of("mae").getFirst(), 1e-6, "0 to 6 are left: floor(10·0.75) = 7");
        assertEquals(8, split.of("val_mae").getFirst(), 1e-6);
    }

    private static void split(Sequential s, Tensor x, double part) {
        s.fit(x, x, validationSplit(part), verbose(0));
    }

    @Test
    void metricsHaveTheNamesTheyWereAskedForBy() {
        Sequential s = tiny();
        s.compile("sgd", "mse", "mean_absolute_error", "mse");
        assertEquals(
                List.of("loss", "mean_absolute_error", "mse"),
                s.fit(Tensor.ones(2, 1), Tensor.ones(2, 1), verbose(0)).names());
        Sequential c = Sequential.of(Input.of(1), Dense.of(2, SOFTMAX));
        c.compile("Adam", "sparse_categorical_crossentropy", "acc");
        assertTrue(c.evaluate(Tensor.ones(2, 1), Tensor.of(new int[] {0, 1})).containsKey("acc"));
    }

    /// The names of Keras's classes mean what those of its functions do.
    @Test
    void namesOfClasses() {
        Sequential c = Sequential.of(Input.of(1), Dense.of(2, SOFTMAX));
        c.compile(
                "Adam",
                "SparseCategoricalCrossentropy",
                "SparseCategoricalAccuracy",
                "SparseTopKCategoricalAccuracy",
                "MeanSquaredError",
                "MAE");
        Sequential d = Sequential.of(Input.of(1), Dense.of(2, SOFTMAX));
        d.compile(
                "RMSprop",
                "CategoricalCrossentropy",
                "CategoricalAccuracy",
                "TopKCategoricalAccuracy",
                "BinaryAccuracy");
        assertEquals(
                List.of("loss", "CategoricalAccuracy", "TopKCategoricalAccuracy", "BinaryAccuracy"),
                List.copyOf(d.evaluate(Tensor.ones(2, 1), Tensor.eye(2)).keySet()));
    }

    // ---------------------------------------------------------------------------------------------
    // optimizers

    /// Keras's update steps in f64, one number at a time.
    private static double[] expected(Rule rule, double w, double[] gradients) {
        double m = 0;
        double v = rule instanceof Optimizers.Adagrad a ? a.initial() : 0;
        double average = 0;
        double x = w;
        double[] out = new double[gradients.length];
        for (int t = 1; t <= gradients.length; t++) {
            double g = gradients[t - 1];
            double rate = rule.learningRate();
            switch (rule) {
                case Optimizers.Adam a -> {
                    x -= x * a.weightDecay() * rate;
                    double alpha =
                            rate
                                    * Math.sqrt(1 - Math.pow(a.beta2(), t))
                                    / (1 - Math.pow(a.beta1(), t));
                    m += (g - m) * (1 - a.beta1());
                    v += (g * g - v) * (1 - a.beta2());
                    x -= m * alpha / (Math.sqrt(v) + a.epsilon());
                }
                case Optimizers.SGD s -> {
                    m = s.momentum() * m - rate * g;
                    x += s.nesterov() ? s.momentum() * m - rate * g : m;
                }
                case Optimizers.RMSprop r -> {
                    v = r.rho() * v + (1 - r.rho()) * g * g;
                    average = r.rho() * average + (1 - r.rho()) * g;
                    double d = (r.centred() ? v - average * average : v) + r.epsilon();
                    double step = rate * g / Math.sqrt(d);
                    m = r.momentum() * m + step;
                    x -= m;
                }
                case Optimizers.Adagrad a -> {
                    v += g * g;
                    x -= rate * g / Math.sqrt(v + a.epsilon());
                }
                default -> throw new AssertionError(rule);
            }
            out[t - 1] = x;
        }
        return out;
    }

    @Test
    void optimizersAreKeras() {
        double[] gradients = {1e-4, -3e-4, 2e-5, 1e-7, 0, 5};
        List<Rule> rules =
                List.of(
                        Names.optimizer("adam"),
                        Names.optimizer("adamw"),
                        Names.optimizer("sgd"),
                        Names.optimizer("rmsprop"),
                        Names.optimizer("adagrad"),
                        new Optimizers.Adam(0.1, 0.8, 0.9, 1e-3, 0.1),
                        new Optimizers.SGD(0.1, 0.9, false),
                        new Optimizers.SGD(0.1, 0.9, true),
                        new Optimizers.RMSprop(0.1, 0.8, 0.5, 1e-7, false),
                        new Optimizers.RMSprop(0.1, 0.8, 0.5, 1e-7, true),
                        new Optimizers.RMSprop(0.1, 0.8, 0, 1e-3, true),
                        new Optimizers.Adagrad(0.1, 0, 1e-7));
        for (Rule rule : rules) {
            Variable w = Variable.of("w", Tensor.of(new double[] {0.5}));
            Optimizer o = rule.over(List.of(w));
            double[] expected = expected(rule, 0.5, gradients);
            for (int t = 0; t < gradients.length; t++) {
                o.zeroGrad();
                w.mul(gradients[t]).sum().backward();
                o.step();
                assertEquals(
                        expected[t],
                        w.item(),
                        1e-12 + 1e-9 * Math.abs(expected[t]),
                        rule + " step " + (t + 1));
            }
        }
    }

    // ---------------------------------------------------------------------------------------------
    // other callbacks

    /// Keras's reduce_lr_on_plateau.py, retold.
    private static List<Double> plateau(double[] values, boolean up, int patience, int cooldown) {
        double best = up ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        double rate = 1;
        int wait = 0;
        int cooling = 0;
        List<Double> out = new ArrayList<>();
        for (double v : values) {
            if (cooling > 0) {
                cooling--;
                wait = 0;
            }
            if (up ? v > best + 1e-4 : v < best - 1e-4) {
                best = v;
                wait = 0;
            } else if (cooling == 0) {
                wait++;
                if (wait >= patience && rate > 0.1) {
                    rate = Math.max(rate * 0.5, 0.1);
                    cooling = cooldown;
                    wait = 0;
                }
            }
            out.add(rate);
        }
        return out;
    }

    @Test
    void plateaus() {
        double inf = Double.POSITIVE_INFINITY;
        List<double[]> rows =
                List.of(
                        new double[] {
                            3, 2, 2, 2, NAN, 1, 1, 1, 1, 1, 1.00001, 0.5, NAN, NAN, NAN, NAN
                        },
                        new double[] {NAN, NAN, NAN, NAN, 1, NAN, 1, 1},
                        new double[] {inf, inf, inf, 1, inf, inf, inf, 0.5},
                        new double[] {1, -inf, -inf, 5, -inf, NAN, -inf},
                        new double[] {-inf, inf, NAN, -inf, 1, inf, 2, 2, 2});
        for (double[] values : rows) {
            for (String mode : List.of("auto", "min", "max")) {
                for (int patience : new int[] {0, 1, 2, 3}) {
                    for (int cooldown : new int[] {0, 1, 2}) {
                        Sequential model = tiny();
                        model.compile(Optimizers.sgd(1), "mse");
                        model.evaluate(Tensor.ones(1, 1), Tensor.ones(1, 1));
                        ReduceLROnPlateau reduce =
                                ReduceLROnPlateau.of("val_loss", 0.5, patience)
                                        .mode(mode)
                                        .cooldown(cooldown)
                                        .minLearningRate(0.1);
                        List<Double> expected =
                                plateau(values, mode.equals("max"), patience, cooldown);
                        String what = Arrays.toString(values) + mode + patience + cooldown;
                        for (int run = 0; run < 2; run++) { // each fit begins anew
                            model.optimizer().learningRate(1);
                            reduce.onTrainBegin(model);
                            List<Double> rates = new ArrayList<>();
                            for (int i = 0; i < values.length; i++) {
                                assertTrue(reduce.onEpochEnd(i, Map.of("val_loss", values[i])));
                                rates.add(model.optimizer().learningRate());
                            }
                            assertEquals(expected, rates, what);
                        }
                    }
                }
            }
        }
    }

    @Test
    void learningRates() {
        Sequential model = tiny();
        List<Double> seen = new ArrayList<>();
        model.fit(
                Tensor.ones(2, 1),
                Tensor.ones(2, 1),
                epochs(3),
                verbose(0),
                callback(LearningRateScheduler.of((epoch, rate) -> rate / (epoch + 1))),
                callback((_, _) -> seen.add(model.optimizer().learningRate())));
        assertEquals(List.of(0.01, 0.005, 0.005 / 3), seen);
    }

    // ---------------------------------------------------------------------------------------------
    // misuse

    private static String error(org.junit.jupiter.api.function.Executable e) {
        return assertThrows(NacreException.class, e).getMessage();
    }

    @Test
    void badOptions() {
        Map<String, org.junit.jupiter.api.function.Executable> rows =
                Map.ofEntries(
                        Map.entry("fit: epochs must be at least 0, but is -1", () -> epochs(-1)),
                        Map.entry(
                                "fit: batchSize must be at least 1, but is 0", () -> batchSize(0)),
                        Map.entry(
                                "fit: validationSplit must be at least 0 and below 1, but is 1.0",
                                () -> validationSplit(1)),
                        Map.entry(
                                "fit: validationSplit must be at least 0 and below 1, but is NaN",
                                () -> validationSplit(NAN)),
                        Map.entry(
                                "earlyStopping: the patience must be at least 0, but is -1",
                                () -> EarlyStopping.of("loss", -1)),
                        Map.entry(
                                "earlyStopping: the mode must be auto, min or max, but is up",
                                () -> EarlyStopping.of("loss", 1).mode("up")),
                        Map.entry(
                                "reduceLROnPlateau: the factor must be between 0 and 1, but is 1.0",
                                () -> ReduceLROnPlateau.of("loss", 1, 1)),
                        Map.entry("dense: units must be at least 1, but is 0", () -> Dense.of(0)),
                        Map.entry(
                                "conv2D: strides must be at least 1, but is 0",
                                () -> Conv2D.of(1, 1, RELU).strides(0)),
                        Map.entry(
                                "conv2D: a window of 5×5 does not fit into [4, 4, 1]",
                                () -> Sequential.of(Input.of(4, 4, 1), Conv2D.of(1, 5, RELU))),
                        Map.entry(
                                "maxPooling2D: a window of 5×5 does not fit into [4, 4, 1]",
                                () -> Sequential.of(Input.of(4, 4, 1), MaxPooling2D.of(5))),
                        Map.entry(
                                "maxPooling2D: poolSize must be at least 1, but is 0",
                                () -> MaxPooling2D.of(0)),
                        Map.entry(
                                "dropout: the rate must be from 0 to 1, but is NaN",
                                () -> Dropout.of(NAN)),
                        Map.entry(
                                "evaluate: the model is not compiled\n"
                                        + "  hint: model.compile(\"adam\","
                                        + " \"sparse_categorical_crossentropy\", \"accuracy\")",
                                () ->
                                        Sequential.of(Dense.of(1))
                                                .evaluate(Tensor.ones(1, 1), Tensor.ones(1))),
                        Map.entry(
                                "fit: x must have a batch axis, but is f32[]",
                                () -> tiny().fit(Tensor.of(1f), Tensor.of(1f))),
                        Map.entry(
                                "fit: 10 examples cannot be divided by validationSplit 0.95: none"
                                        + " is left for training",
                                () -> split(tiny(), Tensor.ones(10, 1), 0.95)));
        rows.forEach((message, e) -> assertEquals(message, error(e)));
    }
}
