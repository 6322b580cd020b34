package dev.nacre.cpu.loops;

import dev.nacre.compile.Setting;
import dev.nacre.cpu.x86.Machine;
import java.util.Optional;
import java.util.Set;
import jdk.incubator.vector.VectorShape;

/// How loops compute: by machine code of our own where the processor is x86-64 with AVX-512, else by the Vector API as wide as the machine's registers, if its module
/// `jdk.incubator.vector` is there, else one element at a time.
///
/// The system property `nacre.vector` changes that: `off` for one element at a time, 128, 256 or 512 for the Vector API with so many bits.
public final class VectorSupport {
    private static final String SETTING =
            Setting.of(
                    "nacre.vector",
                    "off, 128, 256 or 512",
                    text -> Optional.of(text).filter(Set.of("off", "128", "256", "512")::contains),
                    "");
    private static final boolean OFF = SETTING.equals("off");
    private static final boolean MACHINE = SETTING.isEmpty() && Machine.hasAvx512();
    private static final boolean API = !OFF && isModulePresent();
    private static final int BITS = width();

    private VectorSupport() {}

    /// Whether loops are machine code.
    public static boolean isMachineCode() {
        return MACHINE;
    }

    /// Whether the Vector API can be used.
    public static boolean isApi() {
        return API;
    }

    /// Whether loops run on vectors, by either way.
    public static boolean isPresent() {
        return MACHINE || API;
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
            default -> MACHINE || !API ? 512 : Math.clamp(Api.preferred(), 128, 512);
        };
    }

    /// Linked only where the module is.
    private static final class Api {
        static int preferred() {
            return VectorShape.preferredShape().vectorBitSize();
        }
    }
}
