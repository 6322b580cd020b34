package dev.nacre.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// The README's first command in a copy of the sources that has never been built. No other test would notice if that broke.
@DisabledOnOs(OS.WINDOWS)
class LauncherTest {
    private static final Path ROOT = Path.of("").toAbsolutePath().getParent();

    /// What a clone does not have.
    private static final Set<String> NOT_SOURCES = Set.of(".git", "target", "shared");

    @TempDir Path folder;

    private void copy() throws IOException {
        Files.walkFileTree(
                ROOT,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult preVisitDirectory(Path d, BasicFileAttributes a)
                            throws IOException {
                        if (NOT_SOURCES.contains(d.getFileName().toString())) {
                            return FileVisitResult.SKIP_SUBTREE;
                        }
                        Files.createDirectories(folder.resolve(ROOT.relativize(d)));
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFile(Path f, BasicFileAttributes a)
                            throws IOException {
                        Files.copy(
                                f,
                                folder.resolve(ROOT.relativize(f)),
                                StandardCopyOption.COPY_ATTRIBUTES);
                        return FileVisitResult.CONTINUE;
                    }
                });
    }

    /// Lines of the output and of the messages.
    private record Result(List<String> out, List<String> err) {}

    private Result nacre(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("./nacre"));
        command.addAll(List.of(arguments));
        return run(command);
    }

    private Result run(List<String> command) throws IOException, InterruptedException {
        Path out = Files.createTempFile(folder, "nacre", ".out");
        Path err = Files.createTempFile(folder, "nacre", ".err");
        Process p =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile())
                        .start();
        boolean ended = p.waitFor(10, TimeUnit.MINUTES);
        p.descendants().forEach(ProcessHandle::destroy);
        p.destroy();
        String all = Files.readString(out) + Files.readString(err);
        assertTrue(ended, all);
        assertEquals(0, p.exitValue(), all);
        return new Result(Files.readAllLines(out), Files.readAllLines(err));
    }

    @Test
    void trainsDigitsFromABareCheckout() throws Exception {
        copy();
        Result first = nacre("train", "digits");
        assertTrue(first.err.getFirst().startsWith("nacre: building"), first.toString());
        String last = first.out.getLast();
        assertTrue(last.matches("test accuracy 0\\.\\d{4}"), last);
        assertTrue(Double.parseDouble(last.replaceAll(".* ", "")) >= 0.97, last);
        assertTrue(Files.exists(folder.resolve("digits.safetensors")));
        Result second = nacre("inspect", "digits.safetensors");
        assertEquals(List.of(), second.err, "built again");
        Path link = Files.createDirectory(folder.resolve("bin")).resolve("nacre");
        Files.createSymbolicLink(link, Path.of("../nacre"));
        Result third = run(List.of("env", "-u", "HOME", "bin/nacre", "--version"));
        assertEquals(List.of(), third.err, "through a link, without HOME");
        Path args = folder.resolve("cli/target/nacre/args");
        assertEquals("# " + folder.toRealPath(), Files.readAllLines(args).getFirst());
    }
}
