package dev.nacre.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.nn.data.Digits;
import dev.nacre.nn.data.Image;
import dev.nacre.nn.data.ImageSet;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Trains on the digits once, and uses what was saved.
class TrainTest {
    @TempDir static Path folder;

    private static Path model;
    private static Run training;

    @BeforeAll
    static void train() {
        model = folder.resolve("digits.safetensors");
        training = Run.of("train", "digits", "--save", model);
    }

    @Test
    void reachesTheAccuracyItPromises() {
        assertEquals(0, training.status(), training.err());
        assertEquals("", training.err());
        List<String> lines = training.lines();
        assertEquals("saved " + model, lines.get(lines.size() - 2));
        String last = lines.getLast();
        assertTrue(last.matches("test accuracy [01]\\.\\d{4}"), last);
        assertTrue(Double.parseDouble(last.replace("test accuracy ", "")) >= 0.97, last);
        assertTrue(
                lines.stream()
                        .anyMatch(l ->
                                l.matches(
                                        "epoch 15/15  loss 0\\.\\d{4}  accuracy [01]\\.\\d{4}  [0-9,]+ examples/s  0:00 left")),
                training.out());
    }

    @Test
    void leavesOnlyTheModel() throws IOException {
        try (var files = Files.list(folder)) {
            assertEquals(
                    List.of(),
                    files.filter(f -> f.getFileName().toString().contains("part")).toList());
        }
    }

    @Test
    void sameSeedSameBits() {
        Path first = folder.resolve("first.safetensors");
        Path second = folder.resolve("second.safetensors");
        Path third = folder.resolve("third.safetensors");
        Run.of("train", "digits", "--epochs", 1, "--batch", 64, "--seed", 7, "--save", first);
        Run.of("train", "digits", "--epochs", 1, "--batch", 64, "--seed", 7, "--save", second);
        Run.of("train", "digits", "--epochs", 1, "--batch", 64, "--seed", 8, "--save", third);
        assertArrayEquals(weights(first), weights(second));
        assertFalse(Arrays.equals(weights(first), weights(third)));
    }

    private static float[] weights(Path file) {
        return SafeTensors.read(file).tensors().get("12.weight").toFloatArray();
    }

    @Test
    void predictsImagesOfAnySizeAndKind() throws IOException {
        ImageSet test = Digits.split().test();
        int right = 0;
        for (int i = 0; i < 10; i++) {
            Path file = folder.resolve("digit" + i + ".png");
            ImageIO.write(picture(test.image(i).resize(50, 43), i % 2 == 0), "png", file.toFile());
            Run run = Run.of("predict", model, file, "--top", "2");
            assertEquals(0, run.status(), run.err());
            assertEquals(2, run.lines().size());
            assertTrue(run.lines().getFirst().matches("\\d  [01]\\.\\d{4}"), run.out());
            right += run.lines().getFirst().startsWith(test.label(i) + " ") ? 1 : 0;
        }
        assertTrue(right >= 8, right + " of 10");
    }

    @Test
    void predictInvertsOnRequestAndAsksWhereItSeemsNeeded() throws IOException {
        ImageSet test = Digits.split().test();
        Path file = folder.resolve("paper.png");
        ImageIO.write(picture(test.image(0).invert(), true), "png", file.toFile());
        Run plain = Run.of("predict", model, file);
        assertEquals(
                "nacre: "
                        + file
                        + " has a bright border, and the model was trained on images that are mostly dark: should it be --invert?\n",
                plain.err());
        Run inverted = Run.of("predict", model, file, "--invert");
        assertEquals("", inverted.err());
        assertTrue(inverted.out().startsWith(test.label(0) + "  "), inverted.out());
        assertEquals(3, inverted.lines().size());
    }

    private static BufferedImage picture(Image image, boolean grey) {
        BufferedImage out =
                new BufferedImage(
                        image.width(),
                        image.height(),
                        grey ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < image.width() * image.height(); i++) {
            int level = Math.round(255 * image.values()[i]);
            if (grey) {
                out.getRaster().setSample(i % image.width(), i / image.width(), 0, level);
            } else {
                out.setRGB(i % image.width(), i / image.width(), level * 0x010101);
            }
        }
        return out;
    }

    @Test
    void inspectTellsTheProvenance() {
        Run run = Run.of("inspect", model);
        assertEquals(0, run.status(), run.err());
        String text = run.out();
        assertTrue(text.contains("Conv2d"), text);
        assertTrue(text.contains("weight f32[16, 1, 3, 3], bias f32[16]"), text);
        assertTrue(text.contains("22,698 parameters"), text);
        assertTrue(text.contains("classes     0, 1, 2, 3, 4, 5, 6, 7, 8, 9"), text);
        for (String line :
                new String[] {
                    "data +digits",
                    "model +cnn",
                    "epochs +15",
                    "batch +32",
                    "learning rate +0.003",
                    "seed +0",
                    "test accuracy +0\\.9\\d{3}",
                    "nacre +\\S+",
                    "date +\\S+Z"
                }) {
            assertTrue(
                    run.lines().stream().anyMatch(l -> l.matches("  " + line)),
                    line + " in\n" + text);
        }
        assertTrue(text.contains("SHA-256 " + Digits.split().train().sha256()), text);
    }

    @Test
    void divergenceNamesTheStepAndTheOperation() {
        Path never = folder.resolve("never.safetensors");
        Run run = Run.of("train", "digits", "--lr", "1e30", "--save", never);
        assertEquals(1, run.status());
        List<String> lines = run.err().lines().toList();
        String first = "nacre: loss: is (NaN|-?Infinity) at step \\d+; nothing was changed by it";
        assertTrue(lines.getFirst().matches(first), run.err());
        assertTrue(
                lines.get(1)
                        .matches("  \\w+ .* is the first that is (NaN|infinite); .*|  .* already"),
                run.err());
        assertEquals("  hint: the learning rate is 1.0E30; try a tenth of it", lines.getLast());
        assertFalse(Files.exists(never));
    }

    @Test
    void badPlacesToSaveAreRefusedBeforeTraining() throws IOException {
        Path plain = Files.writeString(folder.resolve("plain"), "");
        assertFails(
                "--save: folder " + plain + " does not exist",
                "train",
                "digits",
                "--save",
                plain.resolve("x.safetensors"));
        assertFails("--save: " + folder + " is a folder", "train", "digits", "--save", folder);
        Path closed = Files.createDirectory(folder.resolve("closed"));
        if (closed.toFile().setWritable(false)
                && !Files.isWritable(closed)) { // root may write anywhere
            assertFails(
                    "--save: folder " + closed + " is not writable",
                    "train",
                    "digits",
                    "--save",
                    closed.resolve("x.safetensors"));
        }
    }

    @Test
    void foreignAndBrokenModels() throws IOException {
        Path file = folder.resolve("x.safetensors");
        assertFails(
                "safetensors: cannot read " + file + ": there is no such file", "inspect", file);
        byte[] whole = Files.readAllBytes(model);
        Files.write(file, Arrays.copyOf(whole, whole.length - 1));
        assertStarts("safetensors: " + file + " ", "inspect", file);
        Files.writeString(file, "{\"not\": \"a model\"}");
        assertStarts("safetensors: " + file + " ", "predict", file, file);
        SafeTensors.Contents good = SafeTensors.read(model);
        SafeTensors.write(file, good.tensors(), Map.of());
        assertFails(
                "model: "
                        + file
                        + " holds tensors, but is no model: its format is '', not 'nacre model'",
                "inspect",
                file);
    }

    @Test
    void brokenImages() throws IOException {
        Path file = folder.resolve("broken.png");
        assertFails("image: " + file + " does not exist", "predict", model, file);
        Files.write(file, "\u0089PNG\r\n\u001a\nnonsense".getBytes(StandardCharsets.ISO_8859_1));
        assertStarts("image: " + file + " is broken (", "predict", model, file);
        Files.writeString(file, "text");
        assertStarts(
                "image: " + file + " is no picture in a format known here [",
                "predict",
                model,
                file);
    }

    @Test
    void fashionMnistFromAGivenFolder() throws IOException {
        Path data = SmallFashion.write(folder.resolve("fashion"), 200, 50);
        Path saved = folder.resolve("fashion.safetensors");
        for (String kind : List.of("mlp", "cnn", "resnet")) {
            Run run =
                    Run.of(
                            "train",
                            "fashion-mnist",
                            "--data",
                            data,
                            "--model",
                            kind,
                            "--epochs",
                            1,
                            "--batch",
                            50,
                            "--precision",
                            kind.equals("resnet") ? "bf16" : "f32",
                            "--save",
                            saved);
            assertEquals(0, run.status(), run.err());
            assertTrue(run.lines().getLast().startsWith("test accuracy "), run.out());
            assertTrue(run.out().contains("from " + data + "; " + kind), run.out());
            assertTrue(Run.of("inspect", saved).out().contains("Ankle boot"));
        }
        Path labels = data.resolve("t10k-labels-idx1-ubyte.gz");
        Files.write(labels, Arrays.copyOf(Files.readAllBytes(labels), 20));
        assertFails(
                "idx: " + labels + " is cut off: the gzip stream has no end",
                "train",
                "fashion-mnist",
                "--data",
                data,
                "--save",
                saved);
    }

    private static void assertFails(String message, Object... arguments) {
        Run run = Run.of(arguments);
        assertEquals("nacre: " + message + System.lineSeparator(), run.err());
        assertEquals(1, run.status());
        assertEquals("", run.out());
    }

    private static void assertStarts(String message, Object... arguments) {
        Run run = Run.of(arguments);
        assertTrue(run.err().startsWith("nacre: " + message), run.err());
        assertFalse(run.err().contains("\tat "), run.err());
        assertEquals(1, run.status());
    }
}
