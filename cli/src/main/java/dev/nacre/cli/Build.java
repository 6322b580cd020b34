package dev.nacre.cli;

import dev.nacre.type.NacreException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;
import picocli.CommandLine;

/// Which Nacre this is.
final class Build implements CommandLine.IVersionProvider {
    Build() {}

    static String version() {
        return property("version");
    }

    /// What Maven knew: `version`, and `onednn`, the coordinates of the jar with oneDNN.
    static String property(String name) {
        Properties p = new Properties();
        try (InputStream in = Build.class.getResourceAsStream("build.properties")) {
            p.load(in);
        } catch (IOException e) {
            throw new NacreException("build.properties of the jar cannot be read", e);
        }
        return p.getProperty(name);
    }

    /// The commit checked out where this program was built, if it still lies there.
    static Optional<String> commit() {
        try {
            URI here = Build.class.getProtectionDomain().getCodeSource().getLocation().toURI();
            for (Path p = Path.of(here); p != null; p = p.getParent()) {
                if (Files.exists(p.resolve(".git"))) {
                    return head(p.resolve(".git"));
                }
            }
            return Optional.empty();
        } catch (URISyntaxException | IOException | RuntimeException _) {
            return Optional.empty();
        }
    }

    static Optional<String> head(Path git) throws IOException {
        Path folder = git;
        if (Files.isRegularFile(git)) { // a work tree beside the first
            folder =
                    git.resolveSibling(Files.readString(git).strip().replaceFirst("^gitdir: ", ""));
        }
        String head = Files.readString(folder.resolve("HEAD")).strip();
        if (!head.startsWith("ref: ")) {
            return Optional.of(head);
        }
        String ref = head.substring(5);
        Path common = folder;
        if (Files.exists(folder.resolve("commondir"))) {
            common = folder.resolve(Files.readString(folder.resolve("commondir")).strip());
        }
        if (Files.exists(common.resolve(ref))) {
            return Optional.of(Files.readString(common.resolve(ref)).strip());
        }
        try (var lines = Files.lines(common.resolve("packed-refs"))) {
            return lines.filter(l -> l.endsWith(" " + ref)).map(l -> l.split(" ")[0]).findFirst();
        }
    }

    @Override
    public String[] getVersion() {
        return new String[] {
            "nacre " + version() + commit().map(c -> " (" + c.substring(0, 10) + ")").orElse("")
        };
    }
}
