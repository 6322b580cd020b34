package dev.nacre.nn.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.NacreException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The decoder beside the JDK's, which is the Independent JPEG Group's library.
class JpegTest {
    @TempDir Path folder;

    private Image read(byte[] data) throws IOException {
        Path file = folder.resolve("x.jpg");
        Files.write(file, data);
        return Image.read(file);
    }

    private void compare(byte[] data, String what) throws IOException {
        BufferedImage theirs = ImageIO.read(new ByteArrayInputStream(data));
        Image ours = read(data);
        int area = theirs.getWidth() * theirs.getHeight();
        assertEquals(
                theirs.getWidth() + "×" + theirs.getHeight(), ours.width() + "×" + ours.height());
        assertEquals(theirs.getRaster().getNumBands(), ours.channels(), what);
        for (int i = 0; i < area; i++) {
            int x = i % ours.width();
            int y = i / ours.width();
            for (int c = 0; c < ours.channels(); c++) {
                int wanted =
                        ours.channels() == 1
                                ? theirs.getRaster().getSample(x, y, 0)
                                : theirs.getRGB(x, y) >> (16 - 8 * c) & 255;
                assertEquals(
                        wanted,
                        Math.round(255 * ours.values()[c * area + i]),
                        what + " channel " + c + " at " + x + ", " + y);
            }
        }
    }

    @Test
    void sameBitsAsTheJdks() throws IOException {
        int[][] sizes = {{1, 1}, {2, 3}, {5, 4}, {8, 8}, {9, 17}, {16, 16}, {33, 31}, {64, 50}};
        int[][] samplings = {{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}};
        for (int[] size : sizes) {
            for (boolean progressive : new boolean[] {false, true}) {
                for (float quality : new float[] {0.1f, 0.75f, 1}) {
                    String what = Arrays.toString(size) + " " + progressive + " " + quality;
                    BufferedImage grey = Pictures.picture(size[0], size[1], true, 1);
                    compare(Pictures.jpeg(grey, quality, progressive, 1, 1), what + " grey");
                    for (int[] s : samplings) {
                        BufferedImage colour = Pictures.picture(size[0], size[1], false, 2);
                        compare(
                                Pictures.jpeg(colour, quality, progressive, s[0], s[1]),
                                what + " " + Arrays.toString(s));
                    }
                }
            }
        }
    }

    /// What the JDK's decoder fills up with grey.
    @Test
    void aCutPictureIsAnError() throws IOException {
        for (boolean progressive : new boolean[] {false, true}) {
            byte[] whole =
                    Pictures.jpeg(Pictures.picture(40, 30, false, 3), 0.8f, progressive, 2, 2);
            Image sound = read(whole);
            for (int n = 0; n < whole.length; n++) {
                byte[] cut = Arrays.copyOf(whole, n);
                try {
                    assertEquals(sound, read(cut), "cut to " + n);
                    assertTrue(n >= whole.length - 2, "cut to " + n); // the end mark alone
                } catch (NacreException e) {
                    assertTrue(e.getMessage().startsWith("image: "), e.getMessage());
                }
            }
        }
    }

    @Test
    void otherKindsAreRefusedByName() throws IOException {
        byte[] data = Pictures.jpeg(Pictures.picture(8, 8, false, 3), 0.8f, false, 1, 1);
        int frame = 0;
        while ((data[frame] & 0xFF) != 0xFF || (data[frame + 1] & 0xFF) != 0xC0) {
            frame++;
        }
        byte[] lossless = data.clone();
        lossless[frame + 1] = (byte) 0xC3;
        assertSays("it is lossless, hierarchical or arithmetically coded", lossless);
        byte[] wide = data.clone();
        wide[frame + 4] = 12;
        assertSays("its samples have 12 bits; 8 are read", wide);
        byte[] huge = data.clone();
        Arrays.fill(huge, frame + 5, frame + 9, (byte) 0xFF);
        assertSays("would take ", huge);
    }

    private void assertSays(String problem, byte[] data) {
        String message = assertThrows(NacreException.class, () -> read(data)).getMessage();
        assertTrue(message.contains(problem), message);
    }
}
