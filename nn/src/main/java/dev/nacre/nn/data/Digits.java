package dev.nacre.nn.data;

import dev.nacre.type.NacreException;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;

/// The handwritten digits of the UCI Machine Learning Repository (Alpaydin and Kaynak 1998): 1,797 grey images of 8×8 pixels from 0 to 16, written by 13
/// people. They are shipped with Nacre under CC BY 4.0; see `digits.LICENSE.md` beside them.
///
/// The split: within each digit, in the order of the file, every fifth image is for testing. So all digits are as frequent in both parts (to one image), no
/// random numbers are involved, and all writers occur in both parts: the test tells how well digits of known writers are read.
public final class Digits {
    private static final int COUNT = 1797;
    private static final int SIDE = 8;
    private static final int ROW = SIDE * SIDE + 1; // pixels and label
    private static final int WHITE = 16;
    private static final int EVERY = 5;
    private static final List<String> CLASSES =
            List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");

    private Digits() {}

    /// All images in the order of the file.
    public static ImageSet read() {
        try (InputStream raw = Digits.class.getResourceAsStream("digits.csv.gz")) {
            if (raw == null) {
                throw new NacreException(
                        "digits: the jar of dev.nacre:nacre-nn lacks digits.csv.gz");
            }
            return parse(raw);
        } catch (IOException e) {
            throw new NacreException(
                    "digits: digits.csv.gz in the jar is broken (" + e.getMessage() + ")", e);
        }
    }

    /// Lines of 64 pixels and a label, packed by gzip.
    static ImageSet parse(InputStream packed) throws IOException {
        Budget.Tally tally =
                Budget.usual()
                        .begin(p -> new NacreException("digits: digits.csv.gz in the jar " + p));
        byte[] text = tally.readAll(new GZIPInputStream(packed), "what is packed in it");
        byte[] pixels = new byte[COUNT * SIDE * SIDE];
        byte[] labels = new byte[COUNT];
        int cell = 0;
        int value = -1; // before the first digit
        for (byte b : text) {
            int column = cell % ROW;
            if (b >= '0' && b <= '9' && value <= WHITE) {
                value = 10 * Math.max(0, value) + b - '0';
                continue;
            }
            boolean last = column == ROW - 1;
            if (cell == COUNT * ROW
                    || b != (last ? '\n' : ',')
                    || value < 0
                    || value > (last ? CLASSES.size() - 1 : WHITE)) {
                throw new IOException("number " + column + " of line " + (cell / ROW + 1));
            }
            if (last) {
                labels[cell / ROW] = (byte) value;
            } else {
                pixels[cell / ROW * (ROW - 1) + column] = (byte) value;
            }
            cell++;
            value = -1;
        }
        if (cell < COUNT * ROW) {
            throw new IOException("it ends in line " + (cell / ROW + 1));
        }
        return new ImageSet("digits", pixels, 1, SIDE, SIDE, WHITE, labels, CLASSES);
    }

    /// 1,442 images to learn from and 355 to test with.
    public static Split split() {
        ImageSet all = read();
        int[] seen = new int[CLASSES.size()];
        boolean[] isTest = new boolean[all.size()];
        for (int i = 0; i < isTest.length; i++) {
            isTest[i] = ++seen[all.label(i)] % EVERY == 0;
        }
        int[] train = IntStream.range(0, isTest.length).filter(i -> !isTest[i]).toArray();
        int[] test = IntStream.range(0, isTest.length).filter(i -> isTest[i]).toArray();
        return new Split(
                all.subset("digits, training", train), all.subset("digits, test", test), "the jar");
    }
}
