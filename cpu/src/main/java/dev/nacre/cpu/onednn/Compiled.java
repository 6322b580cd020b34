package dev.nacre.cpu.onednn;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.function.Supplier;

/// What was made with primitives, and the memory that what oneDNN has compiled for them takes. It does not tell; so each piece of code counts the same.
///
/// @param result what was made
/// @param bytes of the code that it asked for, compiled then or before
public record Compiled<T>(T result, long bytes) {
    /// Of one piece with its description, measured as a mean over products.
    private static final long CODE_BYTES = 512 << 10;

    private static final ScopedValue<Set<Code>> ASKED_FOR = ScopedValue.newInstance();

    /// Makes something, and counts the code that this thread asks for meanwhile, each piece once.
    public static <T> Compiled<T> during(Supplier<T> work) {
        Set<Code> codes = Collections.newSetFromMap(new IdentityHashMap<>());
        T result = ScopedValue.where(ASKED_FOR, codes).call(work::get);
        return new Compiled<>(result, CODE_BYTES * codes.size());
    }

    static void note(Code code) {
        if (code.gemm().isEmpty() && ASKED_FOR.isBound()) ASKED_FOR.get().add(code);
    }
}
