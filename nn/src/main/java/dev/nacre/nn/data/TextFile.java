package dev.nacre.nn.data;

import dev.nacre.type.NacreException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/// Texts to learn from.
public final class TextFile {
    /// Where Debian's package `dict-devil` puts Ambrose Bierce's "The Devil's Dictionary" (1911, in the public domain), as a dictionary that is compressed as gzip does.
    public static final Path DEVILS_DICTIONARY = Path.of("/usr/share/dictd/devil.dict.dz");

    private TextFile() {}

    /// A text in UTF-8, with a byte order mark or without, compressed by gzip or not; line ends become `\n`. With the usual [Budget].
    ///
    /// @throws NacreException if it cannot be read, is no such text, is empty, or takes more than its budget
    public static String read(Path file) {
        return read(file, Budget.usual());
    }

    /// Reads a text with a budget of choice: a byte of it, unpacked, takes up to 5 until it is a text.
    public static String read(Path file, Budget budget) {
        Budget.Tally tally = budget.begin(p -> new NacreException("text: " + file + " " + p));
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new NacreException("text: " + file + " is no file");
        }
        byte[] bytes;
        try (InputStream in = opened(file)) {
            bytes = tally.readAll(in, "what is packed in it");
        } catch (NoSuchFileException e) {
            throw new NacreException("text: " + file + " does not exist", e);
        } catch (AccessDeniedException e) {
            throw new NacreException("text: " + file + " cannot be read (permission denied)", e);
        } catch (IOException e) {
            String why = e.getMessage() == null ? "it is cut short" : e.getMessage();
            throw new NacreException("text: " + file + " cannot be read (" + why + ")", e);
        }
        tally.claim("the text", 4, bytes.length);
        try {
            String text =
                    StandardCharsets.UTF_8
                            .newDecoder()
                            .decode(ByteBuffer.wrap(bytes))
                            .toString()
                            .replaceFirst("^\uFEFF", "")
                            .replace("\r\n", "\n");
            if (text.isEmpty()) {
                throw new NacreException("text: " + file + " is empty");
            }
            return text;
        } catch (CharacterCodingException e) {
            throw new NacreException("text: " + file + " is no text in UTF-8", e);
        }
    }

    private static InputStream opened(Path file) throws IOException {
        InputStream raw = new BufferedInputStream(Files.newInputStream(file));
        raw.mark(2);
        boolean packed = raw.read() == 0x1f && raw.read() == 0x8b;
        raw.reset();
        return packed ? new GZIPInputStream(raw) : raw;
    }

    /// "The Devil's Dictionary" as the package brings it.
    ///
    /// @throws NacreException that says how to install it, if it is not there
    public static String devilsDictionary() {
        if (!Files.exists(DEVILS_DICTIONARY)) {
            throw new NacreException(
                    "text: "
                            + DEVILS_DICTIONARY
                            + " is not there\n  hint: install Debian's package dict-devil (apt-get install dict-devil), or give another text");
        }
        return read(DEVILS_DICTIONARY);
    }
}
