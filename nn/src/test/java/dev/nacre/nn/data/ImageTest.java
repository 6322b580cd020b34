package dev.nacre.nn.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.NacreException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageTest {
    @TempDir Path folder;

    private Path png(BufferedImage image) throws IOException {
        Path file = folder.resolve("image.png");
        ImageIO.write(image, "png", file.toFile());
        return file;
    }

    @Test
    void greyIsReadAsStored() throws IOException {
        BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_GRAY);
        image.getRaster().setSample(0, 0, 0, 100);
        image.getRaster().setSample(1, 0, 0, 255);
        assertEquals(new Image(1, 1, 2, new float[] {100 / 255f, 1}), Image.read(png(image)));
    }

    @Test
    void sixteenBitsAreReadWhole() throws IOException {
        BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_USHORT_GRAY);
        image.getRaster().setSample(0, 0, 0, 40_000);
        assertEquals(new Image(1, 1, 1, new float[] {40_000 / 65_535f}), Image.read(png(image)));
    }

    @Test
    void colourHasThreeChannelsAndBecomesGreyByBt601() throws IOException {
        BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB);
        image.setRGB(0, 0, 0x336699);
        Image read = Image.read(png(image));
        assertArrayEquals(new float[] {0x33 / 255f, 0x66 / 255f, 0x99 / 255f}, read.values());
        float grey = 0.299f * 0x33 / 255f + 0.587f * 0x66 / 255f + 0.114f * 0x99 / 255f;
        assertArrayEquals(new float[] {grey}, read.withChannels(1).values(), 1e-6f);
        assertArrayEquals(
                new float[] {0.5f, 0.5f, 0.5f},
                new Image(1, 1, 1, new float[] {0.5f}).withChannels(3).values());
    }

    @Test
    void transparentIsWhite() throws IOException {
        BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_INT_ARGB);
        image.setRGB(0, 0, 0xff000000);
        image.setRGB(1, 0, 0x00000000);
        assertArrayEquals(
                new float[] {0, 1}, Image.read(png(image)).withChannels(1).values(), 1e-6f);
    }

    @Test
    void resizingKeepsConstantsAndMeans() {
        Random random = new Random(1);
        float[] values = new float[12 * 9];
        double mean = 0;
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat();
            mean += values[i] / values.length;
        }
        for (int[] size : new int[][] {{4, 3}, {24, 18}, {5, 7}, {1, 1}}) {
            Image constant =
                    new Image(1, 1, 1, new float[] {0.25f}).resize(12, 9).resize(size[0], size[1]);
            for (float v : constant.values()) {
                assertEquals(0.25f, v, 1e-6f);
            }
        }
        Image shrunk = new Image(1, 12, 9, values).resize(4, 3);
        double after = 0;
        for (float v : shrunk.values()) {
            after += v / 12;
        }
        assertEquals(mean, after, 0.03);
    }

    @Test
    void enlargingIsBilinear() {
        Image two = new Image(1, 1, 2, new float[] {0, 1});
        assertArrayEquals(new float[] {0, 0.25f, 0.75f, 1}, two.resize(1, 4).values(), 1e-6f);
    }

    @Test
    void invertAndBorder() {
        Image ring = new Image(1, 3, 3, new float[] {1, 1, 1, 1, 0, 1, 1, 1, 1});
        assertEquals(1, ring.border());
        assertEquals(0, ring.invert().border());
    }

    @Test
    void applyNormalises() {
        Preprocessing p = new Preprocessing(1, 1, 2, List.of(0.5), List.of(0.25));
        float[] out = p.apply(new Image(3, 1, 2, new float[] {0, 1, 0, 1, 0, 1})).toFloatArray();
        assertArrayEquals(new float[] {-2, 2}, out, 1e-6f);
        Preprocessing colour =
                new Preprocessing(3, 1, 1, List.of(0.0, 0.5, 1.0), List.of(1.0, 0.5, 0.25));
        assertArrayEquals(
                new float[] {1, 1, 0},
                colour.apply(new Image(1, 1, 1, new float[] {1})).toFloatArray(),
                1e-6f);
    }

    @Test
    void statisticsAreThoseOfTheBytes() {
        ImageSet set =
                new ImageSet(
                        "x",
                        new byte[] {0, (byte) 200, 100, 100},
                        1,
                        1,
                        2,
                        200,
                        new byte[] {0, 1},
                        List.of("a", "b"));
        Preprocessing p = set.preprocessing();
        assertEquals(List.of(0.5), p.mean());
        assertEquals(Math.sqrt(0.125), p.std().getFirst(), 1e-12);
    }

    @Test
    void brokenFiles() throws IOException {
        Path file = folder.resolve("x.png");
        assertFails("does not exist", file);
        assertFails("is no file", folder);
        Files.writeString(file, "not a picture at all");
        assertStarts("is no picture in a format known here [BMP, GIF, ", file);
        BufferedImage image = new BufferedImage(50, 50, BufferedImage.TYPE_INT_RGB);
        Random random = new Random(1);
        for (int i = 0; i < 2500; i++) {
            image.setRGB(i % 50, i / 50, random.nextInt());
        }
        byte[] whole = Files.readAllBytes(png(image));
        Files.write(file, Arrays.copyOf(whole, whole.length / 2));
        assertStarts("is broken (", file);
        byte[] flipped = whole.clone();
        for (int i = 100; i < 160; i++) {
            flipped[i] ^= 0x5a;
        }
        Files.write(file, flipped);
        assertStarts("is broken (", file);
        byte[] huge = whole.clone();
        huge[17] = 0x7f; // width
        Files.write(file, huge);
        assertFails("is broken (the checksum of its chunk IHDR is wrong)", file);
        java.util.zip.CRC32 sum = new java.util.zip.CRC32();
        sum.update(huge, 12, 17);
        java.nio.ByteBuffer.wrap(huge).putInt(29, (int) sum.getValue());
        Files.write(file, huge);
        assertStarts("would take ", file);
        String message = assertThrows(NacreException.class, () -> Image.read(file)).getMessage();
        assertTrue(message.contains("(8323122×50 pixels)"), message);
    }

    @Test
    void everyCutIsAnErrorOrTheImage() throws IOException {
        BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_BYTE_GRAY);
        Random random = new Random(2);
        for (int i = 0; i < 64; i++) {
            image.getRaster().setSample(i % 8, i / 8, 0, random.nextInt(256));
        }
        byte[] whole = Files.readAllBytes(png(image));
        Image expected = Image.read(folder.resolve("image.png"));
        Path file = folder.resolve("cut.png");
        for (int n = 0; n < whole.length; n++) {
            Files.write(file, Arrays.copyOf(whole, n));
            try {
                assertEquals(expected, Image.read(file), "cut to " + n);
                assertTrue(
                        n >= whole.length - 24, // checksums and end mark
                        "cut to " + n + " of " + whole.length + " and read");
            } catch (NacreException e) {
                assertTrue(e.getMessage().startsWith("image: " + file + " is "), e.getMessage());
            }
        }
    }

    private static void assertFails(String message, Path file) {
        assertEquals(
                "image: " + file + " " + message,
                assertThrows(NacreException.class, () -> Image.read(file)).getMessage());
    }

    private static void assertStarts(String message, Path file) {
        String actual = assertThrows(NacreException.class, () -> Image.read(file)).getMessage();
        assertTrue(actual.startsWith("image: " + file + " " + message), actual);
    }
}
