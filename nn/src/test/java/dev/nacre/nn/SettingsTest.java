package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.keras.Conv2D;
import dev.nacre.nn.keras.Dense;
import dev.nacre.nn.keras.EarlyStopping;
import dev.nacre.nn.keras.Fit;
import dev.nacre.nn.keras.MaxPooling2D;
import dev.nacre.nn.keras.ModelCheckpoint;
import dev.nacre.nn.keras.Optimizers;
import dev.nacre.nn.keras.ReduceLROnPlateau;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.HuberLoss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.loss.SmoothL1Loss;
import dev.nacre.nn.metric.BinaryAccuracy;
import dev.nacre.nn.metric.TopKAccuracy;
import dev.nacre.nn.optim.Accumulator;
import dev.nacre.nn.optim.Adagrad;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Clip;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.RMSprop;
import dev.nacre.nn.optim.Rule;
import dev.nacre.nn.optim.SGD;
import dev.nacre.nn.optim.Schedule;
import dev.nacre.nn.train.Batches;
import dev.nacre.nn.train.Trainer;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.DoubleConsumer;
import java.util.function.DoublePredicate;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Every number that a layer, loss, metric, optimizer or schedule is set up with, at values that it can and cannot have.
class SettingsTest {
    private static final double[] REALS = {
        Double.NaN,
        -1,
        -1e-9,
        0,
        0.5,
        1,
        1 + 1e-9,
        2,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY
    };
    private static final long[] WHOLE = {Integer.MIN_VALUE, -1, 0, 1, 2};

    private static final DoublePredicate FINITE = Double::isFinite;
    private static final DoublePredicate NOT_NEGATIVE = x -> x >= 0 && Double.isFinite(x);
    private static final DoublePredicate POSITIVE = x -> x > 0 && Double.isFinite(x);
    private static final DoublePredicate FRACTION = x -> x >= 0 && x < 1;
    private static final DoublePredicate UNIT = x -> x >= 0 && x <= 1;
    private static final DoublePredicate FROM_0 = x -> x >= 0;
    private static final DoublePredicate FROM_1 = x -> x >= 1;
    private static final DoublePredicate ANY = _ -> true;

    /// By the name of a component; a class before it where it means something else there.
    private static final Map<String, DoublePredicate> RANGES =
            Map.ofEntries(
                    Map.entry("learningRate", NOT_NEGATIVE),
                    Map.entry("weightDecay", NOT_NEGATIVE),
                    Map.entry("decay", NOT_NEGATIVE),
                    Map.entry("initial", NOT_NEGATIVE),
                    Map.entry("epsilon", NOT_NEGATIVE),
                    Map.entry("beta1", FRACTION),
                    Map.entry("beta2", FRACTION),
                    Map.entry("alpha", FRACTION),
                    Map.entry("rho", FRACTION),
                    Map.entry("momentum", FRACTION),
                    Map.entry("dampening", FRACTION),
                    Map.entry("BatchNorm1d.momentum", UNIT),
                    Map.entry("BatchNorm2d.momentum", UNIT),
                    Map.entry("ELU.alpha", FINITE),
                    Map.entry("slope", FINITE),
                    Map.entry("p", UNIT),
                    Map.entry("rate", UNIT),
                    Map.entry("dropout", UNIT),
                    Map.entry("base", POSITIVE),
                    Map.entry("delta", POSITIVE),
                    Map.entry("beta", POSITIVE),
                    Map.entry("labelSmoothing", UNIT),
                    Map.entry("threshold", FINITE),
                    Map.entry("temperature", FROM_0),
                    Map.entry("topK", FROM_0),
                    Map.entry("topP", x -> x > 0 && x <= 1),
                    Map.entry("k", FROM_1),
                    Map.entry("stride", FROM_1),
                    Map.entry("strides", FROM_1),
                    Map.entry("dilation", FROM_1),
                    Map.entry("padding", FROM_0),
                    Map.entry("outputPadding", FROM_0),
                    Map.entry("size", FROM_1),
                    Map.entry("height", FROM_1),
                    Map.entry("width", FROM_1),
                    Map.entry("groups", FROM_1),
                    Map.entry("queries", FROM_1),
                    Map.entry("keys", FROM_1),
                    Map.entry("in", FROM_1),
                    Map.entry("hidden", FROM_1),
                    Map.entry("layers", FROM_1),
                    Map.entry("units", FROM_1),
                    Map.entry("filters", FROM_1),
                    Map.entry("kernelSize", FROM_1),
                    Map.entry("poolSize", FROM_1),
                    Map.entry("Flatten.from", ANY), // an axis, from either end
                    Map.entry("Softmax.axis", ANY));

    /// One of each record with numbers, to vary.
    private static Map<Class<?>, Record> samples() {
        Rng rng = Rng.seed(0);
        Map<Class<?>, Record> out = new LinkedHashMap<>();
        for (Record r :
                List.of(
                        new AdaptiveAvgPool2d(2, 2),
                        AvgPool2d.of(2),
                        BatchNorm1d.of(4),
                        BatchNorm2d.of(4),
                        Conv1d.of(2, 2, 2, rng),
                        Conv2d.of(2, 2, 2, rng),
                        Conv3d.of(2, 2, 2, rng),
                        ConvTranspose2d.of(2, 2, 2, rng),
                        Dropout.of(0.5, rng),
                        new ELU(),
                        new Flatten(),
                        GroupNorm.of(2, 4),
                        new Heads(2, 1, 0.1, rng, java.util.Optional.empty()),
                        LayerNorm.of(4),
                        new LeakyReLU(),
                        MaxPool2d.of(2),
                        RMSNorm.of(4),
                        new RandomHorizontalFlip(0.5, rng),
                        Recurrent.of(Recurrent.Cell.GRU, 2, 2, 2, false, rng),
                        RotaryEmbedding.of(),
                        Sampling.of(1),
                        new Softmax(1),
                        Conv2D.of(2, 2, Activation.RELU),
                        Dense.of(2),
                        dev.nacre.nn.keras.Dropout.of(0.5),
                        MaxPooling2D.of(2),
                        Optimizers.adam(0.1),
                        Optimizers.sgd(0.1),
                        Optimizers.rmsprop(0.1),
                        Optimizers.adagrad(0.1),
                        new CrossEntropyLoss(),
                        new HuberLoss(),
                        new SmoothL1Loss(),
                        new BinaryAccuracy(),
                        new TopKAccuracy(1),
                        Adagrad.of(0.1),
                        Adam.of(0.1),
                        AdamW.of(0.1),
                        RMSprop.of(0.1),
                        SGD.of(0.1))) {
            out.put(r.getClass(), r);
        }
        return out;
    }

    private static boolean isNumber(Class<?> t) {
        return t == double.class || t == float.class || t == int.class || t == long.class;
    }

    /// The public records of the packages for users that have numbers.
    private static Set<String> recordsWithNumbers() throws Exception {
        Path root =
                Path.of(Module.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        Set<String> out = new TreeSet<>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path f :
                    (Iterable<Path>) files.filter(p -> p.toString().endsWith(".class"))::iterator) {
                String name =
                        root.relativize(f).toString().replace('/', '.').replaceAll("\\.class$", "");
                if (!name.matches("dev\\.nacre\\.nn\\.((optim|loss|metric|keras)\\.)?[A-Z].*")) {
                    continue;
                }
                Class<?> c = Class.forName(name, false, Module.class.getClassLoader());
                boolean open = Modifier.isPublic(c.getModifiers());
                for (Class<?> up = c.getEnclosingClass(); up != null; up = up.getEnclosingClass()) {
                    open &= Modifier.isPublic(up.getModifiers());
                }
                if (open
                        && c.isRecord()
                        && Arrays.stream(c.getRecordComponents())
                                .anyMatch(k -> isNumber(k.getType()))) {
                    out.add(name);
                }
            }
        }
        return out;
    }

    @Test
    void noRecordIsForgotten() throws Exception {
        Set<String> known = new TreeSet<>();
        samples().keySet().forEach(c -> known.add(c.getName()));
        assertEquals(known, recordsWithNumbers());
    }

    @Test
    void componentsOfRecords() throws Exception {
        for (Record sample : samples().values()) {
            RecordComponent[] components = sample.getClass().getRecordComponents();
            for (int i = 0; i < components.length; i++) {
                Class<?> type = components[i].getType();
                if (!isNumber(type)) {
                    continue;
                }
                String name = components[i].getName();
                String full = sample.getClass().getSimpleName() + "." + name;
                DoublePredicate range = RANGES.get(RANGES.containsKey(full) ? full : name);
                assertTrue(range != null, "no range for " + full);
                if (type == double.class) {
                    for (double v : REALS) {
                        assertEquals(range.test(v), accepted(sample, i, v), full + " = " + v);
                    }
                } else {
                    for (long v : WHOLE) {
                        Object boxed = type == int.class ? (Object) (int) v : (Object) v;
                        assertEquals(range.test(v), accepted(sample, i, boxed), full + " = " + v);
                    }
                }
            }
        }
    }

    /// Whether a record can be made with one component changed.
    private static boolean accepted(Record sample, int which, Object value) throws Exception {
        RecordComponent[] components = sample.getClass().getRecordComponents();
        Object[] arguments = new Object[components.length];
        Class<?>[] types = new Class<?>[components.length];
        for (int i = 0; i < components.length; i++) {
            types[i] = components[i].getType();
            arguments[i] = i == which ? value : components[i].getAccessor().invoke(sample);
        }
        try {
            sample.getClass().getConstructor(types).newInstance(arguments);
            return true;
        } catch (InvocationTargetException e) {
            assertTrue(e.getCause() instanceof NacreException, e.getCause().toString());
            assertFalse(e.getCause().getMessage().isBlank());
            return false;
        }
    }

    // ------------------------------------------------------------------------------------------
    // what is no component of a record

    private static void reals(String what, DoublePredicate range, DoubleConsumer call) {
        for (double v : REALS) {
            boolean accepted = true;
            try {
                call.accept(v);
            } catch (NacreException _) {
                accepted = false;
            }
            assertEquals(range.test(v), accepted, what + " = " + v);
        }
    }

    private static void whole(String what, DoublePredicate range, LongConsumer call) {
        for (long v : WHOLE) {
            boolean accepted = true;
            try {
                call.accept(v);
            } catch (NacreException _) {
                accepted = false;
            }
            assertEquals(range.test(v), accepted, what + " = " + v);
        }
    }

    @Test
    void schedules() {
        reals("constant", NOT_NEGATIVE, Schedule::constant);
        reals("steps.rate", NOT_NEGATIVE, v -> Schedule.steps(v, 2, 0.5));
        reals("steps.factor", NOT_NEGATIVE, v -> Schedule.steps(1, 2, v));
        whole("steps.period", FROM_1, v -> Schedule.steps(1, v, 0.5));
        reals("exponential.rate", NOT_NEGATIVE, v -> Schedule.exponential(v, 0.5));
        reals("exponential.factor", NOT_NEGATIVE, v -> Schedule.exponential(1, v));
        reals("cosine.rate", NOT_NEGATIVE, v -> Schedule.cosine(v, 3, 0));
        reals("cosine.lowest", NOT_NEGATIVE, v -> Schedule.cosine(1, 3, v));
        whole("cosine.length", FROM_1, v -> Schedule.cosine(1, v, 0));
        reals("linear.rate", NOT_NEGATIVE, v -> Schedule.linear(v, 0, 3));
        reals("linear.last", NOT_NEGATIVE, v -> Schedule.linear(1, v, 3));
        whole("linear.length", FROM_1, v -> Schedule.linear(1, 0, v));
        whole("warmup", FROM_0, v -> Schedule.constant(1).warmup(v));
        for (Schedule s :
                List.of(
                        Schedule.cosine(1e-3, 7, 1e-5),
                        Schedule.linear(1e-3, 1e-5, 7),
                        Schedule.linear(1e-3, 1e-5, 7).warmup(0))) {
            assertEquals(1e-3, s.at(0), 1e-18);
            assertEquals(1e-5, s.at(7), 0);
            assertEquals(1e-5, s.at(Long.MAX_VALUE), 0);
        }
    }

    private record Own(double learningRate, double initial) implements Rule {
        @Override
        public Change apply(Tensor w, Tensor g, List<Tensor> kept, Step at) {
            return new Change(w.sub(g));
        }
    }

    @Test
    void optimizersAndTrainers() {
        Variable w = Variable.of("w", Tensor.ones(3));
        reals("own rule", NOT_NEGATIVE, v -> new Own(v, 0).over(List.of(w)));
        reals("own start", FINITE, v -> new Own(0.1, v).over(List.of(w)));
        Optimizer o = Adam.of(List.of(w));
        reals("learningRate", NOT_NEGATIVE, o::learningRate);
        reals("groupLearningRate", NOT_NEGATIVE, v -> o.groupLearningRate(0, v));
        reals("byNorm", v -> v > 0, v -> Clip.byNorm(List.of(w), v));
        reals("byValue", v -> v > 0, v -> Clip.byValue(List.of(w), v));
        Linear net = Linear.of(2, 2, Rng.seed(0));
        Trainer t = Trainer.of(net, new MSELoss(), SGD.of(net.parameters(), 0.1));
        reals("clip", POSITIVE, t::clip);
        whole("accumulate", FROM_1, v -> t.accumulate((int) v));
        Tensor x = Tensor.ones(4, 2);
        whole("batches", FROM_1, v -> Batches.of(x, x, (int) v));
        whole("prefetch", FROM_0, v -> Batches.of(x, x, 2).prefetch((int) v));
        whole("patience", FROM_0, v -> EarlyStopping.of("loss", (int) v));
        reals("minDelta", FINITE, v -> EarlyStopping.of("loss", 1).minDelta(v));
        whole("plateau", FROM_0, v -> ReduceLROnPlateau.of("loss", 0.5, (int) v));
        reals("factor", v -> v > 0 && v < 1, v -> ReduceLROnPlateau.of("loss", v, 1));
        whole("group", v -> v == 0, v -> o.groupLearningRate((int) v));
        whole("group", v -> v == 0, v -> o.groupLearningRate((int) v, 0.1));
        reals("accumulator", FINITE, v -> Accumulator.of(List.of(w)).add(v));
        whole("startAt", FROM_0, v -> Batches.of(x, x, 2).startAt(v));
    }

    @Test
    void fitAndItsCallbacks() {
        reals("baseline", FINITE, v -> EarlyStopping.of("loss", 1).baseline(v));
        whole("start", FROM_0, v -> EarlyStopping.of("loss", 1).startFromEpoch((int) v));
        ReduceLROnPlateau plateau = ReduceLROnPlateau.of("loss", 0.5, 1);
        reals("plateau.minDelta", FINITE, plateau::minDelta);
        reals("plateau.least", NOT_NEGATIVE, plateau::minLearningRate);
        whole("plateau.cooldown", FROM_0, v -> plateau.cooldown((int) v));
        ModelCheckpoint checkpoint = ModelCheckpoint.of("x", (_, _) -> {});
        reals("threshold", FINITE, checkpoint::initialValueThreshold);
        whole("everyBatches", FROM_1, v -> checkpoint.everyBatches((int) v));
        whole("epochs", FROM_0, v -> Fit.epochs((int) v));
        whole("initialEpoch", FROM_0, v -> Fit.initialEpoch((int) v));
        whole("batchSize", FROM_1, v -> Fit.batchSize((int) v));
        whole("stepsPerEpoch", FROM_1, v -> Fit.stepsPerEpoch((int) v));
        whole("validationSteps", FROM_1, v -> Fit.validationSteps((int) v));
        whole("validationBatchSize", FROM_1, v -> Fit.validationBatchSize((int) v));
        whole("verbose", v -> v >= 0 && v <= 2, v -> Fit.verbose((int) v));
        whole("class", FROM_0, v -> Fit.classWeight(Map.of((int) v, 1.0)));
        reals("class weight", NOT_NEGATIVE, v -> Fit.classWeight(Map.of(0, v)));
        reals("validationSplit", FRACTION, Fit::validationSplit);
    }

    /// A file may hold anything.
    @Test
    void statesOfOptimizers() {
        Variable w = Variable.of("w", Tensor.ones(3));
        Optimizer o = Adam.of(0.1).over(List.of(w));
        Map<String, Tensor> state = new LinkedHashMap<>();
        o.state().forEach((k, v) -> state.put(k, v.add(0).realize()));
        for (String key : List.of("learning_rate", "step")) {
            Map<String, Tensor> changed = new LinkedHashMap<>(state);
            DoublePredicate range =
                    key.equals("step") ? v -> v >= 0 && v == Math.rint(v) && v < 9 : NOT_NEGATIVE;
            reals(
                    key,
                    range,
                    v -> {
                        changed.put(key, Tensor.of(v));
                        o.load(changed);
                    });
        }
        reals(
                "step of a parameter",
                v -> v >= 0 && v == Math.rint(v) && v < 9,
                v -> {
                    Map<String, Tensor> changed = new LinkedHashMap<>(state);
                    changed.put("step", Tensor.of(new double[] {3, v}));
                    o.load(changed);
                });
        Map<String, Tensor> others = new LinkedHashMap<>(state);
        others.put("step", Tensor.of(new double[] {3, 3, 3}));
        assertEquals(
                "load: the state does not fit the optimizer: 1 misfit\n"
                        + "  misfit  step  f64[3]  the model has f64[2]",
                assertThrows(NacreException.class, () -> o.load(others)).getMessage());
        Map<String, Tensor> none = new LinkedHashMap<>(state);
        none.put("step", null);
        String error = assertThrows(NacreException.class, () -> o.load(none)).getMessage();
        assertEquals("load: the state for the optimizer has null in place of 'step'", error);
        none.put("step", Tensor.of(1.0));
        none.put(null, Tensor.of(1.0));
        assertThrows(NacreException.class, () -> o.load(none));
    }

    private record Forgetful(double learningRate) implements Rule {
        @Override
        public List<String> slots() {
            return List.of("a", "b");
        }

        @Override
        public Change apply(Tensor w, Tensor g, List<Tensor> kept, Step at) {
            return new Change(w.sub(g), kept.getFirst());
        }
    }

    @Test
    void aRuleThatForgetsWhatItKeeps() {
        Variable w = Variable.of("w", Tensor.ones(3));
        Optimizer o = new Forgetful(0.1).over(List.of(w));
        w.sum().backward();
        assertEquals(
                "optimizer: Forgetful[learningRate=0.1] keeps [a, b], but its change has 1 kept"
                        + " values",
                assertThrows(NacreException.class, o::step).getMessage());
        assertEquals(3, w.sum().item());
    }

    @Test
    void factoriesOfLayers() {
        Rng rng = Rng.seed(0);
        whole("linear.in", FROM_0, v -> Linear.of(v, 2, rng));
        whole("linear.out", FROM_0, v -> Linear.of(2, v, rng));
        whole("linear.in", FROM_0, v -> Linear.of(v, 2, Initializer.zeros(), rng));
        whole("embedding.count", FROM_1, v -> Embedding.of(v, 2, rng));
        whole("embedding.width", FROM_1, v -> Embedding.of(2, v, rng));
        whole("positions", FROM_1, v -> LearnedPositions.of(v, 2, rng));
        whole("positions.width", FROM_1, v -> LearnedPositions.of(2, v, rng));
        whole("batchNorm1d", FROM_1, BatchNorm1d::of);
        whole("batchNorm2d", FROM_1, BatchNorm2d::of);
        whole("layerNorm", FROM_0, LayerNorm::of);
        whole("rmsNorm", FROM_0, RMSNorm::of);
        whole("groupNorm.groups", FROM_1, v -> GroupNorm.of(v, 4));
        whole("groupNorm.channels", FROM_1, v -> GroupNorm.of(1, v));
        whole("conv1d.in", FROM_1, v -> Conv1d.of(v, 2, 3, rng));
        whole("conv1d.out", FROM_1, v -> Conv1d.of(2, v, 3, rng));
        whole("conv1d.kernel", FROM_1, v -> Conv1d.of(2, 2, v, rng));
        whole("conv2d.in", FROM_1, v -> Conv2d.of(v, 2, 3, rng));
        whole("conv2d.out", FROM_1, v -> Conv2d.of(2, v, 3, rng));
        whole("conv2d.kernel", FROM_1, v -> Conv2d.of(2, 2, v, rng));
        whole("conv2d.groups", FROM_1, v -> Conv2d.grouped(2, 2, 3, v, rng));
        whole("conv3d.kernel", FROM_1, v -> Conv3d.of(2, 2, v, rng));
        whole("convTranspose2d.in", FROM_1, v -> ConvTranspose2d.of(v, 2, 3, rng));
        whole("convTranspose2d.kernel", FROM_1, v -> ConvTranspose2d.of(2, 2, v, rng));
        whole("lstm.in", FROM_1, v -> LSTM.of(v, 2, rng));
        whole("lstm.hidden", FROM_1, v -> LSTM.of(2, v, rng));
        whole("gru.layers", FROM_1, v -> GRU.of(2, 2, (int) v, false, rng));
        whole("rnnCell.in", FROM_1, v -> RNNCell.of(v, 2, rng));
        whole("lstmCell.hidden", FROM_1, v -> LSTMCell.of(2, v, rng));
        whole("gruCell.in", FROM_1, v -> GRUCell.of(v, 2, rng));
        reals("lstm.dropout", UNIT, v -> LSTM.of(2, 2, rng).dropout(v, rng));
        whole("attention.width", FROM_1, v -> MultiheadAttention.of(v, 1, rng));
        whole("attention.heads", FROM_1, v -> MultiheadAttention.of(4, (int) v, rng));
        whole("attention.keys", FROM_1, v -> MultiheadAttention.grouped(4, 2, (int) v, rng));
        reals("attention.dropout", UNIT, v -> MultiheadAttention.of(4, 2, rng).dropout(v));
        reals("encoder", UNIT, v -> TransformerEncoderLayer.of(4, 2, 4, rng).dropout(v));
        reals("decoder", UNIT, v -> TransformerDecoderLayer.of(4, 2, 4, rng).dropout(v));
        whole("cache", FROM_1, v -> KeyValueCache.of(1, 1, v, 1));
        whole("maxPool2d", FROM_1, MaxPool2d::of);
        whole("avgPool2d", FROM_1, AvgPool2d::of);
        whole("adaptiveAvgPool2d", FROM_1, AdaptiveAvgPool2d::of);
    }

    @Test
    void initializers() {
        reals("constant", FINITE, Initializer::constant);
        reals("uniform.low", x -> x <= 0.75 && FINITE.test(x), v -> Initializer.uniform(v, 0.75));
        reals("uniform.high", x -> x >= 0.5 && FINITE.test(x), v -> Initializer.uniform(0.5, v));
        reals("normal.mean", FINITE, v -> Initializer.normal(v, 1));
        reals("normal.std", NOT_NEGATIVE, v -> Initializer.normal(0, v));
        reals("truncated.mean", FINITE, v -> Initializer.truncatedNormal(v, 1));
        reals("truncated.std", NOT_NEGATIVE, v -> Initializer.truncatedNormal(0, v));
        reals("xavierUniform", NOT_NEGATIVE, Initializer::xavierUniform);
        reals("xavierNormal", NOT_NEGATIVE, Initializer::xavierNormal);
        reals(
                "kaimingUniform",
                NOT_NEGATIVE,
                v -> Initializer.kaimingUniform(Initializer.Fan.IN, v));
        reals(
                "kaimingNormal",
                NOT_NEGATIVE,
                v -> Initializer.kaimingNormal(Initializer.Fan.OUT, v));
        reals("leakyReluGain", FINITE, Initializer::leakyReluGain);
        whole("torchDefault", FROM_0, Initializer::torchDefault);
    }

    /// All that is wrong is said at once.
    @Test
    void everyBrokenRuleIsNamed() {
        String text =
                org.junit.jupiter.api.Assertions.assertThrows(
                                NacreException.class,
                                () -> new Adam(-1, 2, Double.NaN, 1e-8, 0, false))
                        .getMessage();
        assertEquals(
                "adam: learningRate must be finite and at least 0, but is -1.0;"
                        + " beta1 must be at least 0 and below 1, but is 2.0;"
                        + " beta2 must be at least 0 and below 1, but is NaN",
                text);
    }

    /// Gradients in f64 are measured in f64.
    @Test
    void clipsInTheTypeOfTheGradients() {
        double[] g = {1e30, -2e30, 1 + 0x1p-40};
        for (double scale : new double[] {1e-30, 1, 1e10, 1e-200}) {
            Variable w = Variable.of("w", Tensor.of(new double[3]));
            double[] gradient = Arrays.stream(g).map(v -> v * scale).toArray();
            w.setGrad(Tensor.of(gradient));
            double norm = Math.sqrt(Arrays.stream(gradient).map(v -> v * v).sum());
            Tensor found = Clip.byNorm(List.of(w), 1);
            assertEquals(DType.F64, found.dtype());
            assertEquals(norm, found.item(), norm * 1e-14);
            double factor = Math.min(1, 1 / (norm + 1e-6));
            double[] wanted = Arrays.stream(gradient).map(v -> v * factor).toArray();
            assertArrayEquals(wanted, w.grad().orElseThrow().toDoubleArray());
        }
    }

    private static void assertArrayEquals(double[] wanted, double[] found) {
        for (int i = 0; i < wanted.length; i++) {
            assertEquals(wanted[i], found[i], Math.abs(wanted[i]) * 1e-14);
        }
    }

    /// Gradients that do not change have variance 0, which rounding made negative.
    @Test
    void centredRmspropStaysFinite() {
        for (DType t : List.of(DType.F32, DType.F64)) {
            for (double g : new double[] {1e-3, 0.1, 1 / 3.0, 7.7, 1e4}) {
                Variable w = Variable.of("w", Tensor.zeros(t, 4));
                Optimizer o = RMSprop.of(1e-6).alpha(0.9).withCentring().over(List.of(w));
                for (int i = 0; i < 200; i++) {
                    w.setGrad(Tensor.full(g, t, 4));
                    o.step();
                }
                for (double v : w.toDoubleArray()) {
                    assertTrue(Double.isFinite(v), t + " " + g + ": " + v);
                }
            }
        }
    }
}
