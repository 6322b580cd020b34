package dev.nacre.cpu.onednn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nacre.compile.Stack;
import dev.nacre.cpu.Native;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.WeakCache;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/// The library, open and ready.
public final class OneDnn {
    private static final int CPU = 1;
    private static final int IN_ORDER = 1;

    private static final class Holder {
        static final Optional<OneDnn> FOUND = found();
    }

    /// Not in the holder, which another thread would wait for.
    private static Optional<OneDnn> found() {
        return Native.oneDnn()
                .map(library -> Stack.with(Code.STACK, () -> new OneDnn(library.path())));
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
            check(NativeFunction.ENGINE.call(out.address(), CPU, 0), "engine");
            engine = out.get(JAVA_LONG, 0);
            check(NativeFunction.STREAM.call(out.address(), engine, IN_ORDER), "stream");
            stream = out.get(JAVA_LONG, 0);
        }
        // by itself it keeps a thousand, tens of kilobytes each, that no plan needs any more; ours
        // are shared for as long as one does
        NativeFunction.CACHE_CAPACITY.call(0);
        instructions = string(NativeFunction.ISA_NAME.call((int) NativeFunction.ISA.call()));
    }

    private static void check(long status, String what) {
        if ((int) status != 0) throw new OneDnnException(Status.of((int) status), what);
    }

    @SuppressWarnings("restricted")
    private static String string(long address) {
        return MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE).getString(0);
    }

    /// The library, if this machine has it; [Native#report()] tells why not.
    public static Optional<OneDnn> get() {
        return Holder.FOUND;
    }

    /// Its version, such as `3.11.0`.
    @SuppressWarnings("restricted")
    public String version() {
        var numbers =
                MemorySegment.ofAddress(NativeFunction.VERSION.call())
                        .reinterpret(3 * JAVA_INT.byteSize());
        return numbers.getAtIndex(JAVA_INT, 0)
                + "."
                + numbers.getAtIndex(JAVA_INT, 1)
                + "."
                + numbers.getAtIndex(JAVA_INT, 2);
    }

    /// Where it was loaded from.
    public String path() {
        return path;
    }

    /// The instruction set it generates code for, such as `cpu_isa_avx512_core_bf16`.
    public String instructions() {
        return instructions;
    }

    /// The compiled form of a spec.
    ///
    /// @throws OneDnnException if oneDNN does not take it
    public Primitive primitive(Spec spec) {
        var primitive = primitives.get(spec, s -> new Primitive(this, s, Team.get()));
        for (var phase : primitive.phases()) for (var piece : phase) Compiled.note(piece.code());
        return primitive;
    }

    /// A product whose weights may lie as suits the library best. Small ones take them as they are ([Gemm]): they would be added up in another order if they lay otherwise, and a step that changes its weights, which packs none, would have other bits than one that does not.
    ///
    /// @throws OneDnnException if oneDNN does not take it
    public Primitive packed(MatMul spec) {
        Primitive chosen =
                primitive(
                        new MatMul(
                                spec.src(),
                                spec.weights().any(),
                                spec.bias(),
                                spec.dst(),
                                spec.attributes()));
        return chosen.isOfCalls() ? primitive(spec) : chosen;
    }

    /// A product for one thread that is already a member of the team.
    ///
    /// @throws OneDnnException if oneDNN does not take it
    public Solo solo(MatMul spec) {
        return new Solo(this, spec);
    }

    /// The compiled form of a spec for one thread.
    Code code(Spec spec) {
        return codes.get(spec, s -> new Code(this, s));
    }

    /// A product that needs no compiling, if it is one.
    Optional<Code> gemm(MatMul spec) {
        return Gemm.of(this, spec).map(Code::new);
    }

    /// The operands of a spec, without compiling it.
    List<Slot> describe(Spec spec) {
        Limits.check(spec);
        return Stack.with(
                Code.STACK,
                () -> {
                    Api.oneThread();
                    try (var scope = scope(spec)) {
                        return scope.arguments(spec, scope.plan(spec)).stream()
                                .map(Scope.Argument::slot)
                                .filter(slot -> slot.role() != Slot.Role.SCRATCHPAD)
                                .toList();
                    }
                });
    }

    /// A part of an opaque layout along one axis; empty where its blocks do not allow it.
    Optional<MemoryDesc> part(MemoryDesc whole, int axis, long from, long to) {
        try (var scope = new Scope(engine, whole)) {
            return scope.part(whole, axis, from, to);
        }
    }

    Scope scope(Spec spec) {
        return new Scope(engine, spec);
    }

    long stream() {
        return stream;
    }

    @Override
    public String toString() {
        return "oneDNN " + version() + " for " + instructions() + " from " + path;
    }
}
