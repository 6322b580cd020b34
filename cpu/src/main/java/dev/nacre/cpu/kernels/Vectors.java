package dev.nacre.cpu.kernels;

import java.util.Optional;

/// Whether the Vector API may be used.
final class Vectors {
    private static final boolean PRESENT = ModuleLayer.boot()
                    .findModule("jdk.incubator.vector")
                    .isPresent()
            && !Optional.ofNullable(System.getProperty("nacre.vector")).equals(Optional.of("off"));

    private Vectors() {}

    /// Classes that name vector types may be loaded only if this is true.
    static boolean present() {
        return PRESENT;
    }
}
