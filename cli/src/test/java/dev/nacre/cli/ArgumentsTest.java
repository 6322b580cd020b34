package dev.nacre.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.formats.model.Input;
import dev.nacre.formats.model.Model;
import dev.nacre.nn.Flatten;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.Preprocessing;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Arguments that are right by themselves, and what they mean together.
class ArgumentsTest {
    @TempDir Path folder;

    /// A result must not take the place of what it was made from, whatever path leads there.
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void nothingThatIsReadIsWrittenOver() throws Exception {
        Path text = Rhyme.text(folder);
        Path inner = Files.createDirectory(folder.resolve("inner"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), text);
        Path hard = Files.createLink(folder.resolve("hard"), text);
        Path data = Files.writeString(folder.resolve("train-images-idx3-ubyte"), "images");
        Path checkpoint = Files.writeString(folder.resolve("c.safetensors"), "checkpoint");
        List<Object[]> commands = new ArrayList<>();
        for (Path save : List.of(text, inner.resolve("../rhyme.txt"), link, hard)) {
            commands.add(new Object[] {"train", "chars", "--text", text, "--save", save});
            commands.add(new Object[] {"train", "chars", "--text", save, "--save", text});
        }
        commands.add(new Object[] {"train", "fashion-mnist", "--data", folder, "--save", data});
        for (Object[] c : commands) {
            byte[] before = Files.readAllBytes(text);
            Run run = Run.of(c);
            assertEquals(1, run.status(), Arrays.toString(c) + run.out());
            assertTrue(run.err().strip().endsWith(" is what the training reads"), run.err());
            assertArrayEquals(before, Files.readAllBytes(text));
        }
        assertEquals("images", Files.readString(data));
        Run resumed = Run.of("train", "digits", "--resume", checkpoint, "--save", checkpoint);
        assertEquals(1, resumed.status(), resumed.out());
        assertEquals("checkpoint", Files.readString(checkpoint));
    }

    /// The beginning of the samples, which nobody has given, fits whatever the passages' length is.
    @Test
    void passagesOfAnyLength() throws Exception {
        for (int length : new int[] {2, 3, 4, 5, 6}) {
            Run run =
                    Run.of(
                            "train",
                            "chars",
                            "--text",
                            Rhyme.text(folder),
                            "--steps",
                            1,
                            "--batch",
                            2,
                            "--length",
                            length,
                            "--layers",
                            1,
                            "--width",
                            32,
                            "--save",
                            folder.resolve("x"));
            assertEquals(0, run.status(), length + run.err());
        }
    }

    /// Texts that are little to learn from: learnt, or refused with a reason that a reader of the text understands.
    @Test
    void textsOfEachKind() throws Exception {
        String[] learnt = {
            "ab".repeat(200),
            "\n\n\t".repeat(150),
            "日本".repeat(200),
            "😀\u0301".repeat(200),
            "\uFEFF" + "row, row\r\n".repeat(50),
            "\u0000\u0001".repeat(200)
        };
        String[] refused = {"a", "a".repeat(500), "😀".repeat(500), "\n".repeat(500), "\uFEFF"};
        for (String[] texts : List.of(learnt, refused)) {
            for (String t : texts) {
                Path file = Files.writeString(folder.resolve("text"), t);
                Run run =
                        Run.of(
                                "train",
                                "chars",
                                "--text",
                                file,
                                "--steps",
                                1,
                                "--batch",
                                2,
                                "--length",
                                8,
                                "--layers",
                                1,
                                "--width",
                                32,
                                "--temperature",
                                0,
                                "--save",
                                folder.resolve("x"));
                assertEquals(texts == learnt ? 0 : 1, run.status(), t + run.err());
                assertTrue(
                        run.err().isEmpty() || run.err().matches("nacre: (chars|text): .*\\R"),
                        run.err());
            }
        }
    }

    /// Only options are options: an argument is what it says.
    @Test
    void argumentsAreTakenAsTheyAre() throws Exception {
        Path letters = folder.resolve("letters");
        Path text = Files.writeString(folder.resolve("text"), "@text ${x} %s \"'=-".repeat(40));
        assertEquals(
                0,
                Run.of(
                                "train",
                                "chars",
                                "--text",
                                text,
                                "--steps",
                                1,
                                "--batch",
                                2,
                                "--length",
                                16,
                                "--layers",
                                1,
                                "--width",
                                32,
                                "--save",
                                letters,
                                "--prompt=@" + "text")
                        .status());
        for (String prompt :
                new String[] {"@text", "@@t", "${x}", "%s", "\"t\"", "'", "=", "t=x"}) {
            Run run = Run.of("predict", letters, prompt, "--count", 3, "--temperature", 0);
            assertEquals(0, run.status(), prompt + run.err());
            assertTrue(run.out().startsWith(prompt), prompt + run.out());
        }
        assertEquals(0, Run.of("predict", letters, "--count", 3, "--", "-").status());
        Path argument = Files.writeString(folder.resolve("arguments"), "--top 1");
        assertTrue(Run.of("predict", letters, "@" + argument).err().contains("characters: "));
    }

    @Test
    void namesThatNoFileHas() {
        Path model = folder.resolve("model");
        Preprocessing tiny = new Preprocessing(1, 2, 2, List.of(0.5), List.of(0.5));
        Model.of(Sequential.of(new Flatten(), Linear.of(4, 2, Rng.seed(1))), Input.Images.of(tiny))
                .write(model);
        for (Object[] c :
                new Object[][] {
                    {"predict", model, "a\0b"},
                    {"predict", "a\0b", model},
                    {"inspect", "a\0b"},
                    {"train", "digits", "--save", "a\0b"},
                    {"train", "chars", "--text", "a\0b"}
                }) {
            Run run = Run.of(c);
            assertEquals(2, run.status(), run.err());
            assertTrue(
                    run.err().contains("'a\\u0000b' is no name of a file (Nul character"),
                    run.err());
        }
    }
}
