package dev.nacre.nn.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

class DigitsTest {
    @Test
    void holdsWhatTheFileSays() throws IOException {
        ImageSet all = Digits.read();
        List<String> lines = lines();
        assertEquals(lines.size(), all.size());
        for (int i = 0; i < all.size(); i += 97) {
            int[] cells =
                    Arrays.stream(lines.get(i).split(",")).mapToInt(Integer::parseInt).toArray();
            assertEquals(cells[64], all.label(i));
            float[] pixels = new float[64];
            for (int k = 0; k < 64; k++) {
                pixels[k] = cells[k] / 16f;
            }
            assertArrayEquals(pixels, all.image(i).values());
        }
    }

    @Test
    void everyDigitIsTestedAsOftenAsItIsLearnt() {
        Split split = Digits.split();
        assertEquals(1797, split.train().size() + split.test().size());
        assertEquals(355, split.test().size());
        for (int digit = 0; digit < 10; digit++) {
            int wanted = digit;
            long learnt = count(split.train(), wanted);
            long tested = count(split.test(), wanted);
            assertTrue(tested == (learnt + tested) / 5, digit + ": " + learnt + ", " + tested);
        }
    }

    private static long count(ImageSet set, int digit) {
        return java.util.stream.IntStream.range(0, set.size())
                .filter(i -> set.label(i) == digit)
                .count();
    }

    @Test
    void licenceIsShipped() {
        assertTrue(Digits.class.getResource("digits.LICENSE.md") != null);
    }

    private static List<String> lines() throws IOException {
        var file = new GZIPInputStream(Digits.class.getResourceAsStream("digits.csv.gz"));
        return new BufferedReader(new InputStreamReader(file, StandardCharsets.US_ASCII))
                .lines()
                .toList();
    }
}
