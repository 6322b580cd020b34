package dev.nacre.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.compile.Folders;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Folders whose names Java cannot write, in the locale of containers and services.
@DisabledOnOs(OS.WINDOWS)
class FoldersTest {
    @TempDir Path folder;

    /// What runs in such a JVM.
    static final class Program {
        private Program() {}

        public static void main(String[] args) {
            IO.println(Tensor.ones(64, 64).matmul(Tensor.ones(64, 64)).sum().item());
            IO.println("cache " + Folders.cache());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "XDG_CACHE_HOME, user.name, --enable-native-access=ALL-UNNAMED",
        "NOTHING, user.home, --enable-native-access=ALL-UNNAMED",
        "XDG_CACHE_HOME, user.home, --enable-native-access=ALL-UNNAMED",
        "XDG_CACHE_HOME, java.io.tmpdir, --enable-native-access=ALL-UNNAMED",
        "XDG_CACHE_HOME, java.io.tmpdir, --illegal-native-access=deny"
    })
    void aNameThatCannotBeWrittenDoesNotCount(String variable, String property, String access)
            throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", access));
        command.add("-Dnacre.onednn=off"); // not to unpack it, for which the folder is looked for
        if (!property.equals("user.home")) {
            command.add("-Duser.home=" + folder);
        }
        command.add("-D" + property + "=/tmp/ünï");
        String path = System.getProperty("java.class.path");
        command.addAll(List.of("-cp", System.getProperty("surefire.test.class.path", path)));
        command.add(Program.class.getName());
        Path out = folder.resolve("out");
        ProcessBuilder b = new ProcessBuilder(command);
        b.environment().put("LC_ALL", "C");
        b.environment().put(variable, "/tmp/ünï");
        Process p = b.redirectErrorStream(true).redirectOutput(out.toFile()).start();
        boolean ended = p.waitFor(1, TimeUnit.MINUTES);
        p.destroyForcibly();
        String said = Files.readString(out);
        assertTrue(ended && p.exitValue() == 0, said);
        assertTrue(said.lines().anyMatch("262144.0"::equals), said);
        String cache = said.lines().filter(l -> l.startsWith("cache ")).findFirst().orElseThrow();
        assertTrue(
                property.equals("user.home")
                        ? cache.matches("cache /.*/nacre-\\S*/\\.cache/nacre")
                        : cache.equals("cache " + folder.resolve(".cache/nacre")),
                said);
    }

    @Test
    void whatCounts() {
        assertEquals(Optional.of(Path.of("/a b/ä")), Folders.named("/a b/ä"));
        for (String none : new String[] {"", " ", "?", "a", "./a", "~/a", "/a\0"}) {
            assertEquals(Optional.empty(), Folders.named(none), none);
        }
        assertTrue(Folders.cache().isAbsolute() && Folders.temporary().isAbsolute());
    }
}
