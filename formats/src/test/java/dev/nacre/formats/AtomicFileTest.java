package dev.nacre.formats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.Tensor;
import dev.nacre.formats.safetensors.SafeTensors;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
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

    @Test
    void whatAKilledSaveLeftGoesLater() throws IOException {
        Path file = folder.resolve("model.safetensors");
        Path old = Files.writeString(folder.resolve(".model.safetensors.1.nacre-part"), "half");
        Path other = Files.writeString(folder.resolve(".other.safetensors.1.nacre-part"), "half");
        Path recent = Files.writeString(folder.resolve(".model.safetensors.2.nacre-part"), "half");
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minusSeconds(7200)));
        Files.setLastModifiedTime(other, FileTime.from(Instant.now().minusSeconds(7200)));
        SafeTensors.write(file, Map.of(), Map.of());
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(Stream.of(file, other, recent).sorted().toList(), left.sorted().toList());
        }
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
}
