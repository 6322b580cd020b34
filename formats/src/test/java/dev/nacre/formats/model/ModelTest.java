package dev.nacre.formats.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.nn.Activation;
import dev.nacre.nn.AdaptiveAvgPool2d;
import dev.nacre.nn.BatchNorm2d;
import dev.nacre.nn.Checkpointed;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.ELU;
import dev.nacre.nn.Embedding;
import dev.nacre.nn.Flatten;
import dev.nacre.nn.GroupNorm;
import dev.nacre.nn.LSTM;
import dev.nacre.nn.LayerNorm;
import dev.nacre.nn.LeakyReLU;
import dev.nacre.nn.Linear;
import dev.nacre.nn.MaxPool2d;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.Residual;
import dev.nacre.nn.Sampling;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.TransformerEncoderLayer;
import dev.nacre.nn.data.Characters;
import dev.nacre.nn.data.Image;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.nn.keras.Conv2D;
import dev.nacre.nn.keras.Dense;
import dev.nacre.nn.keras.Fit;
import dev.nacre.nn.keras.Input;
import dev.nacre.nn.keras.ModelCheckpoint;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.SequencedCollection;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelTest {
    @TempDir Path folder;

    private static final Preprocessing SMALL =
            new Preprocessing(1, 6, 6, List.of(0.25), List.of(0.5));

    private static Image image(int seed) {
        return new Image(1, 6, 6, Rng.seed(seed).uniform(36).toFloatArray());
    }

    private static Model classifier() {
        Rng rng = Rng.seed(3);
        Sequential net =
                Sequential.of(
                        Conv2d.of(1, 4, 3, rng).padding(1),
                        BatchNorm2d.of(4),
                        Activation.RELU,
                        MaxPool2d.of(2),
                        new Residual(Conv2d.of(4, 4, 3, rng).padding(1)),
                        new Flatten(),
                        Dropout.of(0.3, rng),
                        Linear.of(36, 3, rng));
        return Model.of(net, dev.nacre.formats.model.Input.Images.of(SMALL))
                .labels(List.of("a", "b", "c"))
                .provenance(Map.of("data", "none"));
    }

    /// Reads a model and prints what it says.
    static final class Reader {
        private Reader() {}

        public static void main(String[] args) {
            Model m = Model.read(Path.of(args[0]));
            for (int i = 0; i < 5; i++) {
                IO.println(Arrays.toString(m.predict(image(i)).values()));
            }
        }
    }

    private static List<String> inAnotherProcess(Path file) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(
                List.of("-Xmx256m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED"));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(a -> a.startsWith("--add-modules"))
                .forEach(command::add);
        command.add("-cp");
        command.add(
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path")));
        command.add(Reader.class.getName());
        command.add(file.toString());
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String out = new String(p.getInputStream().readAllBytes());
        assertTrue(p.waitFor(30, TimeUnit.SECONDS));
        return out.lines().filter(l -> l.startsWith("[")).toList();
    }

    @Test
    void sameBitsInAnotherProcess() throws Exception {
        Path file = folder.resolve("model.safetensors");
        Model before = classifier();
        before.write(file);
        Model after = Model.read(file);
        List<String> here = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            assertEquals(before.predict(image(i)), after.predict(image(i)));
            here.add(Arrays.toString(before.predict(image(i)).values()));
        }
        assertEquals(here, inAnotherProcess(file));
        assertEquals(List.of("a", "b", "c"), after.labels());
        assertEquals(Map.of("data", "none"), after.provenance());
        Path again = folder.resolve("again.safetensors");
        after.write(again);
        assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(again));
        assertTrue(SafeTensors.types(file).containsKey("0.weight")); // for other tools
    }

    @Test
    void probabilitiesAndBatches() {
        Model m = classifier();
        List<Image> images = new ArrayList<>();
        for (int i = 0; i < 70; i++) {
            images.add(image(i));
        }
        List<Prediction> all = m.warmUp(1, 64).predict(images);
        assertEquals(70, all.size());
        for (int i : new int[] {0, 5, 63, 64, 69}) {
            Prediction one = m.predict(images.get(i));
            assertArrayEquals(one.values(), all.get(i).values(), 1e-6f);
            assertEquals(1, one.values()[0] + one.values()[1] + one.values()[2], 1e-6);
            assertEquals(one.label(), one.top(3).getFirst().label());
            assertTrue(one.top(3).get(1).probability() <= one.probability());
        }
        assertEquals(List.of(), m.predict(List.<Image>of()));
    }

    @Test
    void manyThreadsGetTheSameBits() throws Exception {
        Path file = folder.resolve("model.safetensors");
        classifier().write(file);
        Model m = Model.read(file);
        List<Prediction> expected = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            expected.add(classifier().predict(image(i)));
        }
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Future<Void>> all = new ArrayList<>();
            for (int t = 0; t < 8; t++) {
                int first = t;
                Callable<Void> work =
                        () -> {
                            for (int k = 0; k < 100; k++) {
                                int i = (first * 7 + k) % 20;
                                assertEquals(expected.get(i), m.predict(image(i)));
                            }
                            return null;
                        };
                all.add(threads.submit(work));
            }
            for (Future<Void> f : all) {
                f.get();
            }
        }
    }

    /// How a module of the program's own mixes: with a configuration that is an enum, a nested record, and weights that are tied.
    record Own(
            Linear first,
            List<Linear> more,
            Map<String, Linear> named,
            Optional<LayerNorm> norm,
            Kind kind,
            Sizes sizes,
            double[] numbers,
            float slope,
            Variable tied)
            implements Module {
        enum Kind {
            PLAIN,
            ODD
        }

        record Sizes(long width, List<Double> factors, String name, boolean on) {}

        static Own of(Rng rng) {
            Linear first = Linear.of(4, 4, rng);
            Map<String, Linear> named = new LinkedHashMap<>();
            named.put("z", Linear.of(4, 4, rng).withoutBias());
            named.put("a", first);
            return new Own(
                    first,
                    List.of(Linear.of(4, 4, rng)),
                    named,
                    Optional.of(LayerNorm.of(4)),
                    Kind.ODD,
                    new Sizes(4, List.of(0.5, -0.0, Double.NaN, 1e300), "ä\"\u0007", true),
                    new double[] {1, 2},
                    0.1f,
                    first.weight());
        }

        @Override
        public Tensor forward(Tensor x) {
            Tensor y = first.forward(x);
            for (Linear l : more) {
                y = l.forward(y);
            }
            y = norm.orElseThrow().forward(y);
            for (Linear l : named.values()) {
                y = l.forward(y.mul(numbers[1]));
            }
            return y.add(kind == Kind.ODD ? slope : 0).matmul(tied);
        }
    }

    @Test
    void modulesOfTheProgram() {
        Path file = folder.resolve("own.safetensors");
        Own own = Own.of(Rng.seed(1));
        Model.of(
                        Sequential.of(own, new LeakyReLU(0.2)),
                        dev.nacre.formats.model.Input.Numbers.of(4))
                .output(Output.NUMBERS)
                .write(file);
        String unknown = assertThrows(NacreException.class, () -> Model.read(file)).getMessage();
        assertTrue(
                unknown.contains(
                        "it holds a dev.nacre.formats.model.ModelTest$Own, which is not one of"
                                + " Nacre's modules\n"
                                + "  hint: if you know it, name it: Model.read(path,"
                                + " ModelTest.Own.class)"),
                unknown);
        Model read = Model.read(file, Own.class);
        Own again = (Own) ((Sequential) read.network()).layers().getFirst();
        assertEquals(own.sizes, again.sizes);
        assertEquals(List.copyOf(own.named.keySet()), List.copyOf(again.named.keySet()));
        assertTrue(again.tied == again.first.weight(), "tied weights stay tied");
        Tensor x = Rng.seed(2).normal(5, 4);
        assertArrayEquals(
                Sequential.of(own, new LeakyReLU(0.2)).forward(x).toFloatArray(),
                flat(read.predict(x)));
    }

    private static float[] flat(List<Prediction> all) {
        float[] out = new float[all.size() * all.getFirst().values().length];
        for (int i = 0; i < out.length; i++) {
            int each = all.getFirst().values().length;
            out[i] = all.get(i / each).values()[i % each];
        }
        return out;
    }

    /// One of each kind of layer: written, read, the same bits.
    record Collected(
            SequencedCollection<Linear> sequenced,
            Deque<Linear> deque,
            Queue<Linear> queue,
            LinkedHashSet<Linear> set,
            ArrayList<Linear> list,
            Iterable<Linear> iterable,
            Optional<Linear>[] array,
            List<Linear>[][] arrays)
            implements Module {
        @Override
        public Tensor forward(Tensor x) {
            for (Linear l : list) {
                x = l.forward(x);
            }
            return x;
        }
    }

    record Heap(PriorityQueue<Double> part) implements Module {
        @Override
        public Tensor forward(Tensor x) {
            return x;
        }
    }

    /// Whatever a tree of modules can hold in an order comes back as it was declared.
    @Test
    @SuppressWarnings({"unchecked", "rawtypes"})
    void collectionsOfAllKinds() {
        Linear[] l = new Linear[10];
        Arrays.setAll(l, i -> Linear.of(2, 2, Rng.seed(i)));
        Collected before =
                new Collected(
                        List.of(l[0]),
                        new ArrayDeque<>(List.of(l[1], l[2])),
                        new ArrayDeque<>(List.of(l[3])),
                        new LinkedHashSet<>(List.of(l[4], l[5])),
                        new ArrayList<>(List.of(l[6])),
                        List.of(l[7]),
                        new Optional[] {Optional.of(l[8]), Optional.empty()},
                        new List[][] {{List.of(), List.of(l[9])}, {}});
        Path file = folder.resolve("collected");
        numbers(before).write(file);
        Module after = Model.read(file, Collected.class).network();
        assertEquals(before.state().keySet(), after.state().keySet());
        before.state()
                .forEach((k, v) ->
                        assertArrayEquals(
                                v.toFloatArray(), after.state().get(k).toFloatArray(), k));
        assertSays(
                "its 'part' must be a java.util.PriorityQueue, not a java.util.ArrayList",
                () -> numbers(new Heap(new PriorityQueue<>(List.of(0.5)))).write(file));
    }

    private static Model numbers(Module network) {
        return Model.of(network, dev.nacre.formats.model.Input.Numbers.of(2))
                .output(Output.NUMBERS);
    }

    @Test
    void layersOfAllKinds() {
        Rng rng = Rng.seed(5);
        Map<String, Module> all = new LinkedHashMap<>();
        all.put("linear", Sequential.of(new Flatten(), Linear.of(32, 3, rng)));
        all.put("encoder", TransformerEncoderLayer.of(8, 2, 16, rng));
        all.put("lstm", LSTM.of(8, 5, rng));
        all.put("checkpointed", new Checkpointed(Linear.of(8, 2, rng)));
        all.put("norms", Sequential.of(LayerNorm.of(8), new ELU(0.5), Activation.GELU));
        all.put("group", GroupNorm.of(2, 4));
        all.forEach((name, module) -> {
            Path file = folder.resolve(name);
            Model.of(module, dev.nacre.formats.model.Input.Numbers.of(4, 8))
                    .output(Output.NUMBERS)
                    .write(file);
            Module read = Model.read(file).network();
            Tensor x = Rng.seed(7).normal(2, 4, 8);
            assertArrayEquals(
                    module.forward(x).toFloatArray(), read.forward(x).toFloatArray(), name);
            assertEquals(module.state().keySet(), read.state().keySet());
        });
        Sequential pooled =
                Sequential.of(new AdaptiveAvgPool2d(1, 1), new Flatten(), Linear.of(1, 3, rng));
        Path file = folder.resolve("pooled");
        Model.of(pooled, dev.nacre.formats.model.Input.Images.of(SMALL)).write(file);
        assertEquals(
                Model.of(pooled, dev.nacre.formats.model.Input.Images.of(SMALL)).predict(image(1)),
                Model.read(file).predict(image(1)));
    }

    @Test
    void kerasModels() {
        var k =
                dev.nacre.nn.keras.Sequential.of(
                        Input.of(6, 6, 1),
                        Conv2D.of(4, 3, Activation.RELU),
                        new dev.nacre.nn.keras.Flatten(),
                        Dense.of(2, Activation.SOFTMAX));
        Path file = folder.resolve("keras");
        Model.of(k, new dev.nacre.formats.model.Input.Images(SMALL, true)).write(file);
        Model read = Model.read(file);
        assertEquals(Output.PROBABILITIES, read.output());
        Tensor x = SMALL.apply(image(4)).permute(0, 2, 3, 1);
        assertArrayEquals(k.forward(x).toFloatArray(), read.predict(image(4)).values(), 1e-7f);
        var binary = dev.nacre.nn.keras.Sequential.of(Input.of(3), Dense.of(1, Activation.SIGMOID));
        Model.of(binary, dev.nacre.formats.model.Input.Numbers.of(3))
                .labels(List.of("no", "yes"))
                .write(file);
        Prediction p = Model.read(file).predict(Tensor.ones(1, 3)).getFirst();
        assertEquals(1, p.values()[0] + p.values()[1], 1e-6);
        assertEquals(binary.forward(Tensor.ones(1, 3)).item(), p.values()[1], 1e-7);
    }

    /// Predicts by a table; a text model without a transformer.
    record Table(Embedding table) implements dev.nacre.nn.LanguageModel {
        @Override
        public Tensor forward(Tensor tokens) {
            return table.forward(tokens);
        }

        @Override
        public long positions() {
            return 10;
        }

        @Override
        public Tensor generate(Tensor tokens, int count, Sampling how, Rng rng) {
            Tensor all = tokens;
            for (int i = 0; i < count; i++) {
                Tensor last = forward(all).select(1, all.size(1) - 1);
                all = all.concat(1, how.choose(last, rng).unsqueeze(1)).realize();
            }
            return all;
        }
    }

    @Test
    void texts() {
        Path file = folder.resolve("text");
        Characters abc = Characters.of("abc\n\u001b");
        Model m =
                Model.of(
                        new Table(Embedding.of(5, 5, Rng.seed(1))),
                        new dev.nacre.formats.model.Input.Text(abc));
        m.write(file);
        Model read = Model.read(file, Table.class);
        String text = read.generate("ab", 5, Sampling.of(1), 9);
        assertEquals(7, text.length());
        assertEquals(text, m.generate("ab", 5, Sampling.of(1), 9));
        assertTrue(text.startsWith("ab"));
        assertSays(
                "'z' at 0 is not in the alphabet", () -> read.generate("z", 1, Sampling.GREEDY, 0));
        assertSays("generate: needs a prompt", () -> read.generate("", 1, Sampling.GREEDY, 0));
        assertSays("predict: the model takes text, not pictures", () -> read.predict(image(0)));
    }

    private static void assertSays(String part, Runnable what) {
        String message = assertThrows(NacreException.class, what::run).getMessage();
        assertTrue(message.contains(part), message);
    }

    /// Not a record.
    static final class Plain implements Module {
        private final Linear inner = Linear.of(2, 2, Rng.seed(0));

        @Override
        public Tensor forward(Tensor x) {
            return inner.forward(x);
        }
    }

    record Constant(Tensor c) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return x.add(c);
        }
    }

    @Test
    void whatCannotBeReadIsNotWritten() {
        Path file = folder.resolve("never");
        var two = dev.nacre.formats.model.Input.Numbers.of(2);
        assertSays(
                "its 'layers.0' is a dev.nacre.formats.model.ModelTest$Plain, which is no record",
                () -> Model.of(Sequential.of(new Plain()), two).write(file));
        assertSays(
                "its 'c' is a tensor that is no variable",
                () -> Model.of(new Constant(Tensor.ones(2)), two).write(file));
        assertSays(
                "its network gives [1, 2] for one example, but there are 3 classes",
                () ->
                        Model.of(Linear.of(2, 2, Rng.seed(0)), two)
                                .labels(List.of("a", "b", "c"))
                                .write(file));
        assertTrue(Files.notExists(file));
    }

    @Test
    void brokenDescriptions() throws IOException {
        Path file = folder.resolve("model");
        classifier().write(file);
        SafeTensors.Contents good = SafeTensors.read(file);
        String a = good.metadata().get("architecture");
        Object[][] rows = {
            {"format", "nacre image classifier 1", "was saved by an earlier Nacre"},
            {"format", "", "holds tensors, but is no model"},
            {"version", "2", "has version '2' of the format; this Nacre reads version 1"},
            {"labels", "[\"a\"]", "there are 1 classes"},
            {"labels", "[1]", "its labels: it must be a text, but is 1"},
            {"output", "WORDS", "its output is 'WORDS'"},
            {"architecture", a.substring(0, a.length() - 3), "its architecture: Unexpected end"},
            {
                "architecture",
                "[".repeat(5000),
                "its architecture: Document nesting depth (201) exceeds the maximum allowed (200)"
            },
            {
                "architecture",
                a.replace("\"p\":0.3", "\"p\":NaN"),
                "its architecture: Non-standard token 'NaN' at character "
            },
            {"provenance", "{\"a\":{}}", "its provenance: it must be a text, but is {}"},
            {"architecture", a.replace("nn.Linear", "nn.Nonlinear"), "is not on the class path"},
            {
                "architecture",
                a.replace("dev.nacre.nn.Linear", "java.io.File"),
                "is not one of Nacre's"
            },
            {
                "architecture",
                a.replace("dev.nacre.nn.Linear", "dev.nacre.nn.Tree"),
                "is not one of"
            },
            {
                "architecture",
                a.replace("dev.nacre.nn.Linear", "dev.nacre.Variable"),
                "is not one of"
            },
            {
                "architecture",
                a.replace("dev.nacre.nn.Linear", "dev.nacre.nn.Embedding"),
                "has other parts"
            },
            {
                "architecture",
                a.replace("\"RELU\"", "\"SHELL\""),
                "is SHELL, which Activation has not"
            },
            {"architecture", a.replace("7.weight", "8.weight"), "which the file does not hold"},
            {
                "architecture",
                a.replace("7.weight", "0.weight"),
                "tensors and architecture do not fit"
            },
            {"architecture", a.replace("\"p\":0.3", "\"p\":3"), "dropout: p must be from 0 to 1"},
            {"architecture", a.replace("\"p\":0.3", "\"p\":1e999"), "dropout: p must be"},
            {"architecture", a.replace("\"from\":1", "\"from\":1e99"), "it must be a whole number"},
            {"architecture", a.replace("\"from\":1", "\"from\":77"), "is broken"},
            {
                "input",
                good.metadata().get("input").replace("\"height\":6", "\"height\":16384"),
                "is broken"
            },
            {"input", "{\"is\":\"dev.nacre.nn.Flatten\",\"from\":1}", "but must be a"},
        };
        for (Object[] row : rows) {
            Map<String, String> metadata = new LinkedHashMap<>(good.metadata());
            assertTrue(!row[1].equals(metadata.put((String) row[0], (String) row[1])), row[2] + "");
            SafeTensors.write(file, good.tensors(), metadata);
            String message =
                    assertThrows(NacreException.class, () -> Model.read(file)).getMessage();
            assertTrue(message.startsWith("model: " + file + " "), message);
            assertTrue(message.contains((String) row[2]), row[2] + " in " + message);
        }
    }

    /// What `fit` saves on the way is a model that predicts what the trained one does, or its weights.
    @Test
    void checkpointsOfFit(@TempDir Path folder) {
        Tensor x = Rng.seed(1).normal(20, 3).realize();
        Tensor y = x.sum(1).gt(0).cast(DType.I64).realize();
        var net = dev.nacre.nn.keras.Sequential.of(Dense.of(2, Activation.SOFTMAX));
        net.compile("adam", "sparse_categorical_crossentropy");
        ModelCheckpoint whole =
                ModelCheckpoint.of(
                                folder + "/{epoch:02d}-{loss:.3f}.nacre",
                                (path, m) ->
                                        Model.of(m, dev.nacre.formats.model.Input.Numbers.of(3))
                                                .write(path))
                        .saveBestOnly("loss");
        ModelCheckpoint weights =
                ModelCheckpoint.of(folder + "/weights.safetensors", SafeTensors::save);
        net.fit(x, y, Fit.epochs(3), Fit.verbose(0), Fit.callback(whole), Fit.callback(weights));
        Path last = whole.saved().orElseThrow();
        assertTrue(last.getFileName().toString().startsWith("03-"), last.toString());
        float[] expected = net.predict(x).select(0, 0).toFloatArray();
        assertArrayEquals(
                expected, Model.read(last).predict(x.narrow(0, 0, 1)).getFirst().values(), 1e-6f);
        var again = dev.nacre.nn.keras.Sequential.of(Input.of(3), Dense.of(2, Activation.SOFTMAX));
        SafeTensors.load(folder.resolve("weights.safetensors"), again);
        assertArrayEquals(expected, again.predict(x).select(0, 0).toFloatArray(), 1e-6f);
    }

    @Test
    void whatIsPrintedAndSaid(@TempDir Path folder) {
        Model m =
                Model.of(Linear.of(4, 3, Rng.seed(0)), dev.nacre.formats.model.Input.Numbers.of(4));
        Linear l = (Linear) m.network();
        Path path = folder.resolve("c");
        Checkpoint.write(path, l, dev.nacre.nn.optim.Adam.of(l.parameters()), Map.of("epoch", "3"));
        assertEquals(
                "Checkpoint of Linear, 6 tensors of the optimizer, progress {epoch=3}",
                Checkpoint.read(path).toString());
        SafeTensors.save(folder.resolve("w"), l);
        assertEquals(
                "Contents, metadata []\n  bias  f32[3]\n  weight  f32[3, 4]",
                SafeTensors.read(folder.resolve("w")).toString());
        assertEquals(
                "predict: examples must be [n, 4]\n"
                        + "  examples  f32[4]  ones\n"
                        + "  hint: examples.unsqueeze(0) is a batch of one example",
                assertThrows(NacreException.class, () -> m.predict(Tensor.ones(4))).getMessage());
    }
}
