package dev.nacre.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.formats.safetensors.SafeTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainCharsTest {
    @TempDir static Path folder;

    private static Run train(Path save, Object... more) throws IOException {
        List<Object> all = new ArrayList<>(List.of("--lr", "0.01", "--save", save));
        all.addAll(List.of(more));
        return Run.of(Rhyme.train(folder, all.toArray()));
    }

    private static double loss(Run run) {
        return Double.parseDouble(run.lines().getLast().replace("validation loss ", ""));
    }

    /// Two lines again and again are learnt almost by heart, and the sample is made of their words.
    @Test
    void learnsAndWrites() throws IOException {
        Path save = folder.resolve("chars.safetensors");
        Run run = train(save, "--steps", 120, "--temperature", 0);
        assertEquals(0, run.status(), run.err());
        List<String> lines = run.lines();
        assertEquals("saved " + save, lines.get(lines.size() - 2));
        assertTrue(loss(run) < 0.3, run.out());
        assertTrue(run.out().contains("row your boat\ngentl"), run.out());
        var file = SafeTensors.read(save);
        assertEquals("nacre model", file.metadata().get("format"));
        assertTrue(file.tensors().containsKey("transformer.h.0.attn.c_attn.weight"));
        Run inspected = Run.of("inspect", save);
        assertEquals(0, inspected.status(), inspected.err());
        assertTrue(inspected.out().contains("14,752 parameters"), inspected.out());
        assertTrue(inspected.out().contains("steps"), inspected.out());
        assertTrue(inspected.out().contains("characters  \\n ,abdeghlmnorstuwy"), inspected.out());
        Run written = Run.of("predict", save, "row, row, row", "--count", 9, "--temperature", 0);
        assertEquals(
                "row, row, row your boa\n", written.out().replace(System.lineSeparator(), "\n"));
    }

    @Test
    void sameSeedSameBits() throws IOException {
        Path a = folder.resolve("a.safetensors");
        Path b = folder.resolve("b.safetensors");
        Path c = folder.resolve("c.safetensors");
        train(a, "--steps", 4, "--seed", 3);
        train(b, "--steps", 4, "--seed", 3);
        train(c, "--steps", 4, "--seed", 4);
        assertArrayEquals(head(a), head(b));
        assertFalse(Arrays.equals(head(a), head(c)));
    }

    private static float[] head(Path file) {
        return SafeTensors.read(file).tensors().get("lm_head.weight").toFloatArray();
    }

    @Test
    void inBf16() throws IOException {
        Run run = train(folder.resolve("n.safetensors"), "--steps", 30, "--precision", "bf16");
        assertEquals(0, run.status(), run.err());
        assertTrue(loss(run) < 3, run.out());
    }

    @Test
    void whatIsWrongIsSaid() throws IOException {
        assertTrue(
                Run.of("train", "chars", "--text", folder.resolve("none.txt"))
                        .err()
                        .startsWith(
                                "nacre: text: " + folder.resolve("none.txt") + " does not exist"));
        Path brief = folder.resolve("brief.txt");
        Files.writeString(brief, "brief");
        Run run = Run.of("train", "chars", "--text", brief);
        assertEquals(1, run.status());
        assertTrue(run.err().contains("need at least 1290"), run.err());
        assertTrue(
                Run.of("train", "chars", "--width", 33)
                        .err()
                        .contains("--width must be a multiple of 32"));
        assertTrue(Run.of("train", "chars", "--precision", "f8").err().contains("--precision"));
    }
}
