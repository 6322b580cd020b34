package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import org.junit.jupiter.api.Test;

/// A program that has forgotten the artifact that computes.
class WithoutBackendTest {
    /// Each time, not the first time alone.
    @Test
    void whatIsMissingIsSaid() throws ReflectiveOperationException, IOException {
        URL core = Tensor.class.getProtectionDomain().getCodeSource().getLocation();
        try (URLClassLoader alone =
                new URLClassLoader(new URL[] {core}, ClassLoader.getPlatformClassLoader())) {
            Class<?> tensor = alone.loadClass("dev.nacre.Tensor");
            Object ones = tensor.getMethod("ones", long[].class).invoke(null, new long[] {2});
            Object two = tensor.getMethod("exp").invoke(ones);
            for (int i = 0; i < 2; i++) {
                String said = "computed";
                try {
                    tensor.getMethod("toFloatArray").invoke(two);
                } catch (InvocationTargetException e) {
                    said = e.getCause().toString();
                }
                assertEquals(
                        "dev.nacre.type.NacreException: no backend found to compute with\n"
                                + "  hint: put the artifact dev.nacre:nacre-cpu on the class path or"
                                + " module path",
                        said);
            }
        }
    }
}
