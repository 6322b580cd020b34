package dev.nacre.formats;

import dev.nacre.compile.Memory;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.ClosedFileSystemException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A file while it is read. Files of the system are mapped, so that what nobody asks for is not read; those of other file systems, such as entries of a zip or jar, are read whole.
public final class Source {
    private static final int CHUNK = 1 << 16;

    /// Reads what a file holds.
    @FunctionalInterface
    public interface Reading<T> {
        T from(Source file) throws IOException;
    }

    private final MemorySegment bytes;

    private Source(MemorySegment bytes) {
        this.bytes = bytes;
    }

    /// Opens a file, reads it and closes it. What is no regular file is refused, for reading it might never end.
    ///
    /// @param format for errors
    /// @throws FormatException whatever is wrong
    public static <T> T read(String format, Path path, Reading<T> reading) {
        try {
            if (Files.isDirectory(path)) {
                throw new FormatException(format, path, "is a folder");
            }
            if (Files.exists(path) && !Files.isRegularFile(path)) {
                throw new FormatException(format, path, "is no regular file");
            }
            return path.getFileSystem() == FileSystems.getDefault()
                    ? readMapped(path, reading)
                    : readWhole(format, path, reading);
        } catch (InternalError e) { // the mapped pages are gone
            throw new FormatException(format, path, "was cut short while it was read", e);
        } catch (ClosedFileSystemException e) {
            throw new FormatException(format, path, "is in a file system that is closed", e);
        } catch (IOException e) {
            throw FormatException.of(format, "read", path, e);
        }
    }

    private static <T> T readMapped(Path path, Reading<T> reading) throws IOException {
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ);
                Arena arena = Arena.ofShared()) {
            return reading.from(
                    new Source(file.map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena)));
        }
    }

    private static <T> T readWhole(String format, Path path, Reading<T> reading)
            throws IOException {
        long size = Files.size(path);
        MemorySegment memory = Memory.allocate(Math.max(1, size), "the contents of " + path);
        MemorySegment bytes = memory.asSlice(0, size);
        try (InputStream in = Files.newInputStream(path)) {
            long at = 0;
            byte[] chunk = in.readNBytes(CHUNK);
            for (; chunk.length > 0 && at + chunk.length <= size; chunk = in.readNBytes(CHUNK)) {
                MemorySegment.copy(MemorySegment.ofArray(chunk), 0, bytes, at, chunk.length);
                at += chunk.length;
            }
            if (at < size || chunk.length > 0) {
                throw new FormatException(format, path, "was changed while it was read");
            }
            return reading.from(new Source(bytes));
        } finally {
            java.lang.ref.Reference.reachabilityFence(memory);
        }
    }

    /// How many bytes it has, or had when it was opened.
    public long size() {
        return bytes.byteSize();
    }

    /// All of it, until it is closed.
    public MemorySegment bytes() {
        return bytes;
    }

    /// A copy of some of its bytes.
    public byte[] bytes(long from, int count) {
        return bytes.asSlice(from, count).toArray(ValueLayout.JAVA_BYTE);
    }
}
