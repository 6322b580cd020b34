package dev.nacre.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.nn.train.Screen;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Trainings that end in other ways than well.
@DisabledOnOs(OS.WINDOWS)
class StopTest {
    @TempDir Path folder;

    private static ProcessBuilder nacre(Object... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(
                List.of(
                        "-Xmx400m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "--enable-native-access=ALL-UNNAMED"));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(a -> a.startsWith("--add-modules"))
                .forEach(command::add);
        command.add("-cp");
        command.add(
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path")));
        command.add(Nacre.class.getName());
        Arrays.stream(arguments).map(Object::toString).forEach(command::add);
        return new ProcessBuilder(command);
    }

    private Object[] chars(Object... more) throws IOException {
        List<Object> all = new ArrayList<>(List.of("--temperature", 0));
        all.addAll(List.of(more));
        return Rhyme.train(folder, all.toArray());
    }

    private static void assertSameNumbers(Path a, Path b) {
        Map<String, Tensor> first = SafeTensors.read(a).tensors();
        Map<String, Tensor> second = SafeTensors.read(b).tensors();
        assertEquals(first.keySet(), second.keySet());
        first.forEach((k, t) -> {
            if (t.dtype().isFloating()) {
                assertArrayEquals(t.toFloatArray(), second.get(k).toFloatArray(), k);
            }
        });
    }

    /// Whether a signal does nothing to this process and those it starts: of SIGINT that is so where a shell has started it in the background.
    private static boolean isIgnored(int signal) throws IOException {
        Path status = Path.of("/proc/self/status");
        return Files.exists(status)
                && Files.readAllLines(status).stream()
                        .filter(line -> line.startsWith("SigIgn:"))
                        .map(line -> Long.parseUnsignedLong(line.substring(7).strip(), 16))
                        .anyMatch(mask -> (mask >> (signal - 1) & 1) == 1);
    }

    /// Stopped by a signal after some steps, wherever that is, and resumed: the same network as without.
    @Test
    void stoppedAndResumedIsAsIfNothingHadHappened() throws Exception {
        Path whole = folder.resolve("whole.safetensors");
        Path parts = folder.resolve("parts.safetensors");
        Path checkpoint = folder.resolve("parts.checkpoint.safetensors");
        assertEquals(0, Run.of(chars("--steps", 1500, "--save", whole)).status());
        for (String signal : isIgnored(2) ? List.of("TERM") : List.of("INT", "TERM")) {
            Files.deleteIfExists(checkpoint);
            Process p = nacre(chars("--steps", 1500, "--save", parts)).start();
            try (BufferedReader out =
                    new BufferedReader(new InputStreamReader(p.getInputStream()))) {
                String line;
                do {
                    line = out.readLine();
                } while (line != null && !line.contains("validation loss"));
                new ProcessBuilder("kill", "-" + signal, Long.toString(p.pid())).start().waitFor();
                assertTrue(p.waitFor(60, TimeUnit.SECONDS));
            }
            String err = new String(p.getErrorStream().readAllBytes());
            assertEquals(signal.equals("INT") ? 130 : 143, p.exitValue(), err);
            assertTrue(err.contains("to go on: nacre train chars --resume " + checkpoint), err);
            assertTrue(Files.notExists(parts), "half a network is not saved as a whole one");
        }
        Run resumed = Run.of("train", "chars", "--resume", checkpoint);
        assertEquals(0, resumed.status(), resumed.err());
        assertSameNumbers(whole, parts);
        assertEquals(
                "resume: " + checkpoint + " is of 'nacre train chars', not of 'nacre train digits'",
                Run.of("train", "digits", "--resume", checkpoint).err().strip().substring(7));
        assertEquals(
                2,
                Run.of("train", "chars", "--resume", checkpoint, "--steps", 700).status(),
                "settings are those of the checkpoint");
    }

    /// Images, stopped in the middle of an epoch by the same hand that a signal moves.
    @Test
    void imagesToo() {
        Path whole = folder.resolve("whole.safetensors");
        Path parts = folder.resolve("parts.safetensors");
        Object[] command = {"train", "digits", "--epochs", 2, "--batch", 100, "--save"};
        Object[] one = Arrays.copyOf(command, command.length + 1);
        one[command.length] = whole;
        assertEquals(0, Run.of(one).status());
        var data = dev.nacre.nn.data.Digits.split();
        var images = data.train().preprocessing();
        Training.Settings settings = Training.Settings.of(2, 100, 3e-3);
        Training t =
                Training.of(
                        Networks.cnn(images, 10, 16, dev.nacre.Rng.seed(0)),
                        data,
                        images,
                        settings);
        t.train(progress(t), () -> t.done() == 20); // of 14 each
        Path checkpoint = folder.resolve("c.safetensors");
        t.write(
                checkpoint,
                State.texts("command", "digits", "model", "cnn", "save", parts.toString()));
        Run resumed = Run.of("train", "digits", "--resume", checkpoint);
        assertEquals(0, resumed.status(), resumed.err());
        assertSameNumbers(whole, parts);
    }

    private static Progress progress(Training t) {
        return new Progress(
                new Screen(new java.io.PrintWriter(java.io.Writer.nullWriter()), false, 80),
                System::nanoTime,
                new Progress.Work(t.steps(), t.batches(), t.batch(), true),
                0);
    }

    @Test
    void aFailedTrainingNeverReplacesAGoodModel() throws IOException {
        for (Object[] command :
                new Object[][] {
                    chars("--steps", 1, "--lr", "1e300"),
                    chars("--steps", 30, "--lr", "1e300"),
                    {"train", "digits", "--epochs", 1, "--lr", "1e300"},
                    {"train", "digits", "--epochs", 1, "--batch", 1442, "--lr", "1e300"}
                }) {
            Path save = Files.writeString(folder.resolve("good"), "good");
            Object[] all = Arrays.copyOf(command, command.length + 2);
            all[command.length] = "--save";
            all[command.length + 1] = save;
            Run run = Run.of(all);
            assertEquals(1, run.status(), run.out());
            assertFalse(run.err().contains("unexpected"), run.err());
            assertEquals("good", Files.readString(save), run.err());
        }
    }

    @Test
    void stepsAreCountedExactly() throws IOException {
        for (int steps : new int[] {1, 9, 11, 25}) {
            Run run = Run.of(chars("--steps", steps, "--save", folder.resolve("x")));
            assertEquals(0, run.status(), run.err());
            List<String> reports =
                    run.lines().stream().filter(l -> l.contains("  validation loss")).toList();
            assertTrue(reports.getLast().startsWith("  step " + steps + " "), run.out());
        }
    }

    /// What is saved elsewhere because the place has become unwritable while the training went on.
    @Test
    void aLostPlaceIsNotALostTraining() {
        List<Path> tried = new ArrayList<>();
        Path target = folder.resolve("gone/x.safetensors");
        String message =
                org.junit.jupiter.api.Assertions.assertThrows(
                                dev.nacre.type.NacreException.class,
                                () ->
                                        Saving.write(
                                                target,
                                                file -> {
                                                    tried.add(file);
                                                    if (file.startsWith(folder)) {
                                                        throw new dev.nacre.type.NacreException(
                                                                "cannot write " + file);
                                                    }
                                                }))
                        .getMessage();
        assertEquals(3, tried.size());
        assertEquals(
                "cannot write " + target + "\n  it was saved as " + tried.getLast() + " instead",
                message);
        for (String name : new String[] {"n".repeat(220), "n".repeat(255), "ä".repeat(120)}) {
            Path file = folder.resolve(name);
            assertEquals(file, Saving.target(java.util.Optional.of(file), "x", List.of()));
            assertTrue(Saving.checkpoint(file).getFileName().toString().getBytes().length <= 255);
        }
        for (Path bad : List.of(folder.resolve("n".repeat(256)), Path.of("/proc/x"))) {
            Run run = Run.of("train", "digits", "--save", bad);
            assertEquals(1, run.status());
            assertTrue(run.err().startsWith("nacre: --save: cannot write " + bad), run.err());
            assertEquals("", run.out());
        }
    }

    @Test
    void outputThatCannotBeWrittenIsAFailure() throws Exception {
        if (Files.exists(Path.of("/dev/full"))) {
            for (String[] command : new String[][] {{"doctor"}, {"--help"}, {"--version"}}) {
                Process p =
                        nacre((Object[]) command)
                                .redirectOutput(Path.of("/dev/full").toFile())
                                .start();
                String err = new String(p.getErrorStream().readAllBytes());
                assertTrue(p.waitFor(30, TimeUnit.SECONDS));
                assertEquals(1, p.exitValue(), err);
                assertTrue(
                        err.contains("nacre: standard output cannot be written: No space left"),
                        err);
            }
        }
    }
}
