package dev.nacre.compile;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/// Folders of the user's and the system's, as the environment names them.
///
/// A name may be none that this JVM can write: with the locale `C`, usual in containers and services, Java knows no `/home/jürgen`. Such a folder does not count, nor does a relative one, which would be another one in
/// each working folder; the next place does.
public final class Folders {
    private static final Path USUAL_TEMPORARY = Path.of("/tmp");

    private Folders() {}

    /// A folder that counts.
    public static Optional<Path> named(String name) {
        try {
            return Optional.of(Path.of(name)).filter(Path::isAbsolute);
        } catch (InvalidPathException _) {
            return Optional.empty();
        }
    }

    /// For files of this program that can be made again: `$XDG_CACHE_HOME/nacre`, else `~/.cache/nacre` (on Windows `%LOCALAPPDATA%\nacre`); where nobody knows a home, a folder named after the user
    /// among the temporary ones. Whether it is there is another question.
    public static Path cache() {
        var windows = System.getProperty("os.name", "").startsWith("Windows");
        var said = System.getenv(windows ? "LOCALAPPDATA" : "XDG_CACHE_HOME");
        var home =
                named(System.getProperty("user.home", ""))
                        .or(() ->
                                named(
                                        temporary()
                                                + "/nacre-"
                                                + System.getProperty("user.name", "")))
                        .orElse(temporary());
        return Optional.ofNullable(said)
                .flatMap(Folders::named)
                .orElse(home.resolve(windows ? "AppData/Local" : ".cache"))
                .resolve("nacre");
    }

    /// For files that nobody wants tomorrow.
    public static Path temporary() {
        return named(System.getProperty("java.io.tmpdir", "")).orElse(USUAL_TEMPORARY);
    }
}
