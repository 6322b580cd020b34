package dev.nacre.nn.data;

import dev.nacre.nn.data.Jpeg.Broken;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/// What a PNG file must be before the JDK's reader sees it.
final class Png {
    private Png() {}

    /// The file without texts, profiles and the like, which nobody asked for and which may unpack to any size; what is left has the right checksums and a known size.
    static byte[] essentials(byte[] data, Budget.Tally tally) throws Broken {
        tally.claim(data.length, "the file");
        ByteArrayOutputStream out = new ByteArrayOutputStream(data.length);
        out.write(data, 0, 8);
        ByteBuffer b = ByteBuffer.wrap(data);
        int at = 8;
        for (int number = 0; ; number++) {
            long length = data.length - at < 12 ? -1 : b.getInt(at);
            if (length < 0 || length > data.length - at - 12) {
                throw new Broken("it is cut short");
            }
            int whole = (int) length + 12;
            String type = new String(data, at + 4, 4, StandardCharsets.ISO_8859_1);
            if (number == 0 && (!type.equals("IHDR") || length != 13)) {
                throw new Broken("its header is not the first chunk");
            }
            if (Character.isUpperCase(type.charAt(0)) || type.equals("tRNS")) {
                checkSum(data, at, (int) length, type);
                if (number > 0 && type.equals("IHDR")) {
                    throw new Broken("it has two headers");
                }
                if (number == 0) {
                    checkHeader(b, at + 8);
                }
                out.write(data, at, whole);
            }
            if (type.equals("IEND")) {
                return out.toByteArray();
            }
            at += whole;
        }
    }

    private static void checkSum(byte[] data, int at, int length, String type) throws Broken {
        CRC32 sum = new CRC32();
        sum.update(data, at + 4, length + 4);
        if ((int) sum.getValue() != ByteBuffer.wrap(data).getInt(at + 8 + length)) {
            throw new Broken("the checksum of its chunk " + type + " is wrong");
        }
    }

    private static void checkHeader(ByteBuffer b, int at) throws Broken {
        int width = b.getInt(at);
        int height = b.getInt(at + 4);
        if (width < 1 || height < 1) {
            throw new Broken("its size is " + width + "×" + height);
        }
    }
}
