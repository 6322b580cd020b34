package dev.nacre.nn.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextTest {
    @TempDir Path folder;

    @Test
    void charactersAreNumberedInOrder() {
        String text = "böa 😀 ba";
        Characters c = Characters.of(text);
        assertEquals(" abö😀", c.alphabet());
        assertEquals(5, c.count());
        assertArrayEquals(new long[] {2, 3, 1, 0, 4, 0, 2, 1}, c.encode(text).toLongArray());
        assertEquals(text, c.decode(c.encode(text)));
        assertEquals(
                "characters: 'x' at 1 is not in the alphabet of 5",
                assertThrows(NacreException.class, () -> c.encode("ax")).getMessage());
        assertEquals(
                "characters: 5 is not from 0 to 4",
                assertThrows(NacreException.class, () -> c.decode(Tensor.of(new long[] {5})))
                        .getMessage());
        assertEquals(
                "characters: they must be in order, each once",
                assertThrows(NacreException.class, () -> new Characters("ba")).getMessage());
    }

    @Test
    void textsMayBeCompressed() throws IOException {
        String text = "one\ntwo é\n";
        Path plain = Files.writeString(folder.resolve("plain"), text.replace("\n", "\r\n"));
        assertEquals(text, TextFile.read(plain));
        Path marked = Files.writeString(folder.resolve("marked"), "\uFEFF" + text);
        assertEquals(text, TextFile.read(marked));
        Path packed = folder.resolve("packed.dz");
        try (var out = new GZIPOutputStream(Files.newOutputStream(packed))) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        assertEquals(text, TextFile.read(packed));
    }

    @Test
    void whatIsNoTextIsRefused() throws IOException {
        Path file = Files.write(folder.resolve("bytes"), new byte[] {65, (byte) 0xC3, 65});
        assertEquals(
                "text: " + file + " is no text in UTF-8",
                assertThrows(NacreException.class, () -> TextFile.read(file)).getMessage());
        Path empty = Files.createFile(folder.resolve("empty"));
        assertEquals(
                "text: " + empty + " is empty",
                assertThrows(NacreException.class, () -> TextFile.read(empty)).getMessage());
        Path cut = Files.write(folder.resolve("cut"), new byte[] {0x1f, (byte) 0x8b, 8});
        assertTrue(
                assertThrows(NacreException.class, () -> TextFile.read(cut))
                        .getMessage()
                        .startsWith("text: " + cut + " cannot be read"));
        if (Files.exists(TextFile.DEVILS_DICTIONARY)) {
            assertTrue(TextFile.devilsDictionary().contains("ABRACADABRA"));
        } else {
            assertTrue(
                    assertThrows(NacreException.class, TextFile::devilsDictionary)
                            .getMessage()
                            .contains("apt-get install dict-devil"));
        }
    }
}
