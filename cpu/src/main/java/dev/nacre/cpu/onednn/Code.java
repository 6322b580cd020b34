package dev.nacre.cpu.onednn;

import dev.nacre.compile.Stack;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/// A spec compiled by oneDNN to machine code for one thread, or a product that needs no compiling. Immutable, and may run on many threads at once.
final class Code {
    /// Of the stack, for oneDNN's code generators.
    static final int STACK = 1 << 18;

    private final Spec spec;
    private final List<Scope.Argument> arguments; // scratchpad last, if any
    private final List<Slot> slots;
    private final String implementation;
    private final long handle;
    private final MemorySegment owned; // the handle, destroyed when this is unreachable
    private final Optional<Gemm> gemm;

    Code(OneDnn library, Spec spec) {
        Limits.check(spec);
        this.spec = spec;
        var made = Stack.with(STACK, () -> make(library, spec));
        this.arguments = made.arguments;
        this.slots = arguments.stream().map(Scope.Argument::slot).toList();
        this.implementation = made.implementation;
        this.handle = made.handle;
        this.owned = NativeFunction.PRIMITIVE_DESTROY.owned(handle);
        this.gemm = Optional.empty();
    }

    Code(Gemm gemm) {
        this.spec = gemm.spec();
        this.slots = gemm.slots();
        this.arguments = slots.stream().map(s -> new Scope.Argument(s, 0)).toList();
        this.implementation = "sgemm";
        this.handle = 0;
        this.owned = MemorySegment.NULL;
        this.gemm = Optional.of(gemm);
    }

    private record Made(List<Scope.Argument> arguments, String implementation, long handle) {}

    private static Made make(OneDnn library, Spec spec) {
        Api.oneThread();
        try (var scope = library.scope(spec)) {
            long plan = scope.plan(spec);
            return new Made(
                    scope.arguments(spec, plan), scope.implementation(plan), scope.compile(plan));
        }
    }

    Spec spec() {
        return spec;
    }

    List<Scope.Argument> arguments() {
        return arguments;
    }

    /// Its arguments without the scratchpad.
    List<Slot> operands() {
        return scratchpadBytes() == 0 ? slots : slots.subList(0, slots.size() - 1);
    }

    MemoryDesc desc(Slot.Role role) {
        for (var slot : slots) if (slot.role() == role) return slot.desc();
        throw new IllegalArgumentException("no " + role + " in " + this);
    }

    long scratchpadBytes() {
        return slots.getLast().role() == Slot.Role.SCRATCHPAD ? slots.getLast().desc().bytes() : 0;
    }

    String implementation() {
        return implementation;
    }

    /// Whether it is the plain reference code, which is slower by orders of magnitude.
    boolean isReference() {
        return implementation.contains("ref:");
    }

    /// What is called in place of a primitive, if anything.
    Optional<Gemm> gemm() {
        return gemm;
    }

    long handle() {
        return handle;
    }

    @Override
    public String toString() {
        return implementation + ": " + spec;
    }
}
