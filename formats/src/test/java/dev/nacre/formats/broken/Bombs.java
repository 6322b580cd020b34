package dev.nacre.formats.broken;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;

/// Small files that say, or really hold, far more than anybody wants.
final class Bombs {
    private Bombs() {}

    /// By name of the file, whose end tells the reader.
    static Map<String, byte[]> all() throws IOException {
        Map<String, byte[]> out = new LinkedHashMap<>();
        for (int[] kind : new int[][] {{1, 0}, {8, 0}, {16, 0}, {8, 2}, {16, 2}, {8, 6}}) {
            out.put(
                    "whole-" + kind[0] + "-" + kind[1] + ".png",
                    png(10_000, kind[0], kind[1], true));
        }
        out.put("empty.png", png(2_000_000_000, 8, 2, false));
        out.put("text.png", textBomb());
        out.put("declared.gif", gif());
        out.put("declared.bmp", bmp(40, 30_000, 30_000, 0, 0));
        out.put("palette.bmp", bmp(40, 10, 10, 0, 0x7fffffff));
        out.put("profile.bmp", bmp(124, 10, 10, 0, 0));
        out.put("jpeg.bmp", bmp(40, 10, 10, 4, 0));
        out.put("size.tiff", tiff(60_000, 60_000, 8));
        out.put("count.tiff", tiff(10, 10, 0x3fffffff));
        out.put("size.jpeg", jpeg(65_000, 65_000));
        out.put("scans.jpeg", manyScans());
        out.put("bomb.idx.gz", gzip(idx(300_000_000), 300_000_000L));
        out.put("declared.idx", idx(2_000_000_000));
        out.put("bomb.text.gz", gzip(new byte[0], 300_000_000L));
        out.put("header.safetensors", safetensors());
        out.put("shape.npy", npy());
        return out;
    }

    private static void chunk(ByteArrayOutputStream out, String type, byte[] data) {
        ByteBuffer b = ByteBuffer.allocate(12 + data.length).putInt(data.length);
        b.put(type.getBytes(StandardCharsets.US_ASCII)).put(data);
        CRC32 sum = new CRC32();
        sum.update(b.array(), 4, 4 + data.length);
        out.writeBytes(b.putInt((int) sum.getValue()).array());
    }

    private static byte[] deflated(long zeros) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream to = new DeflaterOutputStream(out)) {
            fill(to, zeros);
        }
        return out.toByteArray();
    }

    private static void fill(OutputStream to, long zeros) throws IOException {
        byte[] piece = new byte[1 << 20];
        for (long left = zeros; left > 0; left -= piece.length) {
            to.write(piece, 0, (int) Math.min(left, piece.length));
        }
    }

    private static byte[] png(int side, int depth, int colour, boolean whole) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("\u0089PNG\r\n\u001a\n".getBytes(StandardCharsets.ISO_8859_1));
        ByteBuffer header = ByteBuffer.allocate(13).putInt(side).putInt(side);
        chunk(out, "IHDR", header.put((byte) depth).put((byte) colour).array());
        int samples = colour == 2 ? 3 : colour == 6 ? 4 : 1;
        long row = 1 + (long) side * depth * samples / 8;
        chunk(out, "IDAT", deflated(whole ? row * side / 400 : 10)); // a part will do
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    /// A palette, whose reader looks at all chunks, and a text that unpacks to 300 MB, more than the heap of the test.
    private static byte[] textBomb() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("\u0089PNG\r\n\u001a\n".getBytes(StandardCharsets.ISO_8859_1));
        ByteBuffer header = ByteBuffer.allocate(13).putInt(1).putInt(1);
        chunk(out, "IHDR", header.put((byte) 8).put((byte) 3).array());
        chunk(out, "PLTE", new byte[3]);
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        text.writeBytes(new byte[] {'k', 0, 0});
        text.writeBytes(deflated(300_000_000L));
        chunk(out, "zTXt", text.toByteArray());
        chunk(out, "IDAT", deflated(2));
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    private static byte[] gif() {
        ByteBuffer b = ByteBuffer.allocate(99).order(ByteOrder.LITTLE_ENDIAN);
        b.put("GIF89a".getBytes(StandardCharsets.US_ASCII)).putShort((short) 65_535);
        b.putShort((short) 65_535).put((byte) 0x80).putShort((short) 0).put(new byte[6]);
        b.put((byte) 0x2c).putInt(0).putShort((short) 65_535).putShort((short) 65_535);
        b.put((byte) 0).put((byte) 2).put((byte) 1).put((byte) 0x44).put((byte) 0).put((byte) 0x3b);
        return b.array();
    }

    private static byte[] bmp(int header, int width, int height, int compression, int colours) {
        ByteBuffer b = ByteBuffer.allocate(1400).order(ByteOrder.LITTLE_ENDIAN);
        b.put((byte) 'B').put((byte) 'M').putInt(1400).putInt(0).putInt(14 + header + 8);
        b.putInt(header).putInt(width).putInt(height).putShort((short) 1).putShort((short) 24);
        b.putInt(compression).putInt(0).putInt(0).putInt(0).putInt(colours).putInt(0);
        if (header == 124) {
            b.putInt(14 + 56, 0x4d424544).putInt(14 + 112, 200).putInt(14 + 116, 0x7fffff00);
        }
        return b.array();
    }

    private static byte[] tiff(int width, int height, int count) {
        int[][] fields = {
            {256, 4, 1, width}, {257, 4, 1, height}, {258, 3, 1, 8}, {259, 3, 1, 1},
            {262, 3, 1, 1}, {273, 4, 1, 150}, {277, 3, 1, 1}, {278, 4, 1, height},
            {279, 4, 1, 100}, {65_000, 1, count, 8}
        };
        ByteBuffer b = ByteBuffer.allocate(556).order(ByteOrder.LITTLE_ENDIAN);
        b.put((byte) 'I').put((byte) 'I').putShort((short) 42).putInt(8);
        b.putShort((short) fields.length);
        for (int[] f : fields) {
            b.putShort((short) f[0]).putShort((short) f[1]).putInt(f[2]).putInt(f[3]);
        }
        return b.array();
    }

    private static byte[] jpeg(int width, int height) {
        ByteBuffer b = ByteBuffer.allocate(600);
        b.putShort((short) 0xFFD8).putShort((short) 0xFFDB).putShort((short) 67).put((byte) 0);
        for (int i = 0; i < 64; i++) {
            b.put((byte) 1);
        }
        for (int kind = 0; kind < 2; kind++) { // a code of one word, 0, of one bit
            b.putShort((short) 0xFFC4).putShort((short) 20).put((byte) (kind << 4)).put((byte) 1);
            b.put(new byte[15]).put((byte) 0);
        }
        b.putShort((short) 0xFFC2).putShort((short) 11).put((byte) 8);
        b.putShort((short) height).putShort((short) width).put((byte) 1);
        b.put((byte) 1).put((byte) 0x11).put((byte) 0);
        return java.util.Arrays.copyOf(b.array(), b.position());
    }

    /// Scan after scan over a large picture, each of a few bytes.
    private static byte[] manyScans() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(jpeg(3000, 3000));
        byte[] scan = {(byte) 0xFF, (byte) 0xDA, 0, 8, 1, 1, 0, 0, 0, 0};
        byte[] data = new byte[3000 * 3000 / 64 / 8 + 500];
        for (int i = 0; i < 40; i++) {
            out.writeBytes(scan);
            out.writeBytes(data);
        }
        return out.toByteArray();
    }

    private static byte[] idx(int count) {
        return ByteBuffer.allocate(8).putInt(0x00000801).putInt(count).array();
    }

    private static byte[] gzip(byte[] first, long zeros) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream to = new GZIPOutputStream(out)) {
            to.write(first);
            fill(to, zeros);
        }
        return out.toByteArray();
    }

    /// A header of 30 MB that is all braces of tensors.
    private static byte[] safetensors() {
        StringBuilder json = new StringBuilder("{");
        for (int i = 0; json.length() < 30_000_000; i++) {
            json.append(i == 0 ? "" : ",").append('"').append(i);
            json.append("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}");
        }
        byte[] text = json.append('}').toString().getBytes(StandardCharsets.US_ASCII);
        ByteBuffer b = ByteBuffer.allocate(8 + text.length).order(ByteOrder.LITTLE_ENDIAN);
        return b.putLong(text.length).put(text).array();
    }

    private static byte[] npy() {
        String text = "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 99999), }";
        ByteBuffer b = ByteBuffer.allocate(10 + text.length()).order(ByteOrder.LITTLE_ENDIAN);
        b.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.US_ASCII));
        b.put((byte) 1).put((byte) 0).putShort((short) text.length());
        return b.put(text.getBytes(StandardCharsets.US_ASCII)).array();
    }
}
