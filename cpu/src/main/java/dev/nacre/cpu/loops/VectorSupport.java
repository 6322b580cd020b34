package dev.nacre.cpu.loops;

import jdk.incubator.vector.VectorShape;

/// Whether vectors can be used, and how wide they are.
///
/// The system property `nacre.vector` turns them `off`, or sets their width in bits: 128, 256 or 512. Without it they are as
/// wide as the machine's registers, if the module `jdk.incubator.vector` is there.
public final class VectorSupport {
    private static final String SETTING = System.getProperty("nacre.vector", "").strip();
    private static final boolean PRESENT = !SETTING.equals("off") && isModulePresent();
    private static final int BITS = PRESENT ? width() : 512;

    private VectorSupport() {}

    public static boolean isPresent() {
        return PRESENT;
    }

    /// Of a register. Without vectors, the width that the order of summation pretends.
    public static int bits() {
        return BITS;
    }

    /// Whether the JVM was started with the Vector API.
    static boolean isModulePresent() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    }

    private static int width() {
        return switch (SETTING) {
            case "128", "256", "512" -> Integer.parseInt(SETTING);
            default -> Math.clamp(Api.preferred(), 128, 512);
        };
    }

    /// Linked only where the module is.
    private static final class Api {
        static int preferred() {
            return VectorShape.preferredShape().vectorBitSize();
        }
    }
}
