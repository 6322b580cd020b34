package dev.nacre.formats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.Tensor;
import dev.nacre.formats.npy.Npy;
import dev.nacre.formats.safetensors.SafeTensors;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
    @TempDir Path folder;

    /// Saves one model after another, each of a single number repeated, until it is killed.
    static final class Saver {
        private Saver() {}

        public static void main(String[] args) throws IOException {
            Path file = Path.of(args[0]);
            for (int i = Integer.parseInt(args[1]); ; i++) {
                float[] numbers = new float[50_000];
                Arrays.fill(numbers, i);
                Map<String, Tensor> tensors = new TreeMap<>();
                for (int k = 0; k < 60; k++) { // copied, not computed: the time goes into saving
                    tensors.put("t" + k, Tensor.of(numbers));
                }
                SafeTensors.write(file, tensors, Map.of("number", Integer.toString(i)));
                System.out.write('.');
                System.out.flush();
            }
        }
    }

    private Process java(String... args) throws IOException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Xmx128m",
                                "-XX:+UseSerialGC",
                                "-XX:TieredStopAtLevel=1",
                                "--enable-native-access=ALL-UNNAMED"));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(a -> a.startsWith("--add-modules"))
                .forEach(command::add);
        command.addAll(
                List.of(
                        "-cp",
                        System.getProperty(
                                "surefire.test.class.path", System.getProperty("java.class.path")),
                        Saver.class.getName()));
        command.addAll(List.of(args));
        return new ProcessBuilder(command)
                .redirectError(folder.resolve("errors.log").toFile())
                .start();
    }

    private String errors() {
        try {
            return Files.readString(folder.resolve("errors.log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    /// kill -9 while saving, many times: the file is always whole.
    @Test
    void killedWhileSaving() throws Exception {
        Path file = folder.resolve("model.safetensors");
        Random random = new Random(4);
        int last = 0;
        for (int round = 0; round < 12; round++) {
            Process p = java(file.toString(), Integer.toString(last + 1));
            try {
                assertEquals('.', p.getInputStream().read(), () -> "no first save: " + errors());
                Thread.sleep(random.nextInt(60));
            } finally {
                p.destroyForcibly(); // SIGKILL
                assertTrue(p.waitFor(10, TimeUnit.SECONDS));
            }
            SafeTensors.Contents c = SafeTensors.read(file);
            int number = Integer.parseInt(c.metadata().get("number"));
            assertTrue(number > last, "number " + number + " after " + last);
            assertEquals(60, c.tensors().size());
            c.tensors()
                    .forEach((name, t) -> {
                        assertEquals(number, t.min().item(), name);
                        assertEquals(number, t.max().item(), name);
                    });
            last = number;
        }
    }

    private List<Path> parts() throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(p -> p.getFileName().toString().startsWith(".nacre-part")).toList();
        }
    }

    @Test
    void whatAKilledSaveLeftGoesWithTheNextAndWhatIsBeingWrittenStays() throws Exception {
        Process p = java(folder.resolve("other").toString(), "1");
        try {
            assertEquals('.', p.getInputStream().read(), () -> "no first save: " + errors());
            long end = System.nanoTime() + 20_000_000_000L;
            while (parts().isEmpty() && System.nanoTime() < end) {
                Thread.onSpinWait();
            }
            for (int i = 0; i < 20; i++) { // the other's saves go on
                SafeTensors.write(folder.resolve("model"), Map.of(), Map.of());
                assertTrue(p.isAlive(), errors());
            }
        } finally {
            p.destroyForcibly();
            assertTrue(p.waitFor(10, TimeUnit.SECONDS));
        }
        Files.writeString(folder.resolve(".nacre-part-of-somebody"), "half");
        SafeTensors.write(folder.resolve("model"), Map.of(), Map.of());
        assertEquals(List.of(), parts());
    }

    @Test
    void keepsPermissionsAndTakesLongNames() throws IOException {
        for (String mode : new String[] {"rw-------", "rw-r-----", "rw-rw-rw-", "r--------"}) {
            Path file = folder.resolve("x".repeat(255));
            Files.deleteIfExists(file);
            Files.writeString(file, "old");
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
            SafeTensors.write(file, Map.of(), Map.of());
            assertEquals(mode, PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        }
        Path plain = Files.writeString(folder.resolve("plain"), "");
        Path made = folder.resolve("made");
        SafeTensors.write(made, Map.of(), Map.of());
        assertEquals(Files.getPosixFilePermissions(plain), Files.getPosixFilePermissions(made));
    }

    @Test
    void tryingOutFindsWhatWritingWould() throws IOException {
        Path good = folder.resolve("good");
        AtomicFile.tryOut("test", good);
        assertTrue(Files.notExists(good));
        Files.writeString(good, "old");
        AtomicFile.tryOut("test", good);
        assertEquals("old", Files.readString(good));
        Path loop = Files.createSymbolicLink(folder.resolve("loop"), folder.resolve("loop"));
        for (Path p :
                List.of(
                        folder,
                        folder.resolve("x".repeat(256)),
                        folder.resolve("none/x"),
                        good.resolve("x"),
                        Path.of("/proc/x"),
                        Path.of("/dev/null"),
                        loop)) {
            String tried =
                    assertThrows(FormatException.class, () -> AtomicFile.tryOut("test", p))
                            .getMessage();
            String written =
                    assertThrows(
                                    FormatException.class,
                                    () -> AtomicFile.write("test", p, out -> {}))
                            .getMessage();
            assertEquals(tried, written);
        }
        assertEquals(List.of(), parts());
    }

    @Test
    void failureKeepsTheOldFile() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "old");
        assertThrows(
                IllegalStateException.class,
                () ->
                        AtomicFile.write(
                                "test",
                                file,
                                out -> {
                                    AtomicFile.write(out, StandardCharsets.UTF_8.encode("new"));
                                    throw new IllegalStateException("stop");
                                }));
        assertEquals("old", Files.readString(file));
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(List.of(file), left.toList());
        }
    }

    @Test
    void followsLinks() throws IOException {
        Path real = Files.writeString(folder.resolve("real"), "old");
        Path link = Files.createSymbolicLink(folder.resolve("link"), real);
        AtomicFile.write(
                "test", link, out -> AtomicFile.write(out, StandardCharsets.UTF_8.encode("new")));
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("new", Files.readString(real));
        Files.delete(real); // where nothing is, too
        AtomicFile.write(
                "test", link, out -> AtomicFile.write(out, StandardCharsets.UTF_8.encode("again")));
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("again", Files.readString(real));
    }

    private static String errorOf(Path file) {
        return assertThrows(
                        FormatException.class,
                        () -> SafeTensors.write(file, Map.of("a", Tensor.ones(3)), Map.of()))
                .getMessage()
                .replace(file.toString(), "FILE");
    }

    @Test
    void placesThatCannotBeWritten() throws IOException {
        assertEquals(
                "safetensors: cannot write FILE: there is no such folder",
                errorOf(folder.resolve("missing/model")));
        assertEquals("safetensors: FILE is a folder", errorOf(folder));
        Path locked =
                Files.createDirectory(
                        folder.resolve("locked"),
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("r-xr-xr-x")));
        if (Files.isWritable(locked)) { // root may write anywhere but where nobody can
            assertTrue(
                    errorOf(Path.of("/proc/model")).startsWith("safetensors: cannot write FILE: "));
        } else {
            assertEquals(
                    "safetensors: cannot write FILE: permission denied",
                    errorOf(locked.resolve("model")));
        }
    }

    @Test
    void diskFull() throws Exception {
        Path disk = Files.createDirectory(folder.resolve("disk"));
        boolean mounted =
                new ProcessBuilder(
                                        "mount",
                                        "-t",
                                        "tmpfs",
                                        "-o",
                                        "size=256k",
                                        "tmpfs",
                                        disk.toString())
                                .redirectErrorStream(true)
                                .start()
                                .waitFor()
                        == 0;
        assumeTrue(mounted, "cannot mount a small disk here");
        try {
            Path file = disk.resolve("model");
            SafeTensors.write(file, Map.of("a", Tensor.ones(10_000)), Map.of());
            byte[] before = Files.readAllBytes(file);
            String message =
                    assertThrows(
                                    FormatException.class,
                                    () ->
                                            SafeTensors.write(
                                                    file,
                                                    Map.of("a", Tensor.ones(100_000)),
                                                    Map.of()))
                            .getMessage();
            assertEquals(
                    "safetensors: cannot write " + file + ": no space left on device", message);
            assertArrayEquals(before, Files.readAllBytes(file));
            try (Stream<Path> left = Files.list(disk)) {
                assertEquals(List.of(file), left.toList());
            }
        } finally {
            assertEquals(0, new ProcessBuilder("umount", disk.toString()).start().waitFor());
        }
    }

    /// What was interrupted is saved all the same, by a thread that stays interrupted: before it writes, or at any time while it does.
    @Test
    void interrupts() throws Exception {
        Path file = folder.resolve("interrupted");
        float[] numbers = new float[1_000_000];
        Map<String, Runnable> writes = new TreeMap<>();
        writes.put(
                "safetensors",
                () -> SafeTensors.write(file, Map.of("a", Tensor.of(numbers)), Map.of()));
        writes.put("npy", () -> Npy.write(file, Tensor.of(numbers)));
        for (Map.Entry<String, Runnable> w : writes.entrySet()) {
            for (int i = 0; i < 12; i++) {
                Arrays.fill(numbers, i);
                AtomicReference<Throwable> failure = new AtomicReference<>();
                boolean[] flag = new boolean[1];
                int at = i;
                Thread t =
                        new Thread(() -> {
                            if (at == 0) {
                                Thread.currentThread().interrupt();
                            }
                            try {
                                w.getValue().run();
                            } catch (Throwable e) {
                                failure.set(e);
                            }
                            flag[0] = Thread.currentThread().isInterrupted();
                        });
                t.start();
                for (int k = 0; k < at && t.isAlive(); k++) {
                    Thread.sleep(Duration.ofNanos(300_000L * at));
                    t.interrupt();
                }
                t.join(20_000);
                String row = w.getKey() + ", " + i;
                assertFalse(t.isAlive(), row);
                assertNull(failure.get(), row);
                assertTrue(at > 0 || flag[0], row);
                Tensor read =
                        w.getKey().equals("npy")
                                ? Npy.read(file)
                                : SafeTensors.read(file).tensors().get("a");
                assertArrayEquals(numbers, read.toFloatArray(), row);
                try (Stream<Path> left = Files.list(folder)) {
                    assertEquals(List.of(file), left.toList(), row);
                }
            }
        }
        Thread.currentThread().interrupt();
        try {
            String message = assertThrows(FormatException.class, () -> Npy.read(file)).getMessage();
            assertEquals("npy: cannot read " + file + ": the thread was interrupted", message);
        } finally {
            Thread.interrupted();
        }
    }
}
