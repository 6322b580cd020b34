package dev.nacre.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// Loaded by a class loader of its own, as in an application server.
class LoaderTest {
    private static Set<Thread> threads() {
        return new HashSet<>(Thread.getAllStackTraces().keySet());
    }

    /// Trains a step with convolutions: the team and oneDNN are in use. Some seconds later no thread is left.
    @Test
    void noThreadIsLeft() throws Exception {
        URL[] path =
                Pattern.compile(File.pathSeparator, Pattern.LITERAL)
                        .splitAsStream(System.getProperty("java.class.path"))
                        .filter(p -> !p.isEmpty())
                        .map(Path::of)
                        .map(LoaderTest::url)
                        .toArray(URL[]::new);
        Set<Thread> before = threads();
        System.setProperty("nacre.idle", "100");
        System.setProperty("nacre.threads", "3");
        try (URLClassLoader loader =
                new URLClassLoader(path, ClassLoader.getPlatformClassLoader())) {
            var train = loader.loadClass("dev.nacre.Programs").getDeclaredMethod("train");
            train.setAccessible(true);
            assertTrue(((List<?>) train.invoke(null)).size() > 10);
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
        } finally {
            System.clearProperty("nacre.idle");
            System.clearProperty("nacre.threads");
        }
    }

    private static URL url(Path p) {
        try {
            return p.toUri().toURL();
        } catch (java.net.MalformedURLException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
