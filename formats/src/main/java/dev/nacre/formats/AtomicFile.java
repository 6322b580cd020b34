package dev.nacre.formats;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;

/// Files that are replaced in one step: whoever reads one, also after the writing process was killed or the machine lost power, finds the old contents or the new, never
/// a part.
public final class AtomicFile {
    /// What is left of a write that was killed goes with the next write of the same file, once no write can be under way any more.
    private static final Duration ABANDONED = Duration.ofHours(1);

    private static final String SUFFIX = ".nacre-part";
    private static final int CHUNK = 1 << 24;

    private AtomicFile() {}

    /// Writes contents.
    @FunctionalInterface
    public interface Body {
        void writeTo(WritableByteChannel out) throws IOException;
    }

    /// Writes a file beside `path`, makes the disk hold it, and puts it in `path`'s place. If anything fails, `path` is as before and the other file is gone. A symbolic link is followed.
    ///
    /// @param format for errors
    public static void write(String format, Path path, Body body) {
        try {
            Path target =
                    Files.isSymbolicLink(path) && Files.exists(path)
                            ? path.toRealPath()
                            : path.toAbsolutePath();
            if (Files.isDirectory(target)) {
                throw new FormatException(format, path, "is a folder");
            }
            removeAbandoned(target);
            Path part =
                    target.resolveSibling(
                            "." + target.getFileName() + "." + UUID.randomUUID() + SUFFIX);
            try {
                try (FileChannel out =
                        FileChannel.open(
                                part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                    body.writeTo(out);
                    out.force(true);
                }
                Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException | RuntimeException | Error e) {
                Files.deleteIfExists(part);
                throw e;
            }
            forceFolder(target.getParent());
        } catch (IOException e) {
            throw FormatException.of(format, "write", path, e);
        }
    }

    /// Makes the disk hold the new name; not every system can.
    private static void forceFolder(Path folder) {
        try (FileChannel c = FileChannel.open(folder, StandardOpenOption.READ)) {
            c.force(true);
        } catch (IOException _) {
            // Windows opens no folders; there the move itself is as durable as it gets.
        }
    }

    private static void removeAbandoned(Path target) throws IOException {
        FileTime limit = FileTime.from(Instant.now().minus(ABANDONED));
        String prefix = "." + target.getFileName() + ".";
        DirectoryStream.Filter<Path> ours =
                p ->
                        p.getFileName().toString().startsWith(prefix)
                                && p.getFileName().toString().endsWith(SUFFIX);
        try (DirectoryStream<Path> parts = Files.newDirectoryStream(target.getParent(), ours)) {
            for (Path p : parts) {
                if (Files.getLastModifiedTime(p).compareTo(limit) < 0) {
                    Files.deleteIfExists(p);
                }
            }
        } catch (java.nio.file.NoSuchFileException e) {
            if (!Files.isDirectory(target.getParent())) {
                throw e;
            } // else another process removed the part first
        }
    }

    /// Writes all bytes of a segment.
    public static void write(WritableByteChannel out, MemorySegment bytes) throws IOException {
        for (long from = 0; from < bytes.byteSize(); from += CHUNK) {
            write(
                    out,
                    bytes.asSlice(from, Math.min(CHUNK, bytes.byteSize() - from)).asByteBuffer());
        }
    }

    /// Writes all bytes of a buffer.
    public static void write(WritableByteChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }
}
