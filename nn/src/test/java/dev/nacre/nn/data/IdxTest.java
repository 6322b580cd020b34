package dev.nacre.nn.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.NacreException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxTest {
    private static final byte[] GOOD = {
        0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, (byte) 250
    };

    @TempDir Path folder;

    static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(out)) {
            zip.write(bytes);
        }
        return out.toByteArray();
    }

    private Path write(String name, byte[] bytes) throws IOException {
        return Files.write(folder.resolve(name), bytes);
    }

    private static void assertFails(String message, Path file) {
        NacreException e = assertThrows(NacreException.class, () -> Idx.read(file));
        assertEquals("idx: " + file + " " + message, e.getMessage());
    }

    @Test
    void readsPlainAndPacked() throws IOException {
        Idx plain = Idx.read(write("a", GOOD));
        Idx packed = Idx.read(write("a.gz", gzip(GOOD)));
        assertEquals(List.of(2, 3), plain.sizes());
        assertArrayEquals(new byte[] {1, 2, 3, 4, 5, (byte) 250}, plain.data());
        assertArrayEquals(plain.data(), packed.data());
        assertEquals(plain.sha256(), packed.sha256());
    }

    @Test
    void missing() {
        assertFails("does not exist", folder.resolve("none"));
    }

    @Test
    void cutOff() throws IOException {
        assertFails(
                "is cut off: sizes [2, 3] need 6 bytes, but there are 4",
                write("a", Arrays.copyOf(GOOD, 16)));
        assertFails("is cut off in its header", write("b", Arrays.copyOf(GOOD, 7)));
        byte[] packed = gzip(GOOD);
        assertFails(
                "is cut off: the gzip stream has no end",
                write("c.gz", Arrays.copyOf(packed, packed.length - 9)));
        assertFails("is cut off: the gzip stream has no end", write("d.gz", new byte[0]));
    }

    @Test
    void tooLong() throws IOException {
        assertFails(
                "goes on after the 6 bytes that its sizes [2, 3] need",
                write("a", Arrays.copyOf(GOOD, 19)));
    }

    @Test
    void foreign() throws IOException {
        assertFails(
                "does not begin with the idx magic number 0000 08.., but with 89504e47",
                write("a", new byte[] {(byte) 0x89, 'P', 'N', 'G'}));
        assertFails("is empty", write("b", new byte[0]));
        assertFails(
                "must hold unsigned bytes (type 8) of rank 1 to 4, but has type 13 and rank 2",
                write("c", new byte[] {0, 0, 13, 2}));
        assertFails("is no sound gzip file (Not in GZIP format)", write("d.gz", GOOD));
    }

    @Test
    void corrupt() throws IOException {
        byte[] packed = gzip(GOOD);
        packed[packed.length - 6] ^= 1; // checksum
        assertFails("is no sound gzip file (Corrupt GZIP trailer)", write("a.gz", packed));
    }

    @Test
    void absurdSizesAskForNoMemory() throws IOException {
        byte[] huge = {0, 0, 8, 1, 0x7f, (byte) 0xff, (byte) 0xff, 0, 1};
        Path file = write("a", huge);
        String message = assertThrows(NacreException.class, () -> Idx.read(file)).getMessage();
        assertTrue(message.contains("would take 2.0 GiB to read (sizes [2147483392])"), message);
        byte[] negative = {0, 0, 8, 1, -1, 0, 0, 0, 1};
        assertFails("says its sizes are [-16777216], which is too many", write("b", negative));
    }
}
