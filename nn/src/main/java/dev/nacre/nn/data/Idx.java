package dev.nacre.nn.data;

import dev.nacre.type.NacreException;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/// An array of unsigned bytes in the format of the MNIST files (LeCun et al. 1998): two zero bytes, the element type, the rank, the sizes as big-endian
/// integers, and the elements in row-major order. A file whose name ends in `.gz` is unpacked.
///
/// @param sha256 of the whole unpacked file
public record Idx(List<Integer> sizes, byte[] data, String sha256) {
    private static final int UNSIGNED_BYTE = 0x08;

    /// @throws NacreException if the file does not exist, is cut off, broken, of another format, or takes more than the usual [Budget]
    public static Idx read(Path file) {
        return read(file, Budget.usual());
    }

    /// Reads a file with a budget of choice: for each element a byte, twice while it is read.
    public static Idx read(Path file, Budget budget) {
        Budget.Tally tally = budget.begin(p -> new NacreException("idx: " + file + " " + p));
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new NacreException("idx: " + file + " is no file");
        }
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            InputStream in =
                    file.toString().endsWith(".gz") ? new GZIPInputStream(raw, 1 << 16) : raw;
            return parse(file, tally.counted(in, 1, "what is packed in it"), tally);
        } catch (NoSuchFileException e) {
            throw new NacreException("idx: " + file + " does not exist", e);
        } catch (ZipException e) {
            throw new NacreException(
                    "idx: " + file + " is no sound gzip file (" + e.getMessage() + ")", e);
        } catch (EOFException e) {
            throw new NacreException("idx: " + file + " is cut off: the gzip stream has no end", e);
        } catch (AccessDeniedException e) {
            throw new NacreException("idx: " + file + " cannot be read (permission denied)", e);
        } catch (IOException e) {
            throw new NacreException(
                    "idx: " + file + " cannot be read (" + e.getMessage() + ")", e);
        }
    }

    private static Idx parse(Path file, InputStream in, Budget.Tally tally) throws IOException {
        MessageDigest digest = newDigest();
        byte[] magic = in.readNBytes(4);
        digest.update(magic);
        if (magic.length == 0) {
            throw new NacreException("idx: " + file + " is empty");
        }
        if (magic.length < 4 || magic[0] != 0 || magic[1] != 0) {
            throw new NacreException(
                    "idx: "
                            + file
                            + " does not begin with the idx magic number 0000 08.., but with "
                            + HexFormat.of().formatHex(magic));
        }
        if (magic[2] != UNSIGNED_BYTE || magic[3] < 1 || magic[3] > 4) {
            throw new NacreException(
                    "idx: "
                            + file
                            + " must hold unsigned bytes (type 8) of rank 1 to 4, but has type "
                            + magic[2]
                            + " and rank "
                            + magic[3]);
        }
        byte[] header = in.readNBytes(4 * magic[3]);
        digest.update(header);
        if (header.length < 4 * magic[3]) {
            throw new NacreException("idx: " + file + " is cut off in its header");
        }
        Integer[] sizes = new Integer[magic[3]];
        long count = 1;
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = ByteBuffer.wrap(header).getInt(4 * i);
            count = sizes[i] < 0 || count > Integer.MAX_VALUE ? Long.MAX_VALUE : count * sizes[i];
        }
        if (count > Integer.MAX_VALUE - 8) {
            throw new NacreException(
                    "idx: "
                            + file
                            + " says its sizes are "
                            + Arrays.toString(sizes)
                            + ", which is too many");
        }
        tally.claim("sizes " + Arrays.toString(sizes), 1, count);
        byte[] data = in.readNBytes((int) count);
        if (data.length < count) {
            throw new NacreException(
                    "idx: "
                            + file
                            + " is cut off: sizes "
                            + Arrays.toString(sizes)
                            + " need "
                            + count
                            + " bytes, but there are "
                            + data.length);
        }
        if (in.read() >= 0) {
            throw new NacreException(
                    "idx: "
                            + file
                            + " goes on after the "
                            + count
                            + " bytes that its sizes "
                            + Arrays.toString(sizes)
                            + " need");
        }
        return new Idx(List.of(sizes), data, HexFormat.of().formatHex(digest.digest(data)));
    }

    private static MessageDigest newDigest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new NacreException("idx: this JDK has no SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return "Idx " + sizes + ", SHA-256 " + sha256;
    }
}
