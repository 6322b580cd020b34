package dev.nacre.cpu;

import dev.nacre.compile.Folders;
import dev.nacre.compile.Stack;
import dev.nacre.cpu.x86.Machine;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.lang.module.ModuleFinder;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLConnection;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;

/// Finds oneDNN, with the OpenMP run time it was built for, and opens it.
///
/// Places, in this order; the first that opens wins:
///
/// 1. the system property `nacre.onednn`: the path of a library, or `off` for none at all;
/// 2. the jar `org.bytedeco:dnnl` for this platform, on the class path or the module path. The libraries are copied once
///    to `nacre/native/` in the user's cache directory (`$XDG_CACHE_HOME`, else `~/.cache`; on Windows `%LOCALAPPDATA%`);
/// 3. a library installed on the system.
///
/// Nothing here throws: a library that is missing or will not open is [empty][#oneDnn()], and [#report()] says what was
/// tried and what came of it.
public final class Native {
    private static final String OFF = "off";

    /// Of the stack, to open a library whose initializers run at once.
    private static final int STACK = 1 << 19;

    /// Something that older versions do not have.
    private static final String PROBE = "dnnl_memory_desc_create_with_blob";

    /// An open native library. The symbols of the libraries it depends on are found through it too.
    /// @param path where it came from
    /// @param symbols its functions
    public record Library(String path, SymbolLookup symbols) {}

    /// This platform's name in the carrier jar, and what the libraries are called there and on the system.
    record Platform(String name, String library, List<String> companions) {
        static Optional<Platform> current() {
            var os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
            var arch =
                    switch (System.getProperty("os.arch", "")) {
                        case "amd64", "x86_64" -> "x86_64";
                        case "aarch64", "arm64" -> "arm64";
                        default -> "";
                    };
            if (arch.isEmpty()) return Optional.empty();
            if (os.startsWith("linux"))
                return Optional.of(
                        new Platform("linux-" + arch, "libdnnl.so.3", List.of("libgomp.so.1")));
            if (os.startsWith("mac"))
                return Optional.of(
                        new Platform("macosx-" + arch, "libdnnl.3.dylib", List.of("libomp.dylib")));
            if (os.startsWith("windows"))
                return Optional.of(new Platform("windows-" + arch, "dnnl.dll", List.of()));
            return Optional.empty();
        }

        String resource(String file) {
            return "org/bytedeco/dnnl/" + name + "/" + file;
        }
    }

    private static final class Holder {
        static final Native FOUND = found();
    }

    /// Not in the holder, which another thread would wait for.
    private static Native found() {
        return Stack.with(
                STACK,
                () ->
                        new Native(
                                System.getProperty("nacre.onednn", ""),
                                Folders.cache().resolve("native")));
    }

    private final List<String> notes = new ArrayList<>();
    private final Optional<Library> library;

    Native(String setting, Path cache) {
        Optional<Library> found = Optional.empty();
        try {
            found = search(setting.strip(), cache);
        } catch (RuntimeException | LinkageError e) {
            note("failed: " + e);
        }
        library = found;
        if (library.isEmpty()) note("oneDNN is not in use");
    }

    /// oneDNN, if this machine has it.
    public static Optional<Library> oneDnn() {
        return Holder.FOUND.library;
    }

    /// What was looked for and what was found, one line each, for `nacre doctor`.
    public static List<String> report() {
        return Holder.FOUND.notes();
    }

    Optional<Library> library() {
        return library;
    }

    List<String> notes() {
        synchronized (notes) {
            return List.copyOf(notes);
        }
    }

    private void note(String line) {
        synchronized (notes) {
            notes.add(line);
        }
    }

    private Optional<Library> search(String setting, Path cache) {
        if (setting.equalsIgnoreCase(OFF)) {
            note("-Dnacre.onednn=off: not looked for");
            return Optional.empty();
        }
        if (!Machine.isNativeAllowed()) {
            note("not looked for: this JVM denies native access");
            return Optional.empty();
        }
        if (!setting.isEmpty()) return open(setting, "-Dnacre.onednn");
        var platform = Platform.current();
        if (platform.isEmpty()) {
            note(
                    "no oneDNN is known for "
                            + System.getProperty("os.name")
                            + " "
                            + System.getProperty("os.arch"));
            return Optional.empty();
        }
        return carried(platform.get(), cache)
                .or(() -> open(platform.get().library(), "system library"));
    }

    @SuppressWarnings("restricted")
    private Optional<Library> open(String name, String origin) {
        try {
            var symbols =
                    name.contains("/") || name.contains("\\")
                            ? SymbolLookup.libraryLookup(Path.of(name), Arena.global())
                            : SymbolLookup.libraryLookup(name, Arena.global());
            if (symbols.find(PROBE).isEmpty()) {
                note(origin + ": " + name + " is not oneDNN 3");
                return Optional.empty();
            }
            note(origin + ": opened " + name);
            return Optional.of(new Library(name, symbols));
        } catch (IllegalArgumentException | IllegalCallerException e) {
            note(origin + ": cannot open " + name + " (" + e.getMessage() + ")");
            return Optional.empty();
        }
    }

    private Optional<Library> carried(Platform platform, Path cache) {
        var resource = platform.resource(platform.library());
        var url = locate(resource);
        if (url.isEmpty()) {
            note("carrier jar: none on the class path or module path has " + resource);
            return Optional.empty();
        }
        note("carrier jar: found " + url.get());
        try {
            if (url.get().getProtocol().equals("file"))
                return open(Path.of(url.get().toURI()).toString(), "carrier directory");
            return unpacked(platform, cache).or(() -> temporary(platform, cache));
        } catch (URISyntaxException e) {
            note("carrier jar: " + e);
            return Optional.empty();
        }
    }

    private Optional<Library> unpacked(Platform platform, Path cache) {
        try {
            var directory = unpack(platform, cache);
            return open(directory.resolve(platform.library()).toString(), "carrier jar");
        } catch (IOException e) {
            note("cache " + cache + ": " + e);
            return Optional.empty();
        }
    }

    /// Where the cache cannot be used, or nothing in it may be executed. It costs the time of unpacking at each start.
    private Optional<Library> temporary(Platform platform, Path cache) {
        Optional<Path> folder = Optional.empty();
        try {
            folder = Optional.of(Files.createTempDirectory("nacre")); // only this user's
            var found = unpacked(platform, folder.get());
            if (found.isPresent())
                System.getLogger("dev.nacre")
                        .log(
                                System.Logger.Level.WARNING,
                                "oneDNN is unpacked to a temporary folder at each start, as it cannot be kept in "
                                        + cache
                                        + " ("
                                        + notes().stream()
                                                .filter(n ->
                                                        n.startsWith("cache ")
                                                                || n.contains("cannot open"))
                                                .findFirst()
                                                .orElse("")
                                        + ")");
            return found;
        } catch (IOException e) {
            note("carrier jar: " + e);
            return Optional.empty();
        } finally {
            folder.ifPresent(Native::delete); // an open library outlives its file
        }
    }

    /// Copies the platform's libraries into a directory of `cache` named by their content, unless they are there.
    /// Safe for processes that start at once: the work is done under a file lock, and each file appears whole, by a
    /// rename. A process that was killed leaves one part file, which the next one overwrites.
    private Path unpack(Platform platform, Path cache) throws IOException {
        var main = locate(platform.resource(platform.library())).orElseThrow();
        var directory = Unpacked.folder(cache.resolve(platform.name() + "-" + Entry.of(main)));
        try (var channel =
                FileChannel.open(
                        directory.resolve("lock"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE)) {
            lock(channel);
            var files = new ArrayList<>(platform.companions());
            files.add(platform.library());
            for (var file : files) {
                var source = locate(platform.resource(file));
                if (source.isPresent()) copy(source.get(), directory.resolve(file));
            }
        }
        return directory;
    }

    private void copy(URL source, Path target) throws IOException {
        if (Unpacked.isIntact(target)) return;
        try (var in = open(source)) {
            Unpacked.write(in, target);
        }
        note("unpacked " + target);
    }

    /// Waits for the lock, also against another class loader of this process.
    private static void lock(FileChannel channel) throws IOException {
        while (true) {
            try {
                channel.lock();
                return;
            } catch (OverlappingFileLockException _) {
                try {
                    Thread.sleep(5);
                } catch (InterruptedException _) {
                    Thread.currentThread().interrupt();
                    throw new IOException("interrupted while another class loader unpacks");
                }
            }
        }
    }

    /// Size and checksum of a resource. A jar's directory has both, so nothing is read.
    private record Entry(long size, long crc) {
        static Entry of(URL url) throws IOException {
            var connection = open(url, false);
            if (connection instanceof JarURLConnection jar) {
                try (var file = jar.getJarFile()) {
                    var entry = file.getEntry(jar.getEntryName());
                    return new Entry(entry.getSize(), entry.getCrc());
                }
            }
            try (var in = new CheckedInputStream(connection.getInputStream(), new CRC32())) {
                var size = in.transferTo(OutputStream.nullOutputStream());
                return new Entry(size, in.getChecksum().getValue());
            }
        }

        @Override
        public String toString() {
            return Long.toHexString(size) + "-" + Long.toHexString(crc);
        }
    }

    private static URLConnection open(URL url, boolean cached) throws IOException {
        var connection = url.openConnection();
        connection.setUseCaches(cached);
        return connection;
    }

    private static InputStream open(URL url) throws IOException {
        return open(url, false).getInputStream();
    }

    /// The class path, resolved modules, and jars on the module path that nothing requires.
    private static Optional<URL> locate(String resource) {
        var loader =
                Optional.ofNullable(Native.class.getClassLoader())
                        .orElseGet(ClassLoader::getSystemClassLoader);
        var url = loader.getResource(resource);
        if (url != null) return Optional.of(url);
        var path = System.getProperty("jdk.module.path", "");
        if (path.isEmpty()) return Optional.empty();
        var places =
                Pattern.compile(File.pathSeparator, Pattern.LITERAL)
                        .splitAsStream(path)
                        .map(Path::of)
                        .toArray(Path[]::new);
        for (var module : ModuleFinder.of(places).findAll()) {
            try (var reader = module.open()) {
                Optional<URI> uri = reader.find(resource);
                if (uri.isPresent()) return Optional.of(uri.get().toURL());
            } catch (IOException _) {
                continue; // an unreadable jar has no library for us
            }
        }
        return Optional.empty();
    }

    private static void delete(Path directory) {
        try (var files = Files.walk(directory)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList())
                Files.deleteIfExists(file);
        } catch (IOException _) {
            return; // Windows keeps the file of an open library
        }
    }
}
