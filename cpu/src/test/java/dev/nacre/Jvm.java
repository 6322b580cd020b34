package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// Runs a program of [Programs] in a JVM of its own.
record Jvm(List<String> options) {
    /// What a run left behind.
    ///
    /// @param out lines of the standard output
    /// @param err lines of the error output, without the JVM's own warning that a module incubates
    record Result(List<String> out, List<String> err) {}

    private static final List<String> VECTORS = List.of("--add-modules", "jdk.incubator.vector");

    private static final String DENY = "--illegal-native-access=deny";

    private static final Path LAUNCHER = Path.of("").toAbsolutePath().resolveSibling("nacre");

    /// What the launcher gives every program on every machine.
    private static List<String> launcher() throws IOException {
        List<String> flags =
                Files.readAllLines(LAUNCHER).stream()
                        .dropWhile(line -> !line.endsWith("<<END"))
                        .takeWhile(line -> !line.equals("END"))
                        .filter(line -> line.startsWith("-X") || line.startsWith("--"))
                        .toList();
        assertTrue(flags.contains("--enable-native-access=ALL-UNNAMED"), flags.toString());
        return flags;
    }

    /// As an application is started.
    static Jvm usual(String... options) {
        List<String> all = new ArrayList<>(VECTORS);
        all.addAll(Arrays.asList(options));
        return new Jvm(all);
    }

    /// Without the module of the Vector API.
    static Jvm withoutVectors(String... options) {
        return new Jvm(List.of(options));
    }

    /// Where native access is denied, and without the Vector API.
    static Jvm denied(String... options) {
        List<String> all = new ArrayList<>(List.of(DENY));
        all.addAll(Arrays.asList(options));
        return new Jvm(all);
    }

    private static boolean isCollector(String option) {
        return option.matches("-XX:\\+Use\\w+GC");
    }

    Result run(String... program) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        boolean chooses = options.stream().anyMatch(Jvm::isCollector);
        launcher().stream()
                .filter(o -> !(chooses && isCollector(o)))
                .filter(o -> !(options.contains(DENY) && o.startsWith("--enable-native-access")))
                .forEach(command::add);
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.add(Programs.class.getName());
        command.addAll(Arrays.asList(program));
        Path err = Files.createTempFile("nacre", ".err");
        Path out = Files.createTempFile("nacre", ".out");
        try {
            Process p =
                    new ProcessBuilder(command)
                            .redirectOutput(out.toFile())
                            .redirectError(err.toFile())
                            .start();
            boolean ended = p.waitFor(5, TimeUnit.MINUTES);
            p.destroyForcibly();
            List<String> errors = lines(err);
            assertEquals(
                    "ended with 0",
                    ended ? "ended with " + p.exitValue() : "hung",
                    () -> String.join("\n", errors));
            return new Result(lines(out), errors);
        } finally {
            Files.delete(err);
            Files.delete(out);
        }
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.readString(file, StandardCharsets.UTF_8)
                .lines()
                .filter(line -> !line.contains("Using incubator modules"))
                .toList();
    }
}
