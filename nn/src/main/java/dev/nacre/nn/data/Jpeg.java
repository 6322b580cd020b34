package dev.nacre.nn.data;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Decodes JPEG pictures (ITU-T T.81): sequential and progressive, 8 bits, Huffman codes, grey or three components. In plain Java, because the JDK's decoder reads its file while it
/// holds an array that the garbage collector must not move, which broken files have turned into a hang of the whole virtual machine; and strictly: what the JDK's fills up with grey is
/// an error here. Chroma is interpolated and colours are converted as the Independent JPEG Group's library does, so sound pictures have the same bits; colour profiles are not applied.
final class Jpeg {
    private static final int MOST_SCANS = 500; // a sound progressive picture has some ten

    /// What is wrong with a file.
    static final class Broken extends Exception {
        private static final long serialVersionUID = 1L;

        Broken(String what) {
            super(what, null, false, false);
        }
    }

    /// One channel as it is stored.
    static final class Component {
        final int id;
        final int horizontal;
        final int vertical;
        final int table;
        int width; // in samples
        int height;
        int stride; // width up to a whole number of units
        int[] steps; // of the quantizer, by place in the block; null until the first scan
        short[] coefficients; // of a progressive picture
        byte[] samples;
        int last; // the block before's mean
        JpegScan.Code direct;
        JpegScan.Code alternating;

        Component(int id, int horizontal, int vertical, int table) {
            this.id = id;
            this.horizontal = horizontal;
            this.vertical = vertical;
            this.table = table;
        }
    }

    private final byte[] data;
    private final Budget.Tally tally;
    private final int[][] steps = new int[4][];
    private final JpegScan.Code[] direct = new JpegScan.Code[4];
    private final JpegScan.Code[] alternating = new JpegScan.Code[4];
    private List<Component> components = List.of();
    private boolean progressive;
    private boolean jfif;
    private int adobe = -1;
    private int restart;
    private int width;
    private int height;
    private int columns; // of units
    private int rows;
    private int most; // horizontal samples in a unit
    private int mostDown;
    private int scans;

    private Jpeg(byte[] data, Budget.Tally tally) {
        this.data = data;
        this.tally = tally;
    }

    static boolean isOne(byte[] data) {
        return data.length > 2 && data[0] == (byte) 0xFF && data[1] == (byte) 0xD8;
    }

    static Image decode(byte[] data, Budget.Tally tally) throws Broken {
        Jpeg j = new Jpeg(data, tally);
        j.segments();
        return j.image();
    }

    private int u8(int at) {
        return data[at] & 0xFF;
    }

    private int u16(int at) {
        return u8(at) << 8 | u8(at + 1);
    }

    private void segments() throws Broken {
        int at = 2;
        while (true) {
            while (at + 1 < data.length && data[at] == (byte) 0xFF && data[at + 1] == (byte) 0xFF) {
                at++; // fill bytes
            }
            if (at + 3 >= data.length && !(at + 1 < data.length && u16(at) == 0xFFD9)) {
                if (scans > 0 && at == data.length && !progressive) {
                    return; // complete but for the end mark, as some cameras write them
                }
                throw new Broken("it is cut short");
            }
            if (data[at] != (byte) 0xFF) {
                throw new Broken("there is no marker at byte " + at);
            }
            int marker = u8(at + 1);
            if (marker == 0xD9) {
                return;
            }
            int length = u16(at + 2);
            if (length < 2 || length > data.length - at - 2) {
                throw new Broken("it is cut short");
            }
            at = segment(marker, at + 4, at + 2 + length);
        }
    }

    /// @return where the next one begins
    private int segment(int marker, int at, int end) throws Broken {
        switch (marker) {
            case 0xC0, 0xC1, 0xC2 -> frame(at, end, marker == 0xC2);
            case 0xC4 -> codes(at, end);
            case 0xDB -> quantizers(at, end);
            case 0xDD -> {
                require(end - at == 2, "a restart interval has the wrong length");
                restart = u16(at);
            }
            case 0xDA -> {
                return scan(at, end);
            }
            case 0xE0 -> jfif |= startsWith(at, end, "JFIF");
            case 0xEE -> {
                if (startsWith(at, end, "Adobe") && end - at >= 12) {
                    adobe = u8(at + 11);
                }
            }
            default -> {
                boolean harmless = marker >= 0xE0 && marker <= 0xEF || marker == 0xFE;
                require(
                        harmless,
                        marker >= 0xC3 && marker <= 0xCF
                                ? "it is lossless, hierarchical or arithmetically coded, which is"
                                        + " not read"
                                : "there is an unknown marker %02X".formatted(marker));
            }
        }
        return end;
    }

    private static void require(boolean holds, String otherwise) throws Broken {
        if (!holds) {
            throw new Broken(otherwise);
        }
    }

    private boolean startsWith(int at, int end, String text) {
        byte[] wanted = text.getBytes(StandardCharsets.US_ASCII);
        return end - at >= wanted.length
                && Arrays.equals(data, at, at + wanted.length, wanted, 0, wanted.length);
    }

    private void quantizers(int from, int end) throws Broken {
        int at = from;
        while (at < end) {
            int bytes = u8(at) >> 4 == 0 ? 1 : 2;
            int number = u8(at) & 15;
            require(
                    u8(at) >> 4 < 2 && number < 4 && end - at > 64 * bytes,
                    "a quantization table is broken");
            at++;
            int[] table = new int[64];
            for (int k = 0; k < 64; k++, at += bytes) {
                table[JpegScan.ZIGZAG[k]] = bytes == 1 ? u8(at) : u16(at);
            }
            steps[number] = table;
        }
    }

    private void codes(int from, int end) throws Broken {
        int at = from;
        while (at < end) {
            int number = u8(at) & 15;
            int kind = u8(at) >> 4;
            require(end - at >= 17 && number < 4 && kind < 2, "a Huffman table is broken");
            int[] counts = new int[16];
            int sum = 0;
            for (int i = 0; i < 16; i++) {
                counts[i] = u8(at + 1 + i);
                sum += counts[i];
            }
            require(sum <= 256 && end - at >= 17 + sum, "a Huffman table is broken");
            byte[] values = Arrays.copyOfRange(data, at + 17, at + 17 + sum);
            (kind == 0 ? direct : alternating)[number] = new JpegScan.Code(counts, values);
            at += 17 + sum;
        }
    }

    private void frame(int at, int end, boolean isProgressive) throws Broken {
        require(components.isEmpty(), "it has two frames");
        require(end - at >= 6 && end - at == 6 + 3 * u8(at + 5), "its frame is broken");
        require(u8(at) == 8, "its samples have " + u8(at) + " bits; 8 are read");
        progressive = isProgressive;
        height = u16(at + 1);
        width = u16(at + 3);
        int count = u8(at + 5);
        require(width > 0 && height > 0, "its size is " + width + "×" + height);
        require(
                count == 1 || count == 3,
                "it has " + count + " components; pictures of 1 (grey) and 3 (colour) are read");
        List<Component> found = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int p = at + 6 + 3 * i;
            Component c = new Component(u8(p), u8(p + 1) >> 4, u8(p + 1) & 15, u8(p + 2));
            require(
                    c.horizontal >= 1
                            && c.horizontal <= 4
                            && c.vertical >= 1
                            && c.vertical <= 4
                            && c.table < 4
                            && found.stream().noneMatch(o -> o.id == c.id),
                    "its frame is broken");
            found.add(c);
            most = Math.max(most, c.horizontal);
            mostDown = Math.max(mostDown, c.vertical);
        }
        columns = Math.ceilDiv(width, 8 * most);
        rows = Math.ceilDiv(height, 8 * mostDown);
        String what = width + "×" + height + " pixels";
        tally.claim(what, 4L * count, width, height);
        for (Component c : found) {
            c.width = Math.ceilDiv(width * c.horizontal, most);
            c.height = Math.ceilDiv(height * c.vertical, mostDown);
            c.stride = columns * c.horizontal * 8;
            tally.claim(what, progressive ? 3 : 1, c.stride, 8L * rows * c.vertical);
            int size = c.stride * rows * c.vertical * 8;
            c.samples = new byte[size];
            if (progressive) {
                c.coefficients = new short[size];
            }
        }
        components = List.copyOf(found);
    }

    private int scan(int at, int end) throws Broken {
        require(!components.isEmpty(), "a scan comes before the frame");
        int count = end > at ? u8(at) : 0;
        require(count >= 1 && count <= 4 && end - at == 4 + 2 * count, "a scan is broken");
        require(++scans <= MOST_SCANS, "it has more than " + MOST_SCANS + " scans");
        List<Component> of = new ArrayList<>();
        int blocks = 0;
        int p = at + 1 + 2 * count;
        JpegScan.Band band =
                progressive
                        ? new JpegScan.Band(u8(p), u8(p + 1), u8(p + 2) >> 4, u8(p + 2) & 15)
                        : new JpegScan.Band(0, 63, 0, 0);
        require(
                band.last() < 64
                        && band.first() <= band.last()
                        && band.low() <= 13
                        && (band.high() == 0 || band.high() == band.low() + 1)
                        && (!progressive || (band.first() == 0) == (band.last() == 0))
                        && (band.first() == 0 || count == 1),
                "a scan is broken");
        for (int i = 0; i < count; i++) {
            int id = u8(at + 1 + 2 * i);
            int tables = u8(at + 2 + 2 * i);
            Component c =
                    components.stream()
                            .filter(o -> o.id == id && !of.contains(o))
                            .findFirst()
                            .orElseThrow(() -> new Broken("a scan is broken"));
            require(tables >> 4 < 4 && (tables & 15) < 4, "a scan is broken");
            c.direct = direct[tables >> 4];
            c.alternating = alternating[tables & 15];
            c.last = 0;
            require(
                    (c.direct != null || band.first() > 0 || band.high() > 0)
                            && (c.alternating != null || band.last() == 0),
                    "a Huffman table is missing");
            if (c.steps == null) {
                require(steps[c.table] != null, "a quantization table is missing");
                c.steps = steps[c.table].clone();
            }
            of.add(c);
            blocks += c.horizontal * c.vertical;
        }
        require(count == 1 || blocks <= 10, "a scan is broken");
        int next =
                new JpegScan(data, end, of, band, tally)
                        .decode(columns, rows, restart, progressive);
        return afterScan(next);
    }

    /// Where the marker behind a scan is; bytes before it that nothing needed are passed over.
    private int afterScan(int from) {
        int at = from;
        while (at + 1 < data.length
                && !(data[at] == (byte) 0xFF
                        && data[at + 1] != 0
                        && (u8(at + 1) < 0xD0 || u8(at + 1) > 0xD7))) {
            at++;
        }
        return at + 1 < data.length ? at : data.length;
    }

    private Image image() throws Broken {
        require(
                !components.isEmpty() && components.stream().allMatch(c -> c.steps != null),
                "it is cut short");
        if (progressive) {
            components.forEach(this::samples);
        }
        float[] out = new float[width * height * components.size()];
        if (components.size() == 1) {
            Component c = components.getFirst();
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    out[y * width + x] = (c.samples[y * c.stride + x] & 0xFF) / 255f;
                }
            }
            return new Image(1, height, width, out);
        }
        colours(out);
        return new Image(3, height, width, out);
    }

    private void samples(Component c) {
        int[] block = new int[64];
        int across = c.stride / 8;
        for (int b = 0; b < c.coefficients.length / 64; b++) {
            if (b % across == 0) {
                tally.checkTime();
            }
            for (int i = 0; i < 64; i++) {
                block[i] = c.coefficients[64 * b + i] * c.steps[i];
            }
            Cosines.inverse(block, c.samples, (b / across * c.stride + b % across) * 8, c.stride);
        }
        c.coefficients = new short[0];
    }

    private boolean isRgb() {
        boolean letters =
                components.get(0).id == 'R'
                        && components.get(1).id == 'G'
                        && components.get(2).id == 'B';
        return !jfif && (adobe >= 0 ? adobe == 0 : letters);
    }

    private void colours(float[] out) {
        boolean rgb = isRgb();
        int area = width * height;
        int[][] lines = new int[3][width + 8];
        for (int y = 0; y < height; y++) {
            tally.checkTime();
            for (int k = 0; k < 3; k++) {
                JpegChroma.line(components.get(k), y, most, mostDown, lines[k]);
            }
            for (int x = 0; x < width; x++) {
                int i = y * width + x;
                int a = lines[0][x];
                int cb = lines[1][x] - 128;
                int cr = lines[2][x] - 128;
                out[i] = rgb ? a / 255f : unit(a + (91881 * cr + 32768 >> 16));
                out[area + i] =
                        rgb
                                ? lines[1][x] / 255f
                                : unit(a + (-22554 * cb - 46802 * cr + 32768 >> 16));
                out[2 * area + i] =
                        rgb ? lines[2][x] / 255f : unit(a + (116130 * cb + 32768 >> 16));
            }
        }
    }

    private static float unit(int v) {
        return (v < 0 ? 0 : v > 255 ? 255 : v) / 255f;
    }
}
