package dev.nacre.formats.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.formats.FormatException;
import dev.nacre.nn.BatchNorm1d;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Module;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.Budget;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafeTensorsTest {
    @TempDir Path folder;

    private static byte[] bytes(Tensor t) {
        return t.toSegment().toArray(ValueLayout.JAVA_BYTE);
    }

    @Test
    void everyTypeSurvives() {
        Map<String, Tensor> all = new LinkedHashMap<>();
        for (DType t : DType.values()) {
            all.put("some." + t, Rng.seed(t.ordinal()).normal(3, 5).mul(40).cast(t).realize());
            all.put("none." + t, Tensor.zeros(t, 0, 4));
            all.put("one." + t, Tensor.ones(t));
        }
        Map<String, String> text =
                Map.of("format", "pt", "ünïcode \"quoted\"\n", "ω \u0000 😀", "", "");
        Path file = folder.resolve("all.safetensors");
        SafeTensors.write(file, all, text);
        SafeTensors.Contents read = SafeTensors.read(file);
        assertEquals(text, read.metadata());
        assertEquals(all.keySet(), read.tensors().keySet());
        all.forEach((name, t) -> {
            assertEquals(t.type(), read.tensors().get(name).type());
            assertArrayEquals(bytes(t), bytes(read.tensors().get(name)), name);
        });
        assertEquals(text, SafeTensors.metadata(file));
        assertEquals(all.get("one.f64").type(), SafeTensors.types(file).get("one.f64"));
    }

    /// A model whose numbers are all the number of steps taken.
    @Test
    void aModelThatIsTrainedIsSavedBetweenTwoSteps() throws InterruptedException {
        Sequential net =
                Sequential.of(
                        Linear.of(300, 300, Rng.seed(0)),
                        Linear.of(300, 20, Rng.seed(1)),
                        Linear.of(20, 300, Rng.seed(2)));
        Function step =
                Function.of(() -> {
                    net.parameters().forEach(p -> p.set(p.zerosLike().add(p.max()).add(1)));
                    return Tensor.of(0f);
                });
        net.parameters().forEach(p -> p.set(p.zerosLike()));
        Variable.snapshot(net.parameters());
        AtomicBoolean done = new AtomicBoolean();
        Thread trainer =
                Thread.ofPlatform()
                        .start(() -> {
                            while (!done.get()) {
                                step.call();
                            }
                        });
        try {
            Path file = folder.resolve("trained.safetensors");
            for (int i = 0; i < 40; i++) {
                SafeTensors.save(file, net);
                var read = SafeTensors.read(file).tensors();
                double steps = read.get("0.weight").max().item();
                read.forEach((key, t) -> {
                    assertEquals(steps, t.min().item(), key);
                    assertEquals(steps, t.max().item(), key);
                });
            }
        } finally {
            done.set(true);
            trainer.join();
        }
    }

    @Test
    void emptyFileOfTensors() {
        Path file = folder.resolve("none.safetensors");
        SafeTensors.write(file, Map.of(), Map.of());
        assertEquals(new SafeTensors.Contents(Map.of(), Map.of()), SafeTensors.read(file));
    }

    /// The example of the format's own documentation, byte by byte.
    @Test
    void readsTheDocumentedExample() throws IOException {
        String header =
                "{\"__metadata__\":{\"made\":\"by hand\"},\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[8,16]},\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}  ";
        ByteBuffer data =
                ByteBuffer.allocate(16)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putFloat(1.5f)
                        .putFloat(-2)
                        .putLong(-7);
        SafeTensors.Contents c = SafeTensors.read(file(header, data.array()));
        assertArrayEquals(new float[] {1.5f, -2}, c.tensors().get("a").toFloatArray());
        assertEquals("[2, 1]", c.tensors().get("a").shape().toString());
        assertEquals(-7, c.tensors().get("b").item());
        assertEquals("by hand", c.metadata().get("made"));
    }

    @Test
    void elementsAreAligned() throws IOException {
        Path file = folder.resolve("aligned.safetensors");
        SafeTensors.write(
                file,
                Map.of(
                        "a",
                        Tensor.ones(DType.U8, 3),
                        "b",
                        Tensor.ones(DType.F64, 1),
                        "c",
                        Tensor.ones(DType.F16, 5)),
                Map.of());
        ByteBuffer b = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(0, (8 + b.getLong(0)) % 64);
        assertEquals(List.of("b", "c", "a"), List.copyOf(SafeTensors.types(file).keySet()));
    }

    private Path file(String header, byte[] data) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer b =
                ByteBuffer.allocate(8 + json.length + data.length)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(json.length)
                        .put(json)
                        .put(data);
        return file(b.array());
    }

    private Path file(byte[] bytes) throws IOException {
        Path file = folder.resolve("file.safetensors");
        Files.write(file, bytes);
        return file;
    }

    private String errorOf(Path file) {
        String m = assertThrows(FormatException.class, () -> SafeTensors.read(file)).getMessage();
        return m.replace(file.toString(), "FILE");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}                                                            | 8 | OK
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}                                                            | 7 | safetensors: FILE is cut short: its tensors take 8 bytes, but 7 are there
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}                                                            | 9 | `safetensors: FILE has a broken header:
                      1 bytes after the last tensor belong to none`
                    {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}                                                            | 8 | `safetensors: FILE has a broken header:
                      'a' is f32[3], which takes 12 bytes, but has 8`
                    {"a":{"dtype":"C64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[-1],"data_offsets":[8,9]}}       | 8 | `safetensors: FILE has a broken header:
                      'a' has elements of type C64; known are BF16, BOOL, F16, F32, F64, I32, I64, I8, U8
                      'b' has a negative size: [-1]`
                    {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}          | 6 | `safetensors: FILE has a broken header:
                      'b' begins at byte 2, inside the tensor before it, which ends at 4`
                    {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}}          | 8 | `safetensors: FILE has a broken header:
                      'b' begins at byte 6, leaving a gap after 4`
                    {"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}                                                              | 4 | `safetensors: FILE has a broken header:
                      'a' has data_offsets that are no range: [4, 0]`
                    {"a":{"dtype":"U8","shape":[9223372036854775807,2],"data_offsets":[0,4]}}                                          | 4 | `safetensors: FILE has a broken header:
                      'a' has more elements than fit: [9223372036854775807, 2]`
                    {"a":{"dtype":"U8","shape":[0,9223372036854775807],"data_offsets":[0,0]}}                                          | 0 | `safetensors: FILE has a broken header:
                      'a' has more elements than fit: [0, 9223372036854775807]`
                    {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}           | 1 | safetensors: FILE has a broken header near byte 64: Duplicate field 'a'
                    {"a":{"dtype":"U8","shape":[1]}}                                                                                  | 1 | safetensors: FILE has a broken header near byte 39: 'a' lacks data_offsets
                    {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}                                                       | 1 | safetensors: FILE has a broken header near byte 65: 'a' has an unknown attribute 'x'
                    {"__metadata__":{"n":3}}                                                                                          | 0 | safetensors: FILE has a broken header near byte 30: found 3 where text was expected
                    {"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}                                                            | 1 | safetensors: FILE has a broken header near byte 39: found 1.5 where a whole number was expected
                    {"a":                                                                                                             | 0 | ?
                    {} x                                                                                                              | 0 | safetensors: FILE has a broken header near byte 11: Unrecognized token 'x'
                    """)
    void headersThatAreWrong(String header, int data, String message) throws IOException {
        Path f = file(header, new byte[data]);
        if (message.equals("OK")) {
            SafeTensors.read(f);
        } else if (message.equals("?")) {
            assertTrue(
                    errorOf(f).startsWith("safetensors: FILE has a broken header near byte "),
                    errorOf(f));
        } else {
            assertEquals(message.replace("\n              ", "\n  "), errorOf(f));
        }
    }

    @Test
    void foreignFiles() throws IOException {
        assertEquals("safetensors: FILE is empty", errorOf(file(new byte[0])));
        assertEquals(
                "safetensors: FILE is no safetensors file: it has only 3 bytes",
                errorOf(file(new byte[3])));
        assertEquals(
                "safetensors: FILE is no safetensors file, but a zip archive, as PyTorch's .pt and Keras's .keras files are",
                errorOf(
                        file(
                                "PK\3\4 and so on, for long enough"
                                        .getBytes(StandardCharsets.ISO_8859_1))));
        assertEquals(
                "safetensors: FILE is no safetensors file: its first 8 bytes are not the length of a header",
                errorOf(file("Just some text in a file".getBytes(StandardCharsets.UTF_8))));
        assertEquals(
                "safetensors: FILE is no safetensors file: its first 8 bytes are not the length of a header",
                errorOf(file("[1]", new byte[0])));
        Path missing = folder.resolve("missing");
        assertEquals("safetensors: cannot read FILE: there is no such file", errorOf(missing));
        assertEquals("safetensors: FILE is a folder", errorOf(folder));
    }

    /// Cut at every place, and with every single byte of the header changed: an error or the same shapes, never anything else.
    @Test
    void damage() throws IOException {
        Path good = folder.resolve("good.safetensors");
        SafeTensors.write(
                good,
                Map.of("weight", Rng.seed(1).normal(3, 2), "bias", Tensor.ones(DType.I64, 3)),
                Map.of("k", "v"));
        byte[] whole = Files.readAllBytes(good);
        for (int length = 0; length < whole.length; length++) {
            Path cut = file(java.util.Arrays.copyOf(whole, length));
            assertThrows(FormatException.class, () -> SafeTensors.read(cut));
        }
        Random random = new Random(2);
        for (int i = 0; i < whole.length; i++) {
            byte[] b = whole.clone();
            b[i] = (byte) random.nextInt(256);
            Path changed = file(b);
            try {
                SafeTensors.read(changed).tensors().values().forEach(Tensor::toString);
            } catch (FormatException e) {
                assertTrue(e.getMessage().startsWith("safetensors: "), e.getMessage());
            }
        }
    }

    record Net(Linear fc1, BatchNorm1d norm, Sequential head) implements Module {
        Net(long seed) {
            this(
                    Linear.of(4, 3, Rng.seed(seed)),
                    BatchNorm1d.of(3),
                    Sequential.of(Linear.of(3, 2, Rng.seed(seed + 1))));
        }
    }

    @Test
    void modelsSurvive() {
        Net a = new Net(1);
        Net b = new Net(2);
        a.norm().runningMean().set(Tensor.of(new float[] {1, 2, 3}));
        Path file = folder.resolve("net.safetensors");
        SafeTensors.save(file, a, Map.of("epoch", "3"));
        assertEquals(Map.of("epoch", "3"), SafeTensors.load(file, b));
        assertEquals(
                List.of(
                        "fc1.weight",
                        "fc1.bias",
                        "norm.weight",
                        "norm.bias",
                        "norm.running_mean",
                        "norm.running_var",
                        "norm.num_batches_tracked",
                        "head.0.weight",
                        "head.0.bias"),
                List.copyOf(a.state().keySet()));
        a.state().forEach((k, v) -> assertArrayEquals(bytes(v), bytes(b.state().get(k)), k));
    }

    @Test
    void statesThatDoNotFit() {
        Net net = new Net(1);
        float[] before = net.fc1().bias().orElseThrow().toFloatArray();
        Map<String, Tensor> state = new LinkedHashMap<>(net.state());
        state.put("fc1.wieght", state.remove("fc1.weight"));
        state.put("head.0.bias", Tensor.ones(3));
        state.put("fc1.bias", Tensor.ones(3));
        state.remove("norm.weight");
        Path file = folder.resolve("other.safetensors");
        SafeTensors.write(file, state, Map.of());
        String message =
                assertThrows(NacreException.class, () -> SafeTensors.load(file, net)).getMessage();
        assertEquals(
                """
                load: the state does not fit Net: 2 missing, 1 unexpected, 1 misfit
                  missing     fc1.weight   f32[3, 4]  is it 'fc1.wieght'?
                  missing     norm.weight  f32[3]
                  unexpected  fc1.wieght   f32[3, 4]  is it 'fc1.weight'?
                  misfit      head.0.bias  f32[3]     the model has f32[2]\
                """,
                message);
        assertArrayEquals(before, net.fc1().bias().orElseThrow().toFloatArray());
    }

    /// What is written is read back, or nothing is written.
    @Test
    void metadataOfAnyLengthAndNamesOfAnyKind() throws IOException {
        Path file = folder.resolve("long.safetensors");
        int most = (int) (Budget.usual().bytes() / 6);
        String text = "x".repeat(Math.min(25_000_000, most));
        String name = "n".repeat(60_000);
        SafeTensors.write(
                file,
                Map.of(name, Tensor.ones(1), "\u00e4\ud83d\ude00\u0000\u001b", Tensor.ones(2)),
                Map.of("k", text));
        SafeTensors.Contents read = SafeTensors.read(file);
        assertEquals(text, read.metadata().get("k"));
        assertEquals(
                java.util.Set.of(name, "\u00e4\ud83d\ude00\u0000\u001b"), read.tensors().keySet());
        byte[] before = Files.readAllBytes(file);
        for (Map<String, String> bad :
                List.of(
                        Map.of("k", "x".repeat((int) (Budget.usual().bytes() / 4))),
                        Map.of("k", "half \ud83d"),
                        Map.of("half \ude00", "x"))) {
            assertThrows(NacreException.class, () -> SafeTensors.write(file, Map.of(), bad));
        }
        assertEquals(
                "safetensors: the name of a tensor holds half a character (a lone surrogate), which"
                        + " no file can: a",
                assertThrows(
                                NacreException.class,
                                () ->
                                        SafeTensors.write(
                                                file, Map.of("a\ud800", Tensor.ones(1)), Map.of()))
                        .getMessage());
        org.junit.jupiter.api.Assertions.assertArrayEquals(before, Files.readAllBytes(file));
    }
}
