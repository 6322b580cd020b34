package dev.nacre.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The code in README.md and docs/ is true: blocks of Java compile, the README's run, and what is quoted from a source stands there; links lead somewhere.
class DocumentsTest {
    private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
    private static final Pattern BLOCK =
            Pattern.compile("(?ms)^```java(?: from (\\S+))?\\n(.*?)^```$");
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)#]+)[^)]*\\)");

    @TempDir Path folder;

    private static List<Path> documents() throws IOException {
        try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"));
                Stream<Path> top = Files.list(ROOT)) {
            return Stream.concat(top, docs).filter(p -> p.toString().endsWith(".md")).toList();
        }
    }

    @Test
    void blocksCompileAndTheReadmesRun() throws Exception {
        int count = 0;
        for (Path document : documents()) {
            Matcher m = BLOCK.matcher(Files.readString(document));
            while (m.find()) {
                if (m.group(1) == null) {
                    String name = "Block" + count++;
                    compile(document, name, m.group(2));
                    if (document.endsWith("README.md")) {
                        assertRuns(name, m.group(2));
                    }
                }
            }
        }
        assertTrue(count >= 2, "only " + count + " blocks");
    }

    private void compile(Path document, String name, String block) throws IOException {
        String source = block;
        if (!block.contains("void main()")) {
            String imports =
                    block.lines()
                            .filter(l -> l.startsWith("import "))
                            .collect(Collectors.joining("\n"));
            String statements =
                    block.lines()
                            .filter(l -> !l.startsWith("import "))
                            .collect(Collectors.joining("\n"));
            source = imports + "\nvoid main() throws Exception {\n" + statements + "\n}\n";
        }
        var compiler = ToolProvider.getSystemJavaCompiler();
        var problems = new DiagnosticCollector<JavaFileObject>();
        try (StandardJavaFileManager files =
                compiler.getStandardFileManager(problems, Locale.ROOT, StandardCharsets.UTF_8)) {
            String text = source;
            var unit =
                    new SimpleJavaFileObject(
                            URI.create("string:///" + name + ".java"), JavaFileObject.Kind.SOURCE) {
                        @Override
                        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                            return text;
                        }
                    };
            List<String> options =
                    List.of(
                            "-d",
                            folder.toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            "-Xlint:all",
                            "-Werror");
            boolean done =
                    compiler.getTask(null, files, problems, options, null, List.of(unit)).call();
            assertTrue(
                    done,
                    () ->
                            document
                                    + ":\n"
                                    + problems.getDiagnostics().stream()
                                            .map(Diagnostic::toString)
                                            .collect(Collectors.joining("\n")));
        }
    }

    /// Prints something, and ends well if it tells an accuracy.
    private void assertRuns(String name, String block) throws Exception {
        PrintStream before = System.out;
        var printed = new ByteArrayOutputStream();
        try (var loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            Class<?> type = loader.loadClass(name);
            Method main = type.getDeclaredMethod("main");
            main.setAccessible(true);
            var constructor = type.getDeclaredConstructor();
            constructor.setAccessible(true);
            main.invoke(constructor.newInstance());
        } finally {
            System.setOut(before);
        }
        String text = printed.toString(StandardCharsets.UTF_8);
        assertFalse(text.isBlank());
        if (block.contains("test accuracy")) {
            String last = text.lines().toList().getLast();
            assertTrue(Double.parseDouble(last.replace("test accuracy ", "")) > 0.95, text);
        }
    }

    @Test
    void quotationsStandInTheirSources() throws IOException {
        int count = 0;
        for (Path document : documents()) {
            Matcher m = BLOCK.matcher(Files.readString(document));
            while (m.find()) {
                if (m.group(1) != null) {
                    count++;
                    String source = squeezed(Files.readString(ROOT.resolve(m.group(1))));
                    assertTrue(
                            source.contains(squeezed(m.group(2))),
                            document
                                    + " quotes what "
                                    + m.group(1)
                                    + " does not hold:\n"
                                    + m.group(2));
                }
            }
        }
        assertTrue(count >= 4, "only " + count + " quotations");
    }

    /// Formatting aside.
    private static String squeezed(String text) {
        return text.replaceAll("\\s+", "");
    }

    @Test
    void linksLeadSomewhere() throws IOException {
        List<String> broken = new ArrayList<>();
        for (Path document : documents()) {
            Matcher m = LINK.matcher(Files.readString(document));
            while (m.find()) {
                if (!m.group(1).startsWith("http")
                        && !Files.exists(document.resolveSibling(m.group(1)))) {
                    broken.add(ROOT.relativize(document) + ": " + m.group(1));
                }
            }
        }
        assertEquals(List.of(), broken);
    }

    /// What the troubleshooting page quotes of messages is what the sources say.
    @Test
    void messagesAreTheSources() throws IOException {
        StringBuilder sources = new StringBuilder();
        for (String module : List.of("core", "cpu", "nn", "formats", "models", "cli")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
                for (Path p : files.filter(f -> f.toString().endsWith(".java")).toList()) {
                    sources.append(Files.readString(p).replaceAll("\"\\s*\\+\\s*\"", ""));
                }
            }
        }
        List<String> missing = new ArrayList<>();
        int count = 0;
        Path page = ROOT.resolve("docs/TROUBLESHOOTING.md");
        for (String line : Files.readAllLines(page)) {
            Matcher quoted =
                    Pattern.compile("`([^`]+)`")
                            .matcher(
                                    line.split("(?<!\\\\)\\|", 3).length == 3
                                            ? line.split("\\|")[1]
                                            : "");
            while (quoted.find()) {
                for (String part : quoted.group(1).split("…")) {
                    count++;
                    String text = part.strip();
                    boolean ofTheJdk =
                            text.startsWith("WARNING: A restricted")
                                    || text.startsWith("java.lang")
                                    || text.startsWith("hs_err")
                                    || text.equals(".log");
                    if (!ofTheJdk && !sources.toString().contains(text)) {
                        missing.add(text);
                    }
                }
            }
        }
        assertTrue(count > 15, "only " + count);
        assertEquals(List.of(), missing);
    }

    /// Coordinates in poms and scripts are those of this build.
    @Test
    void coordinatesAreOurs() throws IOException {
        Matcher version =
                Pattern.compile("<version>([^<]+)</version>")
                        .matcher(Files.readString(ROOT.resolve("pom.xml")));
        assertTrue(version.find());
        int count = 0;
        for (Path document : documents()) {
            Matcher m =
                    Pattern.compile(
                                    "dev\\.nacre:(nacre-\\w+):([\\w.-]+)|<artifactId>(nacre-\\w+)</artifactId>\\s*<version>([^<]+)")
                            .matcher(Files.readString(document));
            while (m.find()) {
                count++;
                String artifact = m.group(1) != null ? m.group(1) : m.group(3);
                String given = m.group(2) != null ? m.group(2) : m.group(4);
                assertEquals(version.group(1), given, document + ": " + artifact);
                assertTrue(
                        Files.exists(ROOT.resolve(artifact.replace("nacre-", ""))),
                        document + ": " + artifact);
            }
        }
        assertTrue(count >= 5, "only " + count);
    }

    @Test
    void commandsOfTheReadmeAreThere() throws IOException {
        String readme = Files.readString(ROOT.resolve("README.md"));
        for (String command : List.of("train", "predict", "inspect", "example", "doctor")) {
            if (!readme.contains("./nacre " + command)) {
                fail("README.md does not name ./nacre " + command);
            }
        }
    }
}
