package dev.nacre.cli;

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
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// [Everything] where the JVM denies native access: the same numbers, and one line that says what is off.
class DeniedTest {
    private static final String DENY = "--illegal-native-access=deny";
    private static final String[] VECTORS = {"--add-modules", "jdk.incubator.vector"};

    @TempDir static Path folder;
    private static List<String> usual;

    private record Result(List<String> out, List<String> err) {}

    @BeforeAll
    static void usualRun() throws Exception {
        Result r = run("--enable-native-access=ALL-UNNAMED", VECTORS[0], VECTORS[1]);
        assertEquals(List.of(), r.err);
        usual = r.out;
    }

    private static Result run(String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-ea"));
        command.addAll(Arrays.asList(options));
        String path = System.getProperty("java.class.path");
        command.addAll(List.of("-cp", System.getProperty("surefire.test.class.path", path)));
        Path own = Files.createTempDirectory(folder, "run");
        command.addAll(List.of(Everything.class.getName(), own.toString()));
        Path out = own.resolve("out");
        Path err = own.resolve("err");
        Process p =
                new ProcessBuilder(command)
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile())
                        .start();
        boolean ended = p.waitFor(5, TimeUnit.MINUTES);
        p.destroyForcibly();
        List<String> errors =
                lines(err).stream().filter(l -> !l.contains("Using incubator modules")).toList();
        assertTrue(ended && p.exitValue() == 0, () -> String.join("\n", errors));
        return new Result(lines(out), errors);
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.readAllLines(file, StandardCharsets.UTF_8);
    }

    private static void assertSame(List<String> actual) {
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < usual.size(); i++) {
            if (!isSame(usual.get(i), actual.get(i))) {
                wrong.add(usual.get(i) + "\n  but " + actual.get(i));
            }
        }
        assertEquals(List.of(), wrong);
        assertEquals(usual.size(), actual.size());
    }

    private static boolean isSame(String expected, String actual) {
        String[] a = expected.split("[ ,\\]]+");
        String[] b = actual.split("[ ,\\]]+");
        boolean narrow = expected.contains("f16"); // and bf16: the last digit may be another
        boolean same = a.length == b.length;
        for (int i = 0; same && i < a.length; i++) {
            same = a[i].equals(b[i]) || isNear(a[i], b[i], narrow ? 0x1p-7 : 1e-4);
        }
        return same;
    }

    private static boolean isNear(String a, String b, double tolerance) {
        try {
            double x = Double.parseDouble(a);
            return Math.abs(x - Double.parseDouble(b)) <= tolerance * Math.max(1, Math.abs(x));
        } catch (NumberFormatException _) {
            return false;
        }
    }

    private static void assertOneLine(Result r, String... says) {
        List<String> lines = r.err.stream().filter(l -> l.startsWith("WARNING: ")).toList();
        assertEquals(1, lines.size(), () -> String.join("\n", r.err));
        for (String s : says) {
            assertTrue(lines.getFirst().contains(s), lines::getFirst);
        }
    }

    @Test
    void withVectors() throws Exception {
        Result r = run(DENY, VECTORS[0], VECTORS[1]);
        assertSame(r.out);
        assertOneLine(
                r, "oneDNN", "MiB of memory for tensors", "--enable-native-access=ALL-UNNAMED");
    }

    /// And without the usual place for the file that memory is mapped from.
    @Test
    void withoutVectors() throws Exception {
        Result r = run(DENY, "-Djava.io.tmpdir=/nonexistent");
        assertSame(r.out);
        assertOneLine(
                r, "--enable-native-access=ALL-UNNAMED", "--add-modules jdk.incubator.vector");
    }
}
