package dev.nacre.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.TensorType;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What must end in an error, never in a crash: each in a process of its own, where it could take the tests with it.
class CrashesTest {
    /// Programs, by name.
    static final class Programs {
        private Programs() {}

        public static void main(String[] args) throws IOException, InterruptedException {
            switch (args[0]) {
                case "recursion" -> recursion();
                case "closing" -> closing();
                case "small" -> small(Long.parseLong(args[1]));
                case "calls" -> calls(30);
                default -> throw new IllegalArgumentException(args[0]);
            }
            System.out.println("survived");
        }

        /// Computes with functions that machine code calls back into Java for, deeper and deeper.
        private static void recursion() {
            var x = Tensor.linspace(1, 2, 64).cast(DType.F64).realize();
            int caught = 0;
            for (int i = 0; i < 5; i++)
                try {
                    deeper(x);
                } catch (StackOverflowError e) {
                    caught++;
                }
            if (caught != 5) throw new AssertionError(caught + " errors");
            compute(x);
        }

        private static void deeper(Tensor x) {
            compute(x);
            deeper(x);
        }

        private static double compute(Tensor x) {
            return x.lgamma().add(x.exp()).sum().item();
        }

        /// Computes with memory that another thread closes at any moment, as soon as it is allowed to.
        private static void closing() throws IOException, InterruptedException {
            Path file = Files.createTempFile("nacre", null);
            try (var channel =
                    FileChannel.open(
                            file,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE,
                            StandardOpenOption.DELETE_ON_CLOSE)) {
                channel.write(Tensor.ones(1 << 21).toSegment().asByteBuffer());
                closing(channel);
            }
        }

        private static void closing(FileChannel file) throws IOException, InterruptedException {
            var w = Tensor.ones(512, 8).realize();
            var f = Function.of((Tensor t) -> t.matmul(w).sum());
            var programs =
                    List.<ToDoubleFunction<Tensor>>of(
                            x -> x.add(1).mul(x.sub(1)).sum().item() + (1 << 21),
                            x -> x.matmul(w).sum().item() / 8,
                            x -> f.apply(x).item() / 8,
                            x -> x.toFloatArray()[7] * (1 << 21));
            int closed = 0;
            for (int i = 0; i < 40; i++) {
                var arena = Arena.ofShared();
                var memory = file.map(FileChannel.MapMode.READ_ONLY, 0, 4L << 21, arena);
                var x = Tensor.ofMapped(TensorType.of(DType.F32, 4096, 512), memory);
                var program = programs.get(i % programs.size());
                int wait = i * 37 % 11;
                var closer = new Thread(() -> close(arena, wait));
                closer.start();
                try {
                    while (true)
                        if (program.applyAsDouble(x) != 1 << 21) throw new AssertionError();
                } catch (NacreException e) {
                    if (e.getMessage().contains("has been closed")) closed++;
                }
                Thread.interrupted(); // so the JDK wakes who reads what is closed
                closer.join();
            }
            if (closed != 40) throw new AssertionError(closed + " errors");
        }

        private static void close(Arena arena, int millis) {
            LockSupport.parkNanos(millis * 1_000_000L);
            while (true)
                try {
                    arena.close();
                    return;
                } catch (IllegalStateException _) {
                    Thread.onSpinWait(); // in use
                }
        }

        /// Calls back into Java on each of some frames, on this thread and the team's.
        private static void calls(int frames) {
            var x = Tensor.linspace(1, 2, 1 << 16).cast(DType.F64).realize();
            if (!(compute(x) < 1e6)) throw new AssertionError();
            if (frames > 0) calls(frames - 1);
        }

        /// Uses the library for the first time on a thread with a small stack.
        private static void small(long bytes) throws InterruptedException {
            var thrown = new ArrayList<Throwable>();
            var thread =
                    new Thread(
                            null,
                            () -> {
                                var a = Tensor.linspace(1, 2, 12).reshape(3, 4).realize();
                                a.matmul(a.transpose()).sum().item();
                                var x = Tensor.ones(2, 16, 20, 20);
                                var w = Tensor.ones(24, 16, 3, 3);
                                x.conv2d(w, 1, 1, 1, 1).relu().sum().item();
                                x.cast(DType.BF16)
                                        .matmul(x.cast(DType.BF16).transpose())
                                        .sum()
                                        .item();
                                x.permute(3, 1, 0, 2).lgamma().add(1).mean().item();
                            },
                            "small",
                            bytes);
            thread.setUncaughtExceptionHandler((_, e) -> thrown.add(e));
            thread.start();
            thread.join();
            if (!thrown.isEmpty()) throw new AssertionError(thrown.getFirst());
        }
    }

    /// As this process was started: by Maven, or by a loader of its own.
    private static String classPath() {
        if (CrashesTest.class.getClassLoader() instanceof URLClassLoader loader)
            return Stream.of(loader.getURLs())
                    .map(URL::getPath)
                    .collect(Collectors.joining(File.pathSeparator));
        return System.getProperty(
                "surefire.test.class.path", System.getProperty("java.class.path"));
    }

    private static String run(List<String> flags, String... args)
            throws IOException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(flags);
        Stream.of(
                        "-Xmx256m",
                        "-XX:+UseSerialGC",
                        "-XX:-CreateCoredumpOnCrash",
                        "-XX:ErrorFile=/dev/null",
                        "-XX:TieredStopAtLevel=1",
                        "--add-modules",
                        "jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        classPath(),
                        Programs.class.getName())
                .forEach(command::add);
        command.addAll(List.of(args));
        var out = Files.createTempFile("nacre", ".out");
        try {
            var process =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(out.toFile())
                            .start();
            boolean ended = process.waitFor(60, TimeUnit.SECONDS);
            process.destroyForcibly();
            var text = Files.readString(out);
            assertTrue(ended, () -> "hangs: " + text);
            return process.exitValue() + " " + text;
        } finally {
            Files.delete(out);
        }
    }

    @Test
    void runawayRecursion() throws IOException, InterruptedException {
        var text = run(List.of(), "recursion");
        assertTrue(text.contains("survived"), text);
    }

    @ParameterizedTest
    @ValueSource(longs = {256, 512})
    void smallStacks(long kilobytes) throws IOException, InterruptedException {
        var text = run(List.of(), "small", "" + (kilobytes << 10));
        assertTrue(text.contains("survived"), text);
    }

    /// Every thread's, which code that calls back into Java has too little of.
    @ParameterizedTest
    @ValueSource(strings = {"-Xss180k", "-Xss256k"})
    void smallStacksOfAll(String option) throws IOException, InterruptedException {
        var text = run(List.of(option), "calls");
        assertTrue(text.contains("survived"), text);
    }

    @Test
    void memoryClosedDuringACall() throws IOException, InterruptedException {
        var text = run(List.of(), "closing");
        assertTrue(text.contains("survived"), text);
    }

    @Test
    void memoryOfAnotherThread() throws InterruptedException {
        var thrown = new ArrayList<Throwable>();
        try (var arena = Arena.ofConfined()) {
            var x = Tensor.ofMapped(TensorType.of(DType.F32, 16), arena.allocate(64, 64));
            assertEquals(16, x.add(1).sum().item());
            var thread = new Thread(() -> x.add(1).sum().item());
            thread.setUncaughtExceptionHandler((_, e) -> thrown.add(e));
            thread.start();
            thread.join();
        }
        assertTrue(
                thrown.getFirst().getMessage().contains("belongs to another thread alone"),
                thrown::toString);
    }

    @Test
    void closedMemory() {
        Tensor x;
        Tensor sum;
        try (var arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(4096, 64);
            x = Tensor.ofMapped(TensorType.of(DType.F32, 1024), memory);
            sum = x.add(1).sum();
            assertEquals(1024, sum.item());
        }
        var again = x.mul(2).sum();
        for (Runnable read :
                List.<Runnable>of(
                        again::item, x::toFloatArray, x::toString, () -> x.matmul(x).item())) {
            var e = assertThrows(NacreException.class, read::run);
            assertTrue(e.getMessage().contains("has been closed"), e.getMessage());
        }
        assertArrayEquals(new float[] {1}, Tensor.ones(1).toFloatArray());
    }
}
