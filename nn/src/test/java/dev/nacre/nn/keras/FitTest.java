package dev.nacre.nn.keras;

import static dev.nacre.nn.Activation.LINEAR;
import static dev.nacre.nn.Activation.SIGMOID;
import static dev.nacre.nn.Activation.SOFTMAX;
import static dev.nacre.nn.keras.Fit.batchSize;
import static dev.nacre.nn.keras.Fit.callback;
import static dev.nacre.nn.keras.Fit.classWeight;
import static dev.nacre.nn.keras.Fit.epochs;
import static dev.nacre.nn.keras.Fit.initialEpoch;
import static dev.nacre.nn.keras.Fit.sampleWeight;
import static dev.nacre.nn.keras.Fit.shuffle;
import static dev.nacre.nn.keras.Fit.stepsPerEpoch;
import static dev.nacre.nn.keras.Fit.validationBatchSize;
import static dev.nacre.nn.keras.Fit.validationData;
import static dev.nacre.nn.keras.Fit.validationSplit;
import static dev.nacre.nn.keras.Fit.verbose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Activation;
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

/// What the options of `fit` mean, by Keras's documentation. Expected numbers come from loops over its formulas.
class FitTest {
    private static final int N = 7;
    private static final double[] WEIGHTS = {1, 0, 2, 0.5, 3, 1, 0.25};
    private static final Map<Integer, Double> BY_CLASS = Map.of(0, 0.5, 2, 4.0);
    private static final int[] CLASSES = {0, 1, 2, 0, 2, 1, 0};

    private static final Tensor X = Rng.seed(5).normal(N, 2).realize();

    /// @param y targets of every kind, by class numbers
    private record Row(String loss, Activation last, int width, Tensor... y) {}

    private static List<Row> rows() {
        Tensor classes = Tensor.of(Arrays.stream(CLASSES).asLongStream().toArray());
        Tensor two = classes.eq(2).cast(DType.F32);
        Tensor oneHot = classes.oneHot(3, DType.F32);
        return List.of(
                new Row(
                        "sparse_categorical_crossentropy",
                        SOFTMAX,
                        3,
                        classes,
                        classes.unsqueeze(1),
                        classes.cast(DType.F32)),
                new Row(
                        "categorical_crossentropy",
                        SOFTMAX,
                        3,
                        oneHot,
                        oneHot.cast(DType.I32),
                        oneHot.mul(0.8).add(0.2 / 3)),
                new Row(
                        "binary_crossentropy",
                        SIGMOID,
                        1,
                        two,
                        two.unsqueeze(1),
                        two.cast(DType.I64)),
                new Row("binary_crossentropy", SIGMOID, 3, oneHot),
                new Row("mse", LINEAR, 1, classes.cast(DType.F32), classes.unsqueeze(1)),
                new Row("mae", LINEAR, 3, oneHot));
    }

    private static Sequential model(Row r) {
        Sequential s = Sequential.of(Rng.seed(3), Input.of(2), Dense.of(r.width, r.last));
        String metric = r.last == LINEAR ? "mae" : "accuracy";
        s.compile("sgd", r.loss, List.of(metric), List.of(metric));
        return s;
    }

    private static double[][] rowsOf(Tensor t) {
        double[] all = t.cast(DType.F64).toDoubleArray();
        int width = all.length / N;
        return IntStream.range(0, N)
                .mapToObj(i -> Arrays.copyOfRange(all, i * width, (i + 1) * width))
                .toArray(double[][]::new);
    }

    /// Loss and metric of one example.
    private static double[] values(Row r, double[] p, double[] y) {
        int width = p.length;
        double loss = 0;
        double metric = 0;
        for (int k = 0; k < width; k++) {
            loss +=
                    switch (r.loss) {
                        case "mse" -> (p[k] - y[k]) * (p[k] - y[k]) / width;
                        case "mae" -> Math.abs(p[k] - y[k]) / width;
                        case "binary_crossentropy" ->
                                -(y[k] * Math.log(p[k]) + (1 - y[k]) * Math.log(1 - p[k])) / width;
                        case "categorical_crossentropy" -> -y[k] * Math.log(p[k]);
                        default -> k == (int) y[0] ? -Math.log(p[k]) : 0;
                    };
        }
        if (r.last == LINEAR) {
            for (int k = 0; k < width; k++) {
                metric += Math.abs(p[k] - y[k]) / width;
            }
        } else if (width == 1) {
            metric = p[0] > 0.5 == y[0] > 0.5 ? 1 : 0;
        } else {
            metric = largest(p) == (y.length == 1 ? (int) y[0] : largest(y)) ? 1 : 0;
        }
        return new double[] {loss, metric};
    }

    private static int largest(double[] v) {
        return IntStream.range(0, v.length).reduce(0, (a, b) -> v[b] > v[a] ? b : a);
    }

    private static Map<String, Double> expected(Row r, Tensor p, Tensor y, double[] w, int from) {
        double[][] predicted = rowsOf(p);
        double[][] wanted = rowsOf(y);
        double loss = 0;
        double metric = 0;
        double weighted = 0;
        double weights = 0;
        for (int i = from; i < N; i++) {
            double[] v = values(r, predicted[i], wanted[i]);
            loss += w[i] * v[0] / (N - from);
            metric += v[1] / (N - from);
            weighted += w[i] * v[1];
            weights += w[i];
        }
        String name = r.last == LINEAR ? "mae" : "accuracy";
        return Map.of("loss", loss, name, metric, "weighted_" + name, weighted / weights);
    }

    private static void assertClose(
            Map<String, Double> expected, Map<String, Double> actual, String prefix, String what) {
        expected.forEach((k, v) -> assertEquals(v, actual.get(prefix + k), 1e-5, what + " " + k));
    }

    private static Map<String, Double> last(History h) {
        return h.names().stream()
                .collect(java.util.stream.Collectors.toMap(n -> n, n -> h.of(n).getLast()));
    }

    /// With a learning rate of 0 everything is measured with the first weights.
    private static Sequential still(Row r) {
        Sequential s = Sequential.of(Rng.seed(3), Input.of(2), Dense.of(r.width, r.last));
        String metric = r.last == LINEAR ? "mae" : "accuracy";
        s.compile(Optimizers.sgd(0), r.loss, List.of(metric), List.of(metric));
        return s;
    }

    private static double[] byClass() {
        return Arrays.stream(CLASSES).mapToDouble(c -> BY_CLASS.getOrDefault(c, 1.0)).toArray();
    }

    @TestFactory
    Stream<DynamicTest> weights() {
        return rows().stream()
                .map(r -> DynamicTest.dynamicTest(r.loss + " " + r.width, () -> checkWeights(r)));
    }

    private static void checkWeights(Row r) {
        Tensor w = Tensor.of(WEIGHTS).cast(DType.F32);
        Tensor p = model(r).predict(X);
        for (Tensor y : r.y) {
            String what = r.loss + " " + y.type();
            Map<String, Double> all = expected(r, p, y, WEIGHTS, 0);
            assertClose(all, model(r).evaluate(X, y, w), "", what + " evaluated");
            Sequential s = still(r);
            History h =
                    s.fit(
                            X,
                            y,
                            batchSize(3), // 3, 3 and 1
                            verbose(0),
                            sampleWeight(w.unsqueeze(1)),
                            validationData(X, y, w),
                            validationBatchSize(2));
            assertClose(all, last(h), "", what);
            assertClose(all, last(h), "val_", what);
            Map<String, Double> plain =
                    last(still(r).fit(X, y, verbose(0), sampleWeight(w), validationData(X, y)));
            double[] ones = new double[N];
            Arrays.fill(ones, 1);
            assertClose(expected(r, p, y, ones, 0), plain, "val_", what + " without");
            Map<String, Double> split =
                    last(still(r).fit(X, y, verbose(0), sampleWeight(w), validationSplit(0.4)));
            assertClose(expected(r, p, y, WEIGHTS, 4), split, "val_", what + " divided");
            double[] c = byClass();
            boolean two = r.width == 1 && r.last == SIGMOID;
            Map<Integer, Double> given = two ? Map.of(1, 4.0) : BY_CLASS;
            for (int i = 0; i < N && two; i++) {
                c[i] = CLASSES[i] == 2 ? 4 : 1;
            }
            Map<String, Double> classes =
                    last(
                            still(r).fit(
                                            X,
                                            y,
                                            verbose(0),
                                            batchSize(3),
                                            classWeight(given),
                                            validationData(X, y)));
            assertClose(expected(r, p, y, c, 0), classes, "", what + " classes");
            assertClose(expected(r, p, y, ones, 0), classes, "val_", what + " classes");
        }
    }

    /// What is learned is the gradient of the weighted loss.
    @TestFactory
    Stream<DynamicTest> steps() {
        return rows().stream()
                .map(r ->
                        DynamicTest.dynamicTest(
                                r.loss + " " + r.width,
                                () -> {
                                    Tensor w = Tensor.of(WEIGHTS).cast(DType.F32);
                                    Tensor y = r.y[0];
                                    Sequential s = model(r);
                                    double before = s.state().get("0.bias").detach().sum().item();
                                    Tensor bias = s.state().get("0.bias").add(0).realize();
                                    s.fit(X, y, verbose(0), sampleWeight(w));
                                    double after = s.state().get("0.bias").detach().sum().item();
                                    double slope = 0;
                                    for (int k = 0; k < r.width; k++) {
                                        slope += slope(r, bias, k, y);
                                    }
                                    assertEquals(-0.01 * slope, after - before, 1e-5);
                                }));
    }

    private static double slope(Row r, Tensor bias, int k, Tensor y) {
        double[] loss = new double[2];
        for (int side = 0; side < 2; side++) {
            Sequential moved = model(r);
            Tensor e = Tensor.arange(r.width).eq(k).cast(DType.F32).mul(side == 0 ? 1e-2 : -1e-2);
            moved.state().get("0.bias").set(bias.add(e));
            loss[side] = expected(r, moved.predict(X), y, WEIGHTS, 0).get("loss");
        }
        return (loss[0] - loss[1]) / 2e-2;
    }

    // ---------------------------------------------------------------------------------------------
    // which examples, how often

    /// Which examples each step has seen: the mean of one-hot rows, by the loss of a model that puts out 0 for all.
    private static List<Double> seen(int rounds, Fit.Option... options) {
        Sequential s = Sequential.of(Input.of(1), Dense.of(1));
        s.compile(Optimizers.sgd(0), "mae");
        s.load(Map.of("0.weight", Tensor.zeros(1, 1), "0.bias", Tensor.zeros(1)));
        double[] target = IntStream.range(0, 10).mapToDouble(i -> Math.pow(2, i)).toArray();
        List<Double> out = new ArrayList<>();
        double[] sum = new double[2];
        Callback each =
                new Callback() {
                    @Override
                    public void onTrainBatchEnd(int batch, Map<String, Double> logs) {
                        int rows = (batch + 1) * 2;
                        sum[0] = batch == 0 ? 0 : sum[0];
                        out.add(logs.get("loss") * rows - sum[0]);
                        sum[0] = logs.get("loss") * rows;
                    }

                    @Override
                    public boolean onEpochEnd(int epoch, Map<String, Double> logs) {
                        return true;
                    }
                };
        List<Fit.Option> all = new ArrayList<>(List.of(options));
        all.addAll(List.of(batchSize(2), verbose(0), callback(each)));
        for (int i = 0; i < rounds; i++) {
            s.fit(Tensor.zeros(10, 1), Tensor.of(target), all.toArray(Fit.Option[]::new));
        }
        return out;
    }

    private static double pair(int first) {
        return 3 * Math.pow(2, first);
    }

    @Test
    void stepsOfAnEpoch() {
        assertEquals( // an epoch goes on where the last one stopped, and begins again
                List.of(pair(0), pair(2), pair(4), pair(6), pair(8), pair(0)),
                seen(1, epochs(3), stepsPerEpoch(2), shuffle(false)));
        assertEquals(7, seen(1, epochs(1), stepsPerEpoch(7), shuffle(false)).size());
        assertEquals(pair(0), seen(1, epochs(1), stepsPerEpoch(7), shuffle(false)).get(5));
        assertEquals( // the same order in each epoch and fit
                seen(1, epochs(4), shuffle(false)), seen(2, epochs(2), shuffle(false)));
        assertEquals(seen(1, epochs(4)), seen(2, epochs(2))); // new orders, also of another fit
        List<Double> orders = seen(2, epochs(2));
        assertEquals(
                4,
                IntStream.range(0, 4)
                        .mapToObj(i -> orders.subList(5 * i, 5 * i + 5))
                        .distinct()
                        .count());
        for (int i = 0; i < 4; i++) { // each example once
            double sum = orders.subList(5 * i, 5 * i + 5).stream().mapToDouble(d -> d).sum();
            assertEquals(1023, sum, 1e-3);
        }
    }

    @Test
    void epochsAreNumberedFromTheFirst() {
        Sequential s = Sequential.of(Input.of(2), Dense.of(1));
        s.compile("sgd", "mse");
        List<Integer> numbers = new ArrayList<>();
        History h =
                s.fit(
                        X,
                        Tensor.ones(N),
                        epochs(6),
                        initialEpoch(3),
                        verbose(0),
                        callback((epoch, _) -> numbers.add(epoch)));
        assertEquals(List.of(3, 4, 5), numbers);
        assertEquals(3, h.epochs());
        assertEquals(0, s.fit(X, Tensor.ones(N), epochs(3), initialEpoch(3), verbose(0)).epochs());
    }

    @Test
    void validationSteps() {
        Row r = rows().getLast();
        Tensor p = model(r).predict(X);
        double first = 0;
        for (int i = 0; i < 4; i++) {
            first += values(r, rowsOf(p)[i], rowsOf(r.y[0])[i])[0] / 4;
        }
        History h =
                still(r).fit(
                                X,
                                r.y[0],
                                epochs(3),
                                verbose(0),
                                validationData(X, r.y[0]),
                                validationBatchSize(2),
                                Fit.validationSteps(2));
        for (double v : h.of("val_loss")) {
            assertEquals(first, v, 1e-5);
        }
        History all =
                still(r).fit(
                                X,
                                r.y[0],
                                verbose(0),
                                validationData(X, r.y[0]),
                                Fit.validationSteps(99));
        assertEquals(all.of("loss").getLast(), all.of("val_loss").getLast(), 1e-5);
    }

    @Test
    void stopping() {
        Sequential s = Sequential.of(Input.of(2), Dense.of(1));
        s.compile("sgd", "mse");
        int[] batches = new int[1];
        Callback c =
                new Callback() {
                    @Override
                    public void onTrainBatchEnd(int batch, Map<String, Double> logs) {
                        if (++batches[0] == 6) {
                            s.stopTraining();
                        }
                    }

                    @Override
                    public boolean onEpochEnd(int epoch, Map<String, Double> logs) {
                        return true;
                    }
                };
        History h = s.fit(X, Tensor.ones(N), epochs(9), batchSize(2), verbose(0), callback(c));
        assertEquals(6, batches[0]);
        assertEquals(2, h.epochs());
        assertEquals(1, s.fit(X, Tensor.ones(N), verbose(0)).epochs());
    }

    // ---------------------------------------------------------------------------------------------
    // metrics by name

    @Test
    void accuraciesByName() {
        Tensor p = Rng.seed(8).uniform(0.0, 1.0, N, 6).realize(); // an output, given as it is
        double[][] rows = rowsOf(p);
        Tensor labels = Rng.seed(9).uniform(0.0, 1.0, N, 6).gt(0.5);
        double[][] wanted = rowsOf(labels.cast(DType.F32));
        double binary = 0;
        double top = 0;
        double first = 0;
        for (int i = 0; i < N; i++) {
            int own = largest(wanted[i]);
            int higher = 0;
            for (int k = 0; k < 6; k++) {
                binary += (rows[i][k] > 0.5 == wanted[i][k] > 0.5 ? 1.0 : 0) / (6 * N);
                higher += rows[i][k] > rows[i][own] ? 1 : 0;
            }
            top += (higher < 5 ? 1.0 : 0) / N;
            first += (higher < 1 ? 1.0 : 0) / N;
        }
        Map<String, Double> expected =
                Map.of(
                        "binary_accuracy", binary,
                        "categorical_accuracy", first,
                        "top_k_categorical_accuracy", top);
        Sequential s = Sequential.of(Input.of(6), Dense.of(6));
        s.load(Map.of("0.weight", Tensor.eye(6), "0.bias", Tensor.zeros(6)));
        s.compile("sgd", "mse", expected.keySet().toArray(String[]::new));
        assertClose(expected, s.evaluate(p, labels.cast(DType.F32)), "", "mse");
        Sequential classes = Sequential.of(Input.of(2), Dense.of(3, SOFTMAX));
        classes.compile(
                "sgd",
                "sparse_categorical_crossentropy",
                "accuracy",
                "sparse_categorical_accuracy",
                "sparse_top_k_categorical_accuracy");
        Map<String, Double> e = classes.evaluate(X, rows().getFirst().y[1]);
        assertEquals(e.get("accuracy"), e.get("sparse_categorical_accuracy"));
        assertEquals(1, e.get("sparse_top_k_categorical_accuracy"));
    }

    // ---------------------------------------------------------------------------------------------
    // misuse

    /// What a model was compiled with is there before the first fit, and is what fit uses.
    @Test
    void theOptimizerIsThereOnceTheModelIsCompiled() {
        Sequential s = Sequential.of(Rng.seed(0), Input.of(2), Dense.of(1));
        assertEquals(
                "optimizer: the model is not compiled",
                error(s::optimizer).lines().findFirst().orElse(""));
        s.compile(dev.nacre.nn.optim.SGD.of(0.25), "mse");
        var optimizer = s.optimizer();
        assertEquals(0.25, optimizer.learningRate());
        optimizer.learningRate(0);
        float[] before = s.state().get("0.weight").toFloatArray();
        s.fit(X, Tensor.ones(N), verbose(0));
        org.junit.jupiter.api.Assertions.assertSame(optimizer, s.optimizer());
        org.junit.jupiter.api.Assertions.assertArrayEquals(
                before, s.state().get("0.weight").toFloatArray());
        Sequential later = Sequential.of(Dense.of(1));
        later.compile("sgd", "mse");
        assertEquals(
                "sequential: the layers have no variables yet",
                error(later::optimizer).lines().findFirst().orElse(""));
    }

    @Test
    void anInputIsTheFirstLayerOrNone() {
        List<Layer[]> rows =
                List.of(
                        new Layer[] {Input.of(2), Input.of(2), Dense.of(1)},
                        new Layer[] {Dense.of(2), Input.of(2)},
                        new Layer[] {Input.of(2), Dense.of(2), Input.of(2), Dense.of(1)},
                        new Layer[] {Input.of(2), Dense.of(3), Input.of(7)});
        for (Layer[] layers : rows) {
            String message = error(() -> Sequential.of(layers));
            assertEquals("sequential: an Input can only be the first layer", message.split(",")[0]);
        }
    }

    /// What a callback will look for in vain is said before anything is learned.
    @Test
    void valuesThatWillNotBeThere() {
        ModelCheckpoint.Saver none = (_, _) -> {};
        Map<Callback, String> rows =
                Map.of(
                        EarlyStopping.of("val_loss", 1),
                        "earlyStopping: there is no 'val_loss'; there are loss",
                        ReduceLROnPlateau.of("accuracy", 0.5, 1),
                        "reduceLROnPlateau: there is no 'accuracy'; there are loss",
                        ModelCheckpoint.of("m", none).saveBestOnly("val_loss"),
                        "modelCheckpoint: there is no 'val_loss'; there are loss",
                        ModelCheckpoint.of("{batch}", none),
                        "modelCheckpoint: there is no 'batch' for the file's name; there are epoch,"
                                + " loss");
        rows.forEach((c, message) -> {
            Sequential s = Sequential.of(Rng.seed(0), Input.of(2), Dense.of(1));
            s.compile("sgd", "mse");
            float[] before = s.state().get("0.weight").toFloatArray();
            assertEquals(message, error(() -> s.fit(X, Tensor.ones(N), verbose(0), callback(c))));
            org.junit.jupiter.api.Assertions.assertArrayEquals(
                    before, s.state().get("0.weight").toFloatArray());
        });
        Sequential s = Sequential.of(Input.of(2), Dense.of(1));
        s.compile("sgd", "mse");
        assertEquals(
                1,
                s.fit(
                                X,
                                Tensor.ones(N),
                                verbose(0),
                                validationSplit(0.3),
                                callback(EarlyStopping.of("val_loss", 1)),
                                callback(
                                        ModelCheckpoint.of("{batch}-{loss:.2f}", none)
                                                .everyBatches(1)))
                        .epochs());
    }

    private static String error(org.junit.jupiter.api.function.Executable e) {
        return assertThrows(NacreException.class, e).getMessage().lines().findFirst().orElse("");
    }

    @Test
    void misuse() {
        Row r = rows().getFirst();
        Tensor y = r.y[0];
        Tensor many = Tensor.ones(N, 3);
        Sequential labels = Sequential.of(Input.of(2), Dense.of(3, SIGMOID));
        labels.compile("adam", "binary_crossentropy");
        float[] nan = {1, 1, 1, 1, 1, 1, Float.NaN};
        Map<String, org.junit.jupiter.api.function.Executable> rows =
                Map.of(
                        "fit: there are both sampleWeight and classWeight",
                        () ->
                                model(r).fit(
                                                X,
                                                y,
                                                sampleWeight(Tensor.ones(N)),
                                                classWeight(BY_CLASS)),
                        "fit: sampleWeight must have one weight for each example",
                        () -> model(r).fit(X, y, sampleWeight(Tensor.ones(6)), verbose(0)),
                        "batches: weights must be finite and at least 0",
                        () -> model(r).fit(X, y, sampleWeight(Tensor.of(nan)), verbose(0)),
                        "fit: class weights must be finite and at least 0, but class 1 has -1.0",
                        () -> classWeight(Map.of(1, -1.0)),
                        "binary_crossentropy: classWeight needs one class for each example",
                        () -> labels.fit(X, many, classWeight(BY_CLASS), verbose(0)),
                        "weights: there must be one weight for each example, or for each step of"
                                + " an example, of [7]",
                        () -> model(r).fit(X, y, sampleWeight(Tensor.ones(N, 4)), verbose(0)),
                        "fit: stepsPerEpoch must be at least 1, but is 0",
                        () -> stepsPerEpoch(0),
                        "fit: initialEpoch must be at least 0, but is -1",
                        () -> initialEpoch(-1),
                        "fit: verbose must be 0, 1 or 2, but is 3",
                        () -> verbose(3));
        rows.forEach((message, e) -> assertEquals(message, error(e)));
        assertEquals(
                "predict: x must be examples of [2] one after the other, but is f32[2]",
                error(() -> model(r).predict(X.select(0, 0))));
        Sequential two = Sequential.of(Input.of(2), Dense.of(2));
        two.compile("sgd", "mse");
        assertEquals(
                "mse: the target must have the output's shape [7, 2]",
                error(() -> two.fit(X, Tensor.ones(N))));
        assertTrue(error(() -> model(r).fit(X, y, sampleWeight(Tensor.of(1f)))).contains("one"));
    }
}
