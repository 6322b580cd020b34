package dev.nacre.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Another checkout beside this one.
class BeforeTest {
    @TempDir private Path folder;

    @Test
    void flagsAndClassPathAreThoseOfItsLauncher() {
        Before before =
                Before.read(
                        List.of(
                                "# /home/some body/nacre",
                                "# /home/some body/nacre/app",
                                "-XX:+UseSerialGC",
                                "-XX:-TieredCompilation --add-modules=jdk.incubator.vector",
                                "",
                                "-cp \"/home/some body/a \\\"b\\\" \\\\c.jar:/d.jar\"",
                                "-XX:AOTCache=\"/home/some body/nacre.aot\"",
                                "dev.nacre.bench.Bench"));
        assertEquals(
                List.of(
                        "-XX:+UseSerialGC",
                        "-XX:-TieredCompilation",
                        "--add-modules=jdk.incubator.vector",
                        "-XX:AOTCache=/home/some body/nacre.aot"),
                before.options());
        assertEquals("/home/some body/a \"b\" \\c.jar:/d.jar", before.classPath());
    }

    @Test
    void aFolderThatIsNoCheckoutIsNamed() {
        IOException e = assertThrows(IOException.class, () -> Before.of(folder));
        assertTrue(e.getMessage().contains(folder.toString()), e::getMessage);
    }
}
