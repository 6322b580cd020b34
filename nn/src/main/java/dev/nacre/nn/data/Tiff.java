package dev.nacre.nn.data;

import dev.nacre.nn.data.Jpeg.Broken;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;

/// What a TIFF file must be before the JDK's reader sees it, which believes the sizes in its directory: those of the first picture.
final class Tiff {
    private static final int WIDTH = 256;
    private static final int HEIGHT = 257;
    private static final int BITS = 258;
    private static final int COMPRESSION = 259;
    private static final int STRIPS = 273;
    private static final int SAMPLES = 277;
    private static final int ROWS = 278;
    private static final int STRIP_BYTES = 279;
    private static final int TILE_WIDTH = 322;
    private static final int TILE_HEIGHT = 323;
    private static final int TILES = 324;
    private static final int TILE_BYTES = 325;
    private static final int[] BYTES = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};

    /// Values of one entry: where they lie.
    private record Field(int type, long count, int at) {}

    private final ByteBuffer data;
    private final Map<Integer, Field> fields = new HashMap<>();

    private Tiff(byte[] bytes) {
        data =
                ByteBuffer.wrap(bytes)
                        .order(bytes[0] == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    }

    static byte[] checked(byte[] bytes, Budget.Tally tally) throws Broken {
        Tiff t = new Tiff(bytes);
        t.readDirectory();
        t.check(tally);
        return bytes;
    }

    private static void require(boolean holds, String otherwise) throws Broken {
        if (!holds) {
            throw new Broken(otherwise);
        }
    }

    private void readDirectory() throws Broken {
        int size = data.capacity();
        require(size >= 8, "it is cut short");
        long at = data.getInt(4) & 0xFFFFFFFFL;
        require(at >= 8 && at + 2 <= size, "it is cut short");
        int count = data.getShort((int) at) & 0xFFFF;
        require(at + 2 + 12L * count <= size, "it is cut short");
        for (int i = 0; i < count; i++) {
            int entry = (int) at + 2 + 12 * i;
            int tag = data.getShort(entry) & 0xFFFF;
            int type = data.getShort(entry + 2) & 0xFFFF;
            long values = data.getInt(entry + 4) & 0xFFFFFFFFL;
            require(type >= 1 && type < BYTES.length, "a field has an unknown type");
            long bytes = values * BYTES[type];
            long place = bytes <= 4 ? entry + 8 : data.getInt(entry + 8) & 0xFFFFFFFFL;
            require(
                    place + bytes <= size,
                    "field " + tag + " has " + values + " values, more than the file");
            require(
                    fields.put(tag, new Field(type, values, (int) place)) == null,
                    "field " + tag + " is there twice");
        }
    }

    private long value(int tag, long otherwise) throws Broken {
        Field f = fields.get(tag);
        if (f == null) {
            return otherwise;
        }
        require(f.count >= 1, "field " + tag + " is empty");
        return value(f, 0);
    }

    private long value(Field f, int i) throws Broken {
        return switch (f.type) {
            case 1, 2, 6, 7 -> data.get(f.at + i) & 0xFF;
            case 3, 8 -> data.getShort(f.at + 2 * i) & 0xFFFF;
            case 4, 9, 13 -> data.getInt(f.at + 4 * i) & 0xFFFFFFFFL;
            default -> throw new Broken("a size is no whole number");
        };
    }

    private void check(Budget.Tally tally) throws Broken {
        long width = value(WIDTH, 0);
        long height = value(HEIGHT, 0);
        long samples = value(SAMPLES, 1);
        require(
                width >= 1 && height >= 1 && width <= 1 << 30 && height <= 1 << 30,
                "its size is " + width + "×" + height);
        require(samples >= 1 && samples <= 8, "it has " + samples + " samples for a pixel");
        int compression = (int) value(COMPRESSION, 1);
        require(
                compression != 6 && compression != 7,
                "it holds JPEG data, which are not read inside TIFF");
        long bits = 1;
        Field f = fields.get(BITS);
        for (int i = 0; f != null && i < Math.min(f.count, 8); i++) {
            bits = Math.max(bits, value(f, i));
        }
        require(bits <= 64, "its samples have " + bits + " bits");
        String what = width + "×" + height + " pixels";
        long pixel = Math.ceilDiv(samples * bits, 8);
        tally.claim(what, pixel, width, height);
        boolean tiled = fields.containsKey(TILE_WIDTH) || fields.containsKey(TILES);
        long across = tiled ? value(TILE_WIDTH, 0) : width;
        long down = tiled ? value(TILE_HEIGHT, 0) : Math.min(value(ROWS, height), height);
        require(
                across >= 1 && down >= 1 && across <= 1 << 30 && down <= 1 << 30,
                "its pieces have no size");
        tally.claim("pieces of " + across + "×" + down + " pixels", 2 * pixel, across, down);
        checkPieces(tiled ? TILES : STRIPS, tiled ? TILE_BYTES : STRIP_BYTES, tally);
    }

    private void checkPieces(int places, int lengths, Budget.Tally tally) throws Broken {
        Field at = fields.get(places);
        require(at != null && at.count >= 1, "it has no data");
        Field bytes = fields.get(lengths);
        require(bytes == null || bytes.count == at.count, "its pieces have no lengths");
        long longest = 0;
        for (int i = 0; bytes != null && i < bytes.count; i++) {
            long length = value(bytes, i);
            require(value(at, i) + length <= data.capacity(), "it is cut short");
            longest = Math.max(longest, length);
        }
        tally.claim(2 * longest + 16 * at.count, "the file");
    }
}
