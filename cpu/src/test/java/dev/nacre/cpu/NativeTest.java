package dev.nacre.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    @Test
    void aDamagedFileIsReplaced() throws IOException {
        assumeTrue(isCarried());
        new Native("", cache);
        var file = libraryFile();
        var whole = Files.readAllBytes(file);
        var damaged = whole.clone();
        damaged[damaged.length / 2] ^= 1;
        Files.delete(file); // it is mapped: another file
        Files.write(file, damaged);
        assertTrue(new Native("", cache).library().isPresent());
        assertArrayEquals(whole, Files.readAllBytes(file));
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
    void withoutACacheItIsUnpackedElsewhere() throws IOException {
        assumeTrue(isCarried());
        var file = Files.writeString(cache.resolve("file"), "in the way");
        var found = new Native("", file.resolve("cache"));
        assertTrue(found.library().orElseThrow().symbols().find("dnnl_version").isPresent());
        assumeTrue(!System.getProperty("os.name").startsWith("Windows"));
        assertFalse(Files.exists(Path.of(found.library().orElseThrow().path())), "left behind");
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
