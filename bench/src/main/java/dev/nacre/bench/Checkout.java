package dev.nacre.bench;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;

/// Nacre's sources, in which the peers' projects lie and are built when they are first needed.
record Checkout(Path root, PrintWriter out) {
    /// The checkout that this program was built in.
    static Checkout here(PrintWriter out) {
        try {
            Path place =
                    Path.of(
                            Checkout.class
                                    .getProtectionDomain()
                                    .getCodeSource()
                                    .getLocation()
                                    .toURI());
            for (Path p = place; p != null; p = p.getParent()) {
                if (Files.exists(p.resolve("bench/peers/pom.xml"))) {
                    return new Checkout(p, out);
                }
            }
            throw new IllegalStateException("bench: " + place + " is in no checkout of Nacre");
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /// The class path of an engine: this program's, or that of its project.
    String classPath(Engine e) {
        if (e.project().isEmpty()) {
            return System.getProperty("java.class.path");
        }
        Path project = root.resolve("bench/peers").resolve(e.project().get());
        try {
            return project.resolve("target/classes")
                    + File.pathSeparator
                    + Files.readString(project.resolve("target/classpath")).strip();
        } catch (IOException x) {
            throw new UncheckedIOException(x);
        }
    }

    /// Builds the projects of engines that are not built, or older than their sources.
    void build(List<Engine> engines) throws IOException, InterruptedException {
        List<String> projects =
                engines.stream()
                        .flatMap(e -> e.project().stream())
                        .distinct()
                        .filter(this::isOld)
                        .toList();
        if (projects.isEmpty()) {
            return;
        }
        out.println(
                "building "
                        + String.join(", ", projects)
                        + "; what they need, up to gigabytes, is fetched from Maven Central once");
        out.flush();
        Path log = Files.createTempFile("nacre-bench", ".log");
        Process p =
                new ProcessBuilder(
                                root.resolve("mvnw").toString(),
                                "-q",
                                "-B",
                                "-f",
                                root.resolve("bench/peers/pom.xml").toString(),
                                "-pl",
                                String.join(",", projects),
                                "-am",
                                "package",
                                "-Dmaven.test.skip=true",
                                "-Dnacre.strict=false")
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        if (p.waitFor() != 0) {
            throw new IOException("the build failed:\n" + Files.readString(log));
        }
        Files.delete(log);
    }

    private boolean isOld(String project) {
        Path peers = root.resolve("bench/peers");
        Path built = peers.resolve(project).resolve("target/classpath");
        try (Stream<Path> sources =
                Stream.of(
                                peers.resolve("pom.xml"),
                                peers.resolve(project).resolve("pom.xml"),
                                peers.resolve(project).resolve("src"),
                                root.resolve("bench/protocol/src/main"))
                        .flatMap(Checkout::files)) {
            if (!Files.exists(built)) {
                return true;
            }
            FileTime time = Files.getLastModifiedTime(built);
            return sources.anyMatch(f -> modified(f).compareTo(time) > 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Stream<Path> files(Path place) {
        try {
            return Files.walk(place);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static FileTime modified(Path f) {
        try {
            return Files.getLastModifiedTime(f);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
