package dev.nacre.formats;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.ClosedFileSystemException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/// Files that are replaced in one step: whoever reads one, also after the writing process was killed or the machine lost power, finds the old contents or the new, never
/// a part.
///
/// The new contents are written to a file of another name in the same folder, which then takes the old one's place. It has the old one's permissions, and its owner and group
/// where the system allows; other hard links to the old file keep the old contents. A symbolic link stays, and what it points to is replaced. While it is written, the other file is locked, so what a killed
/// process left is known and removed by the next write in that folder.
///
/// In file systems of other kinds, a zip archive for instance, which have no locks and where files appear when they are closed, the old contents likewise stay until the new ones are complete.
public final class AtomicFile {
    private static final String PREFIX =
            ".nacre-part-"; // short, so that every name that is allowed can be written
    private static final int CHUNK = 1 << 24;
    private static final int MOST_LINKS = 40;
    private static final Set<PosixFilePermission> SECRET =
            PosixFilePermissions.fromString("rw-------");

    /// What this process is writing: looking at the lock of one of these would lose it.
    private static final Set<Path> OPEN = ConcurrentHashMap.newKeySet();

    private AtomicFile() {}

    /// Writes contents.
    @FunctionalInterface
    public interface Body {
        void writeTo(WritableByteChannel out) throws IOException;
    }

    /// Replaces a file. If anything fails, it is as before. An interrupt is no failure: a training that was interrupted can still be saved. The thread stays interrupted.
    ///
    /// @param format for errors
    /// @param body begins again if the thread is interrupted meanwhile, which closes the file
    public static void write(String format, Path path, Body body) {
        replacing(format, path, target -> writeOnce(target, body));
    }

    private static void writeOnce(Path target, Body body) throws IOException {
        if (target.getFileSystem() != FileSystems.getDefault()) {
            writeElsewhere(target, body, true);
            return;
        }
        try (Part part = Part.beside(target)) {
            body.writeTo(part.channel);
            part.channel.force(true);
            keepAttributes(target, part.path);
            Files.move(part.path, target, StandardCopyOption.ATOMIC_MOVE);
        }
        forceFolder(target.getParent());
    }

    /// Throws the error that [#write] would end in, as far as that can be known before there is anything to write: asked before hours of training. Leaves nothing behind.
    public static void tryOut(String format, Path path) {
        replacing(format, path, AtomicFile::writeNothing);
    }

    private static void writeNothing(Path target) throws IOException {
        Body little = out -> write(out, ByteBuffer.wrap(new byte[] {0}));
        if (target.getFileSystem() != FileSystems.getDefault()) {
            writeElsewhere(target, little, false);
            return;
        }
        try (Part part = Part.beside(target)) {
            little.writeTo(part.channel);
            keepAttributes(target, part.path);
        }
    }

    /// What is done to the file behind a path.
    private interface Work {
        void on(Path target) throws IOException;
    }

    private static void replacing(String format, Path path, Work work) {
        boolean interrupted = Thread.interrupted();
        boolean done = false;
        try {
            while (!done) {
                done = replacedOnce(format, path, work);
                interrupted |= Thread.interrupted();
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /// Whether it was not interrupted.
    private static boolean replacedOnce(String format, Path path, Work work) {
        try {
            work.on(target(format, path));
            return true;
        } catch (ClosedFileSystemException e) {
            throw new FormatException(format, path, "is in a file system that is closed", e);
        } catch (ReadOnlyFileSystemException e) {
            throw new FormatException(format, path, "is in a file system that is read-only", e);
        } catch (IOException e) {
            if (e instanceof ClosedChannelException && Thread.currentThread().isInterrupted()) {
                return false;
            }
            throw FormatException.of(format, "write", path, e);
        }
    }

    private static void writeElsewhere(Path target, Body body, boolean replaces)
            throws IOException {
        Path part = target.resolveSibling(PREFIX + UUID.randomUUID());
        try {
            try (WritableByteChannel out =
                    Files.newByteChannel(
                            part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                body.writeTo(out);
            }
            if (replaces) {
                Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
            }
        } finally {
            Files.deleteIfExists(part);
        }
    }

    /// The file to replace, behind all links, whether it exists or not.
    private static Path target(String format, Path path) throws IOException {
        Path at = path.toAbsolutePath();
        for (int links = 0; Files.isSymbolicLink(at); links++) {
            if (links == MOST_LINKS) {
                throw new FormatException(format, path, "is a link that leads to itself");
            }
            at = at.resolveSibling(Files.readSymbolicLink(at));
        }
        Path folder = at.getParent();
        if (folder == null || Files.isDirectory(at)) {
            throw new FormatException(format, path, "is a folder");
        }
        if (!Files.isDirectory(folder)) {
            throw new NoSuchFileException(folder.toString());
        }
        try { // of names that are too long, too
            if (!Files.readAttributes(at, BasicFileAttributes.class).isRegularFile()) {
                throw new FormatException(format, path, "is no regular file");
            }
        } catch (NoSuchFileException _) {
            return folder.toRealPath().resolve(at.getFileName());
        }
        return folder.toRealPath().resolve(at.getFileName());
    }

    private static void keepAttributes(Path old, Path part) throws IOException {
        PosixFileAttributeView view =
                Files.getFileAttributeView(
                        old, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
        if (view == null || !Files.exists(old, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        PosixFileAttributes there = view.readAttributes();
        PosixFileAttributeView to = Files.getFileAttributeView(part, PosixFileAttributeView.class);
        PosixFileAttributes here = to.readAttributes();
        try {
            if (!there.owner().equals(here.owner())) {
                to.setOwner(there.owner());
            }
            if (!there.group().equals(here.group())) {
                to.setGroup(there.group());
            }
        } catch (FileSystemException _) {
            // Only an administrator may give files away.
        }
        to.setPermissions(there.permissions()); // last, because a new owner may reset them
    }

    /// A file that is being written, and locked.
    private record Part(Path path, FileChannel channel) implements AutoCloseable {
        static Part beside(Path target) throws IOException {
            Path folder = target.getParent();
            removeAbandoned(folder);
            while (true) {
                Path path = folder.resolve(PREFIX + UUID.randomUUID());
                OPEN.add(path);
                try {
                    FileChannel channel = created(path, Files.exists(target));
                    lock(channel);
                    if (Files.exists(path)) {
                        return new Part(path, channel);
                    }
                    channel.close(); // another process took it for abandoned
                    OPEN.remove(path);
                } catch (FileAlreadyExistsException _) {
                    OPEN.remove(path);
                } catch (IOException | RuntimeException | Error e) {
                    OPEN.remove(path);
                    throw e;
                }
            }
        }

        /// Nobody else may read what will replace a file that perhaps nobody else may read.
        private static FileChannel created(Path path, boolean secret) throws IOException {
            Set<StandardOpenOption> how =
                    Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            boolean posix = path.getFileSystem().supportedFileAttributeViews().contains("posix");
            return secret && posix
                    ? FileChannel.open(path, how, PosixFilePermissions.asFileAttribute(SECRET))
                    : FileChannel.open(path, how);
        }

        private static void lock(FileChannel channel) {
            try {
                channel.lock(); // until it is closed, or the process ends
            } catch (IOException _) {
                // Not every file system has locks.
            }
        }

        @Override
        public void close() throws IOException {
            try {
                Files.deleteIfExists(path);
            } finally {
                channel.close();
                OPEN.remove(path);
            }
        }
    }

    /// Removes what killed processes have left: what is not locked any more.
    private static void removeAbandoned(Path folder) throws IOException {
        try (DirectoryStream<Path> parts = Files.newDirectoryStream(folder, PREFIX + "*")) {
            for (Path p : parts) {
                if (!OPEN.contains(p)) {
                    removeUnlocked(p);
                }
            }
        } catch (AccessDeniedException _) {
            // A folder that may be written but not read.
        }
    }

    private static void removeUnlocked(Path part) {
        try (FileChannel c = FileChannel.open(part, StandardOpenOption.WRITE);
                FileLock lock = c.tryLock()) {
            if (lock != null) {
                Files.deleteIfExists(part);
            }
        } catch (IOException | OverlappingFileLockException _) {
            // Somebody else's, or gone, or on a file system without locks.
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
