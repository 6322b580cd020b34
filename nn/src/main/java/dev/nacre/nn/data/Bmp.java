package dev.nacre.nn.data;

import dev.nacre.nn.data.Jpeg.Broken;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// What a BMP file must be before the JDK's reader sees it, which believes its header.
final class Bmp {
    private static final int MOST_COLOURS = 256;

    private Bmp() {}

    static byte[] checked(byte[] data) throws Broken {
        ByteBuffer b = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
        require(data.length >= 26, "it is cut short");
        long pixels = b.getInt(10) & 0xFFFFFFFFL;
        long header = b.getInt(14) & 0xFFFFFFFFL;
        require(
                header == 12
                        || header == 40
                        || header == 52
                        || header == 56
                        || header == 64
                        || header == 108
                        || header == 124,
                "its header has " + header + " bytes");
        require(14 + header <= pixels && pixels <= data.length, "it is cut short");
        if (header == 12) {
            return data;
        }
        int width = b.getInt(18);
        int height = b.getInt(22);
        require(
                width > 0 && height != 0 && height != Integer.MIN_VALUE,
                "its size is " + width + "×" + height);
        int compression = b.getInt(30);
        require(
                compression >= 0 && compression <= 3,
                "it is compressed in a way that is not read, number " + compression);
        long colours = b.getInt(46) & 0xFFFFFFFFL;
        require(colours <= MOST_COLOURS, "its palette has " + colours + " colours");
        if (header == 124) {
            long profile = b.getInt(14 + 116) & 0xFFFFFFFFL;
            require(profile <= data.length, "its colour profile has " + profile + " bytes");
        }
        return data;
    }

    private static void require(boolean holds, String otherwise) throws Broken {
        if (!holds) {
            throw new Broken(otherwise);
        }
    }
}
