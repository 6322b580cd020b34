package dev.nacre.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.formats.model.Input;
import dev.nacre.formats.model.Model;
import dev.nacre.formats.model.Output;
import dev.nacre.nn.Flatten;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.Preprocessing;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every command with every kind of wrong file: a message on one line (and hints below it), the status that is documented, nothing on standard output, no stack trace.
class InputsTest {
    @TempDir Path folder;

    private static final Preprocessing TINY =
            new Preprocessing(1, 2, 2, List.of(0.5), List.of(0.5));

    private static Model tiny(String... labels) {
        Sequential net = Sequential.of(new Flatten(), Linear.of(4, labels.length, Rng.seed(1)));
        return Model.of(net, Input.Images.of(TINY)).labels(List.of(labels));
    }

    private Path missing() {
        return folder.resolve("missing");
    }

    /// The wrong files, by what is wrong with them.
    private Map<String, Path> wrong() throws Exception {
        Map<String, Path> out = new LinkedHashMap<>();
        out.put("missing", missing());
        out.put("below a file", Files.writeString(folder.resolve("plain"), "x").resolve("y"));
        out.put("folder", Files.createDirectory(folder.resolve("folder")));
        out.put("empty", Files.createFile(folder.resolve("empty")));
        out.put("device", Path.of("/dev/zero"));
        Path loop = folder.resolve("loop");
        out.put("a link to itself", Files.createSymbolicLink(loop, loop));
        out.put("a link to nothing", Files.createSymbolicLink(folder.resolve("link"), missing()));
        Path socket = folder.resolve("socket");
        try (var s = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            s.bind(UnixDomainSocketAddress.of(socket));
        }
        out.put("socket", socket);
        Path pipe = folder.resolve("pipe");
        if (new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0) {
            out.put("pipe that nobody writes to", pipe);
        }
        out.put("too long a name", folder.resolve("n".repeat(300)));
        byte[] noise = new byte[5000];
        new Random(1).nextBytes(noise);
        out.put("noise", Files.write(folder.resolve("noise"), noise));
        out.put("zeros", Files.write(folder.resolve("zeros"), new byte[5000]));
        Path numbers = folder.resolve("numbers");
        Model.of(Linear.of(2, 2, Rng.seed(1)), Input.Numbers.of(2))
                .output(Output.NUMBERS)
                .write(numbers);
        out.put("another model", numbers);
        Path locked = Files.writeString(folder.resolve("locked"), "secret");
        if (locked.toFile().setReadable(false) && !Files.isReadable(locked)) { // root reads all
            out.put("unreadable", locked);
        }
        return out;
    }

    @Test
    void everyCommandWithEveryWrongFile() throws Exception {
        Path model = folder.resolve("model");
        tiny("a", "b").write(model);
        Path save = folder.resolve("never.safetensors");
        for (Map.Entry<String, Path> w : wrong().entrySet()) {
            Path file = w.getValue();
            List<Object[]> commands = new ArrayList<>();
            commands.add(new Object[] {"predict", file, file});
            commands.add(new Object[] {"predict", model, file});
            commands.add(new Object[] {"train", "digits", "--resume", file});
            commands.add(new Object[] {"train", "fashion-mnist", "--resume", file});
            commands.add(new Object[] {"train", "chars", "--resume", file});
            if (!w.getKey().equals("another model")) { // a model, and some text
                commands.add(new Object[] {"inspect", file});
            }
            if (!w.getKey().equals("zeros")) { // which are a text
                commands.add(new Object[] {"train", "chars", "--text", file, "--save", save});
            }
            commands.add(new Object[] {"example", file});
            for (Object[] command : commands) {
                Run run = Run.of(command);
                String what = w.getKey() + ": " + String.join(" ", List.of(command).toString());
                assertEquals(1, run.status(), what + run.err());
                assertTrue(run.err().startsWith("nacre: "), what + run.err());
                assertFalse(run.err().contains("unexpected"), what + run.err());
                assertFalse(run.err().contains("\tat "), what + run.err());
                assertTrue(
                        run.err().lines().skip(1).allMatch(l -> l.startsWith("  ")),
                        what + run.err());
                assertEquals("", run.out(), what);
                assertTrue(Files.notExists(save), what);
            }
        }
    }

    /// Names out of a file must not command the terminal.
    @Test
    void controlCharactersArePrintedAsWhatTheyAre() throws IOException {
        String evil = "\u001b[2J\u001b]0;title\u0007\r\u009b31m\u202eabc\nsaved";
        Path model = folder.resolve("model");
        tiny(evil, "").provenance(Map.of(evil, evil, "", "")).write(model);
        Path image = folder.resolve("x.png");
        javax.imageio.ImageIO.write(
                new java.awt.image.BufferedImage(2, 2, java.awt.image.BufferedImage.TYPE_BYTE_GRAY),
                "png",
                image.toFile());
        Path broken = folder.resolve(evil.replace('\n', ' ').replace('/', ' '));
        Files.writeString(broken, evil);
        for (Run run :
                List.of(
                        Run.of("inspect", model),
                        Run.of("predict", model, image),
                        Run.of("predict", model, broken),
                        Run.of("inspect", broken),
                        Run.of("train", "digits", "--resume", broken),
                        Run.of(evil),
                        Run.of("train", evil))) {
            String all = run.out() + run.err();
            assertTrue(
                    all.chars()
                            .allMatch(c ->
                                    c == '\n' || c == '\r' || c >= 32 && c < 127 || c > 0x2066),
                    () -> all);
            assertTrue(all.contains("\\u001b[2J"), all);
            assertTrue(all.lines().noneMatch(l -> l.startsWith("saved")), all);
        }
    }

    @Test
    void classesWithoutNames() throws IOException {
        Path model = folder.resolve("model");
        Path image = folder.resolve("x.png");
        javax.imageio.ImageIO.write(
                new java.awt.image.BufferedImage(2, 2, java.awt.image.BufferedImage.TYPE_BYTE_GRAY),
                "png",
                image.toFile());
        tiny("", "").write(model);
        Run run = Run.of("predict", model, image);
        assertEquals(0, run.status(), run.err());
        assertEquals(2, run.lines().size());
        assertEquals(0, Run.of("inspect", model).status());
        tiny("%s%n", "%").write(model);
        assertTrue(Run.of("predict", model, image).out().contains("%s%n  0."), run.out());
    }

    @Test
    void everyCommandHasHelpWithExamplesAndStatuses() {
        for (String command :
                List.of(
                        "",
                        "train",
                        "train digits",
                        "train fashion-mnist",
                        "train chars",
                        "predict",
                        "inspect",
                        "doctor",
                        "example")) {
            Run run = Run.of((Object[]) (command + " --help").strip().split(" "));
            assertEquals(0, run.status(), run.err());
            assertTrue(run.out().contains("Examples:"), command + run.out());
            assertTrue(run.out().contains("Exit status:"), command + run.out());
            assertTrue(run.lines().stream().allMatch(l -> l.length() <= 80), command + run.out());
        }
        Run completion = Run.of("generate-completion");
        assertEquals(0, completion.status());
        assertTrue(completion.out().contains("--epochs"), "a completion script");
    }
}
