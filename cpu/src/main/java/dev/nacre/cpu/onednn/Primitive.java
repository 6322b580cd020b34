package dev.nacre.cpu.onednn;

import dev.nacre.cpu.Team;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.LongConsumer;

/// A [Spec] compiled to machine code, in as many pieces as keep the [Team] busy. Immutable, shared, and safe to use from
/// any thread; executions go through [Call]s.
///
/// What it computes has the same bits on any number of threads.
public final class Primitive {
    private static final long ALIGNMENT = 128;

    private final OneDnn library;
    private final Spec spec;
    private final Split split;
    private final Team team;
    private final List<Slot> slots;
    private final long laneBytes; // scratchpad of one piece
    private final int lanes; // how many pieces may run at the same time

    Primitive(OneDnn library, Spec spec, Team team) {
        this(library, spec, Split.of(library, spec, team.size()), team);
    }

    Primitive(OneDnn library, Spec spec, Split split, Team team) {
        this.library = library;
        this.spec = spec;
        this.split = split;
        this.team = team;
        long most = 0;
        boolean parallel = false;
        for (var phase : split.phases()) {
            parallel |= phase.size() > 1;
            for (var piece : phase) most = Math.max(most, piece.code().scratchpadBytes());
        }
        this.laneBytes = (most + ALIGNMENT - 1) & -ALIGNMENT;
        this.lanes = parallel ? team.size() : 1;
        var all = new ArrayList<>(split.slots());
        long bytes = partialOffset() + split.partialBytes();
        if (bytes > 0)
            all.add(new Slot(Slot.Role.SCRATCHPAD, MemoryDesc.dense(DataType.U8, bytes)));
        this.slots = List.copyOf(all);
    }

    /// What it computes.
    public Spec spec() {
        return spec;
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
    ///
    /// @throws IllegalArgumentException if there is no such argument
    public MemoryDesc desc(Slot.Role role) {
        var slot = slot(role);
        if (slot.isEmpty()) throw new IllegalArgumentException("no " + role + " in " + this);
        return slots.get(slot.getAsInt()).desc();
    }

    /// Bytes of memory to work in that each call under way needs, aligned to 64 or better; 0 if there is no such slot.
    public long scratchpadBytes() {
        return partialOffset() + split.partialBytes();
    }

    /// How many pieces may run at the same time. One piece means that it runs on the calling thread.
    public int pieces() {
        return work().size();
    }

    /// The pieces that do what the spec says; others only copy, pack or add.
    private List<Split.Piece> work() {
        var kind = spec.getClass();
        for (var phase : split.phases())
            if (phase.getFirst().code().spec().getClass() == kind) return phase;
        return split.phases().getFirst();
    }

    /// oneDNN's name of the implementation, such as `brg_matmul:avx512_core`. One that contains `ref:` is slower by orders
    /// of magnitude: another layout will help.
    public String implementation() {
        return work().getFirst().code().implementation();
    }

    /// Whether any of it is oneDNN's plain reference code.
    public boolean isReference() {
        return split.isReference();
    }

    /// Whether nothing was compiled for it.
    boolean isOfCalls() {
        return work().getFirst().code().gemm().isPresent();
    }

    /// A new call of it.
    public Call call() {
        return new Call(this, Optional.empty());
    }

    /// A new call of it, and of what is to be done to its result in place: with each piece of it, by the thread that has just computed it and has it in its caches.
    ///
    /// @param then makes ready what is done with a piece that lies as it says; given where the piece begins, that is run by one thread at a time
    /// @throws IllegalStateException unless it is a product or a forward convolution
    public Call call(Function<MemoryDesc, LongConsumer> then) {
        boolean forward =
                spec instanceof MatMul
                        || spec instanceof Convolution c
                                && (c.direction() == Direction.FORWARD
                                        || c.direction() == Direction.INFERENCE);
        if (!forward) throw new IllegalStateException("the result is not the dst of " + this);
        return new Call(this, Optional.of(then));
    }

    OneDnn library() {
        return library;
    }

    Team team() {
        return team;
    }

    List<List<Split.Piece>> phases() {
        return split.phases();
    }

    long laneBytes() {
        return laneBytes;
    }

    /// Where in the scratchpad the partial sums are.
    long partialOffset() {
        return laneBytes * lanes;
    }

    @Override
    public String toString() {
        return implementation()
                + (pieces() == 1 ? "" : " in " + pieces() + " pieces")
                + ": "
                + spec;
    }
}
