package dev.nacre.cpu.onednn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nacre.cpu.Native;
import dev.nacre.cpu.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.util.List;
import java.util.Optional;

/// The library, open and ready.
public final class OneDnn {
    static final Cleaner CLEANER = Cleaner.create();

    private static final int CPU = 1;
    private static final int IN_ORDER = 1;

    private static final class Holder {
        static final Optional<OneDnn> FOUND = Native.oneDnn().map(library -> new OneDnn(library.path()));
    }

    private final String path;
    private final String instructions;
    private final long engine;
    private final long stream; // without state on the CPU, so all threads share it
    private final WeakCache<Spec, Primitive> primitives = new WeakCache<>();
    private final WeakCache<Spec, Code> codes = new WeakCache<>();

    private OneDnn(String path) {
        this.path = path;
        try (var arena = Arena.ofConfined()) {
            var out = arena.allocate(JAVA_LONG);
            check((int) Api.ENGINE.invokeExact(out.address(), CPU, 0L), "engine");
            engine = out.get(JAVA_LONG, 0);
            check((int) Api.STREAM.invokeExact(out.address(), engine, IN_ORDER), "stream");
            stream = out.get(JAVA_LONG, 0);
            instructions = findInstructions();
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    /// The library, if this machine has it; [Native#report()] tells why not.
    public static Optional<OneDnn> get() {
        return Holder.FOUND;
    }

    /// Its version, such as `3.11.0`.
    @SuppressWarnings("restricted")
    public String version() {
        try {
            var numbers = MemorySegment.ofAddress((long) Api.VERSION.invokeExact()).reinterpret(3 * JAVA_INT.byteSize());
            return numbers.get(JAVA_INT, 0) + "." + numbers.get(JAVA_INT, 4) + "." + numbers.get(JAVA_INT, 8);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    /// Where it was loaded from.
    public String path() {
        return path;
    }

    /// The instruction set it generates code for, such as `cpu_isa_avx512_core_bf16`.
    public String instructions() {
        return instructions;
    }

    @SuppressWarnings("restricted")
    private static String findInstructions() throws Throwable {
        int isa = (int) Api.ISA.invokeExact();
        return MemorySegment.ofAddress((long) Api.ISA_NAME.invokeExact(isa))
                .reinterpret(Long.MAX_VALUE)
                .getString(0);
    }

    /// The compiled form of a spec.
    ///
    /// @throws OneDnnException if oneDNN does not take it
    public Primitive primitive(Spec spec) {
        return primitives.get(spec, s -> new Primitive(this, s, Split.of(this, s), Team.get()));
    }

    /// The compiled form of a spec for one thread.
    Code code(Spec spec) {
        return codes.get(spec, s -> new Code(this, s));
    }

    /// The operands of a spec, without compiling it.
    List<Slot> describe(Spec spec) {
        oneThread();
        try (var scope = scope(spec)) {
            return scope.arguments(spec, scope.plan(spec)).stream()
                    .map(Scope.Argument::slot)
                    .filter(slot -> slot.role() != Slot.Role.SCRATCHPAD)
                    .toList();
        }
    }

    /// A part of an opaque layout along one axis; empty where its blocks do not allow it.
    Optional<MemoryDesc> part(MemoryDesc whole, int axis, long from, long to) {
        try (var scope = new Scope(engine, "part of " + whole)) {
            return scope.part(whole, axis, from, to);
        }
    }

    Scope scope(Spec spec) {
        return new Scope(engine, spec.toString());
    }

    long stream() {
        return stream;
    }

    /// Lets oneDNN use no threads of its own when the calling thread calls it.
    void oneThread() {
        try {
            Api.THREADS.invokeExact(1);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    private static void check(int status, String what) {
        if (status != 0) throw new OneDnnException(Status.of(status), what);
    }

    @Override
    public String toString() {
        return "oneDNN " + version() + " for " + instructions() + " from " + path;
    }
}
