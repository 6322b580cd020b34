package dev.nacre.cpu.onednn;

import java.lang.ref.Cleaner;
import java.util.List;
import java.util.OptionalInt;

/// A [Spec] compiled to machine code. Immutable, shared, and safe to use from any thread; executions go through [Call]s.
public final class Primitive {
    static final Cleaner CLEANER = Cleaner.create();

    private final OneDnn library;
    private final Spec spec;
    private final int threads;
    private final List<Slot> slots;
    private final String implementation;
    private final long handle;

    Primitive(OneDnn library, Spec spec, int threads) {
        this.library = library;
        this.spec = spec;
        this.threads = threads;
        library.threads(threads);
        try (var scope = library.scope(spec)) {
            long plan = scope.plan(spec);
            this.slots = scope.slots(spec, plan);
            this.implementation = scope.implementation(plan);
            this.handle = scope.compile(plan);
        }
        CLEANER.register(this, destroyer(handle));
    }

    private static Runnable destroyer(long handle) {
        return () -> {
            try {
                int _ = (int) Api.PRIMITIVE_DESTROY.invokeExact(handle);
            } catch (Throwable e) {
                throw Api.sneak(e);
            }
        };
    }

    /// What it computes.
    public Spec spec() {
        return spec;
    }

    /// How many threads it was compiled for and runs on.
    public int threads() {
        return threads;
    }

    /// Its arguments, in the order in which a [Call] takes their addresses.
    public List<Slot> slots() {
        return slots;
    }

    /// The place among the [slots][#slots()] of the first argument with a role.
    public OptionalInt slot(Slot.Role role) {
        for (int i = 0; i < slots.size(); i++)
            if (slots.get(i).role() == role) return OptionalInt.of(i);
        return OptionalInt.empty();
    }

    /// How the memory of an argument must look: what the spec said, or what was chosen where it said `any`.
    public MemoryDesc desc(Slot.Role role) {
        return slots.get(slot(role).orElseThrow(() -> new IllegalArgumentException("no " + role + " in " + this)))
                .desc();
    }

    /// Bytes of memory to work in that each call under way needs; 0 if there is no such slot.
    public long scratchpadBytes() {
        var slot = slot(Slot.Role.SCRATCHPAD);
        return slot.isPresent() ? slots.get(slot.getAsInt()).desc().bytes() : 0;
    }

    /// oneDNN's name of the implementation, such as `brg_matmul:avx512_core`.
    public String implementation() {
        return implementation;
    }

    /// A new call of it.
    public Call call() {
        return new Call(this);
    }

    OneDnn library() {
        return library;
    }

    long handle() {
        return handle;
    }

    @Override
    public String toString() {
        return implementation + " on " + threads + (threads == 1 ? " thread: " : " threads: ") + spec;
    }
}
