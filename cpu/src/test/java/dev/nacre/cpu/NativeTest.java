package dev.nacre.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class NativeTest {
    @TempDir Path cache;

    private static boolean isCarried() {
        return new Native("", Path.of("/nonexistent/nacre"))
                .notes().stream().anyMatch(line -> line.startsWith("carrier jar: found"));
    }

    private List<Path> files() throws IOException {
        try (var files = Files.walk(cache)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    private Path libraryFile() throws IOException {
        return files().stream()
                .filter(f -> f.getFileName().toString().matches(".*dnnl.*(so\\.3|dylib|dll)"))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void offMeansOff() throws IOException {
        var off = new Native("off", cache);
        assertTrue(off.library().isEmpty());
        assertEquals(
                List.of("-Dnacre.onednn=off: not looked for", "oneDNN is not in use"), off.notes());
        assertTrue(files().isEmpty());
    }

    @Test
    void aPathThatIsNoLibraryIsSaidNotThrown() {
        for (var path : List.of("/no/such/file.so", "no-such-library.so", "\0")) {
            var none = new Native(path, cache);
            assertTrue(none.library().isEmpty(), path);
            assertEquals("oneDNN is not in use", none.notes().getLast());
            assertTrue(none.notes().size() >= 2, none.notes().toString());
        }
    }

    @Test
    void theCarrierIsUnpackedOnce() throws IOException {
        assumeTrue(isCarried());
        var first = new Native("", cache);
        assertTrue(first.library().orElseThrow().symbols().find("dnnl_version").isPresent());
        var file = libraryFile();
        Files.setLastModifiedTime(file, FileTime.fromMillis(0));
        var second = new Native("", cache);
        assertEquals(file.toString(), second.library().orElseThrow().path());
        assertEquals(FileTime.fromMillis(0), Files.getLastModifiedTime(file));
        assertTrue(
                files().stream().noneMatch(f -> f.toString().endsWith(".part")),
                files().toString());
    }

    @Test
    void aTruncatedFileIsReplaced() throws IOException {
        assumeTrue(isCarried());
        new Native("", cache);
        var file = libraryFile();
        long size = Files.size(file);
        Files.delete(file); // it is mapped: a new file, not a shorter one
        Files.write(file, new byte[10]);
        Files.write(
                file.resolveSibling(file.getFileName() + ".part"),
                new byte[10]); // of a process that was killed
        assertTrue(new Native("", cache).library().isPresent());
        assertEquals(size, Files.size(file));
        assertTrue(
                files().stream().noneMatch(f -> f.toString().endsWith(".part")),
                files().toString());
    }

    /// What others can write to, they can have executed.
    @Test
    void aFolderOfStrangersIsNotUsed() throws IOException {
        assumeTrue(isCarried() && !System.getProperty("os.name").startsWith("Windows"));
        new Native("", cache);
        var folder = libraryFile().getParent();
        for (var open : List.of(folder, cache)) {
            Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
            var found = new Native("", cache).library().orElseThrow();
            assertFalse(found.path().startsWith(cache.toString()), found.path());
            Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwx------"));
        }
        assertTrue(
                new Native("", cache).library().orElseThrow().path().startsWith(cache.toString()));
    }

    /// Caches that cannot be used, each in another way: the library is opened from elsewhere, and one line says so.
    private enum Useless {
        A_FILE_IN_THE_WAY {
            @Override
            Path make(Path in) throws IOException {
                return Files.writeString(in.resolve("file"), "in the way").resolve("cache");
            }
        },
        OF_ANOTHER_USER {
            @Override
            Path make(Path in) throws IOException {
                var cache = Files.createDirectory(in.resolve("theirs"));
                assumeTrue(isRoot(in), "only root can give files away");
                Files.setAttribute(cache, "unix:uid", 12345);
                return cache;
            }
        },
        BELOW_ANOTHER_USERS {
            @Override
            Path make(Path in) throws IOException {
                var cache = Files.createDirectories(in.resolve("theirs/nacre/native"));
                assumeTrue(isRoot(in), "only root can give files away");
                Files.setAttribute(in.resolve("theirs"), "unix:uid", 12345);
                return cache;
            }
        },
        READ_ONLY {
            @Override
            Path make(Path in) throws IOException {
                var proc = Path.of("/proc/nacre"); // where not even root can make a folder
                assumeTrue(Files.isDirectory(proc.getParent()));
                return proc;
            }
        },
        /// What has been unpacked there is found, but must not be executed.
        WITHOUT_EXECUTION {
            @Override
            Path make(Path in) throws IOException {
                var cache = Files.createDirectory(in.resolve("noexec"));
                assumeTrue(
                        isRoot(in)
                                && mounts("mount", "-t", "tmpfs", "-o", "noexec", "nacre", cache));
                return cache;
            }

            @Override
            void end(Path cache) throws IOException {
                mounts("umount", "-l", cache);
            }
        };

        abstract Path make(Path in) throws IOException;

        void end(Path cache) throws IOException {}

        private static boolean isRoot(Path in) throws IOException {
            return Files.getAttribute(in, "unix:uid").equals(0);
        }

        private static boolean mounts(Object... command) throws IOException {
            try {
                return new ProcessBuilder(Stream.of(command).map(Object::toString).toList())
                                .redirectErrorStream(true)
                                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                                .start()
                                .waitFor()
                        == 0;
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Useless.class)
    void aCacheThatCannotBeUsed(Useless useless) throws IOException {
        assumeTrue(isCarried() && !System.getProperty("os.name").startsWith("Windows"));
        var place = useless.make(cache);
        try {
            var found = new Native("", place);
            var path = found.library().orElseThrow().path();
            assertFalse(path.startsWith(place.toString()), path);
            assertTrue(found.library().get().symbols().find("dnnl_version").isPresent());
            assertFalse(Files.exists(Path.of(path)), "left behind");
            assertTrue(
                    found.notes().stream().anyMatch(n -> n.contains(place.toString())),
                    found.notes().toString());
        } finally {
            useless.end(place);
        }
    }

    /// Names that shells, URLs and old systems stumble over.
    @Test
    void anyName() throws IOException {
        assumeTrue(isCarried() && !System.getProperty("os.name").startsWith("Windows"));
        var place = cache.resolve("with space/ünï 日本/a%20b#c?d+e;'\"");
        var found = new Native("", place).library().orElseThrow();
        assertTrue(found.path().startsWith(place.toString()), found.path());
        assertTrue(found.symbols().find("dnnl_version").isPresent());
    }

    /// Damage of each kind heals: whatever lies there, the library opens and the file is whole again.
    @ParameterizedTest
    @ValueSource(strings = {"truncated", "flipped", "link", "folder", "no note", "broken note"})
    void damageHeals(String damage) throws IOException {
        assumeTrue(isCarried() && !System.getProperty("os.name").startsWith("Windows"));
        new Native("", cache);
        var file = libraryFile();
        var whole = Files.readAllBytes(file);
        var note = file.resolveSibling(file.getFileName() + ".sha256");
        var damaged =
                damage.equals("truncated") ? Arrays.copyOf(whole, whole.length / 2) : whole.clone();
        if (damage.equals("flipped")) damaged[damaged.length - 1] ^= 1;
        if (damage.equals("no note")) Files.delete(note);
        else if (damage.equals("broken note")) Files.write(note, new byte[] {0, (byte) 0xFF, 10});
        else {
            Files.delete(file); // it is mapped: another file
            if (damage.equals("folder")) Files.createDirectory(file);
            else if (damage.equals("link"))
                Files.createSymbolicLink(file, Files.write(cache.resolve("other"), damaged));
            else Files.write(file, damaged);
        }
        var found = new Native("", cache).library().orElseThrow();
        assertTrue(found.symbols().find("dnnl_version").isPresent());
        if (!damage.equals("folder")) {
            assertTrue(found.path().startsWith(cache.toString()), found.path());
            assertTrue(Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS));
            assertArrayEquals(whole, Files.readAllBytes(file));
        }
    }

    @Test
    void manyAtOnce() throws Exception {
        assumeTrue(isCarried());
        try (var pool = Executors.newFixedThreadPool(4)) {
            Callable<Boolean> open = () -> new Native("", cache).library().isPresent();
            for (var found : pool.invokeAll(List.of(open, open, open, open)))
                assertTrue(found.get());
        }
        assertTrue(
                files().stream().noneMatch(f -> f.toString().endsWith(".part")),
                files().toString());
    }

    @Test
    void theReportSaysWhatWasFound() {
        assertFalse(Native.report().isEmpty());
        if (Native.oneDnn().isPresent())
            assertTrue(
                    Native.report().stream().anyMatch(line -> line.contains("opened")),
                    Native.report().toString());
    }
}
