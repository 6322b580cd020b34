package dev.nacre.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Loaded by a class loader of its own, as in an application server.
class LoaderTest {
    private static Set<Thread> threads() {
        return new HashSet<>(Thread.getAllStackTraces().keySet());
    }

    private static URLClassLoader loader() {
        URL[] path =
                Pattern.compile(File.pathSeparator, Pattern.LITERAL)
                        .splitAsStream(System.getProperty("java.class.path"))
                        .filter(p -> !p.isEmpty())
                        .map(Path::of)
                        .map(LoaderTest::url)
                        .toArray(URL[]::new);
        return new URLClassLoader(path, ClassLoader.getPlatformClassLoader());
    }

    /// Trains steps with convolutions: the team, machine code and oneDNN are in use.
    private static void train(ClassLoader loader) throws ReflectiveOperationException {
        var train = loader.loadClass("dev.nacre.Programs").getDeclaredMethod("train");
        train.setAccessible(true);
        assertTrue(((List<?>) train.invoke(null)).size() > 10);
    }

    @BeforeAll
    static void threadsThatSoonEnd() {
        System.setProperty("nacre.idle", "100");
        System.setProperty("nacre.threads", "3");
    }

    @AfterAll
    static void threadsAsUsual() {
        System.clearProperty("nacre.idle");
        System.clearProperty("nacre.threads");
    }

    /// Some seconds later.
    @Test
    void noThreadIsLeft() throws Exception {
        Set<Thread> before = threads();
        try (URLClassLoader loader = loader()) {
            train(loader);
            List<Thread> left = List.of();
            for (int i = 0; i < 200; i++) {
                left =
                        threads().stream()
                                .filter(t -> !before.contains(t))
                                .filter(t -> t.getName().matches("nacre.*|Cleaner.*"))
                                .toList();
                if (left.isEmpty()) break;
                Thread.sleep(50);
            }
            assertEquals(List.of(), left);
        }
    }

    /// The thread that has trained goes on running, as a server's does, and somebody still has numbers.
    @Test
    void nothingHoldsAClassLoader() throws Exception {
        MemorySegment[] numbers =
                new MemorySegment[2]; // in a block of the JVM, in one of the kernel
        awaitUnloading(trainedIn(loader(), numbers));
        for (MemorySegment m : numbers) {
            for (long i = 0; i < m.byteSize() / 4; i++) {
                assertEquals(i, m.getAtIndex(ValueLayout.JAVA_FLOAT, i));
            }
        }
    }

    @Tag("nightly")
    @Test
    void metadataStayFlat() throws Exception {
        long first = 0;
        for (int i = 0; i < 20; i++) {
            awaitUnloading(trainedIn(loader(), new MemorySegment[0]));
            if (i == 3) first = metadata();
        }
        assertTrue(metadata() < first + (4 << 20), first + " bytes, now " + metadata());
    }

    private static WeakReference<ClassLoader> trainedIn(
            URLClassLoader loader, MemorySegment[] numbers) throws Exception {
        try (loader) {
            train(loader);
            Class<?> tensor = loader.loadClass("dev.nacre.Tensor");
            Class<?> type = loader.loadClass("dev.nacre.type.DType");
            for (int i = 0; i < numbers.length; i++) {
                Object count = tensor.getMethod("arange", long.class).invoke(null, 1000L << 10 * i);
                Object floats =
                        tensor.getMethod("cast", type)
                                .invoke(count, type.getField("F32").get(null));
                numbers[i] = (MemorySegment) tensor.getMethod("toSegment").invoke(floats);
            }
        }
        return new WeakReference<>(loader);
    }

    private static void awaitUnloading(WeakReference<ClassLoader> loader)
            throws InterruptedException {
        for (int i = 0; i < 200 && !loader.refersTo(null); i++) {
            if (i == 10) fillTheHeap();
            System.gc();
            Thread.sleep(50);
        }
        assertTrue(loader.refersTo(null), "something holds the class loader");
    }

    /// What soft references hold goes then: the JDK remembers by one how the records of these tests compare their components.
    private static void fillTheHeap() {
        List<byte[]> all = new ArrayList<>();
        try {
            while (true) all.add(new byte[1 << 24]);
        } catch (OutOfMemoryError _) {
            all.clear();
        }
    }

    private static long metadata() {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(p -> p.getName().equals("Metaspace"))
                .mapToLong(p -> p.getUsage().getUsed())
                .sum();
    }

    private static URL url(Path p) {
        try {
            return p.toUri().toURL();
        } catch (java.net.MalformedURLException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
