package dev.nacre.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// Libraries that were unpacked to a folder, and whether they may be opened: what is opened is executed.
///
/// The folder and all those above it belong to this user or to root, and nobody else can write to them, or it is refused. So what lies in it was written by this user; and a file is what was unpacked, as
/// its SHA-256 was noted beside it when it was written. The file is read again when anything that the system knows of it has changed since: size, time of change, number; so starting up costs no reading,
/// and a damaged file heals.
final class Unpacked {
    private static final int WRITABLE_BY_OTHERS = 0022;
    private static final int STICKY = 01000;
    private static final boolean POSIX =
            java.nio.file.FileSystems.getDefault().supportedFileAttributeViews().contains("unix");

    /// On Linux. Elsewhere a temporary file tells, whose name takes the JVM's random numbers for security: 60 classes.
    private static final Path PROCESS = Path.of("/proc/self");

    private Unpacked() {}

    /// Makes a folder that only this user can write to, if there is none.
    ///
    /// @return it, without the links that led there, which others may be able to change
    /// @throws IOException if somebody else could write to it
    static Path folder(Path folder) throws IOException {
        if (!POSIX) return Files.createDirectories(folder);
        var only =
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
        Files.createDirectories(folder, only);
        int me = me();
        Path real = folder.toRealPath();
        for (Path at = real; at != null; at = at.getParent()) {
            var unix = Files.readAttributes(at, "unix:uid,mode");
            int mode = (int) unix.get("mode");
            boolean writable =
                    (mode & WRITABLE_BY_OTHERS) != 0 && ((mode & STICKY) == 0 || at.equals(real));
            int owner = (int) unix.get("uid");
            if (writable || owner != me && owner != 0)
                throw new IOException(at + " can be written to by other users");
        }
        return real;
    }

    /// The user that this process's files belong to.
    private static int me() throws IOException {
        if (Files.exists(PROCESS)) return (int) Files.getAttribute(PROCESS, "unix:uid");
        var probe = Files.createTempFile("nacre", null);
        try {
            return (int) Files.getAttribute(probe, "unix:uid");
        } finally {
            Files.deleteIfExists(probe);
        }
    }

    private static Path note(Path file) {
        return file.resolveSibling(file.getFileName() + ".sha256");
    }

    /// Whether a file is there, and what was unpacked.
    static boolean isIntact(Path file) throws IOException {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || !Files.exists(note(file)))
            return false;
        var noted = Files.readString(note(file), StandardCharsets.ISO_8859_1).split(" ", 2);
        if (noted.length == 2 && noted[1].equals(state(file))) return true;
        try (var in = Files.newInputStream(file)) {
            if (!noted[0].equals(digest(in, OutputStream.nullOutputStream()))) return false;
        }
        note(file, noted[0]);
        return true;
    }

    /// Copies a library to a file, which appears whole.
    static void write(InputStream library, Path file) throws IOException {
        var part = file.resolveSibling(file.getFileName() + ".part");
        try {
            String digest;
            try (var out = Files.newOutputStream(part)) {
                digest = digest(library, out);
            }
            Files.deleteIfExists(note(file));
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
            note(file, digest);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private static void note(Path file, String digest) throws IOException {
        Files.writeString(note(file), digest + " " + state(file));
    }

    private static String state(Path file) throws IOException {
        if (!POSIX) return Files.size(file) + " " + Files.getLastModifiedTime(file);
        Map<String, Object> unix =
                Files.readAttributes(
                        file, "unix:size,ctime,lastModifiedTime,ino", LinkOption.NOFOLLOW_LINKS);
        return unix.get("size")
                + " "
                + nanoseconds(unix.get("ctime"))
                + " "
                + nanoseconds(unix.get("lastModifiedTime"))
                + " "
                + unix.get("ino");
    }

    /// Their text takes the JVM's calendars.
    private static long nanoseconds(Object time) {
        return ((FileTime) time).to(TimeUnit.NANOSECONDS);
    }

    private static String digest(InputStream in, OutputStream out) throws IOException {
        try {
            var sha = new DigestInputStream(in, MessageDigest.getInstance("SHA-256"));
            sha.transferTo(out);
            return HexFormat.of().formatHex(sha.getMessageDigest().digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IOException(e); // every JVM has it
        }
    }
}
