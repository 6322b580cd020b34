package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Memory;
import dev.nacre.cpu.loops.VectorSupport;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.x86.Machine;
import dev.nacre.type.DType;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/// Says once what makes everything slower, and how to get it. What was switched off by a setting is not missed.
final class Missing {
    private static final AtomicBoolean DENIAL = new AtomicBoolean();
    private static final AtomicBoolean VECTORS = new AtomicBoolean();
    private static final AtomicBoolean ONEDNN = new AtomicBoolean();
    private static final AtomicBoolean BF16 = new AtomicBoolean();
    private static final List<String> HAVE_BF16 =
            List.of("bf16", "bfloat16", "amx", "fp16", "avx10", "vnni_2");

    private Missing() {}

    /// Before anything. One line for all that native access gives.
    static void warnOfDenial() {
        if (!Machine.isNativeAllowed() && DENIAL.compareAndSet(false, true)) {
            ONEDNN.set(true);
            boolean scalar = !VectorSupport.isPresent() && !isOff("nacre.vector");
            VECTORS.compareAndSet(false, scalar);
            boolean named = Missing.class.getModule().isNamed();
            warn(
                    "this JVM denies native access, so everything runs in Java, several times slower, without "
                            + (isOff("nacre.onednn") ? "" : "oneDNN and ")
                            + "machine code"
                            + (Memory.isNative()
                                    ? ""
                                    : ", in at most "
                                            + Memory.text(Memory.limit())
                                            + " of memory for tensors")
                            + ": start Java with --enable-native-access="
                            + (named ? "dev.nacre,dev.nacre.cpu" : "ALL-UNNAMED")
                            + (scalar ? ", and with --add-modules jdk.incubator.vector" : ""));
        }
    }

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

    /// Before the first product in bf16.
    static void warnOfBf16(Kernel kernel) {
        boolean narrow = kernel.reads().stream().anyMatch(v -> v.dtype() == DType.BF16);
        if (narrow
                && OneDnn.get().isPresent()
                && !hasBf16(OneDnn.get().get().instructions())
                && BF16.compareAndSet(false, true)) {
            warn(
                    "products in bf16 are emulated, slower than in f32: this processor has neither AMX nor AVX512-BF16 ("
                            + OneDnn.get().get().instructions()
                            + "); use Precision.F32");
        }
    }

    /// Whether a processor with these instructions, as oneDNN names them, multiplies bf16 itself.
    static boolean hasBf16(String instructions) {
        return HAVE_BF16.stream().anyMatch(instructions::contains);
    }

    private static boolean isOff(String setting) {
        return System.getProperty(setting, "").strip().equalsIgnoreCase("off");
    }

    private static void warn(String text) {
        System.getLogger("dev.nacre").log(System.Logger.Level.WARNING, text);
    }
}
