package dev.nacre.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/// Another checkout of Nacre, such as the commit before a change, measured beside this one: with the flags that its own launcher gives.
///
/// @param options of the JVM
/// @param classPath of its benchmark
record Before(List<String> options, String classPath) {
    static final String NAME = "before";

    private static final String CLASS_PATH = "-cp ";
    private static final Pattern WORD = Pattern.compile("(?:\"(?:\\\\.|[^\"])*\"|[^\\s\"])+");

    /// Builds a checkout if it is not built.
    static Before of(Path root) throws IOException, InterruptedException {
        Path launcher = root.toAbsolutePath().resolve("nacre");
        if (!Files.isExecutable(launcher)) {
            throw new IOException(root + " is no checkout of Nacre: there is no launcher in it");
        }
        Process p =
                new ProcessBuilder(launcher.toString(), "bench", "--list")
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        if (p.waitFor() != 0) {
            throw new IOException(root + " could not be built");
        }
        return read(Files.readAllLines(launcher.resolveSibling("cli/target/nacre/bench-args")));
    }

    /// What the launcher has written for the JVM, a flag a line and the main class last.
    static Before read(List<String> lines) {
        return new Before(
                lines.stream()
                        .filter(l -> l.startsWith("-") && !l.startsWith(CLASS_PATH))
                        .flatMap(l -> words(l).stream())
                        .toList(),
                lines.stream()
                        .filter(l -> l.startsWith(CLASS_PATH))
                        .map(l -> words(l).getLast())
                        .findFirst()
                        .orElseThrow());
    }

    /// The words of a line of an argument file; in quotes a backslash goes before a quote and a backslash.
    private static List<String> words(String line) {
        return WORD.matcher(line)
                .results()
                .map(m -> m.group().replaceAll("\"|\\\\(.)", "$1"))
                .toList();
    }

    Engine engine() {
        return Engine.other(NAME, options);
    }
}
