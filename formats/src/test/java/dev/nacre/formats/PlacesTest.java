package dev.nacre.formats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.formats.model.Checkpoint;
import dev.nacre.formats.model.Input;
import dev.nacre.formats.model.Model;
import dev.nacre.formats.model.Output;
import dev.nacre.formats.npy.Npy;
import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Module;
import dev.nacre.nn.optim.Adam;
import dev.nacre.type.NacreException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Each kind of file in places other than a folder of the system, and in other circumstances than quiet ones.
@Timeout(60)
class PlacesTest {
    @TempDir Path folder;

    /// @param read gives the numbers that were written
    private record Kind(
            String name, BiConsumer<Path, float[]> write, Function<Path, float[]> read) {}

    private static Linear net(float[] numbers) {
        Linear out = Linear.of(1, numbers.length, Rng.seed(0)).withoutBias();
        out.weight().set(Tensor.of(numbers, numbers.length, 1));
        return out;
    }

    private static float[] numbers(Module net) {
        return net.state().values().iterator().next().toFloatArray();
    }

    private static List<Kind> kinds() {
        return List.of(
                new Kind(
                        "npy",
                        (p, x) -> Npy.write(p, Tensor.of(x)),
                        p -> Npy.read(p).toFloatArray()),
                new Kind(
                        "safetensors",
                        (p, x) -> SafeTensors.write(p, Map.of("x", Tensor.of(x)), Map.of()),
                        p -> SafeTensors.read(p).tensors().get("x").toFloatArray()),
                new Kind(
                        "state",
                        (p, x) -> SafeTensors.save(p, net(x)),
                        p -> {
                            Linear out = net(new float[3]);
                            SafeTensors.load(p, out);
                            return numbers(out);
                        }),
                new Kind(
                        "model",
                        (p, x) ->
                                Model.of(net(x), Input.Numbers.of(1))
                                        .output(Output.NUMBERS)
                                        .write(p),
                        p -> numbers(Model.read(p).network())),
                new Kind(
                        "checkpoint",
                        (p, x) -> {
                            Linear net = net(x);
                            Checkpoint.write(p, net, Adam.of(net.parameters()), Map.of());
                        },
                        p -> numbers(Checkpoint.read(p).module())));
    }

    private static Stream<DynamicTest> each(java.util.function.Consumer<Kind> test) {
        return kinds().stream().map(k -> DynamicTest.dynamicTest(k.name, () -> test.accept(k)));
    }

    private static String error(Runnable work) {
        return assertThrows(NacreException.class, work::run).getMessage();
    }

    /// Written into an archive, replaced there, read from it when it is opened again.
    @TestFactory
    Stream<DynamicTest> inAnArchive() {
        return each(k -> {
            Path archive = folder.resolve(k.name + ".zip");
            try {
                try (FileSystem zip =
                        FileSystems.newFileSystem(archive, Map.of("create", "true"))) {
                    Path file = zip.getPath("/file");
                    k.write.accept(file, new float[] {1, 2, 3});
                    assertArrayEquals(new float[] {1, 2, 3}, k.read.apply(file));
                    k.write.accept(file, new float[] {4, 5, 6});
                    AtomicFile.tryOut("test", file);
                    assertTrue(
                            error(() -> k.write.accept(zip.getPath("/none/x"), new float[3]))
                                    .endsWith("cannot write /none/x: there is no such folder"));
                    assertTrue(
                            error(() -> k.read.apply(zip.getPath("/none")))
                                    .endsWith("cannot read /none: there is no such file"));
                    assertTrue(
                            error(() -> k.read.apply(zip.getPath("/"))).endsWith("/ is a folder"));
                }
                FileSystem zip = FileSystems.newFileSystem(archive);
                Path file = zip.getPath("/file");
                assertArrayEquals(new float[] {4, 5, 6}, k.read.apply(file));
                try (Stream<Path> all = Files.list(zip.getPath("/"))) {
                    assertEquals(List.of(file), all.toList());
                }
                zip.close();
                assertTrue(error(() -> k.read.apply(file)).endsWith("file system that is closed"));
                assertTrue(
                        error(() -> k.write.accept(file, new float[3]))
                                .endsWith("file system that is closed"));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
    }

    /// The JDK's own files, which cannot be opened as channels.
    @TestFactory
    Stream<DynamicTest> inTheJdk() {
        Path modules = FileSystems.getFileSystem(URI.create("jrt:/")).getPath("/modules/java.base");
        return each(k -> {
            Path there = modules.resolve("java/lang/Object.class");
            String error = error(() -> k.read.apply(there));
            assertFalse(error.contains("UnsupportedOperation"), error);
            assertTrue(
                    error(() -> k.write.accept(there.resolveSibling("X"), new float[3]))
                            .endsWith("file system that is read-only"));
        });
    }

    /// The JDK closes the channel of a thread that is interrupted: what is written is written again.
    @TestFactory
    Stream<DynamicTest> inAThreadThatWasInterrupted() {
        return each(k -> {
            Path file = folder.resolve(k.name);
            k.write.accept(file, new float[] {1, 2, 3});
            Thread.currentThread().interrupt();
            String error = error(() -> k.read.apply(file));
            assertTrue(Thread.interrupted(), "still to be seen by whoever waits for it");
            assertTrue(error.endsWith(file + ": the thread was interrupted"), error);
            Thread.currentThread().interrupt();
            k.write.accept(file, new float[] {4, 5, 6});
            assertTrue(Thread.interrupted(), "written all the same");
            assertArrayEquals(new float[] {4, 5, 6}, k.read.apply(file));
            assertEquals(
                    List.of(file.toFile()),
                    List.of(
                            folder.toFile()
                                    .listFiles((_, n) -> n.equals(k.name) || n.startsWith("."))));
        });
    }

    /// At any time: the numbers, or an error that says it.
    @Test
    void cutShortWhileItIsRead() throws Exception {
        int count = 4 << 20;
        byte[] header =
                "{\"x\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]}}"
                        .formatted(count, count)
                        .getBytes();
        byte[] whole =
                Arrays.copyOf(
                        ByteBuffer.allocate(8 + header.length)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putLong(header.length)
                                .put(header)
                                .array(),
                        8 + header.length + count);
        Path file = folder.resolve("file");
        for (int i = 0; i < 12; i++) {
            Files.write(file, whole);
            int spins = i * 20_000;
            Thread other =
                    Thread.ofPlatform()
                            .start(() -> {
                                for (int k = 0; k < spins; k++) {
                                    Thread.onSpinWait();
                                }
                                try (RandomAccessFile f =
                                        new RandomAccessFile(file.toFile(), "rw")) {
                                    f.setLength(100_000);
                                } catch (IOException e) {
                                    throw new AssertionError(e);
                                }
                            });
            try {
                SafeTensors.read(file);
            } catch (FormatException e) {
                assertTrue(e.getMessage().contains("cut short"), e.getMessage());
            }
            other.join();
        }
    }
}
