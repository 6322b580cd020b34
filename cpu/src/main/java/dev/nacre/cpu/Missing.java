package dev.nacre.cpu;

import dev.nacre.cpu.loops.VectorSupport;
import dev.nacre.cpu.onednn.OneDnn;
import java.util.concurrent.atomic.AtomicBoolean;

/// Says once what makes everything slower, and how to get it. What was switched off by a setting is not missed.
final class Missing {
    private static final AtomicBoolean VECTORS = new AtomicBoolean();
    private static final AtomicBoolean ONEDNN = new AtomicBoolean();

    private Missing() {}

    /// Before the first loop.
    static void warnOfVectors() {
        if (!VectorSupport.isPresent()
                && !isOff("nacre.vector")
                && VECTORS.compareAndSet(false, true)) {
            warn(
                    "loops run without vectors, several times slower: start Java with --add-modules jdk.incubator.vector");
        }
    }

    /// Before the first product.
    static void warnOfOneDnn() {
        if (OneDnn.get().isEmpty() && !isOff("nacre.onednn") && ONEDNN.compareAndSet(false, true)) {
            var platform = Native.Platform.current().map(p -> " for " + p.name()).orElse("");
            warn(
                    "products and convolutions run in Java, several times slower, without oneDNN: put org.bytedeco:dnnl"
                            + platform
                            + " on the class path or module path ("
                            + String.join("; ", Native.report())
                            + ")");
        }
    }

    private static boolean isOff(String setting) {
        return System.getProperty(setting, "").strip().equalsIgnoreCase("off");
    }

    private static void warn(String text) {
        System.getLogger("dev.nacre").log(System.Logger.Level.WARNING, text);
    }
}
